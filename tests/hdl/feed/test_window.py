"""The window between the lines: its story against the golden model, and what it does in a cycle."""

import random
from collections import deque

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from tickgate_hdl.feed.arbiter import COUNTERS, Window
from tickgate_hdl.feed.items import FeedItem
from tickgate_hdl.lib.stream import StreamCheck
from tickgate_sim.bfm.simulator import Bench

from tests.hdl.feed.window_bench import (
    NEVER,
    OTHER,
    SESSION,
    STATES,
    WindowBench,
    content,
    open_up_to,
    swept,
)


def test_reset_values(simulate):
    dut = Window(window=16)

    async def bench(ctx):
        assert ctx.get(dut.busy)
        assert ctx.get(dut.stale)
        assert (ctx.get(dut.expected), ctx.get(dut.highest)) == (1, 1)
        for name in (*COUNTERS, *STATES[:-1], "session_known"):
            assert ctx.get(getattr(dut, name)) == 0, name
        cycles = 0
        while ctx.get(dut.busy):
            await ctx.tick()
            cycles += 1
        assert cycles == 16

    simulate(dut, bench)


def test_nothing_is_taken_or_believed_while_memories_are_swept(simulate):
    dut = Window(window=16)

    async def bench(ctx):
        ctx.set(dut.o.ready, 1)
        for line in "abr":
            ctx.set(getattr(dut, line).valid, 1)
            ctx.set(getattr(dut, line).payload.sequence, 1)
        while ctx.get(dut.busy):
            assert not ctx.get(dut.o.valid)
            assert not any(ctx.get(getattr(dut, line).ready) for line in "abr")
            await ctx.tick()
        assert ctx.get(dut.o.valid)

    simulate(dut, bench)


def test_the_first_copy_goes_on_in_its_cycle_and_the_second_is_a_duplicate():
    async def story(bench, ctx):
        await open_up_to(bench, ctx)
        for line, sequence in (("a", 1), ("b", 1), ("b", 2), ("a", 2)):
            await bench.item(ctx, line, sequence)
        await bench.rest(ctx)
        assert bench.model.counts["mold_duplicates"] == 2

        ctx.set(bench.dut.a.payload.sequence, 3)
        ctx.set(bench.dut.a.valid, 1)
        assert ctx.get(bench.dut.o.valid)
        assert ctx.get(bench.dut.a.ready)
        assert ctx.get(bench.dut.o.payload.sequence) == 3
        ctx.set(bench.dut.a.valid, 0)

    WindowBench().play(story)


def test_both_copies_in_one_cycle_are_one_message():
    async def story(bench, ctx):
        await open_up_to(bench, ctx)
        await bench.rest(ctx)
        for sequence in range(1, 5):
            bench.model.item("a", sequence, content(sequence))
            bench.model.item("b", sequence, content(sequence))
            for port in (bench.dut.a, bench.dut.b):
                ctx.set(port.payload.sequence, sequence)
                ctx.set(port.payload.length, 8)
                ctx.set(port.payload.data, int.from_bytes(content(sequence), "little"))
                ctx.set(port.valid, 1)
            await ctx.tick()
        ctx.set(bench.dut.a.valid, 0)
        ctx.set(bench.dut.b.valid, 0)
        await bench.rest(ctx)

    WindowBench().play(story)


def test_what_is_early_waits_for_what_is_missing_and_the_channel_is_stale():
    async def story(bench, ctx):
        await open_up_to(bench, ctx)
        for sequence in (1, 3, 4, 5):
            await bench.item(ctx, "a", sequence)
        await bench.rest(ctx)
        assert bench.model.stale
        await bench.item(ctx, "b", 2)
        await bench.rest(ctx)
        assert not bench.model.stale
        assert bench.model.counts["window_filled"] == 1

    WindowBench().play(story)


def test_a_gap_is_told_once_and_that_it_is_over():
    async def story(bench, ctx):
        await open_up_to(bench, ctx)
        for sequence in (1, 4, 6):
            await bench.item(ctx, "a", sequence)
        for _ in range(3):
            await bench.timeout(ctx)
        await bench.rest(ctx)
        for sequence in (2, 3):
            await bench.item(ctx, "r", sequence)
        await bench.timeout(ctx)  # number 5 is missing now
        await bench.rest(ctx)
        assert bench.model.gap_open
        await bench.item(ctx, "r", 5)
        await bench.rest(ctx)
        assert not bench.model.gap_open
        assert "".join(e.kind for e in bench.model.events) == "NGGC"

    WindowBench().play(story)


@pytest.mark.parametrize("cycles", [0, 1, 7, 40])
def test_a_missing_message_is_waited_for_so_many_cycles(cycles):
    async def story(bench, ctx):
        await open_up_to(bench, ctx)
        await bench.item(ctx, "a", 1)
        ctx.set(bench.dut.reorder_cycles, cycles)
        await bench.item(ctx, "a", 3)
        while not ctx.get(bench.dut.missing):
            await ctx.tick()
        waited = 0
        while not ctx.get(bench.dut.gap_open):
            await ctx.tick()
            waited += 1
        assert waited == cycles + 1
        bench.model.timeout()

    WindowBench().play(story)


def test_a_header_alone_shows_that_messages_are_missing():
    async def story(bench, ctx):
        await open_up_to(bench, ctx)
        await bench.packet(ctx, "b", 7)
        await bench.rest(ctx)
        assert bench.model.missing
        await bench.timeout(ctx)
        for sequence in range(1, 7):
            assert bench.model.stale
            await bench.item(ctx, "r", sequence)
        await bench.rest(ctx)
        assert not bench.model.stale

    WindowBench().play(story)


def test_what_was_dropped_beyond_the_window_is_still_missing_when_the_rest_has_come():
    async def story(bench, ctx):
        await open_up_to(bench, ctx)
        await bench.item(ctx, "a", 20)
        for sequence in range(1, 20):
            await bench.item(ctx, "r", sequence)
        await bench.rest(ctx)
        assert bench.model.stale
        assert bench.model.counts["window_dropped"] == 1
        await bench.item(ctx, "r", 20)
        await bench.rest(ctx)
        assert not bench.model.stale

    WindowBench().play(story)


@pytest.mark.parametrize(("stall", "seed", "registered"), [
    (0.0, 1, False), (0.5, 3, False), (0.0, 2, True), (0.5, 3, True)])
def test_random_stories_equal_the_model(stall, seed, registered):
    rng = random.Random(seed)

    async def story(bench, ctx):
        model = bench.model
        for _ in range(350):
            line = rng.choice("ab")
            if model.stale and rng.random() < 0.2:
                await bench.timeout(ctx)
                await bench.item(ctx, "r", model.expected)
            elif rng.random() < 0.03:
                await bench.rebuild(ctx)
                await bench.snapshot(ctx, rng.randbytes(8), sequence=model.expected)
            elif rng.random() < 0.1:
                await bench.resume(ctx, model.expected + rng.randint(0, 5))
            elif rng.random() < 0.02:
                await bench.forget(ctx)
            elif rng.random() < 0.02:
                await bench.snapshot(ctx, rng.randbytes(8), sequence=model.expected)
            else:
                session = rng.choice((SESSION, OTHER)) if rng.random() < 0.1 else (
                    model.session or SESSION)
                first = model.expected + rng.choice((0, 0, 0, 0, 1, 2, 5, 14, 15, 16, 40, -1, -7))
                first = max(0, first)
                await bench.packet(ctx, line, first, session=session, end=rng.random() < 0.03)
                if model.listens_to in (None, session) and not model._deaf[line]:
                    for number in range(rng.randint(0, 4)):
                        await bench.item(ctx, line, first + number)
                if rng.random() < 0.05:
                    await bench.bad(ctx, line)
            await bench.rest(ctx)
        assert {e.kind for e in model.events} == set("NFZBGC")
        assert all(model.counts[name.removeprefix("count_")] for name in COUNTERS)

    WindowBench(stall=stall, seed=seed, registered=registered).play(story)


class _Checked(wiring.Component):
    """A window whose output keeps the contract of streams."""

    def __init__(self, window):
        self.window = window
        self.ready = window.o.ready
        super().__init__({"unused": In(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.window = self.window
        m.submodules.check = check = StreamCheck(FeedItem.size, "window")
        m.d.comb += [
            check.valid.eq(self.window.o.valid), check.ready.eq(self.window.o.ready),
            check.payload.eq(self.window.o.payload.as_value()),
        ]
        return m


@pytest.mark.parametrize(("seed", "registered"), [(0, False), (1, False), (2, True)])
def test_two_lines_at_once_with_back_pressure_are_one_in_order(seed, registered):
    """Loss, reorder and copies on both; each number comes on one of them at least."""
    rng = random.Random(seed)
    count, reach = 200, 10
    window = Window(window=16, registered=registered)
    bench = Bench(_Checked(window), seed=seed)
    got = bench.sink(window.o, stall=rng.choice((0.0, 0.3, 0.7)))
    bench.sink(window.events)
    offered = {}
    for name in "ab":
        numbers = [n for n in range(1, count + 1) if n % 2 == (name == "a") or rng.random() < 0.6]
        numbers += rng.sample(numbers, 20)
        offered[name] = sorted(numbers, key=lambda n: n + rng.random() * reach)

    async def open_up(ctx):
        ctx.set(window.reorder_cycles, NEVER)
        await swept(ctx, window)
        for port in (window.packet_a, window.packet_b):
            ctx.set(port.sequence, 1)
            ctx.set(port.valid, 1)
            await ctx.tick()
            ctx.set(port.valid, 0)

    done = {"a": 0, "b": 0}

    def feed(name):
        port = getattr(window, name)

        async def run(ctx):
            await swept(ctx, window)
            await ctx.tick().repeat(3)
            for number in offered[name]:
                # Lines that are apart by less than the window: nothing has to be dropped.
                while number > ctx.get(window.expected) + 12 or rng.random() < 0.3:
                    await ctx.tick()
                ctx.set(port.payload.sequence, number)
                ctx.set(port.payload.data, number)
                ctx.set(port.valid, 1)
                await ctx.tick().until(port.ready)
                ctx.set(port.valid, 0)
                done[name] += 1

        return run

    watched = []

    async def watch(ctx):
        delivered, latest = 0, 0
        known = deque([0] * window.latency)  # messages that are still on their way count as here
        ports = [part for name in "ab" for port in (getattr(window, name),)
                 for part in (port.valid, port.ready, port.payload.sequence)]
        while True:
            _, _, stale, valid, ready, *lines = await ctx.tick().sample(
                window.stale, window.o.valid, window.o.ready, *ports)
            known.append(latest)
            must = known.popleft()
            assert stale or delivered >= must, f"not stale, {must} known, {delivered} delivered"
            watched.append(stale)
            delivered += valid & ready
            for at in (0, 3):
                if lines[at] and lines[at + 1]:
                    latest = max(latest, lines[at + 2])

    bench.process(open_up)
    bench.process(feed("a"))
    bench.process(feed("b"))
    bench.background(watch)
    bench.run(limit=20_000, idle=lambda ctx: len(got) >= count)
    assert [FeedItem.from_bits(word).sequence for word in got] == list(range(1, count + 1))
    assert [FeedItem.from_bits(word).data for word in got] == list(range(1, count + 1))
    assert watched[-1] == 0
    assert 0 in watched[:-40]


def test_one_message_a_cycle(simulate):
    dut = Window(window=16)

    async def bench(ctx):
        await swept(ctx, dut)
        ctx.set(dut.o.ready, 1)
        for number in range(1, 60):
            ctx.set(dut.a.valid, number % 3 != 0)
            ctx.set(dut.b.valid, number % 3 == 0)
            for port in (dut.a, dut.b):
                ctx.set(port.payload.sequence, number)
            assert ctx.get(dut.o.valid)
            assert ctx.get(dut.o.payload.sequence) == number
            await ctx.tick()

    simulate(dut, bench)


@pytest.mark.parametrize(("rest", "every", "waits"), [(0, 5, 1), (1, 5, 0), (9, 13, 0)])
def test_registered_a_message_every_fifth_cycle_four_cycles_later(simulate, rest, every, waits):
    dut = Window(window=16, registered=True)

    async def bench(ctx):
        await swept(ctx, dut)
        ctx.set(dut.o.ready, 1)
        await ctx.tick().repeat(4)
        came, went = {1: 0}, {}
        number = 1
        for cycle in range(20 * every):
            ctx.set(dut.a.valid, cycle >= came[number])
            ctx.set(dut.a.payload.sequence, number)
            if ctx.get(dut.o.valid):
                went[ctx.get(dut.o.payload.sequence)] = cycle
            if ctx.get(dut.a.ready):
                number += 1
                came[number] = cycle + 1 + rest
            await ctx.tick()
        assert len(went) >= 18
        assert [went[n] - came[n] - dut.latency for n in went] == [0] + [waits] * (len(went) - 1)
        assert [went[n + 1] - went[n] for n in range(2, len(went))] == [every] * (len(went) - 2)

    simulate(dut, bench)


def test_registered_the_hosts_message_goes_on_once_if_withdrawn_while_a_session_turns(simulate):
    dut = Window(window=16, registered=True)

    async def bench(ctx):
        await swept(ctx, dut)
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.snapshot, 1)
        for wait in range(6):
            ctx.set(dut.rebuild, 1)  # so that the packet tells where the lines are
            await ctx.tick()
            ctx.set(dut.rebuild, 0)
            await ctx.tick().repeat(8)
            waits, turned, went = True, False, 0
            for cycle in range(25):
                ctx.set(dut.packet_a.valid, cycle == wait)
                ctx.set(dut.r.valid, waits and not turned)  # as InjectLine does
                went += ctx.get(dut.o.valid)
                if waits and not turned and ctx.get(dut.r.ready):
                    waits = False
                turned = ctx.get(dut.turning)
                await ctx.tick()
            assert (waits, went) == (False, 1), wait

    simulate(dut, bench)
