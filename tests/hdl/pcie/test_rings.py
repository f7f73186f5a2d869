"""The rings that the card writes, against the model of the host's end."""

import random

import pytest
from tickgate.records import codec, schema
from tickgate.records.messages import CardEvent, TopOfBook
from tickgate_hdl.pcie.event_ring import EventRing
from tickgate_hdl.pcie.market_ring import MarketRing
from tickgate_hdl.pcie.requester import Requester
from tickgate_sim.models.ring import HostRing, RingError, check_conflation

BASE = 0x12_3456_7000


def body(message):
    return int.from_bytes(codec.to_slot(message, 0)[8:56], "little")


class Bench:
    """A ring under test, host memory behind RQ, and a source of records."""

    def __init__(self, ring, log2, seed=1):
        self.ring = ring
        self.host = HostRing(BASE, log2)
        self.random = random.Random(seed)
        self.records = []
        self.interrupts = 0
        self.pause = 0.0

    async def enable(self, ctx):
        ctx.set(self.ring.base, BASE)
        ctx.set(self.ring.log2, self.host.log2)
        ctx.set(self.ring.enable, 1)
        await ctx.tick().repeat(2)

    async def offer(self, ctx, message):
        i = self.ring.i
        ctx.set(i.payload.template, 14 if isinstance(message, CardEvent) else 20)
        ctx.set(i.payload.body, body(message))
        ctx.set(i.valid, 1)
        await ctx.tick().until(i.ready)
        ctx.set(i.valid, 0)

    async def consume(self, ctx, limit=None):
        records = self.host.consume(limit)
        self.records += records
        ctx.set(self.ring.head, self.host.head)
        ctx.set(self.ring.head_we, 1)
        await ctx.tick()
        ctx.set(self.ring.head_we, 0)
        return records

    async def memory(self, ctx):
        """Takes posts as the requester does: some cycles each."""
        o = self.ring.o
        while True:
            ready = self.random.random() >= self.pause
            ctx.set(o.ready, ready)
            _, _, valid, record, address, sequence, interrupt = await ctx.tick().sample(
                o.valid, o.payload.record, o.payload.address, o.payload.sequence,
                self.ring.interrupt)
            self.interrupts += interrupt
            if valid and ready:
                declared = schema.BY_TEMPLATE[record.template]
                data = codec.slot(declared, record.body.to_bytes(48, "little"), sequence)
                self.host.write(address, data)


def event(number):
    return CardEvent(kind="K", code="A", value=number, time_ns=number << 33, cycles=number)


def test_events_arrive_in_order_through_several_turns_of_the_ring(simulate):
    bench = Bench(EventRing(), 5, seed=2)
    bench.pause = 0.5
    sent = [event(n) for n in range(150)]

    async def feed(ctx):
        await bench.enable(ctx)
        for message in sent:
            await bench.offer(ctx, message)

    async def check(ctx):
        while len(bench.records) < len(sent):
            await ctx.tick().repeat(bench.random.randrange(1, 40))
            await bench.consume(ctx, bench.random.randrange(1, 12))
        assert bench.records == sent
        assert ctx.get(bench.ring.tail) == len(sent)

    simulate(bench.ring, check, feed, bench.memory, cycles=20000)


def test_a_full_events_ring_loses_nothing_and_says_that_it_has_no_room(simulate):
    bench = Bench(EventRing(), 7)
    sent = [event(n) for n in range(128 + 64 + 8)]
    offered = []

    async def feed(ctx):
        await bench.enable(ctx)
        await ctx.tick()
        assert ctx.get(bench.ring.room)
        for message in sent:
            await bench.offer(ctx, message)
            offered.append(message)

    async def check(ctx):
        while bench.host.written < 64:
            await ctx.tick()
        await ctx.tick().repeat(2)
        assert not ctx.get(bench.ring.room), "64 of 128 are the reserve"
        await ctx.tick().repeat(1000)
        assert bench.host.written == 128
        assert 128 + EventRing.DEPTH <= len(offered) < len(sent), "the source is held back"
        while len(bench.records) < len(sent):
            await bench.consume(ctx)
            await ctx.tick().repeat(5)
        assert bench.records == sent
        await ctx.tick().repeat(5)
        assert ctx.get(bench.ring.room)

    simulate(bench.ring, check, feed, bench.memory, cycles=20000)


def test_a_queue_that_fills_up_closes_the_room_before_the_ring_does(simulate):
    bench = Bench(EventRing(), 10)
    bench.pause = 1.0

    async def check(ctx):
        await bench.enable(ctx)
        await ctx.tick()
        assert ctx.get(bench.ring.room)
        for number in range(EventRing.DEPTH // 2 + 1):
            await bench.offer(ctx, event(number))
        await ctx.tick().repeat(3)
        assert not ctx.get(bench.ring.room)

    simulate(bench.ring, check, bench.memory)


def test_events_without_a_reader_are_dropped(simulate):
    bench = Bench(EventRing(), 4)

    async def check(ctx):
        for number in range(100):
            await bench.offer(ctx, event(number))
        await bench.enable(ctx)
        await bench.offer(ctx, event(100))
        await ctx.tick().repeat(10)
        assert bench.host.consume() == [event(100)]

    simulate(bench.ring, check, bench.memory)


@pytest.mark.parametrize("log2", [0, 3, 17, 31])
def test_a_ring_of_impossible_size_is_not_enabled(simulate, log2):
    bench = Bench(EventRing(), log2)

    async def check(ctx):
        await bench.enable(ctx)
        await bench.offer(ctx, event(1))
        await ctx.tick().repeat(50)
        assert bench.host.written == 0
        assert not ctx.get(bench.ring.room)

    simulate(bench.ring, check, bench.memory)


def test_a_head_that_cannot_be_leaves_no_room(simulate):
    bench = Bench(EventRing(), 4)

    async def check(ctx):
        ctx.set(bench.ring.head, 5)
        await bench.enable(ctx)
        await bench.offer(ctx, event(1))
        await ctx.tick().repeat(50)
        assert bench.host.written == 0
        ctx.set(bench.ring.head, 0)
        await ctx.tick().repeat(10)
        assert bench.host.written == 1

    simulate(bench.ring, check, bench.memory)


def test_enabling_again_starts_from_slot_0(simulate):
    bench = Bench(EventRing(), 4)

    async def check(ctx):
        await bench.enable(ctx)
        for number in range(5):
            await bench.offer(ctx, event(number))
        await ctx.tick().repeat(20)
        assert bench.host.written == 5
        ctx.set(bench.ring.enable, 0)
        await ctx.tick().repeat(3)
        assert ctx.get(bench.ring.tail) == 5, "a host that attaches may still read it"
        bench.host = HostRing(BASE, 4)
        await bench.enable(ctx)
        assert ctx.get(bench.ring.tail) == 0
        await bench.offer(ctx, event(9))
        await ctx.tick().repeat(10)
        assert bench.host.consume() == [event(9)]

    simulate(bench.ring, check, bench.memory)


def test_the_interrupt_comes_once_an_arming(simulate):
    bench = Bench(EventRing(), 4)

    async def check(ctx):
        await bench.enable(ctx)
        await ctx.tick().repeat(10)
        assert bench.interrupts == 0
        for number in range(4):
            await bench.offer(ctx, event(number))
        await ctx.tick().repeat(10)
        assert bench.interrupts == 1
        await bench.consume(ctx, 3)
        await ctx.tick().repeat(3)
        assert bench.interrupts == 2, "one is left: at once"
        await bench.consume(ctx)
        await ctx.tick().repeat(10)
        assert bench.interrupts == 2
        await bench.offer(ctx, event(5))
        await ctx.tick().repeat(10)
        assert bench.interrupts == 3

    simulate(bench.ring, check, bench.memory)


def test_market_data_is_conflated_but_the_newest_always_arrives(simulate):
    bench = Bench(MarketRing(8), 4, seed=5)
    bench.pause = 0.6
    rng = random.Random(7)
    updates = [TopOfBook(symbol=rng.choice([0, 1, 1, 1, 5, 7]), trading_state="T", bid=n, message=n)
               for n in range(600)]

    async def feed(ctx):
        await bench.enable(ctx)
        for number, update in enumerate(updates):
            await bench.offer(ctx, update)
            if number % 50 == 0:
                await ctx.tick().repeat(30)

    async def check(ctx):
        latest = {update.symbol: update.bid for update in updates}
        while {r.symbol: r.bid for r in bench.records} != latest:
            await ctx.tick().repeat(25)
            await bench.consume(ctx)
        merged = check_conflation(updates, bench.records)
        assert merged == ctx.get(bench.ring.merged)
        assert 0 < merged < len(updates)
        assert not ctx.get(bench.ring.waiting)

    simulate(bench.ring, check, feed, bench.memory, cycles=20000)


def test_an_update_every_cycle_is_taken_even_if_nobody_reads(simulate):
    bench = Bench(MarketRing(2, most_merged=50), 4)
    bench.pause = 1.0

    async def check(ctx):
        await bench.enable(ctx)
        i = bench.ring.i
        ctx.set(i.payload.template, 20)
        ctx.set(i.valid, 1)
        ctx.set(i.payload.body, body(TopOfBook(symbol=1, trading_state="T", bid=1)))
        await ctx.tick().repeat(100)
        ctx.set(i.payload.body, body(TopOfBook(symbol=1, trading_state="T", bid=2)))
        await ctx.tick()
        ctx.set(i.valid, 0)
        bench.pause = 0.0
        await ctx.tick().repeat(20)
        first, second = bench.host.consume()
        assert (first.bid, first.merged) == (1, 0)
        assert (second.bid, second.merged) == (2, 50), "the count saturates"
        assert ctx.get(bench.ring.merged) == 101 - 2, "all were taken; two were written"

    simulate(bench.ring, check, bench.memory)


def test_a_host_that_starts_gets_the_current_state_of_each_symbol(simulate):
    bench = Bench(MarketRing(8), 4)

    async def check(ctx):
        for number, symbol in enumerate((3, 6, 3), 1):
            await bench.offer(ctx, TopOfBook(symbol=symbol, trading_state="T", bid=number))
        await bench.enable(ctx)
        await ctx.tick().repeat(20)
        assert {r.symbol: r.bid for r in bench.host.consume()} == {3: 3, 6: 2}
        ctx.set(bench.ring.enable, 0)
        await ctx.tick()
        bench.host = HostRing(BASE, 4)
        ctx.set(bench.ring.head, 0)
        await bench.enable(ctx)
        await ctx.tick().repeat(20)
        assert {r.symbol: r.bid for r in bench.host.consume()} == {3: 3, 6: 2}

    simulate(bench.ring, check, bench.memory)


def test_an_update_of_a_symbol_that_the_card_does_not_have_is_dropped(simulate):
    bench = Bench(MarketRing(8), 4)

    async def check(ctx):
        await bench.enable(ctx)
        await bench.offer(ctx, TopOfBook(symbol=8, trading_state="T", bid=1))
        await ctx.tick().repeat(20)
        assert bench.host.written == 0

    simulate(bench.ring, check, bench.memory)


def test_the_model_notices_what_must_not_happen():
    host = HostRing(BASE, 4)
    data = codec.to_slot(event(1), 1)
    with pytest.raises(RingError, match="must be 64 bytes at"):
        host.write(BASE + 64, data)
    with pytest.raises(RingError, match="must have sequence 1"):
        host.write(BASE, codec.to_slot(event(1), 2))
    for number in range(16):
        host.write(BASE + 64 * number, codec.to_slot(event(1), number + 1))
    with pytest.raises(RingError, match="not consumed"):
        host.write(BASE, codec.to_slot(event(1), 17))
    one, two = (TopOfBook(symbol=1, bid=n) for n in (1, 2))
    assert check_conflation([one, two], [two._replace(merged=1)]) == 1
    for wrong in ([one], [two], [two, one], [one, two, two]):
        with pytest.raises(RingError):
            check_conflation([one, two], wrong)


def test_requester_lays_slots_out_and_reads_go_first(simulate):
    dut = Requester()
    packets, beats = [], []

    async def hard_block(ctx):
        rq = dut.rq
        rng = random.Random(3)
        while True:
            ready = rng.random() < 0.6
            ctx.set(rq.tready, ready)
            _, _, valid, data, keep, last, user = await ctx.tick().sample(
                rq.tvalid, rq.tdata, rq.tkeep, rq.tlast, rq.tuser)
            if valid and ready:
                assert user == 0xFF, "first and last byte enables"
                beats.extend(data >> 32 * n & 0xFFFF_FFFF for n in range(8) if keep >> n & 1)
                if last:
                    packets.append(list(beats))
                    beats.clear()

    async def bench(ctx):
        for number, port in enumerate((dut.i_market, dut.i_events)):
            ctx.set(port.payload.address, 0x1_8000_0040 + 0x100 * number)
            ctx.set(port.payload.sequence, 0xABCD_0000_0001 + number)
            ctx.set(port.payload.record.template, 20 - 6 * number)
            ctx.set(port.payload.record.body, body(event(number + 7)))
            ctx.set(port.valid, 1)
        ctx.set(dut.i_read.payload.address, 0x2_0000_0FC0)
        ctx.set(dut.i_read.payload.tag, 5)
        ctx.set(dut.i_read.valid, 1)
        for port in (dut.i_read, dut.i_events, dut.i_market):
            await ctx.tick().until(port.ready)
            ctx.set(port.valid, 0)
        await ctx.tick().repeat(20)
        read, first, second = packets
        assert read == [0x0000_0FC0, 2, 16, 5]
        for packet, number in ((first, 1), (second, 0)):
            assert packet[:4] == [0x8000_0040 + 0x100 * number, 1, 16 | 1 << 11, 0]
            slot = b"".join(word.to_bytes(4, "little") for word in packet[4:])
            declared = schema.BY_TEMPLATE[20 - 6 * number]
            assert slot == codec.slot(
                declared, codec.to_slot(event(number + 7), 0)[8:56], 0xABCD_0000_0001 + number)

    simulate(dut, bench, hard_block)
