"""Duplicates at the gate: an order like one that passed a moment ago."""

from tickgate_sim.tb.gate_bench import (
    ACCOUNT,
    MANY,
    SYMBOL,
    Bench,
    account,
    limits,
    mask,
    test,
)

WINDOW = 5
TWICE = mask("duplicative")


def image(window=WINDOW):
    """Limits with a window for both accounts."""
    row = account(10**6, 0, 1 << 20, 0, 65535, window=window)
    return limits(
        {0: row, ACCOUNT: row}, symbols={SYMBOL: (1, 10**6), 1: (1, 10**6)},
        positions={(owner, symbol): (10**6, 10**6, 8, MANY)
                   for owner in (0, ACCOUNT) for symbol in (1, SYMBOL)})


def forgotten(bench):
    return int(bench.dut.count_duplicates_forgotten__count.value)


async def opened(dut, window=WINDOW):
    bench = await Bench(dut).open(image(window))
    await bench.list_symbol(1, "MSFT")
    return bench


@test
async def an_equal_order_is_refused_until_the_window_is_over(dut):
    bench = await opened(dut)
    assert await bench.checks() == 0
    for _ in range(WINDOW):
        assert await bench.checks() == TWICE
        await bench.tick()
    assert await bench.checks() == 0  # the window is counted from the one that passed
    assert await bench.checks() == TWICE
    assert forgotten(bench) == 0


@test
async def what_differs_is_no_duplicate(dut):
    bench = await opened(dut)
    assert await bench.checks() == 0
    for change in ({"price": 1_000_201}, {"quantity": 101}, {"side": "E"}, {"side": "T"},
                   {"symbol": 1}, {"account": 0}):
        assert await bench.checks(**change) == 0, change
        assert await bench.checks(**change) == TWICE, change


@test
async def a_replacement_is_none(dut):
    bench = await opened(dut)
    assert await bench.checks() == 0
    await bench.tell("A", bench.token, 100)
    assert await bench.checks(action="U", orig_user_ref_num=bench.token) == 0
    assert await bench.checks() == TWICE  # still because of the first


@test
async def an_order_that_was_refused_is_not_remembered(dut):
    bench = await opened(dut)
    await bench.write("kill_all__on", 1)
    assert await bench.checks() == mask("kill_all")
    await bench.write("kill_all__on", 0)
    assert await bench.checks() == 0


@test
async def orders_in_a_row_know_each_other(dut):
    """One in each cycle; some are refused, and those behind must not take them for passed."""
    bench = await opened(dut)
    for used in (0b000, 0b001, 0b010, 0b011, 0b101):
        await bench.reset()
        await bench.set_up(image())
        for place in range(6):
            order = bench.good()
            # A UserRefNum that is used up refuses.
            bench.orders.append(order._replace(user_ref_num=0) if used >> place & 1 else order)
        await bench.settle()
        passed = False
        for place, decision in enumerate(bench.decisions[-6:]):
            refused = used >> place & 1
            assert decision.checks == (TWICE * passed | mask("token") * refused), (used, place)
            passed = passed or not refused
    first, *_, last = bench.cycles["order"][-6:]
    assert last - first == 5


@test
async def a_tick_between_orders_in_a_row_counts(dut):
    bench = await opened(dut, window=1)
    for wait in range(6):
        bench.orders.append(bench.good())
        await bench.steps(2)
        bench.pulse("ms_tick")
        await bench.steps(wait)
        bench.orders.append(bench.good())
        await bench.settle()
        first, second = bench.decisions[-2:]
        # The first has looked before the tick, the second looks after it.
        assert (first.checks, second.checks) == (0, 0), wait
        await bench.tick()


@test
async def a_window_of_none_refuses_nothing(dut):
    bench = await opened(dut, window=0)
    for _ in range(3):
        assert await bench.checks() == 0


@test
async def a_reset_forgets(dut):
    bench = await opened(dut)
    assert await bench.checks() == 0
    await bench.reset()
    await bench.set_up(image())
    assert await bench.checks() == 0


@test
async def what_is_forgotten_too_early_is_counted(dut):
    """On a card that remembers 16: prices 64 apart, in 1/10000 USD, share a place."""
    bench = await opened(dut)
    assert await bench.checks(price=1_000_000) == 0
    assert await bench.checks(price=1_000_064) == 0
    assert forgotten(bench) == 1
    assert await bench.checks(price=1_000_000) == 0  # it is not known any more
    assert forgotten(bench) == 2
    for _ in range(WINDOW):
        await bench.tick()
    assert await bench.checks(price=1_000_064) == 0  # the one before is old enough
    assert forgotten(bench) == 2
