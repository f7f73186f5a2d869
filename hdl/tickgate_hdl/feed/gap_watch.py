"""Whether a message is missing, and since when: ``GapWatch``."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["GapWatch"]


class GapWatch(wiring.Component):
    """Wait for what is missing; tell a gap, once for each number, and that it has been filled.

    Members
    -------
    reorder_cycles : In(32)
        How long a missing message is waited for.
    expected, highest : In(64)
        Next number to deliver; every number below ``highest`` is known to exist.
    delivered, jumps, restarts : In(1)
        Strobes: the expected one was delivered; another one is expected; and whatever was missing
        is of no interest any more.
    sure, absent : In(1)
        It is known whether the expected message is there; it is not, and it is known to exist.
    rebuilding : In(1)
        Nothing is delivered: a gap stays open.
    missing, untold : Out(1)
        The expected message is missing, as far as is known; and no gap was told of it yet.
    gap_open, gap, filled : Out(1)
        A gap was told that is not filled; strobes: it is told, a cycle late; it has been filled.
    """

    reorder_cycles: In(32)
    expected: In(64)
    highest: In(64)
    delivered: In(1)
    jumps: In(1)
    restarts: In(1)
    sure: In(1)
    absent: In(1)
    rebuilding: In(1)
    missing: Out(1)
    untold: Out(1)
    gap_open: Out(1)
    gap: Out(1)
    filled: Out(1)

    def elaborate(self, platform):
        m = Module()
        waited, over, told = Signal(32), Signal(), Signal()
        less, at_once = Signal(32), Signal()  # than reorder_cycles; it is 0
        gap_high, reached = Signal(64), Signal()
        missed = Signal()  # in the cycle before
        m.d.sync += [
            at_once.eq(self.reorder_cycles == 0), less.eq(self.reorder_cycles - 1),
            over.eq(at_once | (self.missing & (waited >= less))),
            reached.eq(self.expected >= gap_high), missed.eq(self.missing),
        ]
        with m.If(self.jumps | self.delivered):
            m.d.sync += self.missing.eq(0)
        with m.Elif(self.sure):
            m.d.sync += self.missing.eq(self.absent)
        m.d.comb += self.untold.eq(self.missing & ~told)
        overdue = self.untold & over
        m.d.sync += self.gap.eq(overdue & ~self.delivered)
        with m.If(self.untold):
            m.d.sync += waited.eq(waited + 1)
        with m.If(overdue):
            m.d.sync += told.eq(1)
        with m.If(self.delivered):
            m.d.sync += [waited.eq(0), told.eq(0)]
        with m.Elif(overdue):
            m.d.sync += self.gap_open.eq(1)
        with m.If(self.missing):
            m.d.sync += gap_high.eq(self.highest)
        with m.Elif(self.gap_open & reached & ~missed & ~self.rebuilding):
            m.d.sync += self.gap_open.eq(0)
            m.d.comb += self.filled.eq(1)
        with m.If(self.restarts):
            m.d.sync += [waited.eq(0), told.eq(0), self.gap_open.eq(0), gap_high.eq(0)]
        return m
