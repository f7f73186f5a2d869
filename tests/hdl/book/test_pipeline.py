"""The book against its model: records, events, counters and cycles."""

import random

import pytest
from tickgate.records import codec
from tickgate.records.messages import FeedEvent, TopOfBook
from tickgate_hdl.book.pipeline import Book
from tickgate_hdl.top.config import CardConfig
from tickgate_sim.models.book import BookModel, Event, Top
from tickgate_sim.models.itch import ItchModel
from tickgate_sim.traffic import itch
from tickgate_sim.traffic.itch import STOCKS

SMALL = {
    "symbols": 4, "accounts": 4, "front": 4, "leaf": 4, "leaves": 8, "order_sets": 64,
    "order_ways": 4, "open_orders": 128,
}


class Bench:
    """Feeds messages and compares what comes of them with the model."""

    def __init__(self, *, registered=False, names=STOCKS, **sizes):
        config = CardConfig(**{**SMALL, **sizes}, registered=registered)
        self.dut = Book(config, locate_bits=8)
        self.itch = ItchModel()
        padded = [*names, *[None] * (config.symbols - len(names))]
        self.model = BookModel(padded, config.order_sets, config.order_ways)
        self.names = names
        self.cycle = 0
        self.records, self.events = [], []
        self.sequence = 0

    async def watch(self, ctx):
        dut = self.dut
        ctx.set(dut.tob.ready, 1)
        ctx.set(dut.events.ready, 1)
        while True:
            await ctx.tick()
            self.cycle += 1
            ctx.set(dut.cycles, self.cycle)
            for port, into in ((dut.tob, self.records), (dut.events, self.events)):
                if ctx.get(port.valid):
                    into.append(_record(ctx.get(port.payload)))

    async def start(self, ctx):
        dut = self.dut
        await ctx.tick().repeat(4)  # where registered, parts come out of reset a little later
        for index, name in enumerate(self.names):
            ctx.set(dut.symbol_index, index)
            ctx.set(dut.symbol_name, int.from_bytes(name, "little"))
            ctx.set(dut.symbol_enable, 1)
            ctx.set(dut.symbol_write, 1)
            await ctx.tick()
        ctx.set(dut.symbol_write, 0)
        while ctx.get(dut.busy):
            await ctx.tick()
        await ctx.tick().repeat(3)
        self.records.clear()

    async def put(self, ctx, data, *, gap=0):
        dut, item = self.dut, self.dut.i.payload
        self.sequence += 1
        for name, value in (
            ("sequence", self.sequence), ("length", min(255, len(data))),
            ("data", int.from_bytes(data[:50].ljust(50, b"\x5a"), "little")),
            ("time_ns", 7 * self.sequence),
        ):
            ctx.set(item[name], value)
        ctx.set(dut.i.valid, 1)
        ctx.set(item.arrival, self.cycle)  # the line's register is one cycle before
        while not ctx.get(dut.i.ready):
            await ctx.tick()
        await ctx.tick()
        ctx.set(dut.i.valid, 0)
        for _ in range(gap):
            await ctx.tick()
        told = self.itch.message(self.sequence, data, 7 * self.sequence)
        if told is not None:
            self.model.command(told)

    async def settle(self, ctx):
        for _ in range(3000):
            await ctx.tick()
            if not ctx.get(self.dut.active):
                await ctx.tick().repeat(2)
                return
        raise AssertionError("the book does not come to rest")

    def check(self, ctx):
        got = [
            (r.symbol, Top(r.bid, r.bid_size, r.ask, r.ask_size, r.trading_state, bool(r.flags),
                           r.bid_orders, r.ask_orders), r.message)
            for r in self.records
        ]
        assert got == [(r.symbol, r.top, r.message) for r in self.model.records]
        events = [Event(e.kind, e.code, e.symbol, e.stock_locate, e.expected, e.sequence, e.time_ns)
                  for e in self.events]
        order = [e for e in self.model.events if e.kind not in "OU"]
        assert [e for e in events if e.kind not in "OU"] == order
        assert ({(e.kind, e.symbol, e.code) for e in events if e.kind in "OU"}
                == {(e.kind, e.symbol, e.code) for e in self.model.events if e.kind in "OU"})
        for name, count in {**self.model.counts, **self.itch.counts}.items():
            assert ctx.get(getattr(self.dut, f"count_{name}")) == count, name


def _record(value):
    slot = (b"\x38\x00" + bytes([value.template, 0]) + b"\x47\x54\x02\x00"
            + value.body.to_bytes(48, "little") + bytes(8))
    record = codec.unpack(slot)[1]
    assert isinstance(record, TopOfBook | FeedEvent)
    return record


@pytest.mark.parametrize(("seed", "registered"), [(1, False), (2, False), (3, True)])
def test_a_random_day_equals_the_model(simulate, seed, registered):
    bench = Bench(registered=registered, order_sets=1024)
    rng = random.Random(seed)
    messages = list(itch.random_day(seed, 700, ticks=20))

    async def drive(ctx):
        await bench.start(ctx)
        for message in messages:
            await bench.put(ctx, message, gap=rng.choice((0, 0, 1, 2, 20)))
        await bench.settle(ctx)
        bench.check(ctx)

    simulate(bench.dut, drive, bench.watch, cycles=60000)


@pytest.mark.parametrize(("seed", "registered"), [(11, False), (12, True)])
def test_orders_that_find_no_place_make_their_symbol_stale_once(simulate, seed, registered):
    """A table of four orders, so that most find none: each record is still the model's."""
    bench = Bench(registered=registered, order_sets=4, order_ways=1)
    rng = random.Random(seed)

    async def drive(ctx):
        await bench.start(ctx)
        for message in itch.random_day(seed, 160, ticks=20):
            await bench.put(ctx, message, gap=rng.choice((0, 0, 1, 2, 20)))
        await bench.settle(ctx)
        bench.check(ctx)
        assert bench.model.counts["book_order_overflow"] > 20

    simulate(bench.dut, drive, bench.watch, cycles=20000)


@pytest.mark.parametrize("registered", [False, True])
def test_a_symbol_enabled_after_its_first_orders_is_stale_from_the_start(simulate, registered):
    """Though only orders of a symbol that nobody tracked were seen, its book lacks them."""
    bench = Bench(registered=registered, names=STOCKS[:1])
    late = STOCKS[1]

    async def drive(ctx):
        dut = bench.dut
        await bench.start(ctx)
        await bench.put(ctx, itch.add(2, late, 100, b"B", 300, 10_000))
        await bench.settle(ctx)
        assert not bench.records
        ctx.set(dut.query_symbol, 1)
        for name, value in (("index", 1), ("name", int.from_bytes(late, "little")),
                            ("enable", 1), ("write", 1)):
            ctx.set(getattr(dut, f"symbol_{name}"), value)
        bench.model.enable(1, late)
        await ctx.tick()
        ctx.set(dut.symbol_write, 0)
        for _ in range(30):
            assert ctx.get(dut.query_top.stale)
            await ctx.tick()
        await bench.put(ctx, itch.add(2, late, 101, b"B", 200, 9_900))
        await bench.settle(ctx)
        assert [r.symbol for r in bench.records] == [1, 1]
        assert all(r.flags for r in bench.records)
        assert bench.records[-1].bid == 9_900

    simulate(bench.dut, drive, bench.watch, cycles=2000)
