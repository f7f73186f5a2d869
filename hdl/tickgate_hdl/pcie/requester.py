"""DMA requests on RQ: slot writes and slot reads."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from tickgate.records.schema import BLOCK_BYTES, SCHEMA_ID, SCHEMA_VERSION, SLOT_BYTES

from tickgate_hdl.pcie.layouts import (
    RQ_TUSER,
    AxiStream,
    Post,
    ReadRequest,
    RequesterRequest,
    RequestType,
)

__all__ = ["Requester"]

_ALL_ENABLED = 0xFF  # tuser: first and last byte enables


class Requester(wiring.Component):
    """Send one packet for each slot to write (three beats) or to read (one beat).

    Reads go first, so that orders wait for nobody; they are few, since the order ring has a fixed
    number of tags. Then events, market data, messages. A slot is taken when its last beat enters
    the output register: from then on nothing holds it back but the hard block.
    A slot is 64 bytes at a multiple of 64, so no packet crosses a 4 KiB border.

    Members
    -------
    i_read, i_events, i_market, i_messages : In(stream)
        ``ReadRequest``; ``Post`` each.
    rq : ``AxiStream``
        The hard block's requester request stream.
    """

    i_read: In(stream.Signature(ReadRequest))
    i_events: In(stream.Signature(Post))
    i_market: In(stream.Signature(Post))
    i_messages: In(stream.Signature(Post))
    rq: Out(AxiStream(RQ_TUSER))

    def elaborate(self, platform):
        m = Module()
        rq = self.rq
        beat = Signal(range(3))
        posts = (self.i_events, self.i_market, self.i_messages)
        source = Signal(range(len(posts)))
        post = Signal(Post)
        writing = Signal()
        with m.Switch(source):
            for number, item in enumerate(posts):
                with m.Case(number):
                    m.d.comb += post.eq(item.payload)
        header = Cat(
            Const(BLOCK_BYTES, 16), Cat(post.record.template, Const(0, 8)),
            Const(SCHEMA_ID, 16), Const(SCHEMA_VERSION, 16),
        )
        slot = Cat(header, post.record.body, post.sequence)

        descriptor = Signal(RequesterRequest)
        read = self.i_read.payload
        address = Mux(writing, post.address, read.address)
        m.d.comb += [
            descriptor.address.eq(address[2:]),
            descriptor.dwords.eq(SLOT_BYTES // 4),
            descriptor.request_type.eq(
                Mux(writing, RequestType.MEMORY_WRITE, RequestType.MEMORY_READ)
            ),
            descriptor.tag.eq(Mux(writing, 0, read.tag)),
        ]

        free = Signal()
        m.d.comb += free.eq(~rq.tvalid | rq.tready)
        with m.If(free):
            m.d.sync += rq.tvalid.eq(0)
        m.d.sync += rq.tuser.eq(_ALL_ENABLED)

        with m.FSM():
            with m.State("Choose"):
                with m.If(self.i_read.valid), m.If(free):
                    m.d.comb += self.i_read.ready.eq(1)
                    m.d.sync += [
                        rq.tvalid.eq(1),
                        rq.tlast.eq(1),
                        rq.tkeep.eq(0x0F),
                        rq.tdata.eq(descriptor),
                    ]
                with m.Elif(Cat(item.valid for item in posts).any()):
                    m.d.sync += beat.eq(0)
                    for number, item in reversed(list(enumerate(posts))):
                        with m.If(item.valid):
                            m.d.sync += source.eq(number)
                    m.next = "Write"
            with m.State("Write"):
                m.d.comb += writing.eq(1)
                with m.If(free):
                    m.d.sync += [
                        beat.eq(beat + 1), rq.tvalid.eq(1), rq.tlast.eq(0), rq.tkeep.eq(0xFF),
                    ]
                    with m.Switch(beat):
                        with m.Case(0):
                            m.d.sync += rq.tdata.eq(Cat(descriptor, slot[:128]))
                        with m.Case(1):
                            m.d.sync += rq.tdata.eq(slot[128:384])
                        with m.Case(2):
                            m.d.sync += [
                                rq.tdata.eq(slot[384:]), rq.tkeep.eq(0x0F), rq.tlast.eq(1),
                            ]
                            m.d.comb += [
                                item.ready.eq(source == number)
                                for number, item in enumerate(posts)
                            ]
                            m.next = "Choose"
        return m
