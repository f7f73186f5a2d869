"""The sending half of the 10G MAC: from frames to XGMII words."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.layouts import FrameBeat
from tickgate_hdl.net import crc32
from tickgate_hdl.net.xgmii import ERROR, IDLE, LANES, PREAMBLE, TERMINATE

__all__ = ["COUNTERS", "MacTransmit"]

COUNTERS = ("count_frames", "count_underflow", "count_aborted")
"""Counters of the sender."""

_IDLES = int.from_bytes(8 * [IDLE], "little")
_ERRORS = int.from_bytes(8 * [ERROR], "little")
_ENDS = _IDLES & ~0xFF | TERMINATE
_MOST_DEFICIT = 3
_LAST_PADDED = 7  # index of the beat in which byte 60 is, its fourth


class _State(enum.Enum):
    IDLE = 0
    FRAME = 1
    PAD = 2
    DRAIN = 3


class MacTransmit(wiring.Component):
    """Turn frames into XGMII words: preamble, padding to 60 bytes, check sequence, gap.

    The word with the start character is at the output ``latency`` cycles after a frame's first
    beat was offered, if the gap behind the frame before is over, and the frame's first word one
    cycle later. Frames start in lane 0, or in lane 4 when the gap allows that and a frame is
    waiting; the gap from the terminate character, included, to the next start is at least 12
    characters on average, and never less than 9 (deficit idle count up to 3).

    Once a frame has begun it cannot wait. When its next beat is not there, or its last beat has
    ``error``, or a beat is not as :data:`tickgate_hdl.lib.layouts.FrameBeat` says (``keep``), the
    frame is ended by eight error characters and the terminate character, without check sequence;
    in the first case the beats that come late are taken and dropped up to its last one. No frame
    is too long. Source: IEEE 802.3, 4.2.3 and 46.3.1.

    Attributes
    ----------
    latency : cycles from the first beat of a frame to its start character, in lane 0

    Members
    -------
    i : In(stream of ``FrameBeat``)
        Frames. ``ready`` is low in the gap and while a frame is padded.
    xgmii_data, xgmii_control : Out(64), Out(8)
        A word each cycle, lane 0 in bits 7:0.
    count_frames : Out(32)
        Frames that were sent whole.
    count_underflow, count_aborted : Out(32), Out(32)
        Frames that were ended because a beat was missing; because of ``error`` or a wrong ``keep``.
        They wrap.
    active : Out(1)
        A frame, or the gap behind it, is being sent.
    """

    latency = 1

    def __init__(self):
        super().__init__({
            "i": In(stream.Signature(FrameBeat)),
            "xgmii_data": Out(64, init=_IDLES), "xgmii_control": Out(8, init=0xFF),
            **{name: Out(32) for name in COUNTERS}, "active": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        # What goes out in a cycle, as if all frames started in lane 0; its second half waits for
        # the next word of a frame that started in lane 4.
        word, control = Signal(64), Signal(8)
        high, high_control = Signal(32, init=_IDLES >> 32), Signal(4, init=0xF)
        shift = Signal()  # the frame being sent started in lane 4
        m.d.sync += [
            self.xgmii_data.eq(Mux(shift, Cat(high, word[:32]), word)),
            self.xgmii_control.eq(Mux(shift, Cat(high_control, control[:4]), control)),
            high.eq(Mux(shift, word[32:], _IDLES >> 32)),
            high_control.eq(Mux(shift, control[4:], 0xF)),
        ]

        begins = self._take(m)
        self._send(m, word, control, begins, shift)
        self._keep_gap(m, begins, shift)

        for name, strobe in (("count_frames", self._sent), ("count_underflow", self._starved),
                             ("count_aborted", self._refused)):
            counter = getattr(self, name)
            with m.If(strobe):
                m.d.sync += counter.eq(counter + 1)
        return m

    def _take(self, m):
        """Take beats, pad them, keep the remainder. Return the strobe that a frame begins."""
        beat = self.i.payload
        state = self._state = Signal(_State)
        may_begin = self._may_begin = Signal()
        taken, begins, steps = Signal(), Signal(), Signal()
        index = Signal(4)  # of the beat; stops behind the one that may have to be padded
        m.d.comb += [
            self.i.ready.eq((state == _State.FRAME) | (state == _State.DRAIN)
                            | ((state == _State.IDLE) & may_begin)),
            taken.eq(self.i.valid & self.i.ready & (state != _State.DRAIN)),
            begins.eq(taken & (state == _State.IDLE)),
            steps.eq(taken | (state == _State.PAD)),
        ]

        wrong = Signal()
        ends = Signal()  # no further beat comes, but perhaps padding
        m.d.comb += [
            wrong.eq(beat.error & beat.last | Mux(
                beat.last, ~Cat(beat.keep == (1 << n) - 1 for n in range(1, 9)).any(),
                ~beat.keep.all())),
            ends.eq(beat.last | (state == _State.PAD)),
        ]
        mask, data = Signal(8), Signal(64)
        m.d.comb += [
            mask.eq(beat.keep & (state != _State.PAD).replicate(8)),
            data.eq(self.i.payload.data & Cat(bit.replicate(8) for bit in mask)),
        ]

        # The beat, one cycle later; ``size`` has a bit for each of its bytes.
        self._have, self._data, self._size = Signal(), Signal(64), Signal(8)
        self._final, self._abort = Signal(), Signal()
        self._remainder = remainder = Signal(32, init=crc32.START)
        self._starved, self._refused = Signal(), Signal()
        padded = index == _LAST_PADDED
        final = ends & index[3:].any() | ends & padded
        m.d.sync += [
            self._have.eq(steps), self._data.eq(data), self._final.eq(final),
            self._size.eq(Mux(padded, mask | 0x0F, mask)),
            self._abort.eq(0), self._starved.eq(0), self._refused.eq(0),
        ]
        with m.If(steps):
            m.d.sync += [
                remainder.eq(crc32.advance(remainder, data)),
                index.eq(Mux(index[3], index, index + 1)),
                state.eq(Mux(~ends, _State.FRAME, Mux(final, _State.IDLE, _State.PAD))),
            ]
        with m.Else():
            # Behind a frame's last beat, whose remainder is read in this cycle.
            m.d.sync += [remainder.eq(crc32.START), index.eq(0)]
        with m.If(taken & wrong):
            m.d.sync += [
                self._have.eq(0), self._abort.eq(1), self._refused.eq(1),
                state.eq(Mux(beat.last, _State.IDLE, _State.DRAIN)),
            ]
        with m.If((state == _State.FRAME) & ~self.i.valid):
            m.d.sync += [self._abort.eq(1), self._starved.eq(1), state.eq(_State.DRAIN)]
        with m.If((state == _State.DRAIN) & self.i.valid & beat.last):
            m.d.sync += state.eq(_State.IDLE)
        return begins

    def _send(self, m, word, control, begins, shift):
        """Make the word that goes out."""
        m.d.comb += [word.eq(_IDLES), control.eq(0xFF)]
        size = self._size
        self._sent = Signal()
        # One bit for each number of bytes of the last beat, and the check sequence for each.
        count = [size[n - 1] & (~size[n] if n < LANES else 1) for n in range(1, LANES + 1)]
        checks = [~crc32.rewind(self._remainder, LANES - n) for n in range(1, LANES + 1)]

        def lanes_behind(skipped):
            """The last beat's lanes as (value, is control), or those of the word behind it."""
            for lane in range(skipped, skipped + LANES):
                is_data = size[lane] if lane < LANES else Const(0, 1)
                value = self._data.word_select(lane, 8) if lane < LANES else Const(0, 8)
                value = value & is_data.replicate(8)
                plain = is_data
                for n in range(1, LANES + 1):
                    here = count[n - 1].replicate(8)
                    if n <= lane < n + 4:
                        value = value | here & checks[n - 1].word_select(lane - n, 8)
                        plain = plain | count[n - 1]
                    elif lane >= n + 4:
                        value = value | here & Const(TERMINATE if lane == n + 4 else IDLE, 8)
                yield value, ~plain

        rest, rest_control = Signal(64), Signal(8)
        self._tail = Signal()  # the word behind the last beat ends the frame
        tail_ends = Cat(count[3:]).any()
        values, controls = zip(*lanes_behind(LANES), strict=True)
        m.d.sync += [
            rest.eq(Cat(values)), rest_control.eq(Cat(controls)),
            self._tail.eq(self._have & self._final & tail_ends), self._sent.eq(0),
        ]
        self._quits = Signal()  # the word behind eight error characters
        m.d.sync += self._quits.eq(self._abort)
        with m.If(begins):
            m.d.comb += [word.eq(PREAMBLE), control.eq(1)]
        with m.If(self._have):
            m.d.comb += [word.eq(self._data), control.eq(0)]
            with m.If(self._final):
                values, controls = zip(*lanes_behind(0), strict=True)
                m.d.comb += [word.eq(Cat(values)), control.eq(Cat(controls))]
                m.d.sync += self._sent.eq(1)
        with m.If(self._tail):
            m.d.comb += [word.eq(rest), control.eq(rest_control)]
        with m.If(self._abort):
            m.d.comb += [word.eq(_ERRORS), control.eq(0xFF)]
            # Behind them the terminate character, in a lane that makes whole words of them.
            # A mixture of error characters and it has no code in 10GBASE-R.
        with m.If(self._quits):
            m.d.comb += word.eq(Mux(
                shift, _ERRORS & 0xFFFFFFFF | (_ENDS & 0xFFFFFFFF) << 32, _ENDS))
        self._ends_at(m, count, tail_ends, shift)

    def _ends_at(self, m, count, tail_ends, shift):
        """Tell the word with the terminate character, and that character's place in it."""
        self._closes = Signal()
        self._half, self._within = Signal(), Signal(2)  # which half of the word; where in that
        half, within = Signal(), Signal(2)  # of the last beat's frame
        late_half, late_within = Signal(), Signal(2)
        m.d.comb += [
            half.eq(count[0] | count[1] | count[2] | count[7]),
            within.eq(Cat(count[0] | count[2] | count[4] | count[6],
                          count[1] | count[2] | count[5] | count[6])),
            self._closes.eq(self._tail | self._quits | (self._have & self._final & ~tail_ends)),
            self._half.eq(half), self._within.eq(within),
        ]
        m.d.sync += [late_half.eq(half), late_within.eq(within)]
        with m.If(self._tail):
            m.d.comb += [self._half.eq(late_half), self._within.eq(late_within)]
        with m.If(self._quits):
            m.d.comb += [self._half.eq(shift), self._within.eq(0)]

    def _keep_gap(self, m, begins, shift):
        """Say from when on, and in which lane, the next frame may begin.

        All is counted in halves of words, four characters: a start is rounded down by up to three
        characters if the deficit allows it, else up.
        """
        over, wait = Signal(init=1), Signal(2)
        shifted, shift_next, deficit = Signal(), Signal(), Signal(2)
        halves, sum_ = Signal(3), Signal(3)
        m.d.comb += [
            sum_.eq(deficit + self._within),
            # From the first half of the word with the terminate character to that of the start.
            halves.eq(shifted + self._half + Mux(sum_ <= _MOST_DEFICIT, 3, 4)),
            self._may_begin.eq(over & (wait == 0)),
            shift.eq(Mux(begins, shift_next, shifted)),
            self.active.eq((self._state != _State.IDLE) | ~self._may_begin),
        ]
        m.d.sync += shifted.eq(shift)
        with m.If(begins):
            m.d.sync += over.eq(0)
        with m.If(self._closes):
            # The difference of four that rounding up makes is one that two bits do not show.
            m.d.sync += [
                over.eq(1), wait.eq(halves[1:] - 1), shift_next.eq(halves[0]), deficit.eq(sum_)]
        with m.Elif(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.Elif(over & ~begins):
            m.d.sync += [shift_next.eq(0), deficit.eq(0)]
