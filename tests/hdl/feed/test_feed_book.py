"""The market data half of the card, whole, in the Amaranth simulator against its golden model."""

import random

import pytest
from tickgate_hdl.feed import FeedBook
from tickgate_hdl.top.config import CardConfig
from tickgate_sim.bfm.simulator import Bench
from tickgate_sim.models.book import BookModel
from tickgate_sim.models.feed_book import FeedBookModel
from tickgate_sim.models.udp import UdpModel
from tickgate_sim.tb.feed_book_records import event, top, top_record
from tickgate_sim.traffic import frames, itch

CONFIG = CardConfig(symbols=4, accounts=2, levels=8, order_sets=16, order_ways=2, open_orders=2)
NAMES = [itch.STOCKS[0], itch.STOCKS[1], itch.STOCKS[2], None]


class FeedBookBench(Bench):
    """A FeedBook with its symbols loaded, and the model beside it."""

    def __init__(self, config=CONFIG, names=NAMES, seed=1, stall=0.0):
        self.names = names
        self.config = config
        super().__init__(FeedBook(config, locate_bits=4), seed=seed)
        self.tob = self.sink(self.dut.tob, stall=stall)
        self.events = self.sink(self.dut.events, stall=stall)
        self.tops = []
        book = BookModel(list(names), config.levels, config.order_sets, config.order_ways)
        self.model = FeedBookModel(UdpModel(frames.GROUP, frames.PORT), book)

    def play(self, sequence, *, idle=0.0, limit=200_000):
        """Send (frame, error) pairs through both; compare all that comes out."""
        beats = [beat for frame, error in sequence for beat in frames.beats(frame, error)]
        for frame, error in sequence:
            self.model.frame(frame, error=error)

        async def configure(ctx):
            ctx.set(self.dut.group, frames.GROUP)
            ctx.set(self.dut.port, frames.PORT)
            for index, name in enumerate(self.names):
                ctx.set(self.dut.symbol_index, index)
                ctx.set(self.dut.symbol_name, int.from_bytes(name or b"", "little"))
                ctx.set(self.dut.symbol_enable, name is not None)
                ctx.set(self.dut.symbol_write, 1)
                await ctx.tick()
            ctx.set(self.dut.symbol_write, 0)

        async def finish(ctx):
            while ctx.get(self.dut.active) or len(self.sent) < len(beats):
                await ctx.tick()
            for symbol in range(self.config.symbols):
                ctx.set(self.dut.query_symbol, symbol)
                await ctx.tick()
                self.tops.append(top(ctx.get(self.dut.query_top.as_value())))
            self.counts = {
                name: ctx.get(getattr(self.dut, f"count_{name}")) for name in self.model.counts()
            }

        self.sent = []
        self.process(configure)
        self.source(self.dut.i, beats, idle=idle, sent=self.sent.append)
        self.process(finish)
        self.run(limit=limit, idle=lambda ctx: not ctx.get(self.dut.active))
        book = self.model.book
        assert [top_record(record)[0] for record in self.tob] == book.records
        assert [event(record) for record in self.events] == book.events
        assert self.counts == self.model.counts()
        assert self.tops == book.tops
        assert book.records, "nothing was told: the test is empty"


def packets(messages, seed=1, most=6, first=1, **options):
    """Frames of messages, a few to a packet."""
    rng = random.Random(seed)
    messages = list(messages)
    result, at = [], 0
    while at < len(messages):
        step = rng.randrange(most + 1)
        packet = frames.mold_packet(first + at, messages[at : at + step])
        result.append((frames.datagram(packet, **options), False))
        at += step
    return result


def test_an_add_becomes_the_best_bid():
    bench = FeedBookBench()
    bench.play(
        packets(
            [
                itch.directory(1, NAMES[0]),
                itch.add(1, NAMES[0], 77, b"B", 100, 1_500_000, time_ns=123),
            ]
        )
    )
    record, cycles = top_record(bench.tob[0])
    assert (record.symbol, record.top.bid, record.top.bid_size) == (0, 1_500_000, 100)
    assert (record.message, record.itch_time) == (2, 123)
    assert 0 < cycles < 60


@pytest.mark.parametrize(
    ("seed", "idle", "stall"), [(1, 0.0, 0.0), (2, 0.7, 0.0), (3, 0.0, 0.9), (4, 0.4, 0.5)]
)
def test_random_days_equal_the_model(seed, idle, stall):
    bench = FeedBookBench(seed=seed, stall=stall)
    day = list(itch.random_day(seed, 250))
    options = [{}, {"vlan": 5}, {"options": bytes(8)}, {"with_checksum": False}][seed - 1]
    bench.play(packets(day, seed, **options), idle=idle)
