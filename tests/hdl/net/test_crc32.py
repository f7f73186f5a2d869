"""The check sequence's XORs against zlib."""

import random
import zlib

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator
from tickgate_hdl.net import crc32

ONES = 0xFFFFFFFF


def remainder(data, before=crc32.START):
    """The remainder behind ``data``, as zlib has it."""
    return zlib.crc32(data, before ^ ONES) ^ ONES


@pytest.mark.parametrize("count", range(1, 9))
def test_any_number_of_bytes_at_a_time(count):
    rng = random.Random(count)
    before, data, after, again = Signal(32), Signal(8 * count), Signal(32), Signal(32)
    m = Module()
    m.d.comb += [after.eq(crc32.advance(before, data)), again.eq(crc32.rewind(after, count))]

    async def bench(ctx):
        for _ in range(40):
            start, some = rng.getrandbits(32), rng.randbytes(count)
            ctx.set(before, start)
            ctx.set(data, int.from_bytes(some, "little"))
            assert ctx.get(after) == remainder(some, start)
            # Zeros that lead to this remainder lead away from what rewind gives.
            assert remainder(bytes(count), ctx.get(again)) == ctx.get(after)

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()


def test_constants_are_those_of_right_frames():
    rng = random.Random(1)
    for length in range(1, 40):
        data = rng.randbytes(length)
        frame = data + zlib.crc32(data).to_bytes(4, "little")
        assert remainder(frame) == crc32.RESIDUE
        for count in range(5):
            rest = int.from_bytes(frame[len(frame) - count :], "little")
            assert remainder(frame[: len(frame) - count]) ^ rest == crc32.residue_before(count)
        assert crc32.undo(remainder(data), data) == crc32.START


@pytest.mark.parametrize("bits", [0, 4, 12, 72])
def test_other_widths_are_refused(bits):
    with pytest.raises(ValueError, match="data must be 1 to 8 bytes wide"):
        crc32.advance(Signal(32), Signal(bits))
