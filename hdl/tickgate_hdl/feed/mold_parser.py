"""MoldUDP64 packets, cut up into messages while they pass: ``MoldParser``."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out
from tickgate.protocols import moldudp64

from tickgate_hdl.feed.items import ITEM_BYTES, FeedItem, PacketSeen
from tickgate_hdl.lib.wire import fields
from tickgate_hdl.net.receive import PacketBeat

__all__ = ["MoldParser", "PacketStrobe"]

_HEADER = moldudp64.Header.LENGTH
_END_OF_SESSION = 0xFFFF
_ROWS = -(-ITEM_BYTES // 8)
_LONGEST = 255

PacketStrobe = StructLayout({"valid": 1, **PacketSeen.members})
"""The header of a packet, in the one cycle in which ``valid`` is set."""


class MoldParser(wiring.Component):
    """Find the messages of a packet, whatever lane they begin in.

    A message is whole in the cycle after the beat with its last byte: each byte is put in its place
    as it comes. A beat in which more than one message ends is looked at again, a message a cycle:
    that needs messages of less than six bytes. Whole messages are delivered even if the packet is
    malformed: too short for its header, blocks that run past its end, bytes left over.
    Source: MoldUDP64 1.00.

    Members
    -------
    i : In(stream of ``PacketBeat``)
        Packets, among other beats.
    accept : In(1)
        The packet is one to listen to; looked at from the cycle after its header's last beat on.
    time_ns : In(64)
        UTC clock at the first beat of the packet's frame.
    session, session_known : In(80), In(1)
        Messages of other sessions are not delivered; while it is not known, those of any are.
    item : Out(stream of ``FeedItem``)
        Messages; ``channel`` is 0.
    packet, foreign : Out(PacketStrobe), Out(1)
        The header of each packet, before its messages; it is of another session.
    malformed, cut : Out(1)
        Strobes, two cycles after a packet's end: its blocks do not fit, if it is one whose messages
        are delivered; it ended in its header.
    busy, ending : Out(1)
        A message waits or is being looked for; a packet has ended and was not judged yet.
    """

    i: In(stream.Signature(PacketBeat))
    accept: In(1)
    time_ns: In(64)
    session: In(80)
    session_known: In(1)
    item: Out(stream.Signature(FeedItem))
    packet: Out(PacketStrobe)
    foreign: Out(1)
    malformed: Out(1)
    cut: Out(1)
    busy: Out(1)
    ending: Out(1)

    def elaborate(self, platform):
        m = Module()
        beat = self.i.payload
        data, end, last = beat.data, Signal(4), beat.final
        advance, take, again, inside = Signal(), self.i.valid, Signal(), Signal()
        first = beat.begin & take
        m.d.comb += [
            end.eq(sum(beat.keep)),
            advance.eq(~self.item.valid | self.item.ready),
            self.i.ready.eq(advance & ~again),
        ]
        # What comes next in the packet: a message's (or the header's) bytes, or their length, of
        # which the first byte may be there already.
        in_data, half_length = Signal(), Signal()
        is_header = Signal()
        need = Signal(16)  # bytes of the message still to come
        high = Signal(8)  # first byte of the length
        length = Signal(16)
        offset, repeated = Signal(4), Signal()

        begins = first & ~repeated
        state_data = begins | (in_data & inside)
        wants = Signal(16)
        at, count = Signal(4), Signal(4)
        done = Signal()
        after, rest = Signal(4), Signal(4)  # where the message has ended, and bytes behind it
        m.d.comb += [
            at.eq(Mux(repeated, offset, Mux(beat.begin, beat.lane, 0))),
            count.eq(end - at),
            wants.eq(Mux(begins, _HEADER, Mux(state_data, need, 0))),
            done.eq(wants <= count),
            after.eq(at + wants[:4]),
            rest.eq(end - after),
        ]
        second = half_length & ~begins & ~state_data
        size = Mux(second, 1, 2)  # bytes of the length that are to come
        has_length = done & (rest >= size)
        bytes_ = [data.word_select(lane, 8) for lane in range(8)]
        one, two = Signal(8), Signal(8)
        with m.Switch(after):
            for lane in range(8):
                with m.Case(lane):
                    m.d.comb += one.eq(bytes_[lane])
                    if lane < 7:
                        m.d.comb += two.eq(bytes_[lane + 1])
        told = Signal(16)
        behind, tail = Signal(4), Signal(4)  # where the next message begins, and its bytes here
        m.d.comb += [
            told.eq(Mux(second, Cat(one, high), Cat(two, one))),
            behind.eq(after + size),
            tail.eq(rest - size),
        ]
        tiny = has_length & (told <= tail)
        looking = take & advance & (begins | inside)
        m.d.comb += again.eq(tiny & (begins | inside))

        with m.If(looking):
            m.d.sync += [repeated.eq(0), in_data.eq(0), half_length.eq(0)]
            with m.If(begins):
                m.d.sync += [is_header.eq(1), inside.eq(1)]
            with m.If(~done):
                m.d.sync += [in_data.eq(1), need.eq(wants - count)]
            with m.Elif(has_length):
                m.d.sync += [
                    in_data.eq(1), is_header.eq(0), length.eq(told),
                    need.eq(Mux(tiny, told, told - tail)),
                ]
                with m.If(tiny):
                    m.d.sync += [repeated.eq(1), offset.eq(behind)]
            with m.Else():
                m.d.sync += [half_length.eq(second | (rest == 1)), is_header.eq(0)]
                with m.If(rest == 1):
                    m.d.sync += high.eq(one)
            with m.If(last & ~tiny):
                m.d.sync += inside.eq(0)

        buffer = self._capture(m, data, looking, state_data, begins, at, done, has_length, tiny,
                               behind, tail)

        # The header is in the buffer in the cycle after it; the messages that end then already
        # belong to it.
        header_now, numbered = Signal(), Signal()
        header = fields(moldudp64.Header, buffer)
        number, left = Signal(64), Signal(16)
        number_now, left_now = Signal(64), Signal(16)
        listening, listening_now = Signal(), Signal()
        told_count = header["message_count"]
        ends = told_count == _END_OF_SESSION
        messages = Mux(ends, 0, told_count)
        is_message = state_data & ~begins & ~is_header
        m.d.comb += [
            self.packet.valid.eq(header_now & self.accept),
            self.packet.session.eq(buffer[:80]),
            self.packet.sequence.eq(header["sequence_number"]),
            self.packet.next.eq(header["sequence_number"] + messages),
            self.packet.heartbeat.eq(told_count == 0),
            self.packet.end.eq(ends),
            self.foreign.eq(self.session_known & (buffer[:80] != self.session)),
            number_now.eq(Mux(header_now, header["sequence_number"], number)),
            left_now.eq(Mux(header_now, messages, left)),
            listening_now.eq(Mux(header_now, self.accept & ~self.foreign, listening)),
        ]
        finished = looking & done & is_message
        whole = Signal()
        m.d.comb += whole.eq(finished & (left_now != 0) & listening_now)
        with m.If(advance):
            m.d.sync += [
                header_now.eq(looking & done & (begins | (is_header & state_data))),
                self.item.valid.eq(whole),
                number.eq(number_now + finished), left.eq(left_now - (finished & (left_now != 0))),
                listening.eq(listening_now),
            ]
            with m.If(header_now):
                m.d.sync += numbered.eq(1)
                with m.If(~self.accept):  # not ours: what it holds must not take time
                    m.d.sync += [inside.eq(0), in_data.eq(0), repeated.eq(0)]
            with m.If(whole):
                m.d.sync += [
                    self.item.payload.sequence.eq(number_now),
                    self.item.payload.length.eq(Mux(length > _LONGEST, _LONGEST, length)),
                    self.item.payload.arrival.eq(beat.cycles),
                    self.item.payload.time_ns.eq(self.time_ns),
                ]
        m.d.comb += self.item.payload.data.eq(buffer)

        # Was the packet what its header said? Known two cycles after its end.
        clean, closing, closed = Signal(), Signal(), Signal()
        excess = Signal()  # a message more than the header said
        with m.If(advance):
            m.d.sync += [
                closing.eq(looking & last & ~tiny), closed.eq(closing),
            ]
            with m.If(looking):
                m.d.sync += clean.eq(done & (rest == 0) & ~second)
            with m.If(looking & begins):
                m.d.sync += [excess.eq(0), numbered.eq(0)]
            with m.Elif(finished & (left_now == 0)):
                m.d.sync += excess.eq(1)
        m.d.comb += [
            self.malformed.eq(
                closed & advance & numbered & listening & (~clean | excess | (left != 0))),
            self.cut.eq(closed & advance & ~numbered & self.accept),
            self.busy.eq(self.item.valid | again),
            self.ending.eq(closing | closed),
        ]
        return m

    def _capture(self, m, data, looking, state_data, begins, at, done, has_length, tiny, behind,
                 tail):
        """Put the bytes of the message in their places; return them all, byte 0 in bits 7:0."""
        lane = Signal(3)  # where the message began
        row = Signal(range(_ROWS + 2))  # of the bytes in this beat from that lane on
        pending = Signal()  # its first bytes are in the beat before
        before = Signal(64)
        lane_now, row_now, pending_now = Signal(3), Signal.like(row), Signal()
        m.d.comb += [
            lane_now.eq(Mux(begins, at, lane)), row_now.eq(Mux(begins, 0, row)),
            pending_now.eq(pending & ~begins),
        ]
        rows = [[Signal(8, name=f"byte_{8 * r + b}") for b in range(8)] for r in range(_ROWS)]
        turned = [Signal(8, name=f"turned_{b}") for b in range(8)]
        turned_before = [Signal(8, name=f"turned_before_{b}") for b in range(8)]
        with m.Switch(lane_now):
            for first in range(8):
                with m.Case(first):
                    for b in range(8):
                        source = (b + first) % 8
                        m.d.comb += [
                            turned[b].eq(data.word_select(source, 8)),
                            turned_before[b].eq(before.word_select(source, 8)),
                        ]
        with m.If(looking & state_data):
            for b in range(8):
                ahead = (b + lane_now) < 8  # in this beat, the byte is of ``row``, else before it
                for r in range(_ROWS):
                    with m.If(Mux(ahead, row_now == r, row_now == r + 1)):
                        m.d.sync += rows[r][b].eq(turned[b])
                with m.If(pending_now & ahead):
                    m.d.sync += rows[0][b].eq(turned_before[b])
        with m.If(looking):
            m.d.sync += [before.eq(data), lane.eq(lane_now), pending.eq(0)]
            with m.If(begins & at[3]):  # its first byte is yet to come
                m.d.sync += row.eq(0)
            with m.Elif(~done), m.If(row_now <= _ROWS):
                m.d.sync += row.eq(row_now + 1)
            with m.Elif(has_length):
                m.d.sync += [
                    lane.eq(behind), pending.eq(~tiny & (tail != 0)),
                    row.eq(~tiny & (tail != 0)),
                ]
        return Value.cast(Cat(byte for line in rows for byte in line))[:8 * ITEM_BYTES]
