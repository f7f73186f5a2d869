"""The kill switches: each scope declared once, as the host's driver has its registers."""

from amaranth.hdl import Cat
from amaranth.lib.data import StructLayout
from tickgate.card.kills import KILL_REGISTERS as REGISTERS
from tickgate.card.kills import kill_rows

__all__ = ["KILLS", "KILL_FIELDS", "kill_layout", "kill_masks", "kill_words"]

_LETTERS = {"all": "A", "session": "S", "account": "C", "symbol": "Y", "strategy": "T"}

KILLS = {
    scope: (letter, tuple(
        f"{register.name}__{field.name}" for register in REGISTERS[scope]
        for field in register.fields))
    for scope, letter in _LETTERS.items()
}
"""By scope: its letter in a CardEvent, and its register fields, the lowest rows first."""

KILL_FIELDS = {
    f"{register.name}__{field.name}": field.width
    for scope in KILLS for register in REGISTERS[scope] for field in register.fields
}
"""Widths of the fields."""


def kill_layout(config):
    """Return the layout of the switches as they are now, on a card with the sizes of ``config``.

    Bit ``n`` of a scope stops the orders of its row ``n``.
    """
    return StructLayout(kill_rows(config.table_sizes))


def kill_words(config):
    """Return the switches' fields, 32 each: the scope's letter, the word of the scope, the name.

    They are those with which the card has rows.
    """
    return [(KILLS[scope][0], number, name) for scope, rows in kill_rows(config.table_sizes).items()
            for number, name in enumerate(KILLS[scope][1][:-(-rows // 32)])]


def kill_masks(component, config):
    """Return the switches of a component that has the ports of their registers."""
    return kill_layout(config)(Cat(
        Cat(getattr(component, name) for name in KILLS[scope][1])[:rows]
        for scope, rows in kill_rows(config.table_sizes).items()))
