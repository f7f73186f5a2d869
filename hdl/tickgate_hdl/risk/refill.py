"""Which account's message rate is refilled next."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

__all__ = ["Refill"]


class Refill(wiring.Component):
    """Walk over all accounts after each millisecond.

    Members
    -------
    tick : In(1)
        Strobe: a millisecond passed.
    wants, account : Out
        An account is to be refilled.
    presses : Out(1)
        Another millisecond passed meanwhile: now it goes before orders.
    done : In(1)
        Strobe: it is refilled.
    """

    def __init__(self, accounts):
        self._last = accounts - 1
        super().__init__({
            "tick": In(1), "wants": Out(1), "account": Out(ceil_log2(accounts)),
            "presses": Out(1), "done": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        due = Signal(8)  # a simulated clock may tick faster than a walk
        ends = self.done & (self.account == self._last)
        m.d.comb += [self.wants.eq(due != 0), self.presses.eq(due > 1)]
        with m.If(self.done):
            m.d.sync += self.account.eq(self.account + 1)
        with m.If(ends):
            m.d.sync += self.account.eq(0)
        with m.If(self.tick & ~ends & ~due.all()):
            m.d.sync += due.eq(due + 1)
        with m.Elif(~self.tick & ends):
            m.d.sync += due.eq(due - 1)
        return m
