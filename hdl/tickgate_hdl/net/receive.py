"""Reception of the feed's UDP datagrams, passed on while the frame still comes in."""

from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import enum, stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.lookup import lookup
from tickgate_hdl.net.beat_fifo import StoredBeat
from tickgate_hdl.net.headers import HeaderCheck
from tickgate_hdl.net.word_sum import WordSum, is_ones

__all__ = ["PacketBeat", "Receive", "Verdict"]

PacketBeat = StructLayout(
    {"data": 64, "keep": 8, "begin": 1, "lane": 3, "final": 1, "cycles": 32})
"""Eight bytes of a frame of which those in ``keep`` are a datagram's payload.

``begin`` marks the beat before the one that has the payload's first byte, which is in lane
``lane``; what is in lower lanes is no payload, though kept. ``final`` marks the beat with the
payload's last byte, or the frame's last beat if that comes earlier.
"""

_FIRST_EXACT = 7  # beats from this one on can have the payload's end
_LAST_INDEX = 7
_BEGIN = 4  # the beat before the payload's first, unless there are two tags


class Verdict(enum.Enum, shape=4):
    """What a frame turned out to be, each frame one of these, in this order of precedence.

    Only the first is the feed's; OTHER is in order but not the feed's.
    """

    GOOD = 0
    OTHER = 1
    BAD_FCS = 2
    OVERSIZE = 3
    BAD_LENGTH = 4
    BAD_IP_CHECKSUM = 5
    IP_OPTIONS = 6
    FRAGMENT = 7
    BAD_UDP_CHECKSUM = 8


class Receive(wiring.Component):
    """Find the payload of the feed's datagrams in Ethernet frames; judge each frame at its end.

    Beats are passed on in the cycle in which they come, marked as far as that is known; ``accept``
    is told before a MoldUDP64 header behind UDP can be complete, one cycle after its last beat at
    the latest. A frame may have no tag, one (0x8100 or 0x88A8), or one of these and then 0x8100.
    IPv4 options, fragments, and lengths that do not fit each other are refused. The verdict comes
    five cycles after the frame's last beat. It is the first of these that holds:

    1. BAD_FCS: the error flag is set. 2. OVERSIZE: more than ``max_bytes`` bytes.
    3. BAD_LENGTH: too short for its Ethernet header. 4. OTHER: not IPv4.
    5. BAD_LENGTH: too short for IPv4's header. 6. BAD_IP_CHECKSUM: not version 4, header length
    below 5, or a wrong checksum (which is not looked at when there are options). 7. OTHER: not UDP
    or not to ``group``; every frame is while that is 0. 8. IP_OPTIONS. 9. FRAGMENT.
    10. BAD_LENGTH: no room for UDP's header, by IPv4's total length or in the frame.
    11. OTHER: not to ``port``. 12. BAD_LENGTH: UDP's length is not what IPv4's leaves, or the frame
    ends before it. 13. BAD_UDP_CHECKSUM: it is wrong and not 0.

    Source: IEEE 802.3, 802.1Q; RFC 791, RFC 768, RFC 1071.

    Parameters
    ----------
    max_bytes : int
        Longest frame.

    Members
    -------
    i : In(stream of ``StoredBeat``)
        Frames.
    group, port : In(32), In(16)
        Destination wanted; first octet of the group in bits 31:24.
    o : Out(stream of ``PacketBeat``)
        All beats of all frames. ``i.ready`` is ``o.ready``.
    accept : Out(1)
        The headers of the frame are in order and the feed's.
    time_ns : Out(64)
        UTC clock at the frame's first beat.
    ended, verdict, cut : Out(1), Out(Verdict), Out(1)
        Strobe: a frame was judged; what it is; its headers are in order and the feed's, and its
        payload is too short for a MoldUDP64 header by its UDP length.
    active : Out(1)
        A frame is coming in or being judged.
    """

    def __init__(self, *, max_bytes=9216):
        if not 64 <= max_bytes < 1 << 15:
            raise ValueError(f"max_bytes must be 64 to 32767, not {max_bytes!r}")
        self._max_bytes = max_bytes
        super().__init__({
            "i": In(stream.Signature(StoredBeat)), "group": In(32), "port": In(16),
            "o": Out(stream.Signature(PacketBeat)), "accept": Out(1), "time_ns": Out(64),
            "ended": Out(1), "verdict": Out(Verdict), "cut": Out(1), "active": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.headers = headers = HeaderCheck()
        beat = self.i.payload.beat
        taken = Signal()
        number = Signal(13)  # beats of the frame so far; stops far beyond the longest frame
        first = Signal(init=1)  # there were none: the next one is the frame's first
        index = Signal(3)  # the same, up to 7
        m.d.comb += [
            taken.eq(self.i.valid & self.i.ready),
            headers.valid.eq(taken), headers.data.eq(beat.data), headers.index.eq(index),
            headers.group.eq(self.group), headers.port.eq(self.port),
            self.accept.eq(headers.accept),
        ]
        with m.If(first):  # whether it is taken or not: what the last one before it was, stays
            m.d.sync += self.time_ns.eq(self.i.payload.time_ns)
        with m.If(taken):
            m.d.sync += first.eq(beat.last)
            with m.If(beat.last):
                m.d.sync += [number.eq(0), index.eq(0)]
            with m.Else():
                with m.If(~number.all()):
                    m.d.sync += number.eq(number + 1)
                with m.If(index != _LAST_INDEX):
                    m.d.sync += index.eq(index + 1)

        # The payload's place: it begins at byte 42, 46 or 50, and ends where IPv4 says.
        end = Signal(signed(18))  # its last byte, counted from this beat
        room, ends = Signal(8, init=0xFF), Signal()
        exact = index == _FIRST_EXACT
        in_next, in_seventh = _lanes_up_to(end, 1), _lanes_up_to(headers.beyond, 2)
        m.d.comb += [
            self.o.valid.eq(self.i.valid), self.i.ready.eq(self.o.ready),
            self.o.payload.data.eq(beat.data),
            self.o.payload.keep.eq(beat.keep & room),
            self.o.payload.begin.eq(
                ~beat.last & (index == Mux(headers.double, _BEGIN + 1, _BEGIN))),
            self.o.payload.lane.eq(Mux(headers.tags == 1, 6, 2)),
            self.o.payload.final.eq(beat.last | ends),
            self.o.payload.cycles.eq(self.i.payload.cycles),
        ]
        with m.If(taken & (index >= _FIRST_EXACT - 1)):
            m.d.sync += [
                end.eq(Mux(exact, end - 8, headers.beyond - 16)),
                Cat(room, ends).eq(Mux(exact, in_next, in_seventh)),
            ]
        with m.If(taken & beat.last):
            m.d.sync += [room.eq(0xFF), ends.eq(0)]

        self._sum_datagram(m, headers, beat, taken, index)
        self._judge(m, headers, beat, taken, number, first)
        return m

    def _sum_datagram(self, m, headers, beat, taken, index):
        """Add up addresses and datagram, one cycle later: they lie side by side."""
        m.submodules.sum = self._sum = datagram = WordSum(32)
        data, keep, at = Signal(64), Signal(8), Signal(3)
        end = Signal(signed(18))
        room, begun = Signal(8), Signal(8)
        valid = Signal(name="datagram_valid")
        m.d.sync += valid.eq(taken)
        with m.If(taken):
            m.d.sync += [data.eq(beat.data), keep.eq(beat.keep), at.eq(index)]
        with m.If(valid), m.Switch(at):
            with m.Case(0, 1, 2, 3, 4):
                m.d.sync += [
                    end.eq(headers.beyond), room.eq(_lanes_up_to(headers.beyond, 0)[:8])]
            with m.Case(5):
                m.d.sync += [
                    end.eq(headers.beyond - 8), room.eq(_lanes_up_to(headers.beyond, 1)[:8])]
            with m.Default():
                m.d.sync += [end.eq(end - 8), room.eq(_lanes_up_to(end, 1)[:8])]
        # The source address is at byte 26, 30 or 34; the datagram can end from byte 42, 46 or 50.
        m.d.comb += begun.eq(0xFF)
        with m.Switch(at):
            with m.Case(0, 1, 2):
                m.d.comb += begun.eq(0)
            with m.Case(3):
                m.d.comb += begun.eq(Mux(headers.tags == 0, 0xFC, Mux(headers.tags == 1, 0xC0, 0)))
            with m.Case(4):
                m.d.comb += begun.eq(Mux(headers.tags == 2, 0xFC, 0xFF))
        inside = (at < 5) | ((at == 5) & headers.double)
        m.d.comb += [
            datagram.valid.eq(valid), datagram.first.eq(at == 0), datagram.data.eq(data),
            datagram.mask.eq(keep & begun & (room | inside.replicate(8))),
        ]

    def _judge(self, m, headers, beat, taken, number, first):
        """Three cycles after the last beat all is known of a frame; two more to judge it."""
        beats, keep = Signal(13), Signal(8)  # before the last one, and its bytes
        stages = [(Signal(name=f"over_{n}"), Signal(name=f"error_{n}"),
                   Signal(17, name=f"size_{n}"))
                  for n in range(3)]
        m.d.sync += stages[0][0].eq(taken & beat.last)
        m.d.comb += stages[0][2].eq((beats << 3) + sum(keep))
        with m.If(taken & beat.last):
            m.d.sync += [stages[0][1].eq(beat.error), beats.eq(number), keep.eq(beat.keep)]
        for (over, *values), (next_over, *next_values) in pairwise(stages):
            m.d.sync += next_over.eq(over)
            with m.If(over):
                m.d.sync += [after.eq(value)
                             for after, value in zip(next_values, values, strict=True)]

        over, error, size = stages[-1]
        known = Signal()
        names = ("error", "oversize", "no_ethernet", "is_ipv4", "no_ip", "version_right",
                 "options", "ours", "fragment", "no_udp", "port_right", "length_right", "truncated",
                 "short", "unchecked")
        was = Signal(StructLayout(dict.fromkeys(names, 1)))
        folded = Signal(18)
        ethernet = Signal(5)
        m.d.comb += ethernet.eq(14 + (headers.tags << 2))
        m.d.sync += known.eq(over)
        with m.If(over):
            m.d.sync += [
                was.error.eq(error),
                was.oversize.eq(size > self._max_bytes),
                was.no_ethernet.eq(size < ethernet),
                was.no_ip.eq(size < ethernet + 20),
                was.no_udp.eq(~headers.has_udp | (size < ethernet + 28)),
                was.truncated.eq(size < headers.end),
                folded.eq(self._sum.total[:16] + self._sum.total[16:] + headers.pseudo_sum),
                *(was[name].eq(getattr(headers, name)) for name in (
                    "is_ipv4", "version_right", "options", "ours", "fragment", "port_right",
                    "length_right", "short", "unchecked")),
            ]

        verdict, accepted = Signal(Verdict), Signal()
        for index, (wrong, name) in enumerate((
            (was.error, Verdict.BAD_FCS),
            (was.oversize, Verdict.OVERSIZE),
            (was.no_ethernet, Verdict.BAD_LENGTH),
            (~was.is_ipv4, Verdict.OTHER),
            (was.no_ip, Verdict.BAD_LENGTH),
            (~was.version_right | (~was.options & ~headers.sum_right), Verdict.BAD_IP_CHECKSUM),
            (~was.ours, Verdict.OTHER),
            (was.options, Verdict.IP_OPTIONS),
            (was.fragment, Verdict.FRAGMENT),
            (was.no_udp, Verdict.BAD_LENGTH),
            (~was.port_right, Verdict.OTHER),
            (~was.length_right | was.truncated, Verdict.BAD_LENGTH),
            (~is_ones(folded) & ~was.unchecked, Verdict.BAD_UDP_CHECKSUM),
        )):
            with m.If(wrong) if index == 0 else m.Elif(wrong):
                m.d.comb += verdict.eq(name)
        m.d.comb += accepted.eq(
            ~was.no_ethernet & was.is_ipv4 & ~was.no_ip & was.version_right & headers.sum_right
            & was.ours & ~was.options & ~was.fragment & ~was.no_udp & was.port_right
            & was.length_right)
        m.d.sync += self.ended.eq(known)
        with m.If(known):
            m.d.sync += [self.verdict.eq(verdict), self.cut.eq(accepted & was.short)]
        m.d.comb += self.active.eq(
            ~first | Cat(over for over, *_ in stages).any() | known | self.ended)


def _lanes_up_to(last, beats):
    """Return the lanes, one bit each, up to byte ``last`` of the beat so many beats on, at most 2;
    behind them whether that byte is in this beat, or before it.
    """
    lane, beat, negative = last[:3], last[3:-1], last[-1]
    later = ~negative & (beat[2:].any() | lookup(beat[:2], lambda at: at > beats))
    here = ~negative & (beat == beats)
    lanes = (later | (here & lookup(lane, lambda at, to=to: at >= to)) for to in range(8))
    return Cat(*lanes, ~later)
