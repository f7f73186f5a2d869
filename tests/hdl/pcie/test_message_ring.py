"""The message ring against the model of the host's end."""

import random

from tickgate.records.messages import ItchMessage
from tickgate_hdl.pcie.message_ring import MessageRing

from tests.hdl.pcie.test_rings import Bench


def messages(count, seed):
    rng = random.Random(seed)
    return [(n + 7, 1_000 + n, rng.randbytes(rng.choice((0, 1, 12, 19, 30, 31, 36, 50))))
            for n in range(count)]


def records(sequence, time_ns, data):
    parts = [data[:30], data[30:]] if len(data) > 30 else [data]
    return [
        ItchMessage(sequence=sequence, time_ns=time_ns, length=len(data), part=part,
                    data=text.ljust(30, b"\0"))
        for part, text in enumerate(parts)
    ]


async def put(ctx, ring, sequence, time_ns, data):
    ctx.set(ring.item.sequence, sequence)
    ctx.set(ring.item.time_ns, time_ns)
    ctx.set(ring.item.length, len(data))
    ctx.set(ring.item.data, int.from_bytes(data.ljust(50, b"\xaa"), "little"))
    ctx.set(ring.item_valid, 1)
    await ctx.tick()
    ctx.set(ring.item_valid, 0)


def test_every_message_arrives_once_in_order_with_its_bytes(simulate):
    bench = Bench(MessageRing(depth=16), 6, seed=3)
    bench.pause = 0.3
    sent = messages(60, 1)

    async def feed(ctx):
        await bench.enable(ctx)
        for message in sent:
            await put(ctx, bench.ring, *message)
            for _ in range(12):  # not repeat(), of which Python warns when a bench is left in it
                await ctx.tick()

    async def check(ctx):
        expected = [record for message in sent for record in records(*message)]
        while len(bench.records) < len(expected):
            await ctx.tick().repeat(20)
            await bench.consume(ctx)
        assert bench.records == expected
        assert ctx.get(bench.ring.dropped) == 0
        assert not ctx.get(bench.ring.queued)

    simulate(bench.ring, check, feed, bench.memory, cycles=20000)


def test_a_slow_host_loses_whole_messages_and_is_told_how_many(simulate):
    bench = Bench(MessageRing(depth=4), 4, seed=3)
    sent = messages(100, 2)

    async def check(ctx):
        await bench.enable(ctx)
        for message in sent:
            await put(ctx, bench.ring, *message)
        for _ in range(40):
            await ctx.tick().repeat(20)
            await bench.consume(ctx)
        got = bench.records
        dropped = ctx.get(bench.ring.dropped)
        kept = {record.sequence for record in got}
        assert 0 < dropped == len(sent) - len(kept)
        assert got == [r for m in sent if m[0] in kept for r in records(*m)]

    simulate(bench.ring, check, bench.memory, cycles=20000)


def test_a_ring_that_is_off_takes_nothing_and_counts_nothing(simulate):
    bench = Bench(MessageRing(depth=4), 4)

    async def check(ctx):
        for message in messages(20, 4):
            await put(ctx, bench.ring, *message)
        await bench.enable(ctx)
        await put(ctx, bench.ring, 99, 5, b"D" * 19)
        await ctx.tick().repeat(30)
        assert bench.host.consume() == records(99, 5, b"D" * 19)
        assert ctx.get(bench.ring.dropped) == 0

    simulate(bench.ring, check, bench.memory)
