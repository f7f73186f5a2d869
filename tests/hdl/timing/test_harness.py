"""The harness adds flip-flops around a block, and nothing else."""

from amaranth import Module
from amaranth.back import rtlil
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator
from tickgate_hdl.timing.harness import Harness


class Adder(wiring.Component):
    """Adds; a sum is a wire."""

    a: In(3)
    b: In(4)
    total: Out(5)
    unused: Out(0)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.total.eq(self.a + self.b)
        return m


def test_it_has_a_flip_flop_for_each_port_bit_and_one_for_the_reset():
    assert Harness(Adder()).flip_flops == 3 + 4 + 5 + 1


def test_inputs_are_shifted_in_one_bit_a_cycle_with_the_reset_first():
    adder = Adder()
    harness = Harness(adder)
    simulator = Simulator(harness)
    seen = []

    async def bench(ctx):
        for bit in (1, 0, 0, 1, 0, 1, 1, 0):
            ctx.set(harness.shift, bit)
            for level in (1, 0):
                ctx.set(harness.clk, level)
                await ctx.delay(1e-9)
        seen.append((ctx.get(adder.a), ctx.get(adder.b), ctx.get(adder.total)))

    simulator.add_testbench(bench)
    simulator.run()
    # The last bit is in the reset, those before it in a, the first four in b.
    assert seen == [(0b011, 0b1001, 12)]


def test_the_output_flip_flops_are_kept():
    text = rtlil.convert(Harness(Adder()), name="top", emit_src=False)
    assert "attribute \\keep 1\n  wire width 5 \\out_total" in text
