"""Packets to the order-entry byte stream."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.entry.encode import MAX_PACKET, Packet
from tickgate_hdl.lib.layouts import ByteBeat

__all__ = ["PacketSender"]


class PacketSender(wiring.Component):
    """Send packets, eight bytes a cycle, each from a new beat on; ``last`` on its last beat.

    The first beat is offered one cycle after the packet is taken. When the link is down the
    packet in hand is dropped and nothing is offered, whatever was offered before: the stream
    belongs to one connection, and its other end forgets it too.

    Members
    -------
    i : In(stream of Packet)
        Packets.
    tx : Out(stream of ByteBeat)
        Their bytes.
    link_up : In(1)
        The byte stream is connected.
    started : Out(1)
        Strobe: the wire takes the first beat of a packet.
    cut : Out(1)
        Strobe: a packet was dropped before the wire took its first beat.
    ended, broken : Out(1)
        Strobes: the wire takes the last beat of a packet; a packet was dropped before that.
    """

    i: In(stream.Signature(Packet))
    tx: Out(stream.Signature(ByteBeat))
    link_up: In(1)
    started: Out(1)
    cut: Out(1)
    ended: Out(1)
    broken: Out(1)

    def elaborate(self, platform):
        m = Module()
        data, left = Signal(8 * MAX_PACKET), Signal(range(MAX_PACKET + 1))
        first = Signal()
        last, moves = Signal(), Signal()
        m.d.comb += [
            last.eq(left <= 8),
            self.tx.valid.eq((left != 0) & self.link_up),
            self.tx.payload.data.eq(data[:64]),
            self.tx.payload.keep.eq(Mux(last, Cat(left > index for index in range(8)), 0xFF)),
            self.tx.payload.last.eq(last),
            moves.eq(self.tx.valid & self.tx.ready),
            self.started.eq(moves & first),
            self.cut.eq((left != 0) & first & ~self.link_up),
            self.ended.eq(moves & last),
            self.broken.eq((left != 0) & ~self.link_up),
            self.i.ready.eq(self.link_up & ((left == 0) | (moves & last))),
        ]
        with m.If(moves):
            m.d.sync += [data.eq(data >> 64), left.eq(Mux(last, 0, left - 8)), first.eq(0)]
        with m.If(~self.link_up):
            m.d.sync += [left.eq(0), first.eq(0)]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                data.eq(self.i.payload.data), left.eq(self.i.payload.length), first.eq(1),
            ]
        return m
