"""What the card says about itself: identity and status bits."""

from dataclasses import dataclass

from tickgate.risk.image import TableSizes

__all__ = ["FeedState", "Identity", "Status"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Which card this is and how large its tables are."""

    layout: int
    build: int
    symbols: int
    accounts: int
    groups: int
    clearing_firms: int
    open_orders: int

    @property
    def tables(self) -> TableSizes:
        """Rows of the limits image."""
        return TableSizes(self.accounts, self.symbols, self.groups, self.clearing_firms)


@dataclass(frozen=True, slots=True)
class Status:
    """The card's status bits; see register ``status``."""

    ready: bool
    link_up: bool
    session_up: bool
    armed: bool
    watchdog_ok: bool
    limits_valid: bool
    events_room: bool
    kill_any: bool
    feed_started: bool
    lease_good: bool
    generation_used: bool
    mass_cancel_on: bool
    mass_cancel_due: bool
    generation: int
    """Generation of the limits in force; 0 = none."""


@dataclass(frozen=True, slots=True)
class FeedState:
    """One channel of the feed; the bits are those of register ``feed_state``."""

    session: str
    """MoldUDP64 session, without its padding; empty before the first packet."""
    expected: int
    """Number of the next message to deliver."""
    highest: int
    """Every message with a number below it is known to exist."""
    injected: int
    """Messages taken from the host, of all channels; wraps at 2**32."""
    packets: int
    """MoldUDP64 packets accepted from the lines, of all channels; wraps at 2**32."""
    foreign: int
    """Those of another session; as ``packets``."""
    started: bool
    missing: bool
    gap_open: bool
    suspect: bool
    rebuilding: bool
    ended: bool
    stale: bool
