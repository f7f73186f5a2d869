"""The host's way to hand packets to the feed: words from registers become beats in a queue."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.feed.items import InjectBeat

__all__ = ["InjectQueue"]


class InjectQueue(wiring.Component):
    """Gather 32-bit words into the beats of one packet after the other.

    A packet begins with ``start``, which says its length; its words follow, and what is more than
    its length is ignored. ``room`` says how many beats fit: a host that writes more than that loses
    the rest of the packet, which is counted and ends it with the beat before, so that nothing
    behind it can be taken for a part of it.

    Parameters
    ----------
    depth : int
        Beats that may wait.

    Members
    -------
    start, length, snapshot : In(1), In(16), In(1)
        Strobe: a packet of so many bytes begins, with messages of a snapshot or not.
    write, word : In(1), In(32)
        Strobe: the packet's next four bytes, the first in bits 7:0.
    o : Out(stream of ``InjectBeat``)
        The beats.
    room : Out(16)
        Beats that fit.
    count_overflow : Out(32)
        Packets cut because there was no room. Wraps.
    """

    def __init__(self, depth=512):
        self._depth = depth
        super().__init__({
            "start": In(1), "length": In(16), "snapshot": In(1), "write": In(1), "word": In(32),
            "o": Out(stream.Signature(InjectBeat)), "room": Out(16), "count_overflow": Out(32),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(
            width=InjectBeat.size, depth=self._depth)
        left = Signal(17)  # bytes of the packet still to come
        low, high = Signal(32), Signal()
        first, snapshot = Signal(), Signal()
        beat = Signal(InjectBeat)
        taken, whole = Signal(4), Signal()
        m.d.comb += [
            taken.eq(Mux(left < 4, left, 4)),
            whole.eq(self.write & (left != 0) & (high | (left <= 4))),
            beat.data.eq(Mux(high, Cat(low, self.word), self.word)),
            beat.keep.eq((Const(1, 9) << (Mux(high, 4, 0) + taken)) - 1),
            beat.first.eq(first),
            beat.last.eq((left <= 4) | (queue.level >= self._depth - 2)),
            beat.snapshot.eq(snapshot),
            queue.w_data.eq(Value.cast(beat)),
            queue.w_en.eq(whole),
            Value.cast(self.o.payload).eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
            self.room.eq(Mux(queue.level < self._depth - 2, self._depth - 2 - queue.level, 0)),
        ]
        with m.If(self.write & (left != 0)):
            m.d.sync += [left.eq(left - taken), high.eq(~high)]
            with m.If(~high):
                m.d.sync += low.eq(self.word)
            with m.If(whole):
                m.d.sync += [first.eq(0), high.eq(0)]
                with m.If(beat.last & (left > 4)):
                    m.d.sync += [left.eq(0), self.count_overflow.eq(self.count_overflow + 1)]
        with m.If(self.start):
            m.d.sync += [
                left.eq(self.length), snapshot.eq(self.snapshot), first.eq(1), high.eq(0)]
        return m
