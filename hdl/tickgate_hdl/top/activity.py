"""Tells a simulator when the card's clock may stop."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Activity"]


class Activity(wiring.Component):
    """Stay busy for ``CYCLES`` cycles after the last sign of life.

    Blocks that work for long between two handshakes say so themselves; what the others do
    (the gate, the packets of order entry) is over in a few dozen cycles. For simulators only.

    Members
    -------
    now : In(1)
        A sign of life.
    busy : Out(1)
        There was one lately.
    """

    CYCLES = 256

    now: In(1)
    busy: Out(1)

    def elaborate(self, platform):
        m = Module()
        left = Signal(range(self.CYCLES + 1), init=self.CYCLES)
        with m.If(self.now):
            m.d.sync += left.eq(self.CYCLES)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        m.d.comb += self.busy.eq(self.now | (left != 0))
        return m
