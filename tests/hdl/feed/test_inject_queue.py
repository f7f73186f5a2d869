"""Packets that the host hands to the feed, word by word."""

import random

import pytest
from tickgate_hdl.feed.inject_queue import InjectQueue


async def put(ctx, dut, data, *, snapshot=0, announced=None):
    ctx.set(dut.length, len(data) if announced is None else announced)
    ctx.set(dut.snapshot, snapshot)
    ctx.set(dut.start, 1)
    await ctx.tick()
    ctx.set(dut.start, 0)
    for at in range(0, len(data), 4):
        ctx.set(dut.word, int.from_bytes(data[at:at + 4], "little"))
        ctx.set(dut.write, 1)
        await ctx.tick()
        ctx.set(dut.write, 0)


async def take(ctx, dut):
    """Return packets (bytes, snapshot) until the queue is empty."""
    packets = []
    ctx.set(dut.o.ready, 1)
    for _ in range(3):
        while ctx.get(dut.o.valid):
            beat = ctx.get(dut.o.payload)
            if beat.first:
                packets.append([b"", beat.snapshot])
            size = bin(beat.keep).count("1")
            assert beat.keep == (1 << size) - 1
            packets[-1][0] += beat.data.to_bytes(8, "little")[:size]
            assert size == 8 or beat.last
            packets[-1].append(beat.last)
            await ctx.tick()
        await ctx.tick()
    ctx.set(dut.o.ready, 0)
    for packet in packets:
        assert packet[2:] == [0] * (len(packet) - 3) + [1], "last ends a packet, and only it"
    return [(data, snapshot) for data, snapshot, *_ in packets]


def test_packets_come_out_as_they_went_in(simulate):
    dut = InjectQueue(depth=64)
    rng = random.Random(1)
    packets = [(rng.randbytes(size), size & 1) for size in (1, 2, 3, 4, 5, 7, 8, 9, 20, 31, 32, 40)]

    async def bench(ctx):
        for data, snapshot in packets:
            await put(ctx, dut, data, snapshot=snapshot)
        assert await take(ctx, dut) == packets
        assert ctx.get(dut.count_overflow) == 0

    simulate(dut, bench)


def test_words_beyond_the_length_and_words_of_no_packet_are_ignored(simulate):
    dut = InjectQueue(depth=16)

    async def bench(ctx):
        await put(ctx, dut, bytes(range(20)), announced=9)
        await put(ctx, dut, b"next")
        assert await take(ctx, dut) == [(bytes(range(9)), 0), (b"next", 0)]

    simulate(dut, bench)


@pytest.mark.parametrize("size", [200, 113, 112])
def test_a_host_that_does_not_look_at_the_room_loses_the_rest_of_a_packet_and_it_is_counted(
    simulate, size
):
    dut = InjectQueue(depth=16)

    async def bench(ctx):
        await ctx.tick()
        room = ctx.get(dut.room)
        data = bytes(range(size))
        await put(ctx, dut, data)
        lost = size > 8 * (room + 1)
        assert ctx.get(dut.count_overflow) == lost
        (got, _), = await take(ctx, dut)
        assert got == data[:8 * (room + 1)]
        await put(ctx, dut, b"a good one")
        assert await take(ctx, dut) == [(b"a good one", 0)]

    simulate(dut, bench)
