"""BAR accesses: CQ packets to bus accesses, and their completions on CC."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.csr import CsrBus
from tickgate_hdl.pcie.layouts import (
    CC_TUSER,
    CQ_BYTE_ENABLES,
    CQ_DISCONTINUE,
    CQ_TUSER,
    AxiStream,
    CompleterCompletion,
    CompleterRequest,
    RequestType,
    Status,
)

__all__ = ["Completer"]


class Completer(wiring.Component):
    """Answer the host's accesses to BAR 0.

    Writes of any length are taken, one dword a cycle, byte enables honoured. A read of one dword
    is answered with it. Whatever else wants a completion (longer reads, I/O, atomics, another BAR)
    gets one of status Unsupported Request; posted packets that the card has no use for (messages,
    writes to another BAR, packets that the hard block marked as cut off) change nothing. One packet
    is handled at a time, in order, so that a read sees every write before it. A read takes 3 cycles
    from its beat to its completion.

    Members
    -------
    cq, cc : ``AxiStream``
        The hard block's completer streams.
    bus : ``CsrBus``
        Accesses; the address is the offset in the BAR.
    """

    cq: In(AxiStream(CQ_TUSER))
    cc: Out(AxiStream(CC_TUSER))
    bus: Out(CsrBus())

    def elaborate(self, platform):
        m = Module()
        bus = self.bus
        request = Signal(CompleterRequest)
        data, enables, keep = Signal(256), Signal(32), Signal(8)
        ours, last, broken = Signal(), Signal(), Signal()
        first_enables = Signal(4)
        offset = Signal(14)
        first = Signal(init=1)
        arriving = CompleterRequest(self.cq.tdata[:128])
        posted = (request.request_type == RequestType.MEMORY_WRITE) | (
            request.request_type >= RequestType.FIRST_MESSAGE
        )
        readable = (
            (request.request_type == RequestType.MEMORY_READ)
            & (request.dwords == 1) & (request.bar == 0)
        )
        writable = (request.request_type == RequestType.MEMORY_WRITE) & (request.bar == 0)
        m.d.comb += [
            ours.eq(writable & ~broken),
            bus.address.eq(Cat(Const(0, 2), offset)),
            bus.data.eq(data[:32]),
            bus.strobe.eq(enables[:4]),
        ]

        with m.FSM():
            with m.State("Take"):
                m.d.comb += self.cq.tready.eq(1)
                with m.If(self.cq.tvalid):
                    m.d.sync += [
                        last.eq(self.cq.tlast),
                        first.eq(self.cq.tlast),
                        broken.eq(self.cq.tuser[CQ_DISCONTINUE]),
                        data.eq(self.cq.tdata),
                        keep.eq(self.cq.tkeep),
                        enables.eq(self.cq.tuser[CQ_BYTE_ENABLES:CQ_BYTE_ENABLES + 32]),
                    ]
                    m.next = "Write"
                    with m.If(first):
                        m.d.sync += [
                            request.eq(arriving),
                            offset.eq(arriving.address[:14]),
                            first_enables.eq(self.cq.tuser[:4]),
                            data.eq(self.cq.tdata[128:]),
                            keep.eq(self.cq.tkeep[4:]),
                            enables.eq(
                                self.cq.tuser[CQ_BYTE_ENABLES + 16:CQ_BYTE_ENABLES + 32]
                            ),
                        ]
                        with m.If(arriving.request_type != RequestType.MEMORY_WRITE):
                            m.next = "Dispatch"
            with m.State("Write"):
                m.d.comb += bus.write.eq(ours & keep[0])
                m.d.sync += [
                    data.eq(data[32:]), keep.eq(keep[1:]), enables.eq(enables[4:]),
                ]
                with m.If(keep[0]):
                    m.d.sync += offset.eq(offset + 1)
                with m.If(~keep[1:].any()):
                    m.next = "Take"
            with m.State("Dispatch"):
                # Only writes may be longer than a beat; the rest of any other packet is dropped.
                m.d.comb += self.cq.tready.eq(~last)
                with m.If(~last), m.If(self.cq.tvalid & self.cq.tlast):
                    m.d.sync += [last.eq(1), first.eq(1)]
                with m.Elif(posted | broken):
                    m.next = "Take"
                with m.Else():
                    m.d.comb += bus.read.eq(readable)
                    m.next = "Complete"
            with m.State("Complete"):
                self._complete(m, request, readable, first_enables)
                m.next = "Send"
            with m.State("Send"), m.If(self.cc.tready):
                m.d.sync += self.cc.tvalid.eq(0)
                m.next = "Take"
        return m

    def _complete(self, m, request, readable, enables):
        """Offer the completion of ``request``; the word read is on the bus now."""
        header = Signal(CompleterCompletion)
        low, high = Signal(2), Signal(2)
        with m.If(enables[0]):
            m.d.comb += low.eq(0)
        with m.Elif(enables[1]):
            m.d.comb += low.eq(1)
        with m.Elif(enables[2]):
            m.d.comb += low.eq(2)
        with m.Elif(enables[3]):
            m.d.comb += low.eq(3)
        with m.If(enables[3]):
            m.d.comb += high.eq(3)
        with m.Elif(enables[2]):
            m.d.comb += high.eq(2)
        with m.Elif(enables[1]):
            m.d.comb += high.eq(1)
        m.d.comb += [
            header.lower_address.eq(Mux(readable, Cat(low, request.address[:5]), 0)),
            header.address_type.eq(request.address_type),
            header.bytes.eq(Mux(readable, (high - low + 1)[:3], 4)),
            header.dwords.eq(readable),
            header.status.eq(Mux(readable, Status.SUCCESS, Status.UNSUPPORTED)),
            header.requester.eq(request.requester),
            header.tag.eq(request.tag),
            header.completer.eq(request.function),
            header.traffic_class.eq(request.traffic_class),
            header.attributes.eq(request.attributes),
        ]
        m.d.sync += [
            self.cc.tvalid.eq(1),
            self.cc.tlast.eq(1),
            self.cc.tkeep.eq(Mux(readable, 0b1111, 0b0111)),
            self.cc.tdata.eq(Cat(header, self.bus.read_data)),
        ]
