"""The order-entry byte stream to SoupBinTCP packets."""

from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out
from tickgate.protocols.ouch50.outbound import OUTBOUND
from tickgate.protocols.soupbintcp import (
    LENGTH_BYTES,
    Debug,
    EndOfSession,
    LoginAccepted,
    LoginRejected,
    PayloadPacket,
    SequencedData,
    ServerHeartbeat,
    UnsequencedData,
)

from tickgate_hdl.lib.layouts import ByteBeat

__all__ = ["KEPT", "PacketReceiver", "ReceivedPacket"]

FROM_SERVER = (Debug, LoginAccepted, LoginRejected, SequencedData, ServerHeartbeat, EndOfSession,
               UnsequencedData)
"""Packets that a server may send (4.00 adds Unsequenced Data)."""

KEPT = max(message.LENGTH for message in OUTBOUND.values()) + 2
"""Bytes of payload that are kept: the longest OUCH message with its appendage's length."""

ReceivedPacket = StructLayout({"kind": 8, "length": 16, "payload": 8 * KEPT, "malformed": 1})
"""A packet: type, bytes of its payload, the first ``KEPT`` of them (first in bits 7:0; bytes from
``length`` on mean nothing). ``malformed``: no packet of a server, nothing behind it can be trusted.
"""


class PacketReceiver(wiring.Component):
    """Cut the byte stream into packets, however it is split or joined. One byte a cycle.

    A packet is offered one cycle after its last byte. One that cannot be from a server (length 0,
    type unknown or a client's, length wrong for the type) is offered as malformed after its third
    byte. Bytes beyond ``KEPT`` are counted and dropped.

    Members
    -------
    rx : In(stream of ByteBeat)
        The bytes.
    clear : In(1)
        Forget everything; bytes are taken and dropped meanwhile.
    o : Out(stream of ReceivedPacket)
        The packets. Withdrawn by ``clear``.
    """

    rx: In(stream.Signature(ByteBeat))
    clear: In(1)
    o: Out(stream.Signature(ReceivedPacket))

    def elaborate(self, platform):
        m = Module()
        packet = self.o.payload
        data, held = Signal(64), Signal(8)
        octet, moves = Signal(8), Signal()
        m.d.comb += [
            octet.eq(data[:8]),
            moves.eq(held[0] & ~self.o.valid),
            self.rx.ready.eq(self.clear | ~held[0] | (moves & ~held[1])),
        ]
        with m.If(moves):
            m.d.sync += [data.eq(data >> 8), held.eq(held >> 1)]
        with m.If(self.rx.valid & self.rx.ready):
            m.d.sync += [data.eq(self.rx.payload.data), held.eq(self.rx.payload.keep)]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)

        size, at = Signal(16), Signal(16)
        legal = Signal()
        for kind in FROM_SERVER:
            fits = 1 if issubclass(kind, PayloadPacket) else size == kind.LENGTH - LENGTH_BYTES
            with m.If(octet == ord(kind.TYPE)):
                m.d.comb += legal.eq(fits)

        with m.FSM():
            with m.State("Length High"), m.If(moves):
                m.d.sync += size[8:].eq(octet)
                m.next = "Length Low"
            with m.State("Length Low"), m.If(moves):
                m.d.sync += size[:8].eq(octet)
                m.next = "Type"
                with m.If((octet == 0) & (size[8:] == 0)):
                    m.d.sync += [packet.malformed.eq(1), self.o.valid.eq(1)]
                    m.next = "Length High"
            with m.State("Type"), m.If(moves):
                m.d.sync += [packet.kind.eq(octet), packet.length.eq(size - 1), at.eq(0),
                             packet.malformed.eq(~legal)]
                m.next = "Payload"
                with m.If((size == 1) | ~legal):
                    m.d.sync += self.o.valid.eq(1)
                    m.next = "Length High"
            with m.State("Payload"), m.If(moves):
                m.d.sync += at.eq(at + 1)
                for index in range(KEPT):
                    with m.If(at == index):
                        m.d.sync += packet.payload[8 * index:8 * index + 8].eq(octet)
                with m.If(at == packet.length - 1):
                    m.d.sync += self.o.valid.eq(1)
                    m.next = "Length High"
        return ResetInserter(self.clear)(m)
