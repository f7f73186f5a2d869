"""Price levels against dictionaries."""

import random

import pytest
from tickgate_hdl.book.levels import PriceLevels
from tickgate_sim.bfm.simulator import Bench

SYMBOLS, LEVELS = 2, 8


class LevelBench(Bench):
    """Levels, emptied, with a change as a coroutine."""

    def __init__(self):
        super().__init__(PriceLevels(symbols=SYMBOLS, levels=LEVELS))

    async def clear(self, ctx):
        ctx.set(self.dut.clear, 1)
        await ctx.tick()
        ctx.set(self.dut.clear, 0)
        while ctx.get(self.dut.busy):
            await ctx.tick()

    async def change(self, ctx, symbol, sell, price, shares, add):
        """((price, size), overflow, cycles) after a change."""
        ctx.set(
            self.dut.change,
            {"symbol": symbol, "sell": sell, "price": price, "shares": shares, "add": add},
        )
        ctx.set(self.dut.start, 1)
        await ctx.tick()
        ctx.set(self.dut.start, 0)
        ctx.set(self.dut.change, {})
        cycles = 1
        while not ctx.get(self.dut.done):
            assert ctx.get(self.dut.busy)
            await ctx.tick()
            cycles += 1
        answer = ctx.get(self.dut.answer)
        return (answer.price, answer.size), bool(answer.overflow), cycles


def run(scenario):
    bench = LevelBench()

    async def process(ctx):
        await bench.clear(ctx)
        await scenario(bench, ctx)

    bench.process(process)
    bench.run(limit=100_000)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_changes_equal_dictionaries(seed):
    rng = random.Random(seed)

    async def scenario(bench, ctx):
        sides = {}
        overflows = 0
        for step in range(800):
            symbol, sell = rng.randrange(SYMBOLS), rng.randrange(2)
            side = sides.setdefault((symbol, sell), {})
            price, add = rng.choice([rng.randrange(1, 12), 0xFFFFFFFF]), rng.random() < 0.7
            shares = rng.choice([1, 2, rng.getrandbits(32)])
            if not add and side and rng.random() < 0.9:
                price = rng.choice(list(side))
                shares = min(rng.choice([shares, side[price]]), 0xFFFFFFFF)
            best, overflow, _ = await bench.change(ctx, symbol, sell, price, shares, add)
            assert overflow == (add and price not in side and len(side) == LEVELS)
            overflows += overflow
            if add and not overflow:
                side[price] = side.get(price, 0) + shares
            elif not add and price in side:
                side[price] -= shares
                if side[price] <= 0:
                    del side[price]
            top = (min if sell else max)(side, default=0)
            assert best == (top, min(side.get(top, 0), 0xFFFFFFFF)), step
        assert overflows > 5, "no side was ever full"

    run(scenario)


def test_cycles_at_the_touch_and_beyond():
    async def scenario(bench, ctx):
        async def cycles(price, shares, add):
            return (await bench.change(ctx, 0, 0, price, shares, add))[2]

        assert await cycles(100, 10, 1) == 7  # a level appears at the touch
        assert await cycles(101, 10, 1) == 7
        assert await cycles(101, 10, 1) == 6  # it grows
        assert await cycles(101, 5, 0) == 6  # it shrinks
        assert await cycles(100, 10, 1) == 7  # one level behind the touch
        assert await cycles(99, 10, 1) == 11  # appears two behind: search and shift two
        assert await cycles(101, 15, 0) == 7  # the best vanishes

    run(scenario)


def test_a_level_beyond_32_bits_is_exact_and_shown_saturated():
    async def scenario(bench, ctx):
        most = 0xFFFFFFFF
        for _ in range(3):
            best, _, _ = await bench.change(ctx, 1, 1, 50, most, 1)
        assert best == (50, most)
        best, _, _ = await bench.change(ctx, 1, 1, 50, most, 0)
        assert best == (50, most)
        best, _, _ = await bench.change(ctx, 1, 1, 50, most - 7, 0)
        assert best == (50, most)
        best, _, _ = await bench.change(ctx, 1, 1, 50, most, 0)
        assert best == (50, 7)

    run(scenario)
