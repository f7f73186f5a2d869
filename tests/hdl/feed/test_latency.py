"""Cycles from the beat with a message's last byte to the best bid and offer, nothing else in
flight."""

from amaranth.hdl import Value
from tickgate_hdl.feed import FeedBook
from tickgate_hdl.top.config import CardConfig
from tickgate_sim.bfm.simulator import Bench
from tickgate_sim.tb.feed_book_records import top_record
from tickgate_sim.traffic import frames, itch

CONFIG = CardConfig(symbols=4, accounts=2, levels=8, order_sets=16, order_ways=2, open_orders=2)
STOCK = itch.STOCKS[0]

MESSAGES = {
    "add, new level at the touch": (itch.add(1, STOCK, 1, b"B", 100, 1000), 40),
    "add to the best level": (itch.add(1, STOCK, 2, b"B", 50, 1000), 39),
    "add with attribution": (itch.add(1, STOCK, 3, b"B", 50, 1000, mpid=b"TGTE"), 39),
    "executed": (itch.reduce(1, 1, 10, b"E"), 39),
    "executed with price": (itch.reduce(1, 1, 10, b"C"), 40),
    "cancel": (itch.reduce(1, 1, 10, b"X"), 38),
    "delete": (itch.delete(1, 2), 38),
    "replace": (itch.replace(1, 3, 4, 60, 1001), 51),
    "delete, best level empties": (itch.delete(1, 4), 39),
}
"""What is measured; the figures are those of docs/feed-book.md."""


def measure():
    """Cycles of each message in turn."""
    dut = FeedBook(CONFIG, locate_bits=4)
    bench = Bench(dut)
    got = bench.sink(dut.tob)
    bench.sink(dut.events)

    async def clock(ctx):
        while True:
            await ctx.tick()
            ctx.set(dut.cycles, ctx.get(dut.cycles) + 1)

    async def play(ctx):
        ctx.set(dut.group, frames.GROUP)
        ctx.set(dut.port, frames.PORT)
        while ctx.get(dut.busy):
            await ctx.tick()
        ctx.set(dut.symbol_name, int.from_bytes(STOCK, "little"))
        ctx.set(dut.symbol_enable, 1)
        ctx.set(dut.symbol_write, 1)
        await ctx.tick()
        ctx.set(dut.symbol_write, 0)
        for number, (message, _) in enumerate(MESSAGES.values(), start=1):
            for beat in frames.beats(frames.datagram(frames.mold_packet(number, [message]))):
                ctx.set(Value.cast(dut.i.payload), beat)
                ctx.set(dut.i.valid, 1)
                await ctx.tick().until(dut.i.ready)
            ctx.set(dut.i.valid, 0)
            while ctx.get(dut.active):
                await ctx.tick()

    bench.background(clock)
    bench.process(play)
    bench.run(limit=5000)
    return [top_record(word)[1] for word in got]


def test_latency_of_every_message_that_changes_the_book():
    assert dict(zip(MESSAGES, measure(), strict=True)) == {
        name: cycles for name, (_, cycles) in MESSAGES.items()
    }
