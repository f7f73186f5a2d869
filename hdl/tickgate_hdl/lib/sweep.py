"""Emptying a memory row by row: ``sweep``."""

from amaranth.hdl import Signal

__all__ = ["sweep"]


def sweep(m, depth, *, busy, clear=0):
    """Return the row that is to be emptied while ``busy``, a register that is 1 after reset.

    All ``depth`` rows, a power of two, have their turn, one a cycle, after reset and after the
    strobe ``clear``, if there is one.
    """
    row = Signal(range(depth), name="sweep")
    with m.If(busy):
        m.d.sync += row.eq(row + 1)
        with m.If(row == depth - 1):
            m.d.sync += busy.eq(0)
    with m.If(clear):
        m.d.sync += [busy.eq(1), row.eq(0)]
    return row
