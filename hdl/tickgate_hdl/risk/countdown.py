"""Counting milliseconds down: ``countdown``."""

from amaranth.hdl import Signal

__all__ = ["countdown"]


def countdown(m, *, start, ticks, of, registered):
    """Return whether a count is not 0 that ``start`` sets to ``of`` and each of ``ticks`` takes one
    from. It is 0 after reset.

    ``registered``, that is a register of its own and not asked of the count: the same in every
    cycle.
    """
    left, runs = Signal(len(of), name="left"), Signal(name="runs")
    with m.If(start):
        m.d.sync += left.eq(of)
    with m.Elif(ticks & runs):
        m.d.sync += left.eq(left - 1)
    if not registered:
        m.d.comb += runs.eq(left != 0)
        return runs
    with m.If(start):
        m.d.sync += runs.eq(of != 0)
    with m.Elif(ticks):
        m.d.sync += runs.eq(left[1:].any())
    return runs
