"""The window between the lines: its story against the golden model, and what it does in a cycle."""

import random
from collections import deque

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from tickgate.records import schema
from tickgate_hdl.feed.arbiter import COUNTERS, Window
from tickgate_hdl.feed.items import FeedItem
from tickgate_hdl.lib.records import record_layout
from tickgate_hdl.lib.stream import StreamCheck
from tickgate_sim.bfm.simulator import Bench
from tickgate_sim.models.window import WindowEvent, WindowModel

SESSION, OTHER = b"TICKGATE01", b"TICKGATE02"
NEVER = 2**32 - 1
STATES = ("started", "ended", "missing", "gap_open", "suspect", "rebuilding", "stale")


async def swept(ctx, window):
    """Wait until the window's memories are empty."""
    while ctx.get(window.busy):
        await ctx.tick()


class WindowBench(Bench):
    """A window and its model, between which every step is compared once it has come to rest."""

    def __init__(self, *, window=16, stall=0.0, seed=1, registered=False):
        super().__init__(Window(window=window, registered=registered), seed=seed)
        self.model = WindowModel(window)
        self.delivered = self.sink(self.dut.o, stall=stall)
        self.told = self.sink(self.dut.events, stall=stall)
        self.stall = stall

    def play(self, story, *, limit=100_000):
        """Run ``story(self, ctx)``, then compare what came out."""

        async def run(ctx):
            ctx.set(self.dut.reorder_cycles, NEVER)
            await swept(ctx, self.dut)
            await story(self, ctx)

        self.process(run)
        self.run(limit=limit)
        got = [FeedItem.from_bits(word) for word in self.delivered]
        assert [
            (None if item.length == 255 else item.sequence, item.data.to_bytes(50, "little")[:8])
            for item in got
        ] == self.model.out
        assert [event(word) for word in self.told] == self.model.events

    async def quiet(self, ctx):
        """Wait until nothing changes."""
        await ctx.tick().repeat(4)
        for _ in range(10_000):
            # What is missing keeps the window active until it has been told.
            if not ctx.get(self.dut.active) or (
                    ctx.get(self.dut.missing) and not ctx.get(self.dut.o.valid)
                    and not ctx.get(self.dut.events.valid)):
                break
            await ctx.tick()
        else:
            raise AssertionError("the window does not come to rest")
        await ctx.tick().repeat(4)

    async def rest(self, ctx):
        """Wait until nothing changes, and compare."""
        await self.quiet(ctx)
        model = self.model
        # With back-pressure it depends on time whether what comes was missing, early or replaced.
        timed = {f"count_{name}" for name in (
            "window_filled", "window_reordered", "mold_duplicates")} if self.stall else set()
        counters = [name for name in COUNTERS if name not in timed]
        names = ("expected", "highest", *STATES, *counters)
        wanted = {
            **{name: getattr(model, name) for name in ("expected", "highest", *STATES)},
            **{name: model.counts[name.removeprefix("count_")] for name in counters},
        }
        assert {name: ctx.get(getattr(self.dut, name)) for name in names} == wanted
        if not self.stall:
            assert ctx.get(self.dut.high_water) == model.high_water

    async def strobe(self, ctx, port):
        ctx.set(port, 1)
        await ctx.tick()
        ctx.set(port, 0)

    async def packet(self, ctx, line, sequence, *, session=SESSION, end=False):
        """A packet's header on a line."""
        foreign = self.model.listens_to not in (None, session)
        self.model.packet(line, session, sequence, foreign=foreign, end=end)
        port = getattr(self.dut, f"packet_{line}")
        ctx.set(port.session, int.from_bytes(session, "little"))
        ctx.set(port.sequence, sequence)
        ctx.set(port.end, end)
        ctx.set(getattr(self.dut, f"foreign_{line}"), foreign)
        await self.strobe(ctx, port.valid)

    async def offer(self, ctx, line, sequence, *, data=None, snapshot=False):
        """Offer a message and wait until it is taken; not to the model."""
        port = getattr(self.dut, line)
        ctx.set(port.payload.sequence, sequence)
        ctx.set(port.payload.length, 255 if snapshot else 8)
        ctx.set(port.payload.data, int.from_bytes(data or content(sequence), "little"))
        if line == "r":
            ctx.set(self.dut.snapshot, snapshot)
        ctx.set(port.valid, 1)
        await ctx.tick().until(port.ready)
        ctx.set(port.valid, 0)

    async def item(self, ctx, line, sequence):
        """A message of a line or the host."""
        self.model.item(line, sequence, content(sequence))
        await self.offer(ctx, line, sequence)

    async def snapshot(self, ctx, data, sequence=1):
        """A message of a snapshot; ``sequence`` is what its packet says."""
        self.model.snapshot(data)
        await self.offer(ctx, "r", sequence, data=data, snapshot=True)

    async def bad(self, ctx, line):
        self.model.frame_bad(line)
        await ctx.tick().repeat(3)  # a frame is judged five cycles after its end
        if self.stall:
            await self.quiet(ctx)  # event B tells what has been delivered by then
        await self.strobe(ctx, getattr(self.dut, f"frame_bad_{line}"))

    async def timeout(self, ctx):
        """Let the wait for what is missing be over."""
        self.model.timeout()
        ctx.set(self.dut.reorder_cycles, 0)
        await ctx.tick().repeat(12)
        ctx.set(self.dut.reorder_cycles, NEVER)

    async def rebuild(self, ctx):
        self.model.rebuild()
        await self.strobe(ctx, self.dut.rebuild)

    async def resume(self, ctx, sequence):
        self.model.resume(sequence)
        ctx.set(self.dut.resume_sequence, sequence)
        await self.strobe(ctx, self.dut.resume)

    async def forget(self, ctx):
        self.model.forget()
        await self.strobe(ctx, self.dut.forget)


def content(sequence):
    """Data of a message, by its number."""
    return ((sequence * 0x9E3779B97F4A7C15) % 2**64).to_bytes(8, "little")


def event(word):
    body = record_layout(schema.FEED_EVENT).from_bits(word >> 8)
    kind = chr(body.kind)
    assert word & 0xFF == schema.FEED_EVENT.template
    assert (chr(body.code), body.symbol) == (" ", 0xFFFF)
    if kind == "C":
        return WindowEvent(kind)
    return WindowEvent(kind, body.expected if kind in "GB" else 0, body.sequence)


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


async def _open(bench, ctx, sequence=1):
    await bench.packet(ctx, "a", sequence)
    await bench.packet(ctx, "b", sequence)


def test_the_first_copy_goes_on_in_its_cycle_and_the_second_is_a_duplicate():
    async def story(bench, ctx):
        await _open(bench, ctx)
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
        await _open(bench, ctx)
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
        await _open(bench, ctx)
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
        await _open(bench, ctx)
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
        await _open(bench, ctx)
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
        await _open(bench, ctx)
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
        await _open(bench, ctx)
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


def test_jumps_wraps_and_steps_back():
    async def story(bench, ctx):
        await _open(bench, ctx)
        await bench.item(ctx, "a", 1)
        for sequence in (0, 1, 2**63, 2**64 - 1, 2 + 16, 2 + 15, 1, 0):
            await bench.item(ctx, "a", sequence)
            await bench.rest(ctx)
        for sequence in (2**63, 2**64 - 1):
            await bench.packet(ctx, "b", sequence)
            await bench.rest(ctx)
        assert bench.model.highest == 2**64 - 1
        await bench.rebuild(ctx)  # the only way to forget that
        await bench.packet(ctx, "b", 2)
        await bench.resume(ctx, 2)
        await bench.packet(ctx, "a", 2)
        await bench.item(ctx, "b", 2)
        await bench.rest(ctx)
        assert not bench.model.stale

    WindowBench().play(story)


def test_behind_the_last_number_the_channel_stays_stale():
    last = 2**64 - 1

    async def story(bench, ctx):
        await _open(bench, ctx)
        await bench.rebuild(ctx)
        await bench.packet(ctx, "a", last - 1)
        await bench.resume(ctx, last - 1)
        await bench.packet(ctx, "a", last - 1)
        await bench.item(ctx, "a", last - 1)
        await bench.rest(ctx)
        assert not bench.model.stale
        await bench.packet(ctx, "a", last)
        await bench.item(ctx, "a", last)
        await ctx.tick().repeat(4)
        assert ctx.get(bench.dut.stale)
        assert ctx.get(bench.dut.expected) == 0

    bench = WindowBench()
    bench.play(story)


def test_a_frame_bad_after_use_makes_suspect_until_rebuild():
    async def story(bench, ctx):
        await _open(bench, ctx)
        await bench.item(ctx, "a", 1)
        await bench.bad(ctx, "a")
        await bench.rest(ctx)
        assert bench.model.suspect
        await bench.rebuild(ctx)
        await bench.snapshot(ctx, b"snapshot")
        await bench.packet(ctx, "b", 2)
        await bench.item(ctx, "b", 2)
        await bench.resume(ctx, 2)
        await bench.rest(ctx)
        assert bench.model.stale  # until a packet comes
        await bench.packet(ctx, "b", 3)
        await bench.rest(ctx)
        assert not bench.model.stale

    WindowBench().play(story)


@pytest.mark.parametrize("use", ["nothing", "duplicate", "kept", "header", "end", "session"])
def test_what_counts_as_use_of_a_bad_frame(use):
    async def story(bench, ctx):
        await bench.packet(ctx, "a", 1)
        await bench.item(ctx, "a", 1)
        other = {"session": OTHER} if use == "session" else {}
        if use == "session":
            await bench.forget(ctx)
        await bench.packet(ctx, "b", 9 if use == "header" else 1, end=use == "end", **other)
        if use in ("duplicate", "kept"):
            await bench.item(ctx, "b", 3 if use == "kept" else 1)
        await bench.bad(ctx, "b")
        await bench.rest(ctx)
        assert bench.model.suspect == (use not in ("nothing", "duplicate"))

    WindowBench().play(story)


def test_a_bad_frame_that_told_where_the_lines_are_makes_suspect():
    async def story(bench, ctx):
        await _open(bench, ctx)
        await bench.rebuild(ctx)
        await bench.packet(ctx, "b", 0)
        await bench.bad(ctx, "b")
        await bench.rest(ctx)
        assert bench.model.suspect

    WindowBench().play(story)


def test_another_channels_emptying_the_books_makes_suspect_unless_rebuilding():
    async def emptied(bench, ctx):
        bench.model.emptied()
        await bench.strobe(ctx, bench.dut.emptied)
        await bench.rest(ctx)

    async def story(bench, ctx):
        await emptied(bench, ctx)
        assert not bench.model.suspect  # there was nothing yet
        await _open(bench, ctx)
        await bench.item(ctx, "a", 1)
        await emptied(bench, ctx)
        assert bench.model.suspect
        await bench.rebuild(ctx)
        await emptied(bench, ctx)
        assert not bench.model.suspect

    WindowBench().play(story)


def test_sessions_are_adopted_after_the_end_or_forget_and_foreign_else():
    async def story(bench, ctx):
        await _open(bench, ctx)
        await bench.item(ctx, "a", 1)
        await bench.item(ctx, "a", 3)  # kept, and void later
        for _ in range(2):
            await bench.packet(ctx, "b", 5, session=OTHER)
        await bench.rest(ctx)
        await bench.forget(ctx)
        await bench.packet(ctx, "a", 1)  # the same one: nothing begins
        await bench.rest(ctx)
        await bench.packet(ctx, "b", 1, session=OTHER)
        for sequence in (1, 2):
            await bench.item(ctx, "b", sequence)
        await bench.rest(ctx)
        assert bench.model.expected == 3
        for _ in range(2):
            await bench.packet(ctx, "b", 3, session=OTHER, end=True)
        await bench.packet(ctx, "b", 3, session=OTHER)
        await bench.packet(ctx, "a", 4, session=SESSION)
        await bench.rest(ctx)
        assert "".join(e.kind for e in bench.model.events) == "NFNZN"

    WindowBench().play(story)


def test_the_other_lines_rest_of_the_session_before_is_dropped():
    async def story(bench, ctx):
        await _open(bench, ctx)
        await bench.item(ctx, "a", 1)
        await bench.forget(ctx)
        await bench.packet(ctx, "b", 1, session=OTHER)
        for sequence in (1, 2, 3):
            await bench.item(ctx, "a", sequence)  # of the packet that began before
        await bench.bad(ctx, "a")
        await bench.rest(ctx)
        assert (bench.model.expected, bench.model.suspect) == (1, False)
        assert bench.model.counts["window_dropped"] == 3
        await bench.item(ctx, "b", 1)
        await bench.packet(ctx, "a", 2, session=OTHER)
        await bench.item(ctx, "a", 2)
        await bench.rest(ctx)
        assert bench.model.expected == 3

    WindowBench().play(story)


def test_two_sessions_in_one_cycle_the_first_line_decides():
    async def story(bench, ctx):
        bench.model.packet("a", SESSION, 1, foreign=False)
        dut = bench.dut
        for port, session in ((dut.packet_a, SESSION), (dut.packet_b, OTHER)):
            ctx.set(port.session, int.from_bytes(session, "little"))
            ctx.set(port.sequence, 1)
            ctx.set(port.valid, 1)
        await ctx.tick()
        ctx.set(dut.packet_a.valid, 0)
        ctx.set(dut.packet_b.valid, 0)
        await bench.item(ctx, "b", 1)
        await bench.rest(ctx)
        assert bench.model.expected == 1
        await bench.item(ctx, "a", 1)
        await bench.rest(ctx)

    WindowBench().play(story)


def test_rebuild_takes_the_hosts_snapshot_alone_and_resume_what_was_kept_meanwhile():
    async def story(bench, ctx):
        await _open(bench, ctx)
        await bench.snapshot(ctx, b"too soon")  # number 1, which must not be taken for the next
        await bench.item(ctx, "a", 1)
        await bench.item(ctx, "a", 5)
        await bench.timeout(ctx)
        await bench.rebuild(ctx)
        await bench.rest(ctx)
        for number in range(3):
            await bench.snapshot(ctx, bytes([number]) * 8, sequence=2 + number)
        await bench.packet(ctx, "b", 100)
        for sequence in (100, 101, 103):
            await bench.item(ctx, "b", sequence)
        await bench.item(ctx, "a", 101)
        await bench.rest(ctx)
        await bench.resume(ctx, 100)
        await bench.rest(ctx)
        assert (bench.model.expected, bench.model.highest) == (102, 104)
        await bench.item(ctx, "r", 102)
        await bench.packet(ctx, "a", 104)
        await bench.rest(ctx)
        assert not bench.model.stale
        assert "C" not in [e.kind for e in bench.model.events]

    WindowBench().play(story)


def test_epochs_that_begin_anew_do_not_bring_back_what_was_void(simulate):
    dut = Window(window=16)

    async def bench(ctx):
        await swept(ctx, dut)
        ctx.set(dut.a.payload.sequence, 3)
        ctx.set(dut.a.valid, 1)
        await ctx.tick()
        ctx.set(dut.a.valid, 0)
        ctx.set(dut.rebuild, 1)
        await ctx.tick().repeat(2**8)
        ctx.set(dut.rebuild, 0)
        await ctx.tick()
        assert ctx.get(dut.busy)  # swept again
        ctx.set(dut.resume_sequence, 3)
        ctx.set(dut.resume, 1)
        await ctx.tick()
        ctx.set(dut.resume, 0)
        for _ in range(40):
            assert not ctx.get(dut.o.valid)
            await ctx.tick()

    simulate(dut, bench)


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


def test_registered_a_message_every_fourth_cycle_four_cycles_later(simulate):
    dut = Window(window=16, registered=True)

    async def bench(ctx):
        await swept(ctx, dut)
        ctx.set(dut.o.ready, 1)
        await ctx.tick().repeat(4)
        ctx.set(dut.a.valid, 1)
        came, went = {1: 0}, {}
        number = 1
        for cycle in range(80):
            ctx.set(dut.a.payload.sequence, number)
            if ctx.get(dut.o.valid):
                went[ctx.get(dut.o.payload.sequence)] = cycle
            if ctx.get(dut.a.ready):
                number += 1
                came[number] = cycle + 1
            await ctx.tick()
        assert len(went) >= 18
        assert all(went[n] == came[n] + dut.latency for n in went)
        assert [went[n + 1] - went[n] for n in range(1, len(went))] == [4] * (len(went) - 1)

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
