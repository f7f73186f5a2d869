"""The FIFO of a line's beats."""

import random

import pytest
from amaranth.hdl import Module
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


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize("depth", [2, 4, 16])
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
    assert [beat.as_bits() & (2**74 - 1) for beat in stored] == words
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
        assert taken == 8 + 1
        ctx.set(fifo.i.valid, 0)
        ctx.set(fifo.o.ready, 1)
        passed = 0
        for _ in range(20):
            passed += ctx.get(fifo.o.valid)
            await ctx.tick()
        assert passed == taken
        assert ctx.get(fifo.high_water) == 9

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
