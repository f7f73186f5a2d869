"""Tells a simulator when the card's clock may stop."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Activity"]


class Activity(wiring.Component):
    """Stay busy for ``CYCLES`` cycles after the last sign of life.

    A block that works between two handshakes shows nothing outside; the longest such work is the
    shift of a whole side of a book (``levels`` cycles), so that a fixed time is enough and no block
    needs an output for it. Real hardware does not use it.

    Members
    -------
    now : In(1)
        A sign of life.
    busy : Out(1)
        There was one lately.
    """

    CYCLES = 2048

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
