"""Sums of 16-bit words against the checksum of RFC 1071."""

import random

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from tickgate_hdl.net.word_sum import WordSum, is_ones
from tickgate_sim.models.checksum import checksum


def test_chosen_bytes_are_summed_in_two_cycles(simulate):
    dut = WordSum(32)
    rng = random.Random(1)

    async def bench(ctx):
        for _ in range(40):
            total = 0
            for beat in range(rng.randint(1, 5)):
                data, mask = rng.randbytes(8), rng.randrange(256)
                kept = bytes(byte if mask >> lane & 1 else 0 for lane, byte in enumerate(data))
                total += sum(int.from_bytes(kept[at:at + 2], "big") for at in range(0, 8, 2))
                ctx.set(dut.valid, 1)
                ctx.set(dut.first, beat == 0)
                ctx.set(dut.data, int.from_bytes(data, "little"))
                ctx.set(dut.mask, mask)
                await ctx.tick()
            ctx.set(dut.valid, 0)
            await ctx.tick().repeat(2)
            assert ctx.get(dut.total) == total

    simulate(dut, bench)


class _Ones(wiring.Component):
    total: In(20)
    right: Out(1)

    def elaborate(self, platform):
        m = Module()
        unused = Signal()
        m.d.sync += unused.eq(1)  # the simulator's clock needs a register
        m.d.comb += self.right.eq(is_ones(self.total))
        return m


def test_a_sum_is_right_when_the_checksum_is_0(simulate):
    """Of ten words, as an IPv4 header has, all values around the carries."""
    dut = _Ones()
    totals = {carries << 16 | low & 0xFFFF for carries in range(10)
              for low in (0, 1, *range(-12 - carries, 0))}

    async def bench(ctx):
        right = 0
        for total in sorted(totals):
            ctx.set(dut.total, total)
            words = b"\xff\xff" * (total // 0xFFFF) + (total % 0xFFFF).to_bytes(2, "big")
            assert ctx.get(dut.right) == (total != 0 and checksum(words) == 0), hex(total)
            right += ctx.get(dut.right)
        assert right == 10

    simulate(dut, bench)
