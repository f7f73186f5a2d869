"""The kill switches: what each scope has in the card's registers, for host and gateware alike."""

import re
from dataclasses import dataclass
from typing import Literal

from tickgate.card import registers as reg
from tickgate.card.regmap import Register
from tickgate.risk.image import TableSizes

__all__ = [
    "KILL_REGISTERS",
    "KillScope",
    "KillState",
    "kill_register",
    "kill_registers",
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


def kill_registers(sizes: TableSizes) -> dict[KillScope, tuple[Register, ...]]:
    """Return those of ``KILL_REGISTERS`` that a card of this size has rows for."""
    return {
        scope: KILL_REGISTERS[scope][: -(-rows // 32)] for scope, rows in kill_rows(sizes).items()
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
