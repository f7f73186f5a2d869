"""Expressions of little depth mean what they say."""

import random

import pytest
from amaranth.hdl import Elaboratable, Module, Signal
from tickgate_hdl.book.trees import index_of, is_greater, lowest


class _Expressions(Elaboratable):
    def __init__(self, width):
        self.one, self.other = Signal(width), Signal(width)
        self.greater, self.lowest, self.index = Signal(), Signal(width), Signal(range(width))

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.greater.eq(is_greater(self.one, self.other)),
            self.lowest.eq(lowest(self.one)), self.index.eq(index_of(self.lowest)),
        ]
        m.d.sync += Signal().eq(self.greater)  # the bench has a clock
        return m


@pytest.mark.parametrize("width", [1, 3, 7, 32])
def test_expressions_equal_their_meaning(simulate, width):
    dut = _Expressions(width)
    rng = random.Random(width)
    near = [(rng.getrandbits(width), rng.choice((-1, 0, 1, 1 << rng.randrange(width))))
            for _ in range(300)]
    pairs = [(one, max(0, min((1 << width) - 1, one + by))) for one, by in near]

    async def bench(ctx):
        for one, other in pairs:
            ctx.set(dut.one, one)
            ctx.set(dut.other, other)
            await ctx.delay(1e-9)
            assert ctx.get(dut.greater) == (one > other), (one, other)
            assert ctx.get(dut.lowest) == (one & -one)
            if one:
                assert 1 << ctx.get(dut.index) == ctx.get(dut.lowest)

    simulate(dut, bench)
