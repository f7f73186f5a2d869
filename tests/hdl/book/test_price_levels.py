"""Price levels against their model: exact best bid and offer after every operation."""

import random

import pytest
from tickgate_hdl.book.price_levels import Levels
from tickgate_sim.models.price_levels import Best, PriceLevels


class Bench:
    """Drives operations as the book does, and checks each result against the model."""

    def __init__(self, dut):
        self.dut, self.model = dut, PriceLevels()
        # The watcher runs after the driver, so its count is one behind in the driver.
        self.cycle, self.results, self.expected = 0, 0, []
        self.lost, self.unknown = [], set()
        self.depths = {}

    async def watch(self, ctx):
        """Check results as they come, exactly ``latency`` cycles after their operations."""
        dut = self.dut
        while True:
            await ctx.tick()
            self.cycle += 1
            if ctx.get(dut.lost):
                self.lost.append(ctx.get(dut.strobe_symbol))
            if ctx.get(dut.unknown):
                self.unknown.add(ctx.get(dut.strobe_symbol))
            if ctx.get(dut.depth_write):
                row = ctx.get(dut.depth_row)
                self.depths[row.symbol, row.sell] = [_best(row.levels[n]) for n in range(5)]
            if ctx.get(dut.result_valid):
                due, symbol, sell, missed, bid, ask = self.expected.pop(0)
                got = ctx.get(dut.result)
                assert self.cycle == due, "the latency is exact"
                assert (got.symbol, got.sell) == (symbol, sell)
                if symbol not in self.unknown:
                    assert (_best(got.bid), _best(got.ask)) == (bid, ask), self.results
                    if missed is not None:
                        assert got.missed == missed
                self.results += 1

    async def do(self, ctx, symbol, sell, price, shares, *, add, order=True, kill=False, gap=0):
        dut = self.dut
        for _ in range(gap):
            await ctx.tick()
        ctx.set(dut.read, 1)
        ctx.set(dut.read_symbol, symbol)
        await ctx.tick()
        ctx.set(dut.read, 0)
        op = dut.op.payload
        for name, value in (("symbol", symbol), ("sell", sell), ("price", price),
                            ("shares", shares), ("add", add), ("order", order)):
            ctx.set(op[name], value)
        ctx.set(dut.op.valid, 1)
        while not ctx.get(dut.op.ready):
            await ctx.tick()
        if kill:
            missed = None
        else:
            missed = self.model.apply(symbol, sell, price, shares, add=add, order=order)
            if price not in self.in_front(symbol, sell):
                missed = None  # behind the front it is not known in time
        self.expected.append((self.cycle + 1 + dut.latency, symbol, sell, missed,
                              self.model.best(symbol, 0), self.model.best(symbol, 1)))
        await ctx.tick()
        ctx.set(dut.op.valid, 0)
        ctx.set(dut.kill, kill)
        await ctx.tick()
        ctx.set(dut.kill, 0)

    def in_front(self, symbol, sell):
        return {level.price for level in self.model.depth(symbol, sell, 2)}

    async def settle(self, ctx):
        for _ in range(400):  # a full queue, and what each takes behind the front if registered
            await ctx.tick()
            if not ctx.get(self.dut.active) and not self.expected:
                return
        raise AssertionError("the levels do not come to rest")

    async def ready(self, ctx):
        while ctx.get(self.dut.busy):
            await ctx.tick()

    def check_depth(self):
        for (symbol, sell), shown in self.depths.items():
            levels = self.model.depth(symbol, sell)
            levels = levels[:self.dut._front]
            count = min(len(levels), self.dut._front // 2)
            assert shown[:count] == levels[:count]


def _best(level):
    return Best(level.price, level.size, level.orders)


def random_operations(rng, count, *, symbols, prices, live_most):
    """Yield keyword arguments of operations as orders cause them."""
    live = []
    for _ in range(count):
        if live and (len(live) >= live_most or rng.random() < 0.45):
            at = rng.randrange(len(live))
            symbol, sell, price, shares = live[at]
            if shares > 1 and rng.random() < 0.3:
                part = rng.randrange(1, shares)
                live[at] = (symbol, sell, price, shares - part)
                yield {"symbol": symbol, "sell": sell, "price": price, "shares": part,
                       "add": False, "order": False}
            else:
                live[at] = live[-1]
                live.pop()
                yield {"symbol": symbol, "sell": sell, "price": price, "shares": shares,
                       "add": False}
        else:
            order = (rng.randrange(symbols), rng.randrange(2), rng.choice(prices),
                     rng.randrange(1, 1000))
            live.append(order)
            yield dict(zip(("symbol", "sell", "price", "shares"), order, strict=True), add=True)


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize(("seed", "prices", "live"), [
    (1, range(100, 116), 12), (2, range(100, 110), 60), (3, range(1, 1 << 32, 1 << 28), 30),
    (4, range(100, 112), 200),
])
def test_random_operations(simulate, registered, seed, prices, live):
    dut = Levels(symbols=2, front=4, leaf=4, leaves=8, registered=registered)
    bench = Bench(dut)
    rng = random.Random(seed)
    operations = list(random_operations(
        rng, 1500, symbols=2, prices=list(prices), live_most=live))
    killed = 0

    async def drive(ctx):
        nonlocal killed
        await bench.ready(ctx)
        for operation in operations:
            if rng.random() < 0.1:
                await bench.do(ctx, **rng.choice(operations), gap=rng.choice((0, 0, 1)), kill=True)
                killed += 1
            await bench.do(ctx, **operation, gap=rng.choice((0, 0, 0, 1, 5, 30)))
        await bench.settle(ctx)
        assert bench.results == len(operations) + killed
        assert killed > 100
        assert not bench.lost, "there was room for all levels"
        bench.check_depth()

    simulate(dut, drive, bench.watch, cycles=60000)
