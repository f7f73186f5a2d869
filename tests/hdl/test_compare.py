"""Comparing as a chain of pieces, and at once: the same result."""

import random

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator
from tickgate_hdl.lib.compare import compared_at_once, equal


@pytest.mark.parametrize("width", [1, 3, 7, 64, 80])
def test_a_chain_and_a_comparison_are_equal(width):
    one, other = Signal(width), Signal(width)
    chain, at_once = Signal(), Signal()
    m = Module()
    m.d.comb += chain.eq(equal(one, other))
    with compared_at_once():
        m.d.comb += at_once.eq(equal(one, other))
    rng = random.Random(width)

    async def bench(ctx):
        for _ in range(100):
            value = rng.getrandbits(width)
            for changed in (0, 1 << rng.randrange(width), rng.getrandbits(width)):
                ctx.set(one, value)
                ctx.set(other, value ^ changed)
                assert ctx.get(chain) == ctx.get(at_once) == (changed == 0)

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
