"""What keeps recovery from being wrong when a session begins, or a frame is bad, in the middle."""

import pytest
from tickgate.protocols.moldudp64 import Packet
from tickgate_hdl.feed.arbiter import Window
from tickgate_hdl.feed.inject import InjectLine

from tests.hdl.feed.window_bench import swept

OLD = int.from_bytes(b"OLD".ljust(10), "little")
NEW = int.from_bytes(b"NEW".ljust(10), "little")


async def strobe(ctx, port, value=1):
    ctx.set(port, value)
    await ctx.tick()
    ctx.set(port, 0)


async def ready(ctx, window):
    await swept(ctx, window)
    ctx.set(window.o.ready, 1)
    ctx.set(window.events.ready, 1)
    ctx.set(window.reorder_cycles, 10)


async def packet(ctx, window, session, sequence):
    ctx.set(window.packet_a.session, session)
    ctx.set(window.packet_a.sequence, sequence)
    await strobe(ctx, window.packet_a.valid)


async def message(ctx, window, sequence):
    """A message on line A; return whether it was delivered in its cycle."""
    ctx.set(window.a.payload.sequence, sequence)
    ctx.set(window.a.valid, 1)
    delivered = ctx.get(window.o.valid)
    await ctx.tick()
    ctx.set(window.a.valid, 0)
    return delivered


def test_resume_is_ignored_unless_rebuilding(simulate):
    window = Window(window=16)

    async def bench(ctx):
        await ready(ctx, window)
        await packet(ctx, window, OLD, 1)
        ctx.set(window.resume_sequence, 500)
        await strobe(ctx, window.resume)
        assert ctx.get(window.expected) == 1
        await strobe(ctx, window.rebuild)
        assert ctx.get(window.rebuilding)
        await strobe(ctx, window.resume)
        assert ctx.get(window.expected) == 500
        assert not ctx.get(window.rebuilding)

    simulate(window, bench)


def test_after_resume_the_channel_is_stale_until_a_packet_tells_where_it_is(simulate):
    window = Window(window=16)

    async def bench(ctx):
        await ready(ctx, window)
        await packet(ctx, window, OLD, 1)
        await strobe(ctx, window.rebuild)
        ctx.set(window.resume_sequence, 5)
        await strobe(ctx, window.resume)
        for _ in range(20):
            await ctx.tick()
            assert ctx.get(window.stale)
        await packet(ctx, window, OLD, 5)
        for _ in range(3):
            await ctx.tick()
        assert not ctx.get(window.stale)

    simulate(window, bench)


def test_a_bad_frame_during_a_snapshot_is_not_forgotten_by_resume(simulate):
    window = Window(window=16)

    async def bench(ctx):
        await ready(ctx, window)
        await packet(ctx, window, OLD, 1)
        await message(ctx, window, 1)
        await strobe(ctx, window.frame_bad_a)
        assert ctx.get(window.suspect)
        await strobe(ctx, window.rebuild)
        assert not ctx.get(window.suspect)  # what was wrong is gone with the books
        await packet(ctx, window, OLD, 3)
        assert not await message(ctx, window, 3)  # kept
        await strobe(ctx, window.frame_bad_a)
        ctx.set(window.resume_sequence, 3)
        await strobe(ctx, window.resume)
        assert ctx.get(window.suspect)
        assert ctx.get(window.stale)

    simulate(window, bench)


async def inject(ctx, line, data, *, between=None, after=99):
    """Hand in a packet; return the numbers delivered. ``between`` runs after so many beats."""
    numbers = []

    async def tick():
        if ctx.get(line.item.valid):
            numbers.append(ctx.get(line.item.payload.sequence))
        await ctx.tick()

    ctx.set(line.item.ready, 1)
    beats = [data[at:at + 8] for at in range(0, len(data), 8)]
    for number, beat in enumerate(beats):
        if number == after:
            between()
        ctx.set(line.i.payload.data, int.from_bytes(beat, "little"))
        ctx.set(line.i.payload.keep, (1 << len(beat)) - 1)
        ctx.set(line.i.payload.first, number == 0)
        ctx.set(line.i.payload.last, number == len(beats) - 1)
        ctx.set(line.i.valid, 1)
        while not ctx.get(line.i.ready):
            await tick()
        await tick()
        ctx.set(line.i.valid, 0)
    for _ in range(8):
        await tick()
    return numbers


@pytest.mark.parametrize("registered", [False, True])
def test_packets_of_another_session_are_dropped_and_counted(simulate, registered):
    line = InjectLine(registered=registered)

    async def bench(ctx):
        old = Packet("OLD", 7, (b"x" * 20,) * 3).encode()
        new = Packet("NEW", 1, (b"x" * 20,) * 3).encode()
        ctx.set(line.session, NEW)
        assert await inject(ctx, line, old) == [7, 8, 9]  # none is known yet
        ctx.set(line.session_known, 1)
        assert await inject(ctx, line, old) == []
        assert ctx.get(line.count_inject_malformed) == 1
        assert await inject(ctx, line, new) == [1, 2, 3]
        assert ctx.get(line.count_inject_malformed) == 1

    simulate(line, bench)


@pytest.mark.parametrize("at", range(3, 9))
def test_no_message_of_the_session_before_comes_from_the_cycle_on_in_which_one_begins(simulate, at):
    line = InjectLine()

    async def bench(ctx):
        ctx.set(line.session, OLD)
        ctx.set(line.session_known, 1)
        await inject(ctx, line, Packet("OLD", 7, (b"x" * 6,) * 8).encode())

    async def turn(ctx):
        await ctx.tick().repeat(at)
        ctx.set(line.turning, 1)
        await ctx.tick()
        ctx.set(line.turning, 0)
        ctx.set(line.session, NEW)
        for _ in range(20):
            assert not ctx.get(line.item.valid)
            await ctx.tick()

    simulate(line, bench, turn)


@pytest.mark.parametrize("registered", [False, True])
def test_the_rest_of_a_packet_is_dropped_when_a_session_begins_in_it(simulate, registered):
    line = InjectLine(registered=registered)

    async def bench(ctx):
        ctx.set(line.session, OLD)
        ctx.set(line.session_known, 1)
        old = Packet("OLD", 7, (b"x" * 30,) * 6).encode()
        numbers = await inject(
            ctx, line, old, between=lambda: ctx.set(line.session, NEW), after=14)
        assert 0 < len(numbers) < 6
        assert numbers == list(range(7, 7 + len(numbers)))
        new = Packet("NEW", 1, (b"x" * 20,)).encode()
        assert await inject(ctx, line, new) == [1]

    simulate(line, bench)
