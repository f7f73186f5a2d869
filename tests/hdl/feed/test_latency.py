"""Cycles from the beat with a message's last byte to the best bid and offer, nothing else in
flight."""

import pytest
from amaranth.hdl import Value
from tickgate_hdl.feed.feed_book import FeedBook
from tickgate_hdl.top.config import CardConfig
from tickgate_sim.bfm.simulator import Bench
from tickgate_sim.tb.feed_book_records import top_record
from tickgate_sim.traffic import frames, itch

SIZES = {
    "symbols": 4, "accounts": 2, "front": 4, "leaf": 4, "leaves": 4, "order_sets": 16,
    "order_ways": 2, "open_orders": 2, "window": 64, "line_fifo": 64,
}
STOCK = itch.STOCKS[0]

MESSAGES = {
    "add, new level at the touch": itch.add(1, STOCK, 1, b"B", 100, 1000),
    "add to the best level": itch.add(1, STOCK, 2, b"B", 50, 1000),
    "add with attribution": itch.add(1, STOCK, 3, b"B", 50, 1000, mpid=b"TGTE"),
    "executed": itch.reduce(1, 1, 10, b"E"),
    "executed with price": itch.reduce(1, 1, 10, b"C"),
    "cancel": itch.reduce(1, 1, 10, b"X"),
    "delete": itch.delete(1, 2),
    "replace": itch.replace(1, 3, 4, 60, 1001),
    "delete, best level empties": itch.delete(1, 4),
}
"""What is measured; docs/feed-book.md has the figures."""


def measure(messages, **sizes):
    """Cycles of each message in turn; a directory message maps the locate first."""
    dut = FeedBook(CardConfig(**{**SIZES, **sizes}), locate_bits=4)
    bench = Bench(dut)
    got = bench.sink(dut.tob)
    bench.sink(dut.events)

    async def clock(ctx):
        while True:
            await ctx.tick()
            ctx.set(dut.cycles, ctx.get(dut.cycles) + 1)

    async def play(ctx):
        while ctx.get(dut.busy):
            await ctx.tick()
        ctx.set(dut.group_a, frames.GROUP)
        ctx.set(dut.port_a, frames.PORT)
        ctx.set(dut.group_a_we, 1)
        ctx.set(dut.port_a_we, 1)
        ctx.set(dut.symbol_name, int.from_bytes(STOCK, "little"))
        ctx.set(dut.symbol_enable, 1)
        ctx.set(dut.symbol_write, 1)
        await ctx.tick()
        ctx.set(dut.symbol_write, 0)
        got.clear()
        for number, message in enumerate([itch.directory(1, STOCK), *messages], start=1):
            packet = frames.datagram(frames.mold_packet(number, [message]))
            for beat in frames.beats(packet):
                ctx.set(Value.cast(dut.i_a.payload), beat)
                ctx.set(dut.i_a.valid, 1)
                await ctx.tick().until(dut.i_a.ready)
            ctx.set(dut.i_a.valid, 0)
            await ctx.tick().repeat(8)
            while ctx.get(dut.active):
                await ctx.tick()

    bench.background(clock)
    bench.process(play)
    bench.run(limit=5000)
    return [top_record(word)[1] for word in got]


@pytest.mark.parametrize(("registered", "expected"), [
    (False, [5, 5, 5, 6, 6, 6, 6, 8, 6]),
    (True, [33, 33, 33, 35, 34, 34, 34, 44, 34]),
])
def test_latency_of_every_message_that_changes_the_book(registered, expected):
    cycles = dict(zip(MESSAGES, measure(MESSAGES.values(), registered=registered), strict=True))
    assert cycles == dict(zip(MESSAGES, expected, strict=True))
