"""What the host uploads beside limits: references, and the price test that needs them."""

from tickgate_sim.models.gate import References, Top
from tickgate_sim.tb.gate_bench import (
    ACCOUNT,
    GOOD,
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


@test
async def the_short_sale_price_test_needs_a_better_bid(dut):
    bench = await Bench(dut).open()
    for flag, tested in (("0", False), (" ", False), ("1", True), ("2", True)):
        bench.tops[SYMBOL] = Top(1_000_000, 1_000_200, reg_sho=flag)
        for side, price, fails in (
            ("T", 1_000_000, tested), ("T", 1_000_001, False), ("T", 999_999, tested),
            ("E", 1_000_000, False), ("B", 1_000_000, False),
        ):
            want = mask("short_price") if fails else 0
            assert await bench.checks(side=side, price=price) == want, (flag, side, price)
            await bench.tell("J", bench.token)
    bench.tops[SYMBOL] = Top(0, 1_000_200, reg_sho="1")  # no bid to be above
    assert await bench.checks(side="T", price=1_000_100) == mask("short_price")


REFERRED = limits({ACCOUNT: account(10**6, 0, 1 << 20, 0, 65535)},
                  symbols={SYMBOL: symbol(500, window=100, age=50, waived=0)})
GOOD_REFERENCES = References(999_000, 999_000, 1_001_000, 1_000_200)
BAD_REFERENCES = References(1_100_000, 1_100_000, 1_000_199, 1_000_099)
"""Each of these four refuses."""


@test
async def references_change_whole_between_two_orders(dut):
    bench = await Bench(dut).open(REFERRED)
    bad = mask("luld_band", "window_collar")
    await bench.refer(SYMBOL, GOOD_REFERENCES)
    await bench.done()
    seen = []
    for after in range(24):
        references, wanted = (
            (BAD_REFERENCES, bad) if after % 2 == 0 else (GOOD_REFERENCES, 0))
        first = len(bench.decisions)
        # Of orders that change nothing: the token is used up.
        bench.orders.extend(GOOD._replace(user_ref_num=0) for _ in range(60))
        await bench.stage(references)
        await bench.steps(after // 2)
        dut.reference_symbol__value.value = SYMBOL
        bench.pulse("reference_symbol__value__we")
        await bench.settle()
        checks = [decision.checks & ~mask("token") for decision in bench.decisions[first:]]
        assert len(checks) == 60
        change = checks.index(wanted)
        assert set(checks[:change]) == {bad - wanted}, after
        assert set(checks[change:]) == {wanted}, after
        seen.append(change)
    # One cycle later in each round, so one order later.
    assert seen[::2] == list(range(seen[0], seen[0] + 12))
    assert int(dut.count_references__count.value) == 25
    assert int(dut.count_references_ignored__count.value) == 0


@test
async def references_are_of_one_symbol_and_of_one_time(dut):
    bench = await Bench(dut).open(REFERRED)
    for other in (*range(SYMBOL), *range(SYMBOL + 1, SYMBOLS)):
        await bench.refer(other, GOOD_REFERENCES)
    for unknown in (SYMBOL + SYMBOLS, SYMBOL | 1 << 15):  # whose low bits are those of the symbol
        await bench.refer(unknown, GOOD_REFERENCES)
    assert await bench.checks() == mask("luld_band", "window_collar", "reference_age")
    assert int(dut.count_references__count.value) == SYMBOLS - 1
    assert int(dut.count_references_ignored__count.value) == 2
    await bench.refer(SYMBOL, GOOD_REFERENCES)
    for _ in range(50):
        await bench.tick()
    await bench.stage(BAD_REFERENCES)  # in registers only
    await bench.done()
    await bench.tick()
    assert await bench.checks() == mask("reference_age")
    await bench.refer(SYMBOL, GOOD_REFERENCES)  # the same again, of now
    await bench.done()


@test
async def a_reset_forgets_references(dut):
    bench = await Bench(dut).open(REFERRED)
    await bench.refer(SYMBOL, GOOD_REFERENCES)
    await bench.done()
    dut.rst.value = 1
    await bench.steps(2)
    dut.rst.value = 0
    await bench.step()
    await bench.refer(SYMBOL, GOOD_REFERENCES)  # before the sweep is over: ignored
    assert dut.busy.value
    while dut.busy.value:
        await bench.step()
    assert int(dut.count_references_ignored__count.value) == 1
    bench.token = 0
    await bench.list_symbol(SYMBOL, "AAPL")
    await bench.upload(REFERRED, REFERRED.crc(*SIZES), 1)
    await bench.strobe("watchdog_touch__touch")
    await bench.lease(MANY, 1)
    await bench.strobe("control__arm")
    assert await bench.checks() == mask("luld_band", "window_collar", "reference_age")
    await bench.refer(SYMBOL, GOOD_REFERENCES)
    await bench.done()
