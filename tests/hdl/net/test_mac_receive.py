# amaranth: UnusedElaboratable=no
"""The MAC's receiving half against its golden model, character by character."""

import random
from functools import cache

import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator
from tickgate_hdl.net.mac_receive import COUNTERS, MacReceive
from tickgate_sim.models.mac import receive
from tickgate_sim.traffic.xgmii import ERROR, IDLE, START, TERMINATE, Wire

SECONDS = 1_700_000_000_000_000_000
FIRST_BEAT = {0: 3, 4: 4}
"""Cycles from the word with the start character to the first beat, by its lane."""


@cache
def _simulation(max_bytes):
    """A simulator for all tests, for it takes long to make; and what it calls with a context."""
    calls = {}
    dut, restart = MacReceive(max_bytes=max_bytes), Signal()
    simulator = Simulator(ResetInserter(restart)(dut))
    simulator.add_clock(6.4e-9)

    async def bench(ctx):
        await calls["run"](ctx, dut, restart)

    simulator.add_testbench(bench)
    return simulator, calls


class Received:
    """What a MacReceive made of words: frames, when their beats were offered, counters."""

    def __init__(self, words, *, max_bytes=9216, stall=(), reset=()):
        self.frames, self.times, self.cycles = [], [], []

        async def run(ctx, dut, restart):
            beats, cycles, times = b"", [], set()
            for cycle, (data, control) in enumerate([*words, *12 * [(0x0707070707070707, 255)]]):
                ctx.set(dut.xgmii_data, data)
                ctx.set(dut.xgmii_control, control)
                ctx.set(dut.time_ns, clock(cycle))
                ready = cycle not in stall
                ctx.set(dut.o.ready, ready)
                if ready and ctx.get(dut.o.valid):
                    beat = ctx.get(dut.o.payload)
                    count = beat.keep.bit_length()
                    assert beat.keep == (1 << count) - 1
                    assert beat.last or count == 8
                    assert count
                    beats += beat.data.to_bytes(8, "little")[:count]
                    cycles.append(cycle)
                    times.add(ctx.get(dut.frame_time_ns))
                    if beat.last:
                        self.frames.append((beats, bool(beat.error)))
                        self.cycles.append(cycles)
                        time, = times
                        self.times.append(time)
                        beats, cycles, times = b"", [], set()
                if cycle in reset:
                    beats, cycles, times = b"", [], set()
                ctx.set(restart, cycle in reset)
                await ctx.tick()
            self.unfinished = beats
            self.counts = {name: ctx.get(getattr(dut, name)) for name in COUNTERS}
            self.active = ctx.get(dut.active)

        simulator, calls = _simulation(max_bytes)
        if calls:
            simulator.reset()
        calls["run"] = run
        simulator.run()


def clock(cycle):
    """The UTC clock in a cycle, as a counter of ns would show it."""
    return SECONDS + cycle * 32 // 5


def check(wire, **options):
    """Send it; frames, timing and counters must be the model's. Return what was received."""
    words = wire.words()
    frames, counts = receive(words, options.get("max_bytes", 9216))
    got = Received(words, **options)
    assert got.frames == [(frame.data, frame.error) for frame in frames]
    assert got.unfinished == b""
    assert not got.active
    assert got.counts == {f"count_{name}": count for name, count in counts.items()} | {
        "count_overrun": 0}
    for frame, cycles, time in zip(frames, got.cycles, got.times, strict=True):
        word, lane = divmod(frame.start, 8)
        first = word + FIRST_BEAT[lane]
        assert cycles == list(range(first, first + len(cycles)))
        assert time == clock(word + 1) + (3 if lane else 0)
    return got


def payload(rng, length):
    return rng.randbytes(length)


@pytest.mark.parametrize("lane", [0, 4])
def test_every_length_around_the_shortest_and_every_end_lane(lane):
    rng, wire = random.Random(lane), Wire()
    for length in range(1, 90):
        wire.frame(payload(rng, length), lane=lane)
    got = check(wire)
    assert got.counts["count_frames"] == 89
    assert got.counts["count_runts"] == 59
    assert got.counts["count_bad_fcs"] == 0
    assert [error for _, error in got.frames] == 59 * [True] + 30 * [False]


@pytest.mark.parametrize("lane", [0, 4])
def test_a_single_wrong_bit_anywhere_is_a_bad_check_sequence(lane):
    rng, wire = random.Random(5 + lane), Wire()
    for length in range(60, 76):
        for _ in range(4):
            wire.align(lane)
            before = len(wire.characters)
            wire.frame(payload(rng, length), lane=lane)
            at = rng.randrange(before + 8, len(wire.characters) - 1)
            value, control = wire.characters[at]
            wire.characters[at] = (value ^ 1 << rng.randrange(8), control)
    got = check(wire)
    assert got.counts["count_bad_fcs"] == got.counts["count_frames"] == 64


def test_a_control_character_inside_ends_the_frame_as_bad():
    rng, wire = random.Random(2), Wire()
    for lane in (0, 4):
        for at in range(1, 100, 3):
            for character in (ERROR, IDLE, 0x9C):
                wire.frame(payload(rng, at), lane=lane, end=character)
                wire.data(payload(rng, 9))  # the rest belongs to nothing
                wire.control(TERMINATE)
    got = check(wire)
    assert got.counts["count_bad_coding"] == got.counts["count_frames"] == 2 * 33 * 3


def test_a_start_inside_a_frame_ends_it_and_begins_the_next():
    rng, wire = random.Random(3), Wire()
    for length in range(60, 93):
        for lane in (0, 4):
            wire.frame(payload(rng, length), lane=lane, end=None)
            wire.data(bytes(-len(wire.characters) % 4))
            wire.frame(payload(rng, 60))
    got = check(wire)
    assert got.counts["count_bad_coding"] >= 60


def test_wrong_preambles_are_refused():
    rng, wire = random.Random(4), Wire()
    good = bytes(6 * [0x55] + [0xD5])
    for lane in (0, 4):
        for at in range(7):
            wrong = bytearray(good)
            wrong[at] ^= 1 << rng.randrange(8)
            wire.frame(payload(rng, 64), lane=lane, preamble=bytes(wrong))
            wire.frame(payload(rng, 64))
        for short in range(6):
            wire.align(lane)
            wire.control(START)
            wire.data(good[:short])
            wire.control(TERMINATE)
            wire.frame(payload(rng, 64), lane=0)
    for lane in (1, 2, 3, 5, 6, 7):
        wire.align(lane)
        wire.control(START)
        wire.data(good + payload(rng, 70))
        wire.control(TERMINATE)
    got = check(wire)
    assert got.counts["count_bad_preamble"] == 2 * 13 + 6
    assert got.counts["count_frames"] == 26


def test_frames_as_close_as_they_can_be():
    rng, wire = random.Random(6), Wire()
    for _ in range(150):
        wire.frame(payload(rng, rng.randrange(60, 90)))  # 0 to 3 idle characters between
    got = check(wire)
    assert got.counts["count_frames"] == 150 == len(got.frames)


@pytest.mark.parametrize("lane", [0, 4])
def test_too_long_frames_are_cut_and_the_next_is_not_hurt(lane):
    rng, wire = random.Random(7), Wire()
    for length in (*range(245, 275), 700):
        wire.frame(payload(rng, length), lane=lane)
        wire.frame(payload(rng, 60))
    got = check(wire, max_bytes=256)
    assert got.counts["count_oversize"] == 19
    assert (len(got.frames) < 60 * 2)
    assert got.counts["count_frames"] == len(got.frames)


def test_a_frame_that_never_ends_is_cut_once():
    wire = Wire()
    wire.frame(bytes(2000), end=None)
    wire.data(bytes(8 - len(wire.characters) % 8))
    got = Received(wire.words(), max_bytes=256)
    assert got.frames == [(bytes(256), True)]
    assert got.counts["count_oversize"] == got.counts["count_frames"] == 1


def test_jumbo_frames_and_random_lengths():
    rng, wire = random.Random(8), Wire()
    for length in (9216, *(rng.randrange(60, 1515) for _ in range(12)), 9000):
        wire.frame(payload(rng, length), lane=rng.choice((None, 0, 4)), bad_fcs=rng.random() < 0.2)
    check(wire)


@pytest.mark.parametrize("seed", range(6))
def test_random_damage(seed):
    rng, wire = random.Random(100 + seed), Wire()
    for _ in range(60):
        wire.frame(payload(rng, rng.choice((1, 4, 20, 60, 61, 64, 80, 120)) + rng.randrange(8)),
                   end=rng.choice((TERMINATE, TERMINATE, TERMINATE, ERROR, START, None)))
        wire.idle(rng.randrange(9))
    for _ in range(40):
        at = rng.randrange(len(wire.characters))
        value, control = wire.characters[at]
        kind = rng.randrange(4)
        if kind == 0:
            wire.characters[at] = (value ^ 1 << rng.randrange(8), control)
        elif kind == 1:
            wire.characters[at] = (rng.choice((START, TERMINATE, IDLE, ERROR)), True)
        elif kind == 2:
            del wire.characters[at : at + rng.choice((4, 4, 8))]
        else:
            wire.characters[at:at] = [
                (rng.choice((0x55, 0xD5)), False)] * rng.choice((4, 4, 8))
    wire.control(TERMINATE)
    wire.idle(20)
    got = check(wire)
    assert got.counts["count_frames"] > 15
    assert got.counts["count_bad_fcs"] + got.counts["count_bad_coding"] > 0


def test_reset_in_the_middle_of_a_frame_forgets_it():
    rng, wire = random.Random(9), Wire()
    for lane in (0, 4):
        wire.frame(payload(rng, 100), lane=lane)
        wire.frame(payload(rng, 64), lane=0)
    words = wire.words()
    good = [frame.data for frame in receive(words)[0]]
    starts = [at // 8 for at, one in enumerate(wire.characters) if one == (START, True)]
    for at in range(1, 15):
        got = Received(words, reset=(starts[0] + at, starts[2] + at))
        assert got.frames == [(good[1], False), (good[3], False)], at
        assert got.counts["count_frames"] == 1  # counters begin anew
        assert not got.active


@pytest.mark.parametrize("seed", range(8))
def test_what_finds_no_room_is_lost_with_its_frame_and_counted(seed):
    rng, wire = random.Random(seed), Wire()
    sent = [payload(rng, rng.randrange(60, 140)) for _ in range(60)]
    for frame in sent:
        wire.frame(frame)
        wire.idle(rng.choice((0, 0, 40)))
    words = wire.words()
    stall = set()
    at = 0
    while at < len(words):
        at += rng.randrange(1, 60)
        stall |= set(range(at, at + rng.choice((1, 2, 10, 30))))
        at = max(stall)
    stall = {cycle for cycle in stall if cycle < len(words)}
    got = Received(words, stall=stall)
    whole = [data for data, error in got.frames if not error]
    cut = [data for data, error in got.frames if error]
    assert got.unfinished == b""
    rest = iter(sent)
    assert all(any(frame == data for data in rest) for frame in whole)  # in order, none twice
    assert len(cut) > 0
    for data in cut:  # beats that were passed on, and one byte that ends it
        assert any(frame.startswith(data[:-1]) for frame in sent)
        assert len(data) > 8
        assert len(data) % 8 == 1
    assert got.counts["count_overrun"] == len(sent) - len(whole)
    assert got.counts["count_frames"] == len(sent)


def test_limits_of_the_parameter_are_told():
    for wrong in (0, 56, 100, 1 << 16):
        with pytest.raises(ValueError, match="max_bytes must be"):
            MacReceive(max_bytes=wrong)
