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

    Parameters
    ----------
    depth : int
        Beats that fit.
    registered : bool
        A register at the input, for an FPGA that needs it.

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
        stamped, valid, empty = Signal(StoredBeat), Signal(), Signal()
        come = [
            stamped.beat.eq(self.i.payload), stamped.cycles.eq(self.cycles),
            stamped.time_ns.eq(self.time_ns),
        ]
        room = Signal()
        if self._registered:
            # Room for the beat that is in the register when the FIFO fills up.
            m.d.comb += room.eq(queue.level < self._depth - 1)
            m.d.sync += valid.eq(self.i.valid & room)
            with m.If(self.i.valid):
                m.d.sync += come
        else:
            m.d.comb += [room.eq(queue.w_rdy), valid.eq(self.i.valid & room), *come]
        m.d.comb += [
            empty.eq(queue.level == 0),
            self.i.ready.eq(room),
            self.o.valid.eq(Mux(empty, valid, queue.r_rdy)),
            Value.cast(self.o.payload).eq(Mux(empty, Value.cast(stamped), queue.r_data)),
            queue.w_data.eq(Value.cast(stamped)),
            queue.w_en.eq(valid & ~(empty & self.o.ready)),
            queue.r_en.eq(self.o.ready & ~empty),
        ]
        with m.If(queue.level > self.high_water):
            m.d.sync += self.high_water.eq(queue.level)
        return m
