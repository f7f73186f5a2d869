"""What the card says about itself: identity, status bits, kill switches."""

import re
from dataclasses import dataclass
from typing import Literal

from tickgate.card import registers as reg
from tickgate.card.regmap import Register
from tickgate.risk.image import TableSizes

__all__ = [
    "KILL_REGISTERS",
    "FeedState",
    "Identity",
    "KillScope",
    "KillState",
    "Status",
    "kill_register",
    "kill_rows",
]

KillScope = Literal["all", "session", "account", "symbol", "strategy"]


def _array(name: str) -> tuple[Register, ...]:
    """Return the registers of an array, in their order."""
    return tuple(
        register for register in reg.REGISTERS if re.fullmatch(rf"{name}_\d+", register.name)
    )


KILL_REGISTERS: dict[KillScope, tuple[Register, ...]] = {
    "all": (reg.KILL_ALL,),
    "session": (reg.KILL_SESSION,),
    "account": _array("kill_account"),
    "symbol": _array("kill_symbol"),
    "strategy": (reg.KILL_STRATEGY,),
}
"""Registers of the kill switches by scope, of 32 each, the lowest first; of all orders it is one.
"""


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


@dataclass(frozen=True, slots=True)
class KillState:
    """The kill switches: bit ``n`` of a mask stops session, account, symbol or strategy ``n``."""

    all: bool
    sessions: int
    accounts: int
    symbols: int
    strategies: int


def kill_rows(sizes: TableSizes) -> dict[KillScope, int]:
    """Return how many switches each scope has on a card of this size."""
    return {
        "all": 1,
        "session": sizes.sessions,
        "account": sizes.accounts,
        "symbol": sizes.symbols,
        "strategy": sizes.strategies,
    }


def kill_register(scope: KillScope, index: int | None, sizes: TableSizes) -> tuple[Register, int]:
    """Return the register and the bit of a kill switch. Raises ValueError when a card of this size
    has no such one."""
    if scope not in KILL_REGISTERS:
        known = ", ".join(KILL_REGISTERS)
        raise ValueError(f"a kill's scope must be one of {known}, not {scope!r}")
    words, rows = KILL_REGISTERS[scope], kill_rows(sizes)[scope]
    if scope == "all":
        if index is not None:
            raise ValueError(f"the kill switch for all orders has no index, not {index}")
        return words[0], 1
    if index is None or not 0 <= index < rows:
        raise ValueError(f"the {scope} of a kill must be 0 to {rows - 1}, not {index}")
    return words[index // 32], 1 << index % 32
