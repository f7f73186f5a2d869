"""MoldUDP64 packets, cut up into messages while they pass: ``MoldParser``."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out
from tickgate.protocols import moldudp64

from tickgate_hdl.feed.items import ITEM_BYTES, FeedItem, PacketSeen
from tickgate_hdl.lib.compare import equal
from tickgate_hdl.lib.delay import copies, delayed
from tickgate_hdl.lib.lookup import lookup
from tickgate_hdl.lib.wire import fields
from tickgate_hdl.net.receive import PacketBeat

__all__ = ["MoldParser", "PacketStrobe"]

_HEADER = moldudp64.Header.LENGTH
_END_OF_SESSION = 0xFFFF
_ROWS = -(-ITEM_BYTES // 8)
_LONGEST = 255
_LANES = 4
_STOPPED = ("source", "others", "input", "kept", "control")
"""What a beat is refused by while a message waits, each by a register of its own."""

PacketStrobe = StructLayout({**PacketSeen.members, "valid": 1})
"""The header of a packet, in the one cycle in which ``valid`` is set."""

_LengthFacts = StructLayout({
    "near": 8, "edge": 8, "tiny": 8, "under": 8, "over": 8, "low_0": 8, "low_1": 8, "low_2": 8,
    "empty_end": 1,
})
"""What follows if a length's second byte is in a lane, one bit for each lane.

Places count from the byte before the beat, so that a length at place s has its second byte in lane
s, and its message ends at place s + 2 + length, where the next length is. ``near``, ``edge``: that
is at one of the places 0 to 7, or 8 and 9, of this beat if it is there, else of the next one, whose
places begin 8 later; ``tiny``: it is of this beat, and the lane is kept. ``low_*``: bits of that
place. ``under``, ``over``: s - 6, and the length's three low bits, borrow or carry. Of lane 0,
whose first byte is in the beat before, the first three hold if that is 0; ``empty_end``: so is byte
7, for the next beat.
"""


def _length_facts(data, keep):
    """Return ``_LengthFacts`` of a beat, as values by name."""
    facts = {name: [] for name in _LengthFacts.members}
    bytes_ = [data[8 * lane:8 * lane + 8] for lane in range(8)]
    for lane, byte in enumerate(bytes_):
        def told(name, holds, valid=1, *, byte=byte, lane=lane):
            facts[name].append(lookup(byte[:4], lambda size: holds(lane + size)) & valid)

        short = byte[4:] == 0
        if lane:
            short &= bytes_[lane - 1] == 0
        told("near", lambda end: end < 16 and end % 8 < 6, short)
        told("edge", lambda end: end < 16 and end % 8 >= 6, short)
        told("tiny", lambda end: end < 8, short & keep[lane])
        for bit in range(3):
            told(f"low_{bit}", lambda end, bit=bit: end + 2 >> bit & 1)
        facts["under"].append(lookup(byte[:3], lambda size, lane=lane: lane + size < 6))
        facts["over"].append(lookup(byte[:3], lambda size, lane=lane: lane + size >= 14))
    facts["empty_end"] = bytes_[7] == 0
    return {name: Cat(values) for name, values in facts.items()}


class MoldParser(wiring.Component):
    """Find the messages of a packet, whatever lane they begin in.

    A message is whole ``latency`` cycles after the beat with its last byte: each byte is put in its
    place as it comes. A beat in which more than one message ends is looked at again, a message a
    cycle: that needs messages of less than six bytes. Whole messages are delivered even if the
    packet is malformed: too short for its header, blocks that run past its end, bytes left over.
    Source: MoldUDP64 1.00.

    Parameters
    ----------
    registered : bool
        A register at the input, one behind the header and one before ``item``, for an FPGA that
        needs them: then beats stop for a cycle, at least, at each message.

    Attributes
    ----------
    latency : cycles from a beat to the message that ends in it

    Members
    -------
    i : In(stream of ``PacketBeat``)
        Packets, among other beats. ``ready`` comes from registers: it falls a cycle after a message
        had to wait.
    accept : In(1)
        The packet is one to listen to; looked at from the cycle after its header's last beat on.
    time_ns : In(64)
        UTC clock at the first beat of the packet's frame; looked at as the packet begins.
    session, session_known : In(80), In(1)
        Messages of other sessions are not delivered; while it is not known, those of any are.
        Looked at with ``packet``, with ``registered`` in the cycle before.
    step : Out(1)
        The same as ``i.ready``, for what moves in step with the parser.
    item : Out(stream of ``FeedItem``)
        Messages; ``channel`` is 0.
    packet, foreign : Out(PacketStrobe), Out(1)
        The header of each packet, before its messages; it is of another session.
    malformed, cut : Out(1)
        Strobes, at least three cycles after a packet's end: its blocks do not fit, if it is one
        whose messages are delivered; it ended in its header.
    busy, ending : Out(1)
        A message waits or is being looked for; a packet has ended and was not judged yet.
    """

    def __init__(self, *, registered=False):
        self._registered = registered
        self.latency = 3 if registered else 1
        super().__init__({
            "i": In(stream.Signature(PacketBeat)), "accept": In(1), "time_ns": In(64),
            "session": In(80), "session_known": In(1), "step": Out(1),
            "item": Out(stream.Signature(FeedItem)), "packet": Out(PacketStrobe),
            "foreign": Out(1), "malformed": Out(1), "cut": Out(1), "busy": Out(1),
            "ending": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        # ``waits``: a message waits; ``go``: none did. ``again``: the beat before is looked at once
        # more; ``stops``: no new one is. What many bits depend on is known from registers of its
        # own.
        waits, again, again_next = Signal(), Signal(), Signal()
        held = Signal(attrs={"keep": 1})
        m.d.sync += [held.eq(waits), again.eq(again_next)]
        go, held_rows = ~held, [held] * (_ROWS + 1)
        stops, again_data, again_facts = dict.fromkeys(_STOPPED, held | again), again, again
        if self._registered:
            stops = dict(zip(
                _STOPPED, copies(m, waits | again_next, "stops", len(_STOPPED)), strict=True))
            held_rows = copies(m, waits, "held_row", _ROWS + 1)
            again_data, again_facts = copies(m, again_next, "again_copy", 2)
        m.d.comb += [self.i.ready.eq(~stops["source"]), self.step.eq(~stops["others"])]
        beat, valid = Signal(PacketBeat, reset_less=True), Signal()
        early = Signal(_LengthFacts, reset_less=True)
        came = [
            valid.eq(self.i.valid), beat.eq(self.i.payload),
            *(early[name].eq(value)
              for name, value in _length_facts(
                  self.i.payload.data, self.i.payload.keep).items()),
        ]
        if self._registered:
            with m.If(~stops["input"]):
                m.d.sync += came
        else:
            m.d.comb += came

        inside, is_header = Signal(), Signal()
        taken, begins, looking = Signal(), Signal(), Signal()
        m.d.comb += [
            taken.eq(~stops["control"] & valid),
            begins.eq(taken & beat.begin),
            looking.eq(again | (valid & inside & ~beat.begin)),
        ]
        before, keep_before = Signal(64, reset_less=True), Signal(8, reset_less=True)
        facts_before = Signal(_LengthFacts, reset_less=True)
        with m.If(~stops["kept"] & valid):
            m.d.sync += [
                before.eq(beat.data), keep_before.eq(beat.keep), facts_before.eq(early)]
        keep, facts, data = Signal(8), Signal(_LengthFacts), Signal(64)
        m.d.comb += [
            keep.eq(Mux(again, keep_before, beat.keep)),
            data.eq(Mux(again_data, before, beat.data)),
        ]
        if self._registered:
            m.d.comb += facts.eq(Mux(again_facts, facts_before, early))
        else:
            m.d.comb += [facts[name].eq(value) for name, value in _length_facts(data, keep).items()]

        step = go & (again | valid)
        place, near, ends_here, tiny, length = self._bounds(
            m, step, begins, beat.lane, facts, data, before[56:], facts_before.empty_end)
        kept = Cat(keep[(at - 2) % 8] for at in range(8)).bit_select(place, 1)
        behind = Cat(keep[(at - 1) % 8] for at in range(8)).bit_select(place, 1)
        finish, whole = Signal(), Signal()
        m.d.comb += [
            finish.eq(looking & ends_here & kept),
            whole.eq(finish & ~is_header),
        ]
        buffer = self._capture(m, held_rows, step, begins, beat, before, near, place)
        header_now, accepted = Signal(), Signal()
        if self._registered:
            m.d.sync += accepted.eq(self.accept)
        else:
            m.d.comb += accepted.eq(self.accept)
        m.d.comb += again_next.eq(again)
        with m.If(go):
            m.d.comb += again_next.eq(looking & tiny)
            m.d.sync += header_now.eq(finish & is_header)
            with m.If(finish):
                m.d.sync += is_header.eq(0)
            with m.If(valid & ~again & beat.final):
                m.d.sync += inside.eq(0)
            with m.If(header_now & ~accepted):  # what it holds must not take time
                m.d.comb += again_next.eq(0)
                m.d.sync += inside.eq(0)
        began_ns = Signal(64, reset_less=True)
        with m.If(begins):
            m.d.sync += [inside.eq(1), is_header.eq(1)]
        # Where registered it need not be known whether it is taken: by then no message waits.
        with m.If(valid & beat.begin if self._registered else begins):
            m.d.sync += began_ns.eq(self.time_ns)

        listening = Signal()  # the packet's messages are to be delivered
        found, left_over, excess = self._tell(
            m, waits, held, held_rows, taken, header_now, accepted, whole, length, buffer, beat,
            began_ns, listening)
        m.d.comb += self.busy.eq(found | ~go | again)

        # Was the packet what its header said?
        clean, numbered, closing, closed, judged = (
            Signal(), Signal(), Signal(), Signal(), Signal())
        with m.If(go):
            m.d.sync += [
                closing.eq((taken & inside & ~beat.begin & beat.final) | (closing & again)),
                closed.eq(closing & ~again), judged.eq(closed),
            ]
            with m.If(looking):  # the last byte is that of a message: the next place is not kept
                m.d.sync += clean.eq(ends_here & kept & (~behind | (~near & place[0])))
            with m.If(header_now):
                m.d.sync += numbered.eq(1)
        with m.If(begins):
            m.d.sync += [numbered.eq(0), excess.eq(0)]
        m.d.comb += [
            self.malformed.eq(judged & go & numbered & listening & (~clean | excess | left_over)),
            self.cut.eq(judged & go & ~numbered & accepted),
            self.ending.eq(closing | closed | judged),
        ]
        if self._registered:
            with m.If(valid & beat.final):
                m.d.comb += self.ending.eq(1)
        return m

    def _bounds(self, m, step, begins, lane, facts, data, high, empty_high):
        """Follow where the next length is, and read it; ``_LengthFacts`` tells of places.

        Returned are: its place, whether that is one of 0 to 7 of this beat, whether a message ends
        in this beat, whether the one that begins in it does so too, and the length of that before.
        """
        place, near, edge = Signal(3), Signal(), Signal()
        upper = Signal(13)  # beats up to the one with that place, unless near or edge
        length, fresh = Signal(16), Signal()  # fresh: upper is still to be made of length
        under, over = Signal(), Signal()
        told, tiny = Signal(16), Signal()
        place_after, near_after, edge_after = Signal(3), Signal(), Signal()

        def here(bits, *, first=1):
            return Cat(bits[0] & first, bits[1:]).bit_select(place, 1)

        m.d.comb += [
            told.eq(Cat(data.word_select(place, 8), Cat(high, data[:56]).word_select(place, 8))),
            tiny.eq(near & here(facts.tiny, first=empty_high)),
        ]
        after_it = Signal(13)
        bits, low = length[3:], length[3:5]
        m.d.comb += [
            after_it.eq(Mux(fresh, bits, upper)
                        - Mux(fresh, Cat(~(under | over), under), 1)),
            place_after.eq(place),
        ]
        with m.If(near):
            m.d.comb += [
                place_after.eq(Cat(here(facts[f"low_{bit}"]) for bit in range(3))),
                near_after.eq(here(facts.near, first=empty_high)),
                edge_after.eq(here(facts.edge, first=empty_high)),
            ]
        with m.Elif(edge):
            m.d.comb += near_after.eq(1)
        with m.Elif(fresh):
            few = bits[2:] == 0
            m.d.comb += [
                near_after.eq(few & (low == Mux(under, 2, ~over))),
                edge_after.eq(few & (low == Mux(under, 3, Mux(over, 1, 2))) & (place[1:] == 0)),
            ]
        with m.Else():
            m.d.comb += [
                near_after.eq(upper == 1),
                edge_after.eq((upper == 2) & (place[1:] == 0)),
            ]
        with m.If(step):
            m.d.sync += [
                place.eq(place_after), near.eq(near_after), edge.eq(edge_after),
                upper.eq(after_it), fresh.eq(near),
            ]
            with m.If(near):
                m.d.sync += [
                    length.eq(told), under.eq(here(facts.under)), over.eq(here(facts.over))]
        with m.If(begins):
            m.d.sync += [
                place.eq(lane + _HEADER + 1), upper.eq((_HEADER + 1 + lane) >> 3),
                near.eq(0), edge.eq(0), fresh.eq(0),
            ]
        return place, near, edge | (near & place[1:].any()), tiny, length

    def _capture(self, m, held_rows, step, begins, beat, before, near, place):
        """Put the bytes of the message in their places; return them all, byte 0 in bits 7:0."""
        # Where the message began, a register for each share of what turns by it.
        lanes = [Signal(3, name=f"lane_{n}", attrs={"keep": 1} if self._registered else {})
                 for n in range(_LANES if self._registered else 1)]
        ahead = Signal(8)  # byte b of its rows is in the same beat as byte 0 of the row
        row = Signal(_ROWS + 1)  # of the bytes in this beat from that lane on, one-hot
        pending = Signal()  # its first bytes are in the beat before
        turned = [Signal(8, name=f"turned_{b}") for b in range(8)]
        turned_before = [Signal(8, name=f"turned_before_{b}") for b in range(8)]
        for b in range(8):
            for source, result in ((beat.data, turned[b]), (before, turned_before[b])):
                m.d.comb += result.eq(
                    Cat(source[8 * b:], source[:8 * b]).word_select(lanes[b % len(lanes)], 8))
        rows = [[Signal(8, name=f"byte_{8 * r + b}", reset_less=True) for b in range(8)]
                for r in range(_ROWS)]
        for r, line in enumerate(rows):
            with m.If(~held_rows[r]):
                for b, byte in enumerate(line):
                    first = pending & ahead[b] if r == 0 else 0
                    with m.If(Mux(ahead[b], row[r], row[r + 1]) | first):
                        m.d.sync += byte.eq(Mux(first, turned_before[b], turned[b]))
        with m.If(step):
            m.d.sync += [row.eq(row << 1), pending.eq(0)]
            with m.If(near):
                m.d.sync += [
                    *(lane.eq(place + 1) for lane in lanes),
                    row.eq(Mux(place == 7, 1, 2)), pending.eq(place != 7),
                    ahead.eq(Cat(
                        lookup(place, lambda at, b=b: b + (at + 1) % 8 < 8) for b in range(8))),
                ]
        with m.If(begins):
            m.d.sync += [
                *(lane.eq(beat.lane) for lane in lanes), row.eq(1), pending.eq(0),
                ahead.eq(Cat(lookup(beat.lane, lambda at, b=b: b + at < 8) for b in range(8))),
            ]
        return Value.cast(Cat(byte for line in rows for byte in line))[:8 * ITEM_BYTES]

    def _tell(self, m, waits, held, held_rows, taken, header_now, accepted, whole, length, buffer,
              beat, began_ns, listening):
        """Tell headers and messages; return whether a message is in the buffer, whether some are
        left of those that a header told, and the register that says there was one more.

        The header is in the buffer in the cycle after it; the messages that end then already belong
        to it.
        """
        header = fields(moldudp64.Header, buffer)
        told_count = header["message_count"]
        ends, some = Signal(), Signal()
        messages = Signal(16)
        number, left = Signal(64), Signal(16)
        number_now, left_now, any_left = Signal(64), Signal(16), Signal()
        # A message is in the buffer, of those that the header told; it is still to be counted.
        found, expected, excess = Signal(), Signal(), Signal()
        go, owed = ~held, Signal()
        m.d.comb += [
            ends.eq(told_count == _END_OF_SESSION), some.eq(~ends & (told_count != 0)),
            messages.eq(Mux(ends, 0, told_count)),
            number_now.eq(
                Mux(header_now, header["sequence_number"], number) + (found & ~held)),
            owed.eq(found & expected),
            left_now.eq(Mux(header_now, messages, left - owed)),
            any_left.eq(Mux(header_now, some, (left[1:] != 0) | (left[0] != owed))),
        ]
        size, arrival = Signal(8), Signal(32)
        size_now, arrival_now = Signal(8), Signal(32)
        m.d.comb += [
            size_now.eq(Mux(held, size, Mux(length > _LONGEST, _LONGEST, length))),
            arrival_now.eq(Mux(taken, beat.cycles, arrival)),
        ]
        with m.If(go):
            m.d.sync += [
                found.eq(whole), expected.eq(any_left), left.eq(left_now),
                size.eq(size_now), arrival.eq(arrival_now),
            ]
            with m.If(found & ~expected):
                m.d.sync += excess.eq(1)
        if self._registered:  # counted a cycle late: all stops meanwhile, or none is delivered
            counts = delayed(m, found & ~held, "counts")
            with m.If(header_now & go):
                m.d.sync += number.eq(header["sequence_number"])
            with m.Elif(counts):
                m.d.sync += number.eq(number + 1)
        else:
            with m.If(go):
                m.d.sync += number.eq(number_now)

        packet = Signal(PacketStrobe)
        seen = [
            packet.valid.eq(header_now & accepted & go),
            packet.session.eq(buffer[:80]),
            packet.sequence.eq(header["sequence_number"]),
            packet.next.eq(header["sequence_number"] + messages),
            packet.heartbeat.eq(told_count == 0),
            packet.end.eq(ends),
            self.foreign.eq(self.session_known & ~equal(buffer[:80], self.session)),
        ]
        m.d.comb += self.packet.eq(packet)
        if self._registered:
            m.d.sync += seen
        else:
            m.d.comb += seen
        with m.If(go & header_now & ~accepted):
            m.d.sync += listening.eq(0)
        with m.If(packet.valid):
            m.d.sync += listening.eq(~self.foreign)

        item = self.item.payload
        waiting = Signal(8 * ITEM_BYTES, reset_less=True)
        m.d.comb += item.time_ns.eq(began_ns)
        # In one piece where it can be: a simulator takes a signal that is assigned in parts as a
        # whole.
        parts = [(held, slice(0, 8 * ITEM_BYTES))]
        if self._registered:
            parts = [(held_row, slice(64 * r, min(64 * (r + 1), 8 * ITEM_BYTES)))
                     for r, held_row in enumerate(held_rows[:_ROWS])]
        for held_part, part in parts:
            with m.If(~held_part):
                m.d.sync += waiting[part].eq(buffer[part])
        if self._registered:
            # Every message is put by before it is offered, with all stopped behind it: that it is
            # there is a register. If its packet is to be heard at all is known by then.
            m.d.comb += [
                item.data.eq(waiting),
                self.item.valid.eq(held & listening),
                waits.eq(Mux(
                    held, listening & ~self.item.ready, owed & (listening | packet.valid))),
            ]
            with m.If(~held_rows[_ROWS]):
                m.d.sync += [
                    item.sequence.eq(number), item.length.eq(size), item.arrival.eq(arrival)]
        else:
            # That a message waits is known a cycle late: one more may be found then, so that the
            # one that waits is put by, and all stops. What is compared at once is in registers of
            # its own.
            there = Signal()
            m.d.comb += [
                there.eq(held | owed),
                item.data.eq(Mux(held, waiting, buffer)),
                self.item.valid.eq(there & listening),
                waits.eq(there & listening & ~self.item.ready),
            ]
            with m.If(~waits):
                m.d.sync += [
                    item.sequence.eq(number_now), item.length.eq(size_now),
                    item.arrival.eq(arrival_now),
                ]
        return found, left != 0, excess
