"""The receiving half of the 10G MAC: from XGMII words to frames."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.layouts import FrameBeat
from tickgate_hdl.net import crc32
from tickgate_hdl.net.lossy_register import LossyRegister
from tickgate_hdl.net.xgmii import LANES, PREAMBLE, START, TERMINATE

__all__ = ["COUNTERS", "MacReceive"]

COUNTERS = ("count_frames", "count_bad_fcs", "count_bad_coding", "count_bad_preamble",
            "count_runts", "count_oversize", "count_overrun")
"""Counters of the receiver."""

_SHORTEST = 64  # bytes, with the check sequence
_PREAMBLE_BYTES = PREAMBLE.to_bytes(8, "little")
_HALF_START = crc32.undo(crc32.START, _PREAMBLE_BYTES[4:])
"""Remainder before the second half of a preamble, so that it is ``START`` behind it."""
_HALF_CYCLE_NS = 3  # of 6.4 ns, rounded down


class MacReceive(wiring.Component):
    """Turn XGMII words into frames, check them, and strip preamble and check sequence.

    Cut-through: a frame's first beat is offered ``latency`` cycles after the word with its start
    character was at the input, one cycle later when it starts in lane 4, and each further beat one
    cycle after the one before. That a frame is bad is told with its last beat, by ``error``, which
    costs no cycle: the check sequence is compared while it comes.

    The wire cannot be stalled. A beat that finds ``o`` stalled is lost with the rest of its frame:
    see :class:`tickgate_hdl.net.lossy_register.LossyRegister`.

    A frame ends with the first control character in it, and is bad unless that is a terminate
    character. It is also bad with a wrong check sequence, with less than 64 bytes, its check
    sequence included, and with more than ``max_bytes`` without it; such a long one is cut there,
    with ``error``, and the rest of it ignored. A frame of at most four bytes has nothing to offer
    and is only counted, and so is a start character that is not in lane 0 or 4 or not followed by
    preamble and start frame delimiter: what follows is ignored up to the next start. Frames may
    follow each other as closely as a start in lane 4 of the word that ended the frame before.
    No address is looked at. Source: IEEE 802.3, 3.2, 4.2.4 and clause 46.

    Parameters
    ----------
    max_bytes : int
        Longest frame without its check sequence, a multiple of 8.

    Attributes
    ----------
    latency : cycles from the word that starts in lane 0 to the frame's first beat

    Members
    -------
    xgmii_data, xgmii_control : In(64), In(8)
        A word each cycle, lane 0 in bits 7:0.
    time_ns : In(64)
        UTC clock.
    o : Out(stream of ``FrameBeat``)
        Frames; see above for what a stall does.
    frame_time_ns : Out(64)
        When the first byte behind the start frame delimiter was at the input, for the frame whose
        beat is offered; it holds from its first beat to that of the next. A start in lane 4 adds
        half a cycle, rounded down to 3 ns.
    count_frames : Out(32)
        Frames with a right preamble. Each is in at most one of the next: ``count_bad_coding`` (it
        did not end with a terminate character), ``count_runts``, ``count_bad_fcs``,
        ``count_oversize``, in this order of precedence but that a cut frame is only oversize.
    count_bad_preamble : Out(32)
        Words with a start that was refused, and none that was not.
    count_overrun : Out(32)
        Frames lost, whole or in part, because ``o`` was stalled. All counters wrap.
    active : Out(1)
        A frame is coming in.
    """

    latency = 3

    def __init__(self, *, max_bytes=9216):
        if max_bytes % 8 or not 64 <= max_bytes <= 1 << 15:
            raise ValueError(f"max_bytes must be a multiple of 8, 64 to 32768, not {max_bytes!r}")
        self._max_beats = max_bytes // 8
        super().__init__({
            "xgmii_data": In(64), "xgmii_control": In(8), "time_ns": In(64),
            "o": Out(stream.Signature(FrameBeat)), "frame_time_ns": Out(64),
            **{name: Out(32) for name in COUNTERS}, "active": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        data, control = self.xgmii_data, self.xgmii_control
        lanes = [data.word_select(lane, 8) for lane in range(LANES)]
        ended = control.any()

        # Frames begin. Words are counted as far as a shortest frame has them.
        begins, begins_half = Signal(), Signal()
        inside, half, first, words = Signal(), Signal(), Signal(), Signal(4)
        broken = Signal()  # a start in lane 4 whose preamble goes on wrongly
        m.d.comb += [
            begins.eq((control == 1) & (data == PREAMBLE)),
            begins_half.eq((control[4:] == 1) & (data[32:] == PREAMBLE & 0xFFFFFFFF)),
            broken.eq(first & half & ((data[:32] != PREAMBLE >> 32) | control[:4].any())),
        ]
        m.d.sync += [first.eq(begins | begins_half), words.eq(words + (words != 9))]
        with m.If(begins | begins_half):
            m.d.sync += [inside.eq(1), half.eq(begins_half), words.eq(0)]
        with m.Elif(ended | broken):
            m.d.sync += inside.eq(0)

        # The remainder up to this word. A control character may start a frame; else the remainder
        # is of no use behind it. Bytes before a start in lane 4's frame are made up for.
        remainder, remainder_half = Signal(32), Signal(32)
        m.d.sync += [
            remainder.eq(crc32.advance(remainder, data)),
            remainder_half.eq(crc32.advance(remainder, data[:32])),
        ]
        with m.If(control[4]):
            m.d.sync += remainder.eq(_HALF_START)
        with m.Elif(control[0]):
            m.d.sync += remainder.eq(crc32.START)

        # Where the frame ends in this word; whether it may, if it ends in the first five lanes.
        clear = Signal(LANES)  # no control character up to this lane
        at, terminates, right = Signal(LANES), Signal(), Signal(5)
        m.d.comb += [
            clear.eq(Cat(~control[:lane + 1].any() for lane in range(LANES))),
            at.eq(~clear & Cat(1, clear[:-1])),
            terminates.eq(Cat(lane == TERMINATE for lane in lanes) & at != 0),
            right.eq(Cat(
                at[count] & (lanes[count] == TERMINATE)
                & (remainder ^ data[:8 * count] == crc32.residue_before(count))
                for count in range(5))),
        ]
        enough, enough_half = Signal(), Signal()
        m.d.comb += [
            enough.eq(Mux(half, words == 9, words >= 8)),
            enough_half.eq(half & (words >= 8)),
        ]

        # One cycle later.
        word, was_inside, was_first, was_half = Signal(64), Signal(), Signal(), Signal()
        was_ended, was_clear, was_at = Signal(), Signal(LANES, init=0xFF), Signal(LANES)
        was_terminated, was_right, was_runt = Signal(), Signal(), Signal()
        high_before, first_before = Signal(32), Signal()
        m.d.sync += [
            word.eq(data), was_inside.eq(inside & ~broken), was_first.eq(first), was_half.eq(half),
            was_ended.eq(ended), was_clear.eq(clear), was_at.eq(at),
            was_terminated.eq(terminates), was_right.eq(right.any()),
            was_runt.eq(~(enough | enough_half & clear[3])),
            high_before.eq(word[32:]), first_before.eq(was_first),
        ]
        matches = Signal()
        m.d.comb += matches.eq(was_right | Cat(
            was_at[4 + count]
            & (remainder_half ^ word[32:32 + 8 * count] == crc32.residue_before(count))
            for count in range(1, 4)).any())

        # A beat is the word before, or a half of it and of the one before that; it is the last
        # when at most the check sequence is behind it.
        m.submodules.register = register = LossyRegister()
        beat, valid = register.beat, Signal()
        last, full, cut = Signal(), Signal(), Signal()
        m.d.comb += [
            register.first.eq(Mux(was_half, first_before, was_first)),
            valid.eq(was_inside & Mux(was_half, ~was_first & was_clear[0], was_clear[4])
                     & (register.first | ~cut)),
            last.eq(was_ended | Mux(was_half, control[0], control[:5].any())),
            beat.data.eq(Mux(was_half, Cat(high_before, word[:32]), word)),
            beat.keep.eq(Mux(was_half, was_clear, Cat(
                was_clear[4:], (clear[lane] & was_clear[7] for lane in range(4))))),
            beat.last.eq(last | full),
            beat.error.eq(Mux(
                was_ended, ~(was_terminated & matches) | was_runt,
                ~(right.any() & enough & last))),
            register.valid.eq(valid),
        ]

        # Beats are counted up to the longest frame.
        beats = Signal(range(self._max_beats))
        with m.If(valid):
            m.d.sync += [
                beats.eq(Mux(register.first, 1, beats + 1)),
                full.eq(~register.first & ~last & (beats == self._max_beats - 2)),
            ]
        cuts = valid & full & ~last
        with m.If(cuts):
            m.d.sync += cut.eq(1)
        with m.Elif(was_first):
            m.d.sync += cut.eq(0)

        stamp = Signal(64)
        with m.If(first):
            m.d.sync += stamp.eq(self.time_ns)
        with m.Elif(was_first & was_half):
            m.d.sync += stamp.eq(stamp + _HALF_CYCLE_NS)
        m.d.comb += [
            register.time_ns.eq(stamp), self.frame_time_ns.eq(register.frame_time_ns),
            self.o.payload.eq(register.o.payload), self.o.valid.eq(register.o.valid),
            register.o.ready.eq(self.o.ready), self.active.eq(inside | was_inside),
        ]

        # Counting, from registers.
        starts = Cat(control[lane] & (lanes[lane] == START) for lane in range(LANES)).any()
        judged = was_inside & was_ended & ~cut
        for name, happened in (
            ("count_frames", judged | cuts),
            ("count_bad_coding", judged & ~was_terminated),
            ("count_runts", judged & was_terminated & was_runt),
            ("count_bad_fcs", judged & was_terminated & ~was_runt & ~matches),
            ("count_oversize", cuts),
            ("count_bad_preamble", (starts & ~begins & ~begins_half) | broken),
            ("count_overrun", register.lost),
        ):
            strobe, counter = Signal(name=name.replace("count", "seen")), getattr(self, name)
            m.d.sync += strobe.eq(happened)
            with m.If(strobe):
                m.d.sync += counter.eq(counter + 1)
        return m
