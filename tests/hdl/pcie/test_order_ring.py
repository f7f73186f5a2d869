"""The order ring against a host memory that answers late, in any order, in parts, or badly."""

import random

import pytest
from tickgate.records import codec
from tickgate.records.messages import CardEvent, OrderRequest
from tickgate_hdl.pcie.order_ring import OrderRing

BASE = 0x7_1234_5FC0  # not aligned to the ring's size
OK, POISONED, BAD_STATUS = 0, 1, 2


def order(number):
    return OrderRequest(user_ref_num=number, price=number * 100, quantity=number, action="O",
                        side="B", clordid=f"ORDER-{number}")


class Host:
    """Host memory with a ring of orders, behind the hard block.

    ``fault(slot)`` may give the kind of answer to a read: OK, POISONED, BAD_STATUS or None for
    none at all. With ``shuffle`` answers come late and in any order, ``parts`` cuts them up,
    ``hold`` keeps them back. An answer has what was in memory when it was asked for.
    """

    def __init__(self, dut, log2=4, *, shuffle=False, parts=1, seed=1, fault=lambda slot: OK):
        self.dut, self.log2, self.shuffle, self.parts = dut, log2, shuffle, parts
        self.fault = fault
        self.random = random.Random(seed)
        self.memory = {}
        self.tail = 0
        self.requests = []
        self.waiting = []
        self.received = []
        self.malformed = self.failed = 0
        self.pause = 0.0
        self.hold = False

    async def enable(self, ctx):
        ctx.set(self.dut.base, BASE)
        ctx.set(self.dut.log2, self.log2)
        ctx.set(self.dut.enable, 1)
        await ctx.tick()

    def put(self, message, *, sequence=None):
        """Write a slot; the doorbell is rung by ``ring``."""
        self.tail += 1
        data = codec.to_slot(message, self.tail if sequence is None else sequence)
        self.memory[(self.tail - 1) % (1 << self.log2)] = data

    def ring(self, ctx):
        ctx.set(self.dut.tail, self.tail)

    async def take_requests(self, ctx):
        request = self.dut.request
        busy = set()
        while True:
            ready = self.random.random() >= self.pause
            ctx.set(request.ready, ready)
            _, _, valid, address, tag = await ctx.tick().sample(
                request.valid, request.payload.address, request.payload.tag)
            busy &= {tag for tag, _, _ in self.waiting}
            if valid and ready:
                assert (address - BASE) % 64 == 0
                slot = (address - BASE) // 64
                assert 0 <= slot < 1 << self.log2
                assert tag not in busy, "a tag is used again before its answer"
                self.requests.append((slot, tag))
                if self.fault(slot) is not None:
                    self.waiting.append((tag, slot, self.memory.get(slot, bytes(64))))
                    busy.add(tag)

    async def answer(self, ctx):
        while True:
            await ctx.tick()
            if self.shuffle and self.random.random() < 0.8:
                continue
            if self.waiting and not self.hold:
                at = self.random.randrange(len(self.waiting)) if self.shuffle else 0
                tag, slot, data = self.waiting[at]
                kind = self.fault(slot)
                cuts = sorted(self.random.sample(range(4, 64, 4), self.parts - 1))
                for first, last in zip([0, *cuts], [*cuts, 64], strict=True):
                    await self.packet(ctx, tag, slot, first, data[first:last], kind)
                    if kind == BAD_STATUS:
                        break
                self.waiting.remove((tag, slot, data))

    async def packet(self, ctx, tag, slot, first, data, kind):
        rc = self.dut.rc
        remaining = 64 - first
        over = remaining == len(data) or kind == BAD_STATUS
        words = [] if kind == BAD_STATUS else [
            int.from_bytes(data[n:n + 4], "little") for n in range(0, len(data), 4)]
        header = [
            (BASE + 64 * slot + first) & 0xFFF | kind << 12 | remaining << 16 | over << 30,
            len(words) | (kind == BAD_STATUS) << 11 | (kind == POISONED) << 14 | 0x100 << 16,
            tag | 0x100 << 8,
        ]
        words = header + words
        for at in range(0, len(words), 8):
            chunk = words[at:at + 8]
            ctx.set(rc.tdata, sum(word << 32 * n for n, word in enumerate(chunk)))
            ctx.set(rc.tkeep, (1 << len(chunk)) - 1)
            ctx.set(rc.tlast, at + 8 >= len(words))
            ctx.set(rc.tvalid, 1)
            await ctx.tick().until(rc.tready)
        ctx.set(rc.tvalid, 0)

    async def receive(self, ctx):
        o = self.dut.o
        while True:
            ready = self.random.random() >= self.pause
            ctx.set(o.ready, ready)
            _, _, valid, record, malformed, failed = await ctx.tick().sample(
                o.valid, o.payload, self.dut.malformed, self.dut.failed)
            self.malformed += malformed
            self.failed += failed
            if valid and ready:
                assert record.template == 1
                slot = codec.to_slot(order(0), 0)[:8] + record.body.to_bytes(48, "little")
                self.received.append(codec.unpack(slot + bytes(8))[1])

    async def wait(self, ctx, count):
        while len(self.received) < count:
            await ctx.tick()

    def run(self, simulate, bench, cycles=6000):
        simulate(self.dut, bench, self.take_requests, self.answer, self.receive, cycles=cycles)


@pytest.mark.parametrize(("shuffle", "parts", "pause"), [
    (False, 1, 0.0), (True, 1, 0.5), (True, 3, 0.0), (False, 16, 0.3),
])
def test_orders_arrive_in_the_rings_order_however_memory_answers(simulate, shuffle, parts, pause):
    host = Host(OrderRing(), shuffle=shuffle, parts=parts, seed=11)
    host.pause = pause
    total = 24

    async def bench(ctx):
        await host.enable(ctx)
        while host.tail < total:
            for _ in range(host.random.randrange(1, 6)):
                if host.tail < total and host.tail - ctx.get(host.dut.head) < 16:
                    host.put(order(host.tail))
            host.ring(ctx)
            await ctx.tick().repeat(host.random.randrange(1, 30))
        await host.wait(ctx, total)
        await ctx.tick().repeat(2)
        assert host.received == [order(n) for n in range(total)]
        assert ctx.get(host.dut.head) == total
        assert not ctx.get(host.dut.pending)
        assert (host.malformed, host.failed) == (0, 0)
        assert len(host.requests) == total, "each slot is read once"

    host.run(simulate, bench, cycles=40000)


def test_reads_are_under_way_together(simulate):
    host = Host(OrderRing(), fault=lambda slot: None)

    async def bench(ctx):
        await host.enable(ctx)
        for number in range(16):
            host.put(order(number))
        host.ring(ctx)
        await ctx.tick().repeat(30)
        assert host.requests == [(n, n) for n in range(OrderRing.TAGS)]

    host.run(simulate, bench)


@pytest.mark.parametrize("kind", [POISONED, BAD_STATUS])
def test_a_bad_answer_is_counted_and_asked_for_again(simulate, kind):
    bad = {2: 2, 5: 1}  # slot: how often

    def fault(slot):
        return kind if bad.get(slot, 0) > 0 else OK

    host = Host(OrderRing(pause=20), fault=fault)

    async def bench(ctx):
        await host.enable(ctx)
        for number in range(8):
            host.put(order(number))
        host.ring(ctx)
        seen = 0
        while len(host.received) < 8:
            await ctx.tick()
            if host.failed > seen:
                seen = host.failed
                slot = 2 if bad[2] and (seen == 1 or not bad[5]) else 5
                bad[slot] -= 1
        assert host.received == [order(n) for n in range(8)]
        assert host.failed >= 3
        assert [slot for slot, _ in host.requests].count(2) >= 2

    host.run(simulate, bench)


def test_a_read_without_an_answer_is_asked_for_again(simulate):
    silent = {1}
    host = Host(OrderRing(timeout=200, pause=20), fault=lambda slot: None if slot in silent else OK)

    async def bench(ctx):
        await host.enable(ctx)
        for number in range(4):
            host.put(order(number))
        host.ring(ctx)
        await host.wait(ctx, 1)
        await ctx.tick().repeat(150)
        assert len(host.received) == 1
        assert host.failed == 0
        while not host.failed:
            await ctx.tick()
        silent.clear()
        await host.wait(ctx, 4)
        assert host.received == [order(n) for n in range(4)]
        assert host.failed == 1

    host.run(simulate, bench)


def test_a_slot_that_is_no_order_is_passed_over_and_counted(simulate):
    host = Host(OrderRing())

    async def bench(ctx):
        await host.enable(ctx)
        host.put(order(0))
        host.put(CardEvent(kind="K", code="A"))        # another template
        host.put(order(2), sequence=99)                # another sequence
        host.put(order(3))
        host.put(order(4))
        host.memory[4] = b"\x39" + host.memory[4][1:]  # block length
        host.put(order(5))
        host.memory[5] = host.memory[5][:4] + b"\0\0" + host.memory[5][6:]  # schema
        host.put(order(6))
        host.memory[6] = host.memory[6][:6] + b"\x03\0" + host.memory[6][8:]  # version
        host.put(order(7))
        host.ring(ctx)
        await host.wait(ctx, 3)
        await ctx.tick().repeat(5)
        assert host.received == [order(0), order(3), order(7)]
        assert host.malformed == 5
        assert ctx.get(host.dut.head) == 8

    host.run(simulate, bench)


@pytest.mark.parametrize("tail", [17, 1 << 31, (1 << 32) - 1])
def test_a_doorbell_that_cannot_be_reads_nothing(simulate, tail):
    host = Host(OrderRing())

    async def bench(ctx):
        await host.enable(ctx)
        host.tail = tail
        host.ring(ctx)
        await ctx.tick().repeat(100)
        assert host.requests == []
        assert not ctx.get(host.dut.pending)

    host.run(simulate, bench)


def test_enabling_again_in_the_middle_starts_from_slot_0_and_throws_old_answers_away(simulate):
    host = Host(OrderRing())
    host.hold = True

    async def bench(ctx):
        await host.enable(ctx)
        for number in range(6):
            host.put(order(number))
        host.ring(ctx)
        await ctx.tick().repeat(20)
        assert len(host.requests) == 6
        ctx.set(host.dut.enable, 0)
        await ctx.tick()
        host.tail = 0
        host.ring(ctx)
        await host.enable(ctx)
        for number in range(100, 103):
            host.put(order(number))
        host.ring(ctx)
        await ctx.tick().repeat(20)
        assert len(host.requests) == 6, "tags are not used before their old answers are in"
        host.hold = False
        await host.wait(ctx, 3)
        await ctx.tick().repeat(50)
        assert host.received == [order(n) for n in range(100, 103)]
        assert ctx.get(host.dut.head) == 3
        assert (host.malformed, host.failed) == (0, 0)

    host.run(simulate, bench)
