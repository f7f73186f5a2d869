"""Verdict on one Ethernet frame at a time: is it a good datagram of the feed, and where is its
payload?"""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.layouts import FrameBeat

__all__ = ["FrameJudge"]

_VLAN_TAG = 0x8100
_IPV4 = 0x0800
_UDP = 17


class FrameJudge(wiring.Component):
    """Check a frame's lengths and checksums while its beats pass; give the verdict after the last.

    All offsets are even, so a beat is four 16-bit words, and each word's place says what it is. A
    beat is worked on one cycle after it was taken, when all that decides about it is registered.
    The verdict comes three cycles after the last beat was taken; ``ready`` is low from that beat
    until it is taken.

    Members
    -------
    beat, take : :py:`In(FrameBeat)`, :py:`In(1)`
        A beat of the frame, and that it is taken in this cycle.
    ready : :py:`Out(1)`
        A beat may be taken.
    group, port : :py:`In(32)`, :py:`In(16)`
        Destination wanted.
    oversize : :py:`Out(1)`
        The frame already has ``max_beats`` beats: no more of it needs to be stored, it is bad.
    verdict_valid, verdict_ready : :py:`Out(1)`, :py:`In(1)`
        Handshake of the verdict.
    bad, other : :py:`Out(1)`
        The frame is damaged; it is in order, but not the feed's. Neither: it is a datagram of the
        feed.
    offset, length : :py:`Out(16)`
        Place of the payload in the frame, in bytes.
    """

    def __init__(self, *, max_beats):
        self._max_beats = max_beats
        super().__init__(
            {
                "beat": In(FrameBeat),
                "take": In(1),
                "ready": Out(1),
                "group": In(32),
                "port": In(16),
                "oversize": Out(1),
                "verdict_valid": Out(1),
                "verdict_ready": In(1),
                "bad": Out(1),
                "other": Out(1),
                "offset": Out(16),
                "length": Out(16),
            }
        )

    def elaborate(self, platform):
        m = Module()

        # Which beat, and what decides about the words of later beats.
        number = Signal(range(self._max_beats + 1))
        tagged = Signal()
        header_words = Signal(4)  # IHL: length of the IPv4 header in 32-bit words
        data = self.beat.data
        m.d.comb += self.oversize.eq(number == self._max_beats)
        with m.If(self.take):
            with m.If(~self.oversize):
                m.d.sync += number.eq(number + 1)
            with m.If(number == 1):
                m.d.sync += [
                    tagged.eq(_big_endian(data, 2) == _VLAN_TAG),
                    header_words.eq(data.word_select(6, 8)[:4]),
                ]
            with m.If((number == 2) & tagged):
                m.d.sync += header_words.eq(data.word_select(2, 8)[:4])

        # The beat, one cycle later.
        have = Signal()
        word_base = Signal(range(4 * self._max_beats + 1))
        delayed = Signal(FrameBeat)
        over = Signal()
        m.d.sync += [
            have.eq(self.take),
            delayed.eq(self.beat),
            word_base.eq(number << 2),
            over.eq(self.oversize),
        ]

        ethertype = Signal(16)
        version = Signal(4)
        total_length, fragment, protocol = Signal(16), Signal(16), Signal(8)
        destination = Signal(32)
        port, udp_length, udp_checksum = Signal(16), Signal(16), Signal(16)
        frame_bytes = Signal(16)
        error, too_long = Signal(), Signal()
        header_sum, udp_sum = Signal(32), Signal(32)

        l3 = Mux(tagged, 9, 7)  # places count 16-bit words
        l4 = Signal(8)
        end_bytes = Signal(17)
        m.d.comb += [
            l4.eq(l3 + (header_words << 1)),
            end_bytes.eq((l3 << 1) + total_length),
        ]
        header_part, udp_part = [], []
        for lane in range(4):
            place = Signal(range(4 * self._max_beats + 4), name=f"place_{lane}")
            word = Signal(16, name=f"word_{lane}")
            m.d.comb += [
                place.eq(word_base + lane),
                word.eq(_big_endian(delayed.data, lane)),
            ]
            with m.If(have):
                for target, at in (
                    (ethertype, l3 - 1),
                    (total_length, l3 + 1),
                    (fragment, l3 + 3),
                    (destination[16:], l3 + 8),
                    (destination[:16], l3 + 9),
                    (port, l4 + 1),
                    (udp_length, l4 + 2),
                    (udp_checksum, l4 + 3),
                ):
                    with m.If(place == at):
                        m.d.sync += target.eq(word)
                with m.If(place == l3):
                    m.d.sync += version.eq(word[12:])
                with m.If(place == l3 + 4):
                    m.d.sync += protocol.eq(word[:8])
            in_header = (place >= l3) & (place < l4)
            in_addresses = (place >= l3 + 6) & (place < l3 + 10)
            in_udp = (place >= l4) & ((place << 1) < end_bytes)
            odd_end = ((place << 1) + 1) == end_bytes
            header_part.append(Mux(in_header, word, 0))
            udp_part.append(
                Mux(in_addresses | in_udp, Cat(Mux(in_udp & odd_end, 0, word[:8]), word[8:]), 0)
            )
        with m.If(have & ~over):
            m.d.sync += [
                header_sum.eq(header_sum + sum(header_part)),
                udp_sum.eq(udp_sum + sum(udp_part)),
                frame_bytes.eq(frame_bytes + sum(delayed.keep)),
            ]
        with m.If(have):
            m.d.sync += [
                error.eq(error | delayed.error),
                too_long.eq(too_long | over),
            ]

        # After the last beat: fold the sums, then judge.
        header_ok, udp_ok = Signal(), Signal()
        header_fold, udp_fold = Signal(18), Signal(18)
        header_bytes = Signal(8)
        m.d.comb += header_bytes.eq(header_words << 2)
        with m.FSM():
            with m.State("Receive"):
                m.d.comb += self.ready.eq(1)
                with m.If(self.take & self.beat.last):
                    m.next = "Last Beat"
            with m.State("Last Beat"):
                m.next = "Fold"
            with m.State("Fold"):
                pseudo = _UDP + (total_length - header_bytes)[:16]
                m.d.sync += [
                    header_fold.eq(header_sum[:16] + header_sum[16:]),
                    udp_fold.eq(udp_sum[:16] + udp_sum[16:] + pseudo),
                ]
                m.next = "Judge"
            with m.State("Judge"):
                m.d.comb += [
                    header_ok.eq(_ones(header_fold)),
                    udp_ok.eq(_ones(udp_fold) | (udp_checksum == 0)),
                    self.verdict_valid.eq(1),
                    self.offset.eq((l4 << 1) + 8),
                    self.length.eq(total_length - header_bytes - 8),
                ]
                with m.If(error | too_long | (frame_bytes < l3 * 2)):
                    m.d.comb += self.bad.eq(1)
                with m.Elif(ethertype != _IPV4):
                    m.d.comb += self.other.eq(1)
                with m.Elif(
                    (version != 4)
                    | (header_words < 5)
                    | (total_length < header_bytes)
                    | (frame_bytes < end_bytes)
                    | ~header_ok
                ):
                    m.d.comb += self.bad.eq(1)
                with m.Elif((protocol != _UDP) | (destination != self.group)):
                    m.d.comb += self.other.eq(1)
                with m.Elif(
                    (fragment[:14] != 0)  # more fragments, or an offset
                    | (total_length < header_bytes + 8)
                    | (udp_length != total_length - header_bytes)
                    | ~udp_ok
                ):
                    m.d.comb += self.bad.eq(1)
                with m.Elif(port != self.port):
                    m.d.comb += self.other.eq(1)
                with m.If(self.verdict_ready):
                    cleared = (
                        number, tagged, header_words, ethertype, frame_bytes, error, too_long,
                        header_sum, udp_sum, total_length,
                    )  # fmt: skip
                    m.d.sync += [signal.eq(0) for signal in cleared]
                    m.next = "Receive"
        return m


def _big_endian(data, lane):
    """The 16-bit word at bytes 2 * lane and 2 * lane + 1."""
    return Cat(data.word_select(2 * lane + 1, 8), data.word_select(2 * lane, 8))


def _ones(folded):
    """Whether a sum, folded once, is 0xFFFF in ones' complement arithmetic."""
    twice = folded[:16] + folded[16:]
    return (twice[:16] + twice[16:])[:16] == 0xFFFF
