"""The kill switches: each scope declared once."""

from amaranth.hdl import Cat
from amaranth.lib.data import StructLayout

__all__ = ["KILLS", "KILL_REGISTERS", "KillMasks", "kill_masks"]

KILLS = {
    "all": ("A", ("kill_all__on",)),
    "session": ("S", ("kill_session__mask",)),
    "account": ("C", ("kill_account__mask",)),
    "symbol": ("Y", ("kill_symbol_low__mask", "kill_symbol_high__mask")),
    "strategy": ("T", ("kill_strategy__mask",)),
}
"""By scope: its letter in a CardEvent, and its register fields, the low word first."""

KILL_REGISTERS = {
    name: 1 if scope == "all" else 32 for scope, (_, names) in KILLS.items() for name in names}
"""Widths of the fields."""

KillMasks = StructLayout({
    scope: sum(KILL_REGISTERS[name] for name in names) for scope, (_, names) in KILLS.items()})
"""The switches as they are now: bit ``n`` of a scope stops the orders of its row ``n``."""


def kill_masks(component):
    """Return the switches of a component that has the ports of their registers."""
    return KillMasks(Cat(getattr(component, name) for name in KILL_REGISTERS))
