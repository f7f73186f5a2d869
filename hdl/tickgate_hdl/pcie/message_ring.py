"""The message ring: every ITCH message of the feed, for hosts that want the full stream."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out, connect, flipped
from tickgate.records.schema import ITCH_MESSAGE

from tickgate_hdl.feed.items import ITEM_BYTES, FeedItem
from tickgate_hdl.lib.records import record_layout
from tickgate_hdl.pcie.layouts import Post
from tickgate_hdl.pcie.ring_writer import RingWriter

__all__ = ["MessageRing"]

_FIRST_PART = 30
_RECORD = record_layout(ITCH_MESSAGE)
_QUEUED = StructLayout({"sequence": 64, "time_ns": 64, "length": 8, "data": 8 * ITEM_BYTES})


class MessageRing(wiring.Component):
    """Carry messages to the host, one or two records each; leave out what it is too slow for.

    A message is taken in every cycle, always. When the queue before the ring is full the message is
    left out whole and counted; the host sees the hole in the sequence numbers. While the ring is
    disabled nobody wants messages: none is taken and none counted. Ports are those of
    ``RingWriter``; also:

    Parameters
    ----------
    depth : int
        Messages that may wait.

    Members
    -------
    item_valid, item : In(1), In(FeedItem)
        A message.
    dropped : Out(32)
        Messages left out since reset. Wraps.
    queued : Out(1)
        Records are on their way to the host.
    """

    def __init__(self, depth=512):
        self._depth = depth
        super().__init__({
            "enable": In(1), "base": In(64), "log2": In(5), "head": In(32), "head_we": In(1),
            "tail": Out(32), "dropped": Out(32), "queued": Out(1),
            "item_valid": In(1), "item": In(FeedItem),
            "o": Out(stream.Signature(Post)), "interrupt": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(width=_QUEUED.size, depth=self._depth)
        m.submodules.writer = writer = RingWriter()
        for name in ("enable", "base", "log2", "head", "head_we"):
            m.d.comb += getattr(writer, name).eq(getattr(self, name))
        connect(m, writer.o, flipped(self.o))
        m.d.comb += [self.tail.eq(writer.tail), self.interrupt.eq(writer.interrupt)]

        wanted = Signal()
        entry = Signal(_QUEUED)
        m.d.comb += [
            wanted.eq(self.item_valid & self.enable),
            *(entry[name].eq(self.item[name]) for name in _QUEUED.members),
            queue.w_data.eq(Value.cast(entry)),
            queue.w_en.eq(wanted),
        ]
        with m.If(wanted & ~queue.w_rdy):
            m.d.sync += self.dropped.eq(self.dropped + 1)

        waiting = Signal(_QUEUED)
        record = Signal(_RECORD)
        second, more = Signal(), Signal()
        m.d.comb += [
            Value.cast(waiting).eq(queue.r_data),
            more.eq((waiting.length > _FIRST_PART) & ~second),
            record.sequence.eq(waiting.sequence),
            record.time_ns.eq(waiting.time_ns),
            record.length.eq(waiting.length),
            record.part.eq(second),
            writer.i.payload.template.eq(ITCH_MESSAGE.template),
            writer.i.payload.body.eq(Value.cast(record)),
            writer.i.valid.eq(queue.r_rdy),
            queue.r_en.eq(writer.i.ready & ~more),
            self.queued.eq(writer.o.valid | (queue.r_rdy & (writer.free != 0))),
        ]
        for at in range(_FIRST_PART):
            low = waiting.data.word_select(at, 8)
            late = _FIRST_PART + at
            high = waiting.data.word_select(late, 8) if late < ITEM_BYTES else 0
            shown = Mux(
                second, Mux(waiting.length > late, high, 0), Mux(waiting.length > at, low, 0))
            m.d.comb += record.data.word_select(at, 8).eq(shown)
        with m.If(writer.i.valid & writer.i.ready):
            m.d.sync += second.eq(more)
        # A ring that is switched off empties the queue: the next one begins with new messages.
        with m.If(~self.enable & ~writer.o.valid):
            m.d.comb += [queue.r_en.eq(1), writer.i.valid.eq(0)]
            m.d.sync += second.eq(0)
        return m
