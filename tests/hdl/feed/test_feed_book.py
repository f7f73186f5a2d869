"""The market data half of the card, whole, in the Amaranth simulator against its golden model."""

import random
from types import SimpleNamespace

import pytest
from amaranth.hdl import Elaboratable, Module
from amaranth.lib import stream
from tickgate_hdl.feed.feed_book import FeedBook
from tickgate_hdl.feed.items import FeedItem
from tickgate_hdl.lib.stream import check_stream
from tickgate_hdl.top.config import CardConfig
from tickgate_sim.bfm.simulator import Bench
from tickgate_sim.models.book import BookModel
from tickgate_sim.models.feed_book import FeedBookModel
from tickgate_sim.models.line import LineModel
from tickgate_sim.tb.feed_book_records import event, shown, top, top_record
from tickgate_sim.traffic import frames, itch

SIZES = {
    "symbols": 4, "accounts": 2, "front": 4, "leaf": 4, "leaves": 8, "order_sets": 64,
    "order_ways": 4, "open_orders": 2, "window": 64, "line_fifo": 512,
}
NAMES = [itch.STOCKS[0], itch.STOCKS[1], itch.STOCKS[2], None]


class FeedBookBench(Bench):
    """A FeedBook with its symbols loaded, and the model beside it."""

    def __init__(self, names=NAMES, seed=1, stall=0.0, **sizes):
        self.names = names
        self.config = CardConfig(**{**SIZES, **sizes})
        super().__init__(FeedBook(self.config, locate_bits=4), seed=seed)
        self.tob = self.sink(self.dut.tob)
        self.events = self.sink(self.dut.events, stall=stall)
        self.tops = []
        book = BookModel(list(names), self.config.order_sets, self.config.order_ways)
        self.model = FeedBookModel(LineModel(frames.GROUP, frames.PORT), book)

    def play(self, sequence, *, idle=0.0, limit=200_000):
        """Send (frame, error) pairs through both; compare all that comes out."""
        beats = [beat for frame, error in sequence for beat in frames.beats(frame, error)]
        for frame, error in sequence:
            self.model.frame(frame, error=error)
        dut = self.dut

        async def configure(ctx):
            while ctx.get(dut.busy):
                await ctx.tick()
            ctx.set(dut.reorder_cycles, 10_000)
            ctx.set(dut.group_a, frames.GROUP)
            ctx.set(dut.port_a, frames.PORT)
            ctx.set(dut.group_a_we, 1)
            ctx.set(dut.port_a_we, 1)
            for index, name in enumerate(self.names):
                ctx.set(dut.symbol_index, index)
                ctx.set(dut.symbol_name, int.from_bytes(name or b"", "little"))
                ctx.set(dut.symbol_enable, name is not None)
                ctx.set(dut.symbol_write, 1)
                await ctx.tick()
                ctx.set(dut.group_a_we, 0)
                ctx.set(dut.port_a_we, 0)
            ctx.set(dut.symbol_write, 0)
            ready.append(True)

        async def feed(ctx):
            rng = random.Random(7)
            while not ready:
                await ctx.tick()
            for beat in beats:
                while rng.random() < idle:
                    await ctx.tick()
                ctx.set(dut.i_a.payload.as_value(), beat)
                ctx.set(dut.i_a.valid, 1)
                await ctx.tick().until(dut.i_a.ready)
                ctx.set(dut.i_a.valid, 0)
            await ctx.tick().repeat(8)
            while ctx.get(dut.active):
                await ctx.tick()
            await ctx.tick().repeat(3)
            for symbol in range(self.config.symbols):
                ctx.set(dut.query_symbol, symbol)
                await ctx.tick()
                self.tops.append(top(ctx.get(dut.query_top.as_value())))
            self.counts = {
                name: ctx.get(getattr(dut, f"count_{name}")) for name in self.model.counts()}

        ready = []
        self.process(configure)
        self.process(feed)
        self.run(limit=limit)
        self.check()

    def check(self):
        model, book = self.model, self.model.book
        assert shown(top_record(word)[0] for word in self.tob) == shown(book.records)
        told = [event(record) for record in self.events]
        assert [e for e in told if e.kind in "SHRT"] == [
            e for e in book.events if e.kind in "SHRT"]
        for kinds, source in (("OU", book.events), ("NZB", model.events)):
            assert sorted((e.kind, e.code, e.symbol) for e in told if e.kind in kinds) == sorted(
                (e.kind, e.code, e.symbol) for e in source if e.kind in kinds)
        assert self.counts == model.counts()
        assert [t.stale for t in self.tops] == [
            t.stale or name is None for t, name in zip(book.tops, self.names, strict=True)]
        for mine, right, name in zip(self.tops, book.tops, self.names, strict=True):
            if name is not None:
                assert mine == right
        assert book.records, "nothing was told: the test is empty"


def packets(messages, seed=1, most=6, first=1, session=b"TICKGATE01", **options):
    """Frames of messages, a few to a packet."""
    rng = random.Random(seed)
    messages = list(messages)
    result, at = [], 0
    while at < len(messages):
        step = rng.randrange(most + 1)
        packet = frames.mold_packet(first + at, messages[at:at + step], session=session)
        result.append((frames.datagram(packet, **options), False))
        at += step
    return result


def test_an_add_becomes_the_best_bid():
    bench = FeedBookBench()
    bench.play(packets([
        itch.directory(1, NAMES[0]),
        itch.add(1, NAMES[0], 77, b"B", 100, 1_500_000, time_ns=123),
    ]))
    record, _ = top_record(bench.tob[-1])
    assert (record.symbol, record.top.bid, record.top.bid_size) == (0, 1_500_000, 100)
    assert (record.message, record.itch_time) == (2, 123)


@pytest.mark.parametrize(
    ("seed", "idle", "stall"), [(2, 0.5, 0.0), (3, 0.0, 0.9), (4, 0.3, 0.5)])
def test_random_days_equal_the_model(seed, idle, stall):
    bench = FeedBookBench(seed=seed, stall=stall, registered=seed == 4)
    day = list(itch.random_day(seed, 100))
    options = [{}, {"vlan": 5}, {}, {"with_checksum": False}][seed - 1]
    bench.play(packets(day, seed, **options), idle=idle)


def test_a_new_session_empties_the_books():
    bench = FeedBookBench()
    ended = frames.datagram(frames.mold_packet(41, [], count=0xFFFF))
    bench.play([
        *packets(itch.random_day(5, 40)), (ended, False),
        *packets(itch.random_day(6, 40), session=b"NEXTDAY   ")])
    assert [e.kind for e in bench.model.events] == ["N", "Z", "N"]


def test_channels_share_the_books_and_say_so_when_one_empties_them():
    """Two channels with locates of their own; a new session of one makes the other suspect."""
    dut = FeedBook(CardConfig(**{**SIZES, "channels": 2}), locate_bits=4)
    bench = Bench(dut)
    bench.sink(dut.events)
    seen = {}
    groups = (frames.GROUP, frames.GROUP + 8)

    async def send(ctx, frame):
        for beat in frames.beats(frame):
            ctx.set(dut.i_a.payload.as_value(), beat)
            ctx.set(dut.i_a.valid, 1)
            await ctx.tick().until(dut.i_a.ready)
        ctx.set(dut.i_a.valid, 0)
        await ctx.tick().repeat(8)
        while ctx.get(dut.active | dut.busy):
            await ctx.tick()

    async def look(ctx, what):
        states = []
        for channel in (0, 1):
            ctx.set(dut.select, channel)
            await ctx.tick()
            states.append((ctx.get(dut.suspect), ctx.get(dut.rebuilding)))
        tops = []
        for symbol in (0, 1):
            ctx.set(dut.query_symbol, symbol)
            await ctx.tick()
            quote = top(ctx.get(dut.query_top.as_value()))
            tops.append((quote.bid, quote.stale))
        seen[what] = states, tops

    async def play(ctx):
        while ctx.get(dut.busy):
            await ctx.tick()
        for channel, group in enumerate(groups):
            ctx.set(dut.select, channel)
            ctx.set(dut.group_a, group)
            ctx.set(dut.port_a, frames.PORT)
            ctx.set(dut.group_a_we, 1)
            ctx.set(dut.port_a_we, 1)
            ctx.set(dut.symbol_index, channel)
            ctx.set(dut.symbol_name, int.from_bytes(NAMES[channel], "little"))
            ctx.set(dut.symbol_enable, 1)
            ctx.set(dut.symbol_write, 1)
            await ctx.tick()
        for name in ("group_a_we", "port_a_we", "symbol_write"):
            ctx.set(getattr(dut, name), 0)

        def packet(channel, number, messages, session=b"CHANNEL   ", count=None):
            return frames.datagram(
                frames.mold_packet(number, messages, session=session, count=count),
                group=groups[channel])

        for channel in (0, 1):
            await send(ctx, packet(channel, 1, [
                itch.directory(1, NAMES[channel]),
                itch.add(1, NAMES[channel], 5, b"B", 100, 1000 + channel)]))
        await look(ctx, "both")
        await send(ctx, packet(0, 3, [], count=0xFFFF))
        await send(ctx, packet(0, 1, [], session=b"NEXTDAY   "))
        await look(ctx, "new session")
        ctx.set(dut.rebuild, 1)
        await ctx.tick()
        ctx.set(dut.rebuild, 0)
        await ctx.tick().repeat(3)
        while ctx.get(dut.busy):
            await ctx.tick()
        await look(ctx, "rebuild")

    bench.process(play)
    bench.run(limit=20_000)
    assert seen["both"] == ([(0, 0), (0, 0)], [(1000, False), (1001, False)])
    assert seen["new session"] == ([(0, 0), (1, 0)], [(0, True), (0, True)])
    assert seen["rebuild"][0] == [(0, 1), (0, 1)]


def test_a_channels_message_that_is_not_taken_at_once_is_not_overtaken(simulate):
    """Two channels: the message that the book was offered stays until the book takes it."""
    outputs = [stream.Signature(FeedItem).create() for _ in range(2)]
    channels = [SimpleNamespace(o=output) for output in outputs]
    book_i = stream.Signature(FeedItem).create()

    class Turns(Elaboratable):
        def elaborate(self, platform):
            m = Module()
            FeedBook._messages(None, m, channels, SimpleNamespace(i=book_i))
            check_stream(m, "turns", book_i)
            return m

    async def bench(ctx):
        rng = random.Random(5)
        waits, taken = [0, 0], []
        sent = [0, 0]
        for _ in range(300):
            for number, output in enumerate(outputs):
                if not waits[number] and rng.random() < 0.5:
                    sent[number] += 1
                    ctx.set(output.payload.sequence, sent[number])
                    ctx.set(output.payload.channel, number)
                    waits[number] = 1
                ctx.set(output.valid, waits[number])
            ctx.set(book_i.ready, rng.random() < 0.4)
            _, _, valid, ready, channel, sequence, *readies = await ctx.tick().sample(
                book_i.valid, book_i.ready, book_i.payload.channel, book_i.payload.sequence,
                *(output.ready for output in outputs))
            if valid and ready:
                assert readies[channel]
                taken.append((channel, sequence))
                waits[channel] = 0
        for number in range(2):
            numbers = [sequence for channel, sequence in taken if channel == number]
            assert numbers == list(range(1, len(numbers) + 1))
            assert len(numbers) > 20

    simulate(Turns(), bench)
