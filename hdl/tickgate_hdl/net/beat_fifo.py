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
        A register at the input, for an FPGA that needs it; it holds one beat more.

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
        Most beats that were kept at a time since reset.
    """

    def __init__(self, depth, *, registered=False):
        self._depth, self._registered = depth, registered
        self.latency = int(registered)
        super().__init__({
            "i": In(stream.Signature(FrameBeat)), "cycles": In(32), "time_ns": In(64),
            "o": Out(stream.Signature(StoredBeat)), "high_water": Out(16),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(
            width=StoredBeat.size, depth=self._depth)
        stamped, valid = Signal(StoredBeat), Signal()
        come = [
            stamped.beat.eq(self.i.payload), stamped.cycles.eq(self.cycles),
            stamped.time_ns.eq(self.time_ns),
        ]
        if self._registered:
            m.d.comb += self.i.ready.eq(~valid | queue.w_rdy)
            with m.If(self.i.ready):
                m.d.sync += [valid.eq(self.i.valid), *come]
        else:
            m.d.comb += [self.i.ready.eq(queue.w_rdy), valid.eq(self.i.valid), *come]

        # The beat that is offered has a register of its own once it has to wait.
        kept, front = Signal(), Signal(StoredBeat)
        unqueued = Signal()
        m.d.comb += [
            unqueued.eq(queue.level == 0),
            self.o.valid.eq(kept | (unqueued & valid)),
            Value.cast(self.o.payload).eq(Mux(kept, Value.cast(front), Value.cast(stamped))),
            queue.r_en.eq(~kept | self.o.ready),
            queue.w_data.eq(Value.cast(stamped)),
            queue.w_en.eq(valid & ~(unqueued & (~kept | self.o.ready))),
        ]
        with m.If(~kept | self.o.ready):
            m.d.sync += [
                kept.eq(queue.r_rdy | (unqueued & valid & (kept | ~self.o.ready))),
                Value.cast(front).eq(Mux(unqueued, Value.cast(stamped), queue.r_data)),
            ]
        level = Signal(range(self._depth + 2))
        m.d.comb += level.eq(queue.level + kept)
        with m.If(level > self.high_water):
            m.d.sync += self.high_water.eq(level)
        return m
