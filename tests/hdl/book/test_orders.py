"""The order table against a dictionary."""

import random

from tickgate_hdl.book.orders import OrderTable
from tickgate_sim.bfm.simulator import Bench

SETS, WAYS = 8, 2


def set_of(reference):
    """XOR of the 3-bit pieces of the reference, written out."""
    result = 0
    for shift in range(0, 64, 3):
        result ^= reference >> shift & 7
    return result


class TableBench(Bench):
    """An order table, swept, with its strobes as coroutines."""

    def __init__(self):
        super().__init__(OrderTable(sets=SETS, ways=WAYS, symbol_bits=3))

    async def strobe(self, ctx, name):
        ctx.set(getattr(self.dut, name), 1)
        await ctx.tick()
        ctx.set(getattr(self.dut, name), 0)

    async def clear(self, ctx):
        await self.strobe(ctx, "clear")
        cycles = 0
        while ctx.get(self.dut.busy):
            await ctx.tick()
            cycles += 1
        assert cycles == SETS

    async def find(self, ctx, reference):
        """(order or None, free) and the cycles it took."""
        ctx.set(self.dut.reference, reference)
        await self.strobe(ctx, "find")
        cycles = 1
        while not ctx.get(self.dut.done):
            await ctx.tick()
            cycles += 1
        assert cycles == 3
        if not ctx.get(self.dut.found):
            return None, bool(ctx.get(self.dut.free))
        order = ctx.get(self.dut.order)
        assert order.valid
        assert order.reference == reference
        found = (order.symbol, order.sell, order.price, order.shares)
        return found, bool(ctx.get(self.dut.free))

    async def insert(self, ctx, reference, symbol, sell, price, shares):
        ctx.set(
            self.dut.entry,
            {
                "symbol": symbol,
                "sell": sell,
                "reference": reference,
                "price": price,
                "shares": shares,
            },
        )
        await self.strobe(ctx, "insert")

    async def update(self, ctx, shares):
        ctx.set(self.dut.shares, shares)
        await self.strobe(ctx, "update")


def run(scenario):
    bench = TableBench()

    async def process(ctx):
        await bench.clear(ctx)
        await scenario(bench, ctx)

    bench.process(process)
    bench.run(limit=50_000)


def test_random_operations_equal_a_dictionary():
    rng = random.Random(4)

    async def scenario(bench, ctx):
        orders = {}
        full = 0
        for _ in range(600):
            reference = rng.choice([rng.getrandbits(64), rng.randrange(24)])
            if orders and rng.random() < 0.5:
                reference = rng.choice(list(orders))
            order, free = await bench.find(ctx, reference)
            assert order == orders.get(reference)
            load = sum(set_of(other) == set_of(reference) for other in orders)
            if order is None:
                assert free == (load < WAYS)
                full += not free
            if order is None and free:
                orders[reference] = (
                    rng.randrange(8),
                    rng.randrange(2),
                    rng.getrandbits(32),
                    rng.randrange(1, 1 << 32),
                )
                await bench.insert(ctx, reference, *orders[reference])
            elif order is not None:
                shares = rng.choice([0, 0, rng.randrange(1, 1 << 32)])
                await bench.update(ctx, shares)
                orders[reference] = (*order[:3], shares)
                if shares == 0:
                    del orders[reference]
        assert full > 10, "no set was ever full"

    run(scenario)


def test_references_that_share_a_set_and_low_bits_are_told_apart():
    one, other = 0x1, 0x1 << 63 | 0x1 << 60 | 0x1
    assert set_of(one) == set_of(other)

    async def scenario(bench, ctx):
        await bench.find(ctx, one)
        await bench.insert(ctx, one, 1, 0, 5, 6)
        assert await bench.find(ctx, other) == (None, True)
        await bench.insert(ctx, other, 2, 1, 7, 8)
        assert (await bench.find(ctx, one))[0] == (1, 0, 5, 6)
        assert (await bench.find(ctx, other))[0] == (2, 1, 7, 8)

    run(scenario)


def test_clear_forgets_everything():
    async def scenario(bench, ctx):
        for reference in range(16):
            _, free = await bench.find(ctx, reference)
            if free:
                await bench.insert(ctx, reference, 1, 0, 5, 6)
        await bench.clear(ctx)
        for reference in range(16):
            assert await bench.find(ctx, reference) == (None, True)

    run(scenario)
