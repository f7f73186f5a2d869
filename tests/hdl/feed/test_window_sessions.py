"""The window: sessions, bad frames, jumps and the host's recovery, against the golden model."""

import pytest
from tickgate_hdl.feed.arbiter import Window

from tests.hdl.feed.window_bench import (
    OTHER,
    SESSION,
    WindowBench,
    open_up_to,
    swept,
)


def test_jumps_wraps_and_steps_back():
    async def story(bench, ctx):
        await open_up_to(bench, ctx)
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
        await open_up_to(bench, ctx)
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
        await open_up_to(bench, ctx)
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
        await open_up_to(bench, ctx)
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
        await open_up_to(bench, ctx)
        await bench.item(ctx, "a", 1)
        await emptied(bench, ctx)
        assert bench.model.suspect
        await bench.rebuild(ctx)
        await emptied(bench, ctx)
        assert not bench.model.suspect

    WindowBench().play(story)


def test_sessions_are_adopted_after_the_end_or_forget_and_foreign_else():
    async def story(bench, ctx):
        await open_up_to(bench, ctx)
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
        await open_up_to(bench, ctx)
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
        await open_up_to(bench, ctx)
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
