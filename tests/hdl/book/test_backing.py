"""The leaves behind the front, alone: operations as close as can be, on few keys, against a model.

Leaves are split, given back and dropped all the time, while the next operations, on the same leaf
or its neighbour, are under way.
"""

import random
from dataclasses import dataclass, field

import pytest
from tickgate_hdl.book.backing import Backing


@dataclass
class Leaf:
    """Levels from ``start`` on: key to shares and orders."""

    start: int = 0
    levels: dict[int, list[int]] = field(default_factory=dict)


class LeavesModel:
    """A side's leaves, one operation after the other, and what became of them."""

    def __init__(self, leaf, leaves):
        self.leaf, self.leaves = leaf, leaves
        self.side, self.floor = [], None
        self.splits = self.gone = self.drops = 0

    def _find(self, key):
        return [n for n, leaf in enumerate(self.side) if not n or key >= leaf.start][-1]

    def apply(self, add, key, size, orders):
        if self.floor is not None and key >= self.floor:
            return
        if not self.side:
            if add:
                self.side.append(Leaf(0, {key: [size, orders]}))
            return
        position = self._find(key)
        leaf = self.side[position]
        level = leaf.levels.get(key)
        if not add:
            if level is not None:
                level[0] = max(0, level[0] - size)
                level[1] -= orders
                if not level[1]:
                    del leaf.levels[key]
                self._give_back(position)
        elif level is not None:
            level[0] += size
            level[1] += orders
        elif len(leaf.levels) < self.leaf:
            leaf.levels[key] = [size, orders]
        else:
            self._split(position)
            self.apply(add, key, size, orders)

    def _split(self, position):
        self.splits += 1
        levels = self.side[position].levels
        keys = sorted(levels)[self.leaf // 2:]
        if len(self.side) == self.leaves:
            self.drops += 1
            last = position == self.leaves - 1
            self.floor = keys[0] if last else self.side.pop().start
        worse = Leaf(keys[0], {key: levels.pop(key) for key in keys})
        if self.floor is None or keys[0] < self.floor:
            self.side.insert(position + 1, worse)

    def _give_back(self, position):
        if not self.side[position].levels:
            self.gone += 1
            del self.side[position]

    def best(self):
        """Take the best level out; None if there is none."""
        if not self.side:
            return None
        levels = self.side[0].levels
        key = min(levels)
        taken = (key, *levels.pop(key))
        self._give_back(0)
        return taken


class Bench:
    """Offers operations and takes out levels; ``sides`` are the models by symbol and side."""

    def __init__(self, dut, leaf, leaves):
        self.dut = dut
        self.sides = {(symbol, sell): LeavesModel(leaf, leaves)
                      for symbol in range(2) for sell in range(2)}
        self.done = []  # models of before the sides were emptied
        self.dropped = 0
        self.cycle, self.taken_at = 0, []

    async def watch(self, ctx):
        while True:
            await ctx.tick()
            self.cycle += 1
            self.dropped += ctx.get(self.dut.dropped)

    async def apply(self, ctx, symbol, sell, add, key, size, orders):
        op = self.dut.i.payload
        for signal, value in ((op.symbol, symbol), (op.sell, sell), (op.add, add),
                              (op.level.key, key), (op.level.size, size),
                              (op.level.orders, orders)):
            ctx.set(signal, value)
        ctx.set(self.dut.i.valid, 1)
        while not ctx.get(self.dut.i.ready):
            await ctx.tick()
        self.taken_at.append(self.cycle)
        await ctx.tick()
        ctx.set(self.dut.i.valid, 0)
        self.sides[symbol, sell].apply(add, key, size, orders)

    async def hand_out(self, ctx, symbol, sell, most, rng):
        """Take up to ``most`` levels out, all if there are not that many; compare each."""
        dut, model = self.dut, self.sides[symbol, sell]
        ctx.set(dut.pop, 1)
        ctx.set(dut.pop_side, symbol << 1 | sell)
        count = 0
        while count < most and not ctx.get(dut.pop_empty):
            takes = rng.random() < 0.8
            ctx.set(dut.level_taken, takes)
            if takes and ctx.get(dut.level_valid):
                level = ctx.get(dut.level)
                assert (level.key, level.size, level.orders) == model.best()
                count += 1
            await ctx.tick()
            ctx.set(dut.level_taken, 0)
        if count < most:
            assert model.best() is None
            assert ctx.get(dut.pop_floored) == (model.floor is not None)
            await ctx.tick()
        ctx.set(dut.pop, 0)
        await ctx.tick()

    async def check_all(self, ctx, rng):
        for symbol, sell in self.sides:
            await self.hand_out(ctx, symbol, sell, 1000, rng)
        while not ctx.get(self.dut.idle):
            await ctx.tick()

    async def clear(self, ctx):
        """Empty all sides: where levels were dropped, nothing is kept any more from there on."""
        ctx.set(self.dut.clear, 1)
        await ctx.tick()
        ctx.set(self.dut.clear, 0)
        await self.ready(ctx)
        for name, model in self.sides.items():
            self.done.append(model)
            self.sides[name] = LeavesModel(model.leaf, model.leaves)

    async def ready(self, ctx):
        while ctx.get(self.dut.busy):
            await ctx.tick()


def operations(rng, count, keys, sides):
    """Yield operations, in runs on one key or its neighbours; most levels have one order."""
    key = keys[0]
    for _ in range(count):
        if rng.random() < 0.5:
            key = rng.choice(keys)
        symbol, sell = rng.choice(sides)
        add = rng.random() < 0.45
        orders = 1 if add else rng.random() < 0.9
        yield symbol, sell, add, key, rng.randrange(1, 1000), orders


@pytest.mark.parametrize(("registered", "seed", "keys", "sides", "leaf", "leaves", "gaps"), [
    (False, 1, range(12), [(0, 0)], 2, 4, (0,)),
    (False, 2, range(24), [(0, 0)], 4, 4, (0, 0, 0, 1, 2, 3)),
    (False, 3, range(24), [(1, 1), (0, 1)], 2, 8, (0, 0, 0, 0, 1)),
    (False, 4, range(0, 1 << 32, 1 << 27), [(1, 0)], 2, 16, (0, 0, 0, 0, 7)),
    (True, 5, range(12), [(0, 0)], 2, 4, (0,)),
    (True, 6, range(24), [(1, 1), (0, 1)], 2, 8, (0, 0, 30)),
])
def test_close_operations(simulate, registered, seed, keys, sides, leaf, leaves, gaps):
    dut = Backing(symbols=2, leaf=leaf, leaves=leaves, registered=registered)
    bench = Bench(dut, leaf, leaves)
    rng = random.Random(seed)

    async def drive(ctx):
        await bench.ready(ctx)
        for number, operation in enumerate(operations(rng, 600, list(keys), sides), 1):
            await bench.apply(ctx, *operation)
            for _ in range(rng.choice(gaps)):
                await ctx.tick()
            if number % 50 == 0:
                await bench.hand_out(ctx, *rng.choice(sides), rng.randrange(1, 8), rng)
            if number % 150 == 0:
                await bench.check_all(ctx, rng)
                await bench.clear(ctx)
        assert bench.dropped == sum(model.drops for model in bench.done)
        assert sum(model.splits for model in bench.done) > 20
        assert sum(model.gone for model in bench.done) > 20
        assert bench.dropped or len(keys) > leaf * leaves // 2 * len(sides)

    simulate(dut, drive, bench.watch, cycles=100_000)


def test_an_operation_every_other_cycle(simulate):
    dut = Backing(symbols=2, leaf=4, leaves=4)
    bench = Bench(dut, 4, 4)

    async def drive(ctx):
        await bench.ready(ctx)
        for key in (5, 6):
            await bench.apply(ctx, 0, 0, 1, key, 10, 1)
        while not ctx.get(dut.idle):
            await ctx.tick()
        del bench.taken_at[:]
        for key in (5, 5, 6, 5, 6, 6, 5, 5):
            await bench.apply(ctx, 0, 0, 1, key, 10, 1)
        steps = [b - a for a, b in zip(bench.taken_at, bench.taken_at[1:], strict=False)]
        assert set(steps) == {2}
        await bench.check_all(ctx, random.Random(1))

    simulate(dut, drive, bench.watch)


@pytest.mark.parametrize("registered", [False, True])
def test_another_side_is_handed_out_at_once(simulate, registered):
    """Also while a leaf that was emptied by handing it out is still being given back."""
    dut = Backing(symbols=2, leaf=4, leaves=4, registered=registered)
    bench = Bench(dut, 4, 4)

    async def drive(ctx):
        await bench.ready(ctx)
        for sell in range(2):
            for key in range(12):
                await bench.apply(ctx, 0, sell, 1, key, 10 + 20 * sell, 1)
        for count in range(1, 6):
            for sell in range(2):
                await bench.hand_out(ctx, 0, sell, count, random.Random(count))
        await bench.check_all(ctx, random.Random(1))

    simulate(dut, drive, bench.watch)
