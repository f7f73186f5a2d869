"""What a session asks of its owner, in the order in which it must be done."""

from dataclasses import dataclass, field, fields

from tickgate.fix.codec import FixMessage


@dataclass(frozen=True, slots=True)
class SendBytes:
    """Write these bytes to the session's connection."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Write what is pending, then close the connection. ``reason`` is for the log."""

    reason: str


@dataclass(frozen=True, slots=True)
class AppMessage:
    """A valid application message, its turn by sequence number.

    ``poss_dup``: it fills a gap, and may be one whose effects are known. ``poss_resend``: the
    counterparty may have sent its content before under another number. Both are for the owner to
    recognise by order id.
    """

    message: FixMessage
    poss_dup: bool
    poss_resend: bool


@dataclass(frozen=True, slots=True)
class LoggedOn:
    """The session is up: messages may flow."""


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """The session that was up is down; what is sent from now on is kept for the next logon."""

    reason: str


Output = SendBytes | Disconnect | AppMessage | LoggedOn | LoggedOut


@dataclass(slots=True)
class SessionCounters:
    """Events of one session since the process started."""

    messages_in: int = 0
    messages_out: int = 0
    garbled: int = 0
    """Stretches of bytes that were no message."""
    rejects_out: int = 0
    """Session-level Rejects sent."""
    rejects_in: int = 0
    """Session-level and Business Message Rejects received."""
    business_rejects_out: int = 0
    duplicates_in: int = 0
    """Messages taken before, marked PossDup, and passed over."""
    early_in: int = 0
    """Messages that came before their turn."""
    resend_requests_in: int = 0
    resend_requests_out: int = 0
    resent: int = 0
    """Application messages sent again."""
    logons_refused: int = 0
    logons: int = 0

    def as_dict(self) -> dict[str, int]:
        """Counters by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}
