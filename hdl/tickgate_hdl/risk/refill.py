"""Which rows of the token buckets are refilled next."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from tickgate_hdl.lib.delay import delayed

__all__ = ["Refill"]


class Refill(wiring.Component):
    """Walk over all rows after each millisecond, each bucket's table as far as it has rows.

    Members
    -------
    tick : In(1)
        Strobe: a millisecond passed.
    wants, row : Out
        A row is to be refilled.
    presses : Out(1)
        Another millisecond passed meanwhile: now it goes before orders.
    done : In(1)
        Strobe: it is refilled. The others follow a cycle later, so never in two neighbouring ones.
    """

    def __init__(self, rows):
        self._last = rows - 1
        super().__init__({
            "tick": In(1), "wants": Out(1), "row": Out(ceil_log2(rows)),
            "presses": Out(1), "done": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        due = Signal(8)  # a simulated clock may tick faster than a walk
        done = delayed(m, self.done, "was_done")
        ends = done & (self.row == self._last)
        m.d.comb += [self.wants.eq(due != 0), self.presses.eq(due > 1)]
        with m.If(done):
            m.d.sync += self.row.eq(self.row + 1)
        with m.If(ends):
            m.d.sync += self.row.eq(0)
        with m.If(self.tick & ~ends & ~due.all()):
            m.d.sync += due.eq(due + 1)
        with m.Elif(~self.tick & ends):
            m.d.sync += due.eq(due - 1)
        return m
