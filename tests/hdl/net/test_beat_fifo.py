"""The FIFO of a line's beats."""

import random
from collections import deque
from itertools import product

import pytest
from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from tickgate_hdl.lib.stream import check_stream
from tickgate_hdl.net.beat_fifo import BeatFifo, StoredBeat
from tickgate_sim.bfm.simulator import Bench


class Checked(wiring.Component):
    """A FIFO whose output keeps the contract of streams."""

    def __init__(self, fifo):
        self.fifo = fifo
        super().__init__({"unused": In(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.fifo = self.fifo
        check_stream(m, "o", self.fifo.o)
        return m


@pytest.mark.parametrize(("depth", "registered"), [(2, False), *product((4, 16), (False, True))])
@pytest.mark.parametrize(("idle", "stall"), [(0.0, 0.0), (0.6, 0.0), (0.0, 0.6), (0.4, 0.5)])
def test_beats_come_out_in_order_with_the_time_at_which_they_came(depth, registered, idle, stall):
    rng = random.Random(depth)
    fifo = BeatFifo(depth, registered=registered)
    bench = Bench(Checked(fifo), seed=depth)
    words = [rng.getrandbits(74) for _ in range(200)]
    got, sent = bench.sink(fifo.o, stall=stall), []

    async def clock(ctx):
        now = -1  # as the source counts
        while True:
            ctx.set(fifo.cycles, now % 2**32)
            ctx.set(fifo.time_ns, now % 2**64)
            await ctx.tick()
            now += 1

    bench.background(clock)
    bench.source(fifo.i, words, idle=idle, sent=sent.append)
    bench.run(limit=3000, idle=lambda ctx: len(got) == len(words))
    stored = [StoredBeat.from_bits(word) for word in got]
    assert [beat.beat.as_bits() for beat in stored] == words
    assert [beat.cycles for beat in stored] == [cycle % 2**32 for cycle in sent]
    assert [beat.time_ns for beat in stored] == [cycle % 2**64 for cycle in sent]
    if not stall:
        assert sent[-1] - sent[0] >= len(words) - 1
        if not idle:
            assert sent[-1] - sent[0] == len(words) - 1  # a beat a cycle


@pytest.mark.parametrize("registered", [False, True])
def test_as_many_fit_as_it_says_and_the_most_is_told(simulate, registered):
    fifo = BeatFifo(8, registered=registered)

    async def bench(ctx):
        assert ctx.get(fifo.high_water) == 0
        ctx.set(fifo.i.valid, 1)
        taken = 0
        while ctx.get(fifo.i.ready):
            await ctx.tick()
            taken += 1
        assert taken == 8 + 1 + registered
        ctx.set(fifo.i.valid, 0)
        await ctx.tick()  # all of them wait
        ctx.set(fifo.o.ready, 1)
        passed = 0
        for _ in range(20):
            passed += ctx.get(fifo.o.valid)
            await ctx.tick()
        assert passed == taken
        assert ctx.get(fifo.high_water) == taken

    simulate(fifo, bench)


@pytest.mark.parametrize("registered", [False, True])
def test_it_passes_beats_on_after_latency_cycles(simulate, registered):
    fifo = BeatFifo(8, registered=registered)

    async def bench(ctx):
        ctx.set(fifo.o.ready, 1)
        ctx.set(fifo.i.payload.data, 7)
        ctx.set(fifo.i.valid, 1)
        for _ in range(fifo.latency):
            assert not ctx.get(fifo.o.valid)
            await ctx.tick()
        assert ctx.get(fifo.o.valid)
        assert ctx.get(fifo.o.payload.beat.data) == 7

    simulate(fifo, bench)


@pytest.mark.parametrize(("depth", "registered"), [(2, False), *product((4, 8), (False, True))])
@pytest.mark.parametrize("seed", range(4))
def test_beats_that_come_and_go_in_bursts_are_all_there_and_counted(
        simulate, depth, registered, seed):
    """Long stalls fill it, long pauses empty it; the model counts beats from outside."""
    fifo = BeatFifo(depth, registered=registered)
    rng = random.Random(seed)
    inside, most, full = [], 0, 0
    late = deque(maxlen=3 if registered else 1)  # what it had when room was decided

    async def bench(ctx):
        nonlocal most, full
        waited, taken, number = False, False, 1
        comes, goes = 0.5, 0.5
        for _ in range(1500):
            if rng.random() < 0.05:
                comes, goes = rng.choice([(0.9, 0.1), (0.1, 0.9), (1, 0), (0, 1), (1, 1)])
            if not ctx.get(fifo.i.valid) or taken:
                ctx.set(fifo.i.payload.data, number)
                ctx.set(fifo.i.valid, rng.random() < comes)
            ctx.set(fifo.o.ready, rng.random() < goes)
            offered, taken = ctx.get(fifo.o.valid), ctx.get(fifo.i.valid & fifo.i.ready)
            # Where registered, the beat at the exit counts only when it waits.
            most = max(most, len(inside) - (offered and not waited if registered else 0))
            full += not ctx.get(fifo.i.ready)
            assert len(inside) <= depth + 1 + registered
            late.append(len(inside))
            if max(late) < depth - 1:
                assert ctx.get(fifo.i.ready)
            if taken:
                inside.append(number)
                number += 1
            if offered and ctx.get(fifo.o.ready):
                assert ctx.get(fifo.o.payload.beat.data) == inside.pop(0)
            waited = offered and not ctx.get(fifo.o.ready)
            await ctx.tick()
        await ctx.tick().repeat(2)
        assert ctx.get(fifo.high_water) == most == depth + 1 + registered
        assert full

    simulate(fifo, bench)


@pytest.mark.parametrize("kept", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("registered", [False, True])
def test_a_reset_empties_it_whatever_is_in_it(simulate, registered, kept):
    reset, fifo = Signal(), BeatFifo(8, registered=registered)

    async def bench(ctx):
        ctx.set(fifo.i.valid, 1)
        ctx.set(fifo.i.payload.data, 1)
        await ctx.tick().repeat(kept)
        ctx.set(fifo.i.valid, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        ctx.set(fifo.o.ready, 1)
        for _ in range(4):
            assert ctx.get(fifo.i.ready)
            assert not ctx.get(fifo.o.valid)
            assert not ctx.get(fifo.active)
            await ctx.tick()
        assert ctx.get(fifo.high_water) == 0
        ctx.set(fifo.o.ready, 0)
        ctx.set(fifo.i.valid, 1)
        sent = 0
        while ctx.get(fifo.i.ready):
            sent += 1
            ctx.set(fifo.i.payload.data, 100 + sent)
            await ctx.tick()
        ctx.set(fifo.i.valid, 0)
        ctx.set(fifo.o.ready, 1)
        got = []
        for _ in range(20):
            if ctx.get(fifo.o.valid):
                got.append(ctx.get(fifo.o.payload.beat.data))
            await ctx.tick()
        assert got == [101 + number for number in range(9 + registered)]

    simulate(ResetInserter(reset)(fifo), bench)


def test_room_is_told_two_cycles_after_enough_beats_of_a_full_one_were_taken(simulate):
    fifo = BeatFifo(4, registered=True)

    async def bench(ctx):
        ctx.set(fifo.i.valid, 1)
        await ctx.tick().repeat(10)
        assert not ctx.get(fifo.i.ready)
        ctx.set(fifo.o.ready, 1)
        rooms = []
        for _ in range(8):
            rooms.append(ctx.get(fifo.i.ready))
            await ctx.tick()
        assert rooms == [0, 0, 0, 0, 0, 1, 1, 1]  # and from then on a beat a cycle

    simulate(fifo, bench)


def test_one_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="4 are the least"):
        BeatFifo(2, registered=True)
