"""What recovery of the feed may do, and for how long."""

from dataclasses import dataclass, field

__all__ = ["Address", "RecoverySettings"]

Address = tuple[str, int]
"""IPv4 address, dotted, and port."""


@dataclass(frozen=True, slots=True)
class RecoverySettings:
    """Where lost messages are asked for. Without any server a gap stays open, and it is said so."""

    rerequest: tuple[Address, ...] = ()
    """MoldUDP64 re-request servers; the next one is asked when one does not answer."""
    glimpse: Address | None = None
    """GLIMPSE server (SoupBinTCP). Its session must have the name of the feed's."""
    glimpse_user: str = ""
    glimpse_password: str = field(default="", repr=False)
    max_missing: int = 10_000
    """When more messages are missing a snapshot is taken at once."""
    request_messages: int = 24
    """Messages asked for at a time: as many of the longest as fit one packet."""
    request_timeout_ms: int = 100
    """Wait for an answer; doubled with each that does not come, up to ``request_longest_ms``."""
    request_longest_ms: int = 2000
    request_attempts: int = 4
    """Requests in a row without an answer that helps before a snapshot is taken."""
    snapshot_silence_ms: int = 5000
    """Longest silence of the GLIMPSE server: connecting, logging in, between packets."""
    snapshot_longest_s: int = 120
    """Longest that one snapshot may take."""
    snapshot_retry_ms: int = 500
    """Wait before the next attempt; doubled with each that fails, up to ``snapshot_slowest_ms``."""
    snapshot_slowest_ms: int = 30_000
    card_stall_ms: int = 5000
    """When the card takes nothing for so long, what was handed to it is taken to be lost. A card
    empties its tables first: some 0.5 ms in hardware, a second on a busy simulator."""
    session_silence_ms: int = 5000
    """When the feed's session is silent for so long and another one is heard, that is adopted."""
