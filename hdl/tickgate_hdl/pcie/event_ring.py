"""The events ring: lossless."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from tickgate_hdl.lib.layouts import RecordBody
from tickgate_hdl.pcie.layouts import Post
from tickgate_hdl.pcie.ring_writer import RingWriter

__all__ = ["EventRing"]


class EventRing(wiring.Component):
    """Carry every record to the host, in order; what the ring has no room for waits in a queue.

    ``room`` says that new orders may be let in: the ring has more than ``RESERVE`` free slots, for
    what the venue and the feed still have to say, and the queue is not half full. A full queue
    holds its source back. While the ring is disabled there is nobody to tell: records are taken
    and dropped. Ports are those of ``RingWriter``; also:

    Members
    -------
    room : Out(1)
        New orders may be let in.
    queued : Out(1)
        Records are on their way to the host.
    """

    RESERVE = 64
    DEPTH = 64

    enable: In(1)
    base: In(64)
    log2: In(5)
    head: In(32)
    head_we: In(1)
    tail: Out(32)
    room: Out(1)
    queued: Out(1)
    i: In(stream.Signature(RecordBody))
    o: Out(stream.Signature(Post))
    interrupt: Out(1)

    def elaborate(self, platform):
        m = Module()
        width = RecordBody.size
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(width=width, depth=self.DEPTH)
        m.submodules.writer = writer = RingWriter()
        for name in ("enable", "base", "log2", "head", "head_we"):
            m.d.comb += getattr(writer, name).eq(getattr(self, name))
        connect(m, writer.o, flipped(self.o))

        dropping = Signal()
        m.d.comb += [
            queue.w_data.eq(Value.cast(self.i.payload)),
            dropping.eq(~self.enable),
            queue.w_en.eq(self.i.valid & ~dropping),
            self.i.ready.eq(queue.w_rdy | dropping),
            Value.cast(writer.i.payload).eq(queue.r_data),
            writer.i.valid.eq(queue.r_rdy),
            queue.r_en.eq(writer.i.ready),
            self.tail.eq(writer.tail),
            self.interrupt.eq(writer.interrupt),
            self.queued.eq(writer.o.valid | (queue.r_rdy & (writer.free != 0))),
        ]
        m.d.sync += self.room.eq((writer.free > self.RESERVE) & (queue.level < self.DEPTH // 2))
        return m
