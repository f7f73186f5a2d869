"""The kill switches: each scope declared once, as the host's driver has its registers."""

from amaranth.hdl import Cat
from amaranth.lib.data import StructLayout
from tickgate.card.kills import KILL_REGISTERS, kill_registers, kill_rows

__all__ = ["KILL_FIELDS", "kill_layout", "kill_masks", "kill_words"]

_LETTERS = {"all": "A", "session": "S", "account": "C", "symbol": "Y", "strategy": "T"}


def _name(register):
    """Return the name of the port of a register's only field."""
    field, = register.fields
    return f"{register.name}__{field.name}"


KILL_FIELDS = {
    _name(register): register.fields[0].width
    for registers in KILL_REGISTERS.values() for register in registers
}
"""Widths of the fields of all registers, by the names of their ports."""


def kill_layout(config):
    """Return the layout of the switches as they are now, on a card with the sizes of ``config``.

    Bit ``n`` of a scope stops the orders of its row ``n``.
    """
    return StructLayout(kill_rows(config.table_sizes))


def kill_words(sizes):
    """Return the ports of the switches that a card of this size has rows for, 32 switches each.

    They are by scope: its letter in a CardEvent, and the names, the lowest rows first.
    """
    return {scope: (_LETTERS[scope], [_name(register) for register in registers])
            for scope, registers in kill_registers(sizes).items()}


def kill_masks(component, config):
    """Return the switches of a component that has the ports of their registers."""
    rows = kill_rows(config.table_sizes)
    return kill_layout(config)(Cat(
        Cat(getattr(component, name) for name in names)[:rows[scope]]
        for scope, (_, names) in kill_words(config.table_sizes).items()))
