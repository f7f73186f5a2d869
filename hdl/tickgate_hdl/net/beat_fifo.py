"""A FIFO that beats go round while it is empty: ``BeatFifo``."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.layouts import FrameBeat

__all__ = ["BeatFifo", "StoredBeat"]

StoredBeat = StructLayout({"beat": FrameBeat, "cycles": 32, "time_ns": 64})
"""A beat of a frame, and when it was at the card's input."""


class BeatFifo(wiring.Component):
    """Keep the beats of a line that stalls; pass them on in the same cycle while nothing is kept.

    A stream at both ends: what was offered stays until it is taken. Behind the beat that is
    offered, ``depth`` more fit; when these have waited, the next of them may come a cycle late.

    Parameters
    ----------
    depth : int
        Beats that fit.
    registered : bool
        Offer beats from a register only, for an FPGA that needs it.

    Attributes
    ----------
    latency : cycles from a beat to its passing on, while nothing is kept

    Members
    -------
    i : In(stream of ``FrameBeat``)
        Beats; ``ready`` is low only while the FIFO is full.
    cycles, time_ns : In(32), In(64)
        Stamped on each beat as it comes.
    o : Out(stream of ``StoredBeat``)
        The beats, in order.
    high_water : Out(16)
        Most beats that were kept at a time since reset; one that passed through the register of
        ``registered`` without waiting was not.
    active : Out(1)
        A beat is offered or kept.
    """

    def __init__(self, depth, *, registered=False):
        self._depth, self._registered = depth, registered
        self.latency = int(registered)
        super().__init__({
            "i": In(stream.Signature(FrameBeat)), "cycles": In(32), "time_ns": In(64),
            "o": Out(stream.Signature(StoredBeat)), "high_water": Out(16),
            "active": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(
            width=StoredBeat.size, depth=self._depth)
        stamped = Signal(StoredBeat)
        front = Signal(StoredBeat, reset_less=True)  # has a beat while ``kept``
        kept = Signal()
        empty = Signal(init=1)  # the queue is; known before the cycle
        free, direct = Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(queue.w_rdy),
            stamped.beat.eq(self.i.payload), stamped.cycles.eq(self.cycles),
            stamped.time_ns.eq(self.time_ns),
            free.eq(~kept | self.o.ready),
            direct.eq(empty & self.i.valid),
            self.active.eq(self.o.valid | ~empty),
            queue.r_en.eq(free),
            queue.w_data.eq(Value.cast(stamped)),
            queue.w_en.eq(self.i.valid & ~(empty & free)),
        ]
        if self._registered:
            waiting, stays = Signal(), direct
            m.d.sync += waiting.eq(kept & ~self.o.ready)
            m.d.comb += [self.o.valid.eq(kept), self.o.payload.eq(front)]
        else:
            waiting, stays = kept, direct & (kept | ~self.o.ready)
            m.d.comb += [
                self.o.valid.eq(kept | direct),
                Value.cast(self.o.payload).eq(Mux(kept, Value.cast(front), Value.cast(stamped))),
            ]
        with m.If(free):
            m.d.sync += [
                kept.eq(queue.r_rdy | stays),
                Value.cast(front).eq(Mux(empty, Value.cast(stamped), queue.r_data)),
            ]
        with m.If(queue.w_en):
            m.d.sync += empty.eq(0)
        with m.Elif(free & queue.r_rdy & (queue.level == 1)):
            m.d.sync += empty.eq(1)

        level = Signal(range(self._depth + 2))
        m.d.sync += level.eq(queue.level + waiting)
        with m.If(level > self.high_water):
            m.d.sync += self.high_water.eq(level)
        return m
