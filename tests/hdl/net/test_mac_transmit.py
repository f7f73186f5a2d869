# amaranth: UnusedElaboratable=no
"""The MAC's sending half: what its words say to the golden model of a receiver."""

import random
from functools import cache

import pytest
from amaranth.hdl import ResetInserter, Signal, Value
from amaranth.sim import Simulator
from tickgate_hdl.net.mac_transmit import COUNTERS, MacTransmit
from tickgate_sim.models.mac import receive
from tickgate_sim.traffic.frames import beats

FIRST_WORD = 1
"""Cycles from the first beat offered to the word with the start character."""
IDLE, START, TERMINATE, ERROR = 0x07, 0xFB, 0xFD, 0xFE
QUIET = (0x0707070707070707, 0xFF)


@cache
def _simulation():
    """A simulator for all tests, for it takes long to make; and what it calls with a context."""
    calls = {}
    dut, restart = MacTransmit(), Signal()
    simulator = Simulator(ResetInserter(restart)(dut))
    simulator.add_clock(6.4e-9)

    async def bench(ctx):
        await calls["run"](ctx, dut, restart)

    simulator.add_testbench(bench)
    return simulator, calls


class Sent:
    """The words that a MacTransmit makes of beats, each offered from its cycle on.

    ``offers`` is a list of (beat, cycle before which it is not offered).
    """

    def __init__(self, offers, *, tail=30, reset=None):
        self.words, self.taken, self.offered = [], [], []

        async def run(ctx, dut, restart):
            cycle = 0
            waiting = list(offers)
            left = tail
            while left:
                valid = bool(waiting) and waiting[0][1] <= cycle
                if valid and len(self.offered) == len(self.taken):
                    self.offered.append(cycle)
                ctx.set(dut.i.valid, valid)
                if valid:
                    ctx.set(Value.cast(dut.i.payload), waiting[0][0])
                self.words.append((ctx.get(dut.xgmii_data), ctx.get(dut.xgmii_control)))
                if valid and ctx.get(dut.i.ready):
                    waiting.pop(0)
                    self.taken.append(cycle)
                ctx.set(restart, cycle == reset)
                left = tail if waiting or ctx.get(dut.active) else left - 1
                cycle += 1
                await ctx.tick()
            self.counts = {name: ctx.get(getattr(dut, name)) for name in COUNTERS}

        simulator, calls = _simulation()
        if calls:
            simulator.reset()
        calls["run"] = run
        simulator.run()
        self.line = [(data >> 8 * lane & 255, control >> lane & 1)
                     for data, control in self.words for lane in range(8)]
        self.starts = [at for at, one in enumerate(self.line) if one == (START, 1)]
        self.ends = [at for at, one in enumerate(self.line) if one == (TERMINATE, 1)]

    def gaps(self):
        """Characters from each terminate character to the next start."""
        return [start - end for end, start in zip(self.ends, self.starts[1:], strict=False)]


def offers(*frames, at=3):
    """Beats of frames, all offered from cycle ``at`` on."""
    return [(beat, at) for frame in frames for beat in beats(frame)]


def received(sent):
    """The frames in it, none of them bad; between frames there is nothing but idle characters."""
    frames, counts = receive(sent.words)
    assert counts == {name: counts["frames"] if name == "frames" else 0 for name in counts}
    inside = False
    for one in sent.line:
        if one == (START, 1):
            assert not inside
            inside = True
        elif one == (TERMINATE, 1):
            assert inside
            inside = False
        else:
            assert inside or one == (IDLE, 1)
    return [frame.data for frame in frames]


def test_frames_of_all_lengths_one_by_one():
    lengths = [1, 8, 14, 42, 59, *range(60, 90), 1514]
    frames = [random.Random(length).randbytes(length) for length in lengths]
    times = [3 + 20 * number for number in range(len(lengths))]
    sent = Sent([offer for frame, at in zip(frames, times, strict=True)
                 for offer in offers(frame, at=at)])
    assert received(sent) == [frame.ljust(60, b"\0") for frame in frames]
    assert sent.starts == [8 * (at + FIRST_WORD) for at in times]
    assert sent.taken == [at + n for at, length in zip(times, lengths, strict=True)
                          for n in range((length + 7) // 8)]
    assert sent.counts == {
        "count_frames": len(frames), "count_underflow": 0, "count_aborted": 0}


@pytest.mark.parametrize("length", [60, 61, 62, 63, 65])
def test_frames_of_one_length_back_to_back_have_a_gap_of_twelve_on_average(length):
    frames = [bytes([n]) * length for n in range(17)]
    sent = Sent(offers(*frames))
    assert received(sent) == frames
    gaps = sent.gaps()
    assert len(gaps) == 16
    assert sum(gaps) == 12 * 16
    assert min(gaps) >= 9
    assert max(gaps) <= 15


def test_random_frames_with_and_without_pauses():
    rng = random.Random(1)
    frames, given, at = [], [], 3
    for _ in range(60):
        frames.append(rng.randbytes(rng.randrange(1, 140)))
        given += offers(frames[-1], at=at)
        at += rng.choice((0, 0, rng.randrange(40)))
    sent = Sent(given)
    assert received(sent) == [frame.ljust(60, b"\0") for frame in frames]
    assert sent.counts["count_frames"] == 60
    gaps = sent.gaps()
    assert min(gaps) >= 9
    short = 0  # what the gaps so far are below twelve
    for gap in gaps:
        short = max(0, short + 12 - gap)
        assert short <= 3
    # A frame that is offered when the gap is over begins at once.
    begun = 0
    for number, frame in enumerate(frames):
        offered = sent.offered[begun]
        assert sent.starts[number] // 8 == sent.taken[begun] + FIRST_WORD
        if number and 8 * (offered + FIRST_WORD) - sent.ends[number - 1] > 15:
            assert sent.starts[number] == 8 * (offered + FIRST_WORD)
        begun += (len(frame) + 7) // 8


@pytest.mark.parametrize("second", [False, True])
def test_a_frame_whose_beats_stop_is_ended_by_errors_and_counted(second):
    rng = random.Random(1)
    for stop in (1, 2, 7, 8, 12):
        before = [rng.randbytes(62)] if second else []  # then the frame starts in lane 4
        frame, after = rng.randbytes(100), rng.randbytes(70)
        given = offers(*before, frame)
        cut = len(given) - 13 + stop
        given = [(beat, 3 if at < cut else 60) for at, (beat, _) in enumerate(given)]
        sent = Sent(given + offers(after))
        frames, counts = receive(sent.words)
        if second:
            assert sent.starts[1] % 8 == 4
        good = [data for data, error, _ in frames if not error]
        assert good == [*before, after]
        assert counts["bad_coding"] == 1
        assert sent.counts == {
            "count_frames": len(before) + 1, "count_underflow": 1, "count_aborted": 0}
        _ends_in_errors(sent, len(before))


def _ends_in_errors(sent, number):
    """Frame ``number`` has at least one word of eight error characters and ends behind them."""
    end = sent.ends[number]
    errors = [at for at in range(sent.starts[number], end) if sent.line[at] == (ERROR, 1)]
    assert errors == list(range(errors[0], end))
    assert len(errors) in (8, 12)
    assert end % 8 == 0  # a word that 10GBASE-R has a code for
    assert sum(word == (0xFEFEFEFEFEFEFEFE, 0xFF) for word in sent.words) == 1


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("length", [5, 60, 100])
def test_an_error_ends_a_frame_with_errors_and_is_counted(length, second):
    before = [bytes(62)] if second else []
    after = bytes(range(70))
    given = offers(*before) + [(beat, 3) for beat in beats(bytes(length), error=True)]
    sent = Sent(given + offers(after))
    good = [data for data, error, _ in receive(sent.words)[0] if not error]
    assert good == [*before, after]
    assert sent.counts == {"count_frames": len(before) + 1, "count_underflow": 0,
                           "count_aborted": 1}
    assert sent.gaps()[len(before)] >= 9
    _ends_in_errors(sent, len(before))


@pytest.mark.parametrize(("at", "keep"), [(0, 0x7F), (3, 0x00), (12, 0x00), (12, 0x05), (5, 0xFE)])
def test_a_beat_out_of_contract_ends_the_frame_and_is_counted(at, keep):
    given = beats(bytes(100))
    given[at] = given[at] & ~(0xFF << 64) | keep << 64
    after = bytes(range(70))
    sent = Sent([(beat, 3) for beat in given] + offers(after))
    good = [data for data, error, _ in receive(sent.words)[0] if not error]
    assert good == [after]
    assert sent.counts == {"count_frames": 1, "count_underflow": 0, "count_aborted": 1}


@pytest.mark.parametrize("at", [3, 4, 8, 14, 15, 16])
def test_reset_in_the_middle_of_a_frame_leaves_idle_characters(at):
    after = bytes(range(70))
    sent = Sent(offers(bytes(90)) + offers(after, at=60), reset=at)
    assert sent.words[at + 1] == QUIET
    frames, counts = receive(sent.words[at + 1:])
    assert [frame.data for frame in frames][-1] == after
    assert counts["bad_fcs"] == counts["bad_coding"] == 0
