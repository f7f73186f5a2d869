"""The settings of one FIX session."""

from dataclasses import dataclass, field

from tickgate.fix.codec import DEFAULT_MAX_MESSAGE
from tickgate.fix.values import NS_PER_S


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """Who talks to whom, and within which bounds."""

    begin_string: str
    sender_comp_id: str
    """Ours."""
    target_comp_id: str
    """The client's."""
    heartbeat_s: int = 30
    """Silence watched for when the client's Logon asks for no heartbeats (HeartBtInt 0)."""
    max_heartbeat_s: int = 3600
    """Largest HeartBtInt taken."""
    reset_on_logon: bool = False
    """Start both numbers at 1 at each logon; what was not delivered is then lost."""
    max_latency_ns: int = 120 * NS_PER_S
    """Largest difference between SendingTime and our time, either way."""
    password: str | None = field(default=None, repr=False)
    """What Password (554) of the Logon must be; None takes any."""
    allow_undefined_tags: bool = False
    """Let tags pass that the version or the message doesn't have."""
    allow_user_tags: bool = True
    """Let tags from 5000 on pass."""
    max_message: int = DEFAULT_MAX_MESSAGE
    """Largest BodyLength taken; a longer message ends the session."""
    resend_chunk: int = 500
    """Messages asked for in one ResendRequest."""
    hold_limit: int = 5000
    """Early messages held while a gap is filled."""
    resend_burst: int = 500
    """Messages sent again in one call; the rest follows in later calls, on_timer at the latest."""
