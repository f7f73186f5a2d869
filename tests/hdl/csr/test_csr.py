"""The register bank, access by access, on the card's own map and on a small one."""

import pytest
from amaranth.sim import Simulator
from tickgate.card import registers
from tickgate.card.regmap import Register, RegisterField
from tickgate_hdl.lib.csr import CsrBank


def simulate(bank, bench):
    done = []

    async def wrapped(ctx):
        await bench(ctx)
        done.append(True)

    simulator = Simulator(bank)
    simulator.add_clock(6.4e-9)
    simulator.add_testbench(wrapped)
    simulator.run_until(1e-5)
    assert done, "the bench did not finish"


async def write(ctx, bank, offset, data, strobe=0xF):
    ctx.set(bank.bus.address, offset)
    ctx.set(bank.bus.data, data)
    ctx.set(bank.bus.strobe, strobe)
    ctx.set(bank.bus.write, 1)
    await ctx.tick()
    ctx.set(bank.bus.write, 0)


async def read(ctx, bank, offset):
    ctx.set(bank.bus.address, offset)
    ctx.set(bank.bus.read, 1)
    await ctx.tick()
    ctx.set(bank.bus.read, 0)
    return ctx.get(bank.bus.read_data)


@pytest.fixture
def bank():
    return CsrBank(registers.REGISTERS)


def test_every_register_reads_its_reset_value_and_unused_offsets_read_0(bank):
    async def bench(ctx):
        for register in registers.REGISTERS:
            expected = register.reset if "r" in register.access else 0
            assert await read(ctx, bank, register.offset) == expected, register.name
        for offset in (0x03C, 0x7FFC, 0x8000, 0xFFFC):
            assert await read(ctx, bank, offset) == 0

    simulate(bank, bench)


def test_every_writable_field_keeps_what_was_written_and_no_other_changes(bank):
    async def bench(ctx):
        expected = {}
        for register in registers.REGISTERS:
            await write(ctx, bank, register.offset, 0xFFFF_FFFF)
            expected[register.name] = register.reset if register.access == "r" else sum(
                f.mask for f in register.fields if f.access == "rw"
            )
        for register in registers.REGISTERS:
            assert await read(ctx, bank, register.offset) == expected[register.name], register.name

    simulate(bank, bench)


def test_byte_enables_are_honoured(bank):
    async def bench(ctx):
        await write(ctx, bank, registers.SCRATCH.offset, 0x11223344)
        await write(ctx, bank, registers.SCRATCH.offset, 0xAABBCCDD, strobe=0b0101)
        assert await read(ctx, bank, registers.SCRATCH.offset) == 0x11BB33DD
        await write(ctx, bank, registers.SCRATCH.offset, 0, strobe=0)
        assert await read(ctx, bank, registers.SCRATCH.offset) == 0x11BB33DD
        await write(ctx, bank, registers.CONTROL.offset, 0x3, strobe=0b1110)
        assert ctx.get(bank.control__arm) == 0

    simulate(bank, bench)


def test_a_pulse_lasts_one_cycle_and_reads_0(bank):
    async def bench(ctx):
        await write(ctx, bank, registers.SOUP_CONTROL.offset, 0b011)
        assert ctx.get(bank.soup_control__connect) == 1
        assert ctx.get(bank.soup_control__login) == 1
        assert ctx.get(bank.soup_control__logout) == 0
        await ctx.tick()
        assert ctx.get(bank.soup_control__connect) == 1
        assert ctx.get(bank.soup_control__login) == 0
        assert await read(ctx, bank, registers.SOUP_CONTROL.offset) == 1

    simulate(bank, bench)


def test_swmod_strobes_with_the_new_value_also_when_it_is_the_old_one(bank):
    async def bench(ctx):
        for _ in range(2):
            await write(ctx, bank, registers.EVENT_RING_HEAD.offset, 77)
            assert ctx.get(bank.event_ring_head__value__we) == 1
            assert ctx.get(bank.event_ring_head__value) == 77
            await ctx.tick()
            assert ctx.get(bank.event_ring_head__value__we) == 0

    simulate(bank, bench)


def test_reading_a_low_word_freezes_its_high_word(bank):
    async def bench(ctx):
        ctx.set(bank.time_low__value, 0xFFFF_FFFF)
        ctx.set(bank.time_high__value, 1)
        assert await read(ctx, bank, registers.TIME_LOW.offset) == 0xFFFF_FFFF
        ctx.set(bank.time_low__value, 0)
        ctx.set(bank.time_high__value, 2)
        assert await read(ctx, bank, registers.TIME_HIGH.offset) == 1
        assert await read(ctx, bank, registers.TIME_LOW.offset) == 0
        assert await read(ctx, bank, registers.TIME_HIGH.offset) == 2

    simulate(bank, bench)


def test_hardware_may_move_the_limit_address_on_but_software_wins(bank):
    async def bench(ctx):
        await write(ctx, bank, registers.LIMIT_ADDRESS.offset, 0x4000)
        assert ctx.get(bank.limit_address__value__we) == 1
        ctx.set(bank.limit_address__value__next, 0x4001)
        ctx.set(bank.limit_address__value__next__we, 1)
        await ctx.tick()
        assert ctx.get(bank.limit_address__value) == 0x4001
        assert ctx.get(bank.limit_address__value__we) == 0
        await write(ctx, bank, registers.LIMIT_ADDRESS.offset, 0x8000)
        assert ctx.get(bank.limit_address__value) == 0x8000

    simulate(bank, bench)


def test_fields_stand_in_their_places():
    fields = (RegisterField("low", 4, 4, "r", "w", 0, ""),
              RegisterField("high", 28, 4, "rw", "r", 0xA, ""),
              RegisterField("fixed", 12, 4, "r", "na", 0x5, ""))
    bank = CsrBank((Register("one", 0x10, fields, ""),))

    async def bench(ctx):
        ctx.set(bank.one__low, 0xC)
        assert await read(ctx, bank, 0x10) == 0xA000_50C0
        await write(ctx, bank, 0x10, 0x3FFF_FFFF)
        assert await read(ctx, bank, 0x10) == 0x3000_50C0

    simulate(bank, bench)
