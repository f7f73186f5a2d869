"""A part with a reset of its own: it comes to life two cycles late, and is reset again."""

import pytest
from amaranth.hdl import Elaboratable, Module, ResetSignal, Signal
from tickgate_hdl.lib.own_reset import own_reset


class _Counter(Elaboratable):
    def __init__(self):
        self.count = Signal(8)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.count.eq(self.count + 1)
        return m


class _Chip(Elaboratable):
    """Counters in a part in a part, and one beside them."""

    def __init__(self, registered):
        self.beside, self.inner, self._registered = _Counter(), _Counter(), registered
        self.part = Module()
        self.part.submodules.inner = own_reset(registered, self.inner, "inner")

    def elaborate(self, platform):
        m = Module()
        m.submodules.beside = self.beside
        m.submodules.part = own_reset(self._registered, self.part, "part")
        return m


@pytest.mark.parametrize(("registered", "late"), [(False, 0), (True, 4)])
def test_each_part_around_it_makes_a_part_two_cycles_late(simulate, registered, late):
    chip = _Chip(registered)

    async def bench(ctx):
        for cycle in range(10):
            assert ctx.get(chip.beside.count) == cycle
            assert ctx.get(chip.inner.count) == max(0, cycle - late)
            await ctx.tick()

    simulate(chip, bench)


def test_it_follows_a_reset(simulate):
    chip, reset = _Chip(True), Signal()
    top = Module()
    top.submodules.chip = chip
    top.d.comb += ResetSignal().eq(reset)

    async def bench(ctx):
        await ctx.tick().repeat(9)
        ctx.set(reset, 1)
        await ctx.delay(8e-6)  # eight cycles
        assert ctx.get(chip.beside.count) == ctx.get(chip.inner.count) == 0
        ctx.set(reset, 0)
        await ctx.tick().repeat(5)
        assert ctx.get(chip.beside.count) == 5
        assert ctx.get(chip.inner.count) == 1

    simulate(top, bench)
