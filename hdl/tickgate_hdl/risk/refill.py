"""Which rows of the token buckets are refilled next."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from tickgate_hdl.lib.delay import delayed, stages

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

    def __init__(self, rows, *, registered=False):
        self._last, self._registered = rows - 1, registered
        super().__init__({
            "tick": In(1), "wants": Out(1), "row": Out(ceil_log2(rows)),
            "presses": Out(1), "done": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        due = Signal(8)  # a simulated clock may tick faster than a walk
        done = delayed(m, self.done, "was_done")
        # The row stays for two cycles at least.
        ends = done & stages(m, self._registered)(self.row == self._last, "is_last")
        if self._registered:
            self._tell_next(m, due, ends)
        else:
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

    def _tell_next(self, m, due, ends):
        """Have in registers what follows from how many walks are due then."""
        for told, least in ((self.wants, 1), (self.presses, 2)):
            with m.If(self.tick & ~ends):
                m.d.sync += told.eq(due + 1 >= least)
            with m.Elif(~self.tick & ends):
                m.d.sync += told.eq(due >= least + 1)
            with m.Else():
                m.d.sync += told.eq(due >= least)
