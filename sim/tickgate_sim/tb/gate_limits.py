"""The gate's limits image: refused whole, swapped between orders, in force for its lease."""

from tickgate_sim.tb.gate_bench import (
    ACCOUNT,
    ACCOUNTS,
    LIMITS,
    MANY,
    SIZES,
    SYMBOL,
    SYMBOLS,
    Bench,
    account,
    limits,
    mask,
    symbol,
    test,
)
from tickgate_sim.tb.gate_driver import CLEARING_FIRMS, GROUPS


@test
async def a_bad_image_is_refused_whole(dut):
    bench = await Bench(dut).open()
    wide = limits({ACCOUNT: account(10**6, 0, 1 << 20, 0, 65535)},
                  positions={(ACCOUNT, SYMBOL): (10**6, 10**6, 8, MANY)})
    crc = wide.crc(*SIZES)
    words = wide.words(*SIZES)
    narrow = {"quantity": 1001, "price": 900_000}
    for arguments in (
        {"crc": crc ^ 1, "generation": 2},
        {"crc": crc, "generation": 0},
    ):
        await bench.upload(wide, **arguments)
        assert dut.limit_status__bad_crc.value
        assert not dut.limit_status__committed.value
        assert int(dut.limit_computed_crc__value.value) == crc
        assert await bench.checks(**narrow) == mask("max_quantity")
        assert bench.decisions[-1].generation == 1
    # A shadow bank with other limits than announced, by one word that never arrived.
    tight = limits({ACCOUNT: account(1, 1, 0, 0, 1)}, symbols={}, positions={})
    await bench.upload(tight, tight.crc(*SIZES) ^ 1, 2)
    await bench.upload(wide, crc, 2, leave_out=[next(a for a, word in words if word > 1)])
    assert dut.limit_status__bad_crc.value
    assert await bench.checks(**narrow) == mask("max_quantity")
    await bench.upload(wide, crc, 2)
    assert dut.limit_status__committed.value
    assert await bench.checks(**narrow) == 0
    assert bench.decisions[-1].generation == 2
    kinds = [(event.kind, event.generation) for event in bench.events if event.kind in "LC"]
    assert kinds == [("L", 1), ("C", 1), ("C", 1), ("C", 1), ("C", 1), ("L", 2)]


@test
async def nothing_changes_behind_the_check(dut):
    bench = await Bench(dut).open()
    await bench.upload(LIMITS, LIMITS.crc(*SIZES), 2)
    for address, word in LIMITS.words(*SIZES):
        dut.limit_address__value.value = address
        bench.pulse("limit_address__value__we")
        await bench.step()
        dut.limit_data__value.value = word
        bench.pulse("limit_data__value__we")
        await bench.step()
    dut.limit_generation__value.value = 3
    dut.limit_crc__value.value = LIMITS.crc(*SIZES)
    bench.pulse("limit_commit__commit")
    await bench.steps(20)
    assert dut.limit_status__busy.value
    dut.limit_address__value.value = 32 * ACCOUNT + 1  # already read by the check
    bench.pulse("limit_address__value__we")
    await bench.step()
    dut.limit_data__value.value = 999_999
    bench.pulse("limit_data__value__we")
    bench.pulse("limit_commit__commit")
    await bench.steps(500)
    assert dut.limit_status__committed.value
    assert await bench.checks(quantity=1001, price=900_000) == mask("max_quantity")
    assert bench.decisions[-1].generation == 3


@test
async def the_shadow_bank_reads_back(dut):
    bench = await Bench(dut).open()
    await bench.upload(LIMITS, 0, 9)
    for address, word in LIMITS.words(*SIZES):
        dut.limit_read_address__value.value = address
        await bench.steps(4)
        assert int(dut.limit_read__value.value) == word
    for address in (32 * ACCOUNTS, 0x1000_0000 + 16 * SYMBOLS,
                    0x2000_0000 + 4 * SYMBOLS * ACCOUNTS, 0x3000_0008, 0x4000_0000 + 8 * GROUPS,
                    0x5000_0000 + 8 * CLEARING_FIRMS, 0x6000_0080, 0x7000_0040, 0x8000_0000,
                    0xF000_0000):
        dut.limit_read_address__value.value = address
        await bench.steps(4)
        assert int(dut.limit_read__value.value) == 0
        dut.limit_address__value.value = address
        bench.pulse("limit_address__value__we")
        await bench.step()
        dut.limit_data__value.value = 0xFFFF_FFFF
        bench.pulse("limit_data__value__we")
        await bench.step()
    await bench.commit(LIMITS.crc(*SIZES), 9)
    assert dut.limit_status__committed.value  # writes outside the tables changed nothing


@test
async def banks_swap_between_operations(dut):
    bench = await Bench(dut).open()
    wide = limits({ACCOUNT: account(10**6, 0, 1 << 20, 0, 65535)},
                  positions={(ACCOUNT, SYMBOL): (10**6, 10**6, 8, MANY)})
    tight = limits({ACCOUNT: account(10, 10, 0, 0, 65535)}, symbols={SYMBOL: symbol(0)},
                   positions={(ACCOUNT, SYMBOL): (10, 10, 8, MANY)})
    expected = {2: 0, 3: mask("max_quantity", "max_value", "position_limit", "price_collar")}
    seen = set()
    for offset in range(12):
        generation = 2 + offset % 2
        image = (wide, tight)[offset % 2]
        await bench.upload(image, image.crc(*SIZES) ^ 1, generation)
        dut.limit_crc__value.value = image.crc(*SIZES)
        bench.pulse("limit_commit__commit")
        start = len(bench.decisions)
        await bench.steps(len(image.words(*SIZES)) - 10 + offset)
        while not dut.limit_status__committed.value:
            if not bench.orders:
                bench.orders.append(bench.good(price=1_000_701, quantity=20))
            await bench.step()
        for _ in range(3):
            bench.orders.append(bench.good(price=1_000_701, quantity=20))
        await bench.settle()
        for decision in bench.decisions[start:]:
            want = expected.get(decision.generation, mask("price_collar"))
            if decision.generation == 2:
                want = mask("price_collar")
            assert decision.checks & ~mask("token") == want, (offset, decision)
            seen.add(decision.generation)
    assert seen >= {2, 3}


@test
async def a_commit_is_before_a_disarm_or_after(dut):
    bench = await Bench(dut).open()
    crc = LIMITS.crc(*SIZES)
    await bench.upload(LIMITS, crc, 2)  # both banks hold them now

    async def commit_and_disarm(disarm_at):
        """Returns the cycle of the swap, and whether the gate was armed after it."""
        before = int(dut.limit_active_generation__value.value)
        dut.limit_generation__value.value = before + 1
        bench.pulse("limit_commit__commit")
        swapped, armed_after = None, False
        for cycle in range(500):
            await bench.step()
            if swapped is None and int(dut.limit_active_generation__value.value) != before:
                swapped = cycle
            armed_after |= swapped is not None and bool(dut.status__armed.value)
            if cycle == disarm_at:
                bench.pulse("control__disarm")
        return swapped, armed_after

    takes, _ = await commit_and_disarm(None)
    seen = set()
    for offset in range(-4, 4):
        swapped, armed_after = await commit_and_disarm(takes + offset)
        assert swapped == takes
        await bench.strobe("control__arm")
        assert dut.status__armed.value != armed_after, offset
        seen.add(armed_after)
        await bench.strobe("control__disarm")
        await bench.arm_again()
    assert seen == {False, True}


@test
async def limits_hold_as_long_as_their_lease(dut):
    bench = await Bench(dut).open()
    await bench.lease(3, 1)
    for _ in range(4):
        for _ in range(2):
            await bench.tick()
        await bench.strobe("limit_renew__value", 1)
        assert await bench.checks() == 0
        await bench.tell("J", bench.token)
    bench.events.clear()
    await bench.strobe("limit_renew__value", 2)  # of other limits: ignored
    for _ in range(3):
        await bench.tick()
    assert await bench.checks() == mask("lease")
    assert [(event.kind, event.generation) for event in bench.events] == [("X", 1)]
    assert dut.status__lease_good.value == 0
    assert dut.status__armed.value == 1
    assert (await bench.ask(bench.good(action="X", price=0))).checks == 0
    await bench.strobe("limit_renew__value", 2)
    assert await bench.checks() == mask("lease")
    await bench.commit(LIMITS.crc(*SIZES) ^ 1, 2)  # refused: 1 stays in force
    await bench.strobe("limit_renew__value", 2)
    assert await bench.checks() == mask("lease")
    await bench.strobe("limit_renew__value", 1)
    await bench.done()
    await bench.lease(0, 1)
    assert await bench.checks() == mask("lease")


@test
async def a_lease_runs_on_over_a_commit(dut):
    bench = await Bench(dut).open()
    await bench.lease(5, 1)
    await bench.upload(LIMITS, LIMITS.crc(*SIZES), 2)
    assert await bench.checks() == 0
    await bench.tell("J", bench.token)
    await bench.strobe("limit_renew__value", 1)  # no longer in force
    for _ in range(5):
        await bench.tick()
    assert await bench.checks() == mask("lease")
