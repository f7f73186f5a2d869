"""Token buckets of the gate: of sessions, of symbols, of cancels and replaces.

Those of accounts are in ``gate_directed``.
"""

from tickgate_sim.tb.gate_bench import (
    ACCOUNT,
    LIMITS,
    MANY,
    SYMBOL,
    Bench,
    account,
    limits,
    mask,
    test,
)
from tickgate_sim.tb.gate_driver import EVERY_SESSION, symbol_row

ROW = account(10**6, 0, 1 << 20, 0, 65535)
OTHER = 1
"""Another symbol; another account is 0."""


def image(rate, burst, bucket):
    """Limits in which one bucket is short."""
    row = account(10**6, 0, 1 << 20, 0, 65535, cancels=(rate, burst) if bucket == "cancel" else (
        0, 65535))
    symbol = symbol_row(1, 10**6, rate=(rate, burst)) if bucket == "symbol" else (1, 10**6)
    return limits(
        {0: ROW, ACCOUNT: row}, symbols={SYMBOL: symbol, OTHER: (1, 10**6)},
        positions={(owner, of): (10**6, 10**6, 8, MANY)
                   for owner in (0, ACCOUNT) for of in (OTHER, SYMBOL)},
        sessions=EVERY_SESSION | {3: (1, rate, burst)} if bucket == "session" else None)


async def opened(dut, *of):
    bench = await Bench(dut).open(image(*of))
    await bench.list_symbol(OTHER, "MSFT")
    return bench


async def _binds(dut, bucket, other):
    """A burst passes, then one a millisecond: those of one row, whatever else they are."""
    bench = await opened(dut, 1000, 3, bucket)
    over = mask(f"{bucket}_rate")
    assert [await bench.checks() for _ in range(4)] == [0, 0, 0, over]
    assert await bench.checks(quantity=0) == mask("malformed")  # costs nothing
    assert (await bench.ask(bench.good(action="X", price=0))).checks == 0  # nor does a cancel
    assert await bench.checks(**other) == 0  # of another row
    await bench.tick()
    assert await bench.checks(price=10**7) == mask("price_collar")  # refused, and charged
    assert await bench.checks() == over
    for _ in range(20):
        await bench.tick()
    assert [await bench.checks() for _ in range(4)] == [0, 0, 0, over]  # never more than the burst


@test
async def sessions_are_rated(dut):
    await _binds(dut, "session", {"session": 4})


@test
async def symbols_are_rated(dut):
    await _binds(dut, "symbol", {"symbol": OTHER, "account": 0, "session": 9})


@test
async def a_session_without_limits_refuses(dut):
    sessions = {session: EVERY_SESSION[session] for session in EVERY_SESSION if session != 3}
    bench = await Bench(dut).open(limits(LIMITS.account, sessions=sessions))
    assert await bench.checks() == mask("no_limits")
    assert await bench.checks(session=4) == 0


@test
async def cancels_and_replaces_share_a_bucket(dut):
    bench = await opened(dut, 1000, 3, "cancel")
    over = mask("cancel_rate")

    async def cancel():
        return (await bench.ask(bench.good(action="X", price=0))).checks

    assert await bench.checks() == 0  # an enter costs none
    await bench.tell("A", bench.token, 100)
    old = bench.token
    assert await cancel() == 0
    assert await bench.checks(action="U", orig_user_ref_num=old) == 0
    assert await cancel() == 0
    assert await bench.checks() == over  # the account may not go on
    assert await bench.checks(account=0) == 0
    assert await cancel() == 0  # a cancel is never refused for it, and costs no more than there is
    await bench.tick()
    assert await bench.checks() == 0
    assert await cancel() == 0
    assert await bench.checks() == over


@test
async def orders_on_every_cycle_of_a_refill_lose_nothing(dut):
    bench = Bench(dut)
    await bench.start()
    for bucket, costly in (
        ("session", {"price": 10**7}), ("symbol", {"price": 10**7}), ("cancel", {"action": "U"}),
    ):  # refused, and charged all the same
        await bench.reset()
        await bench.set_up(image(1000, 3, bucket))
        over = mask(f"{bucket}_rate")
        charged = [not await bench.checks(**costly) & over for _ in range(4)]
        assert charged == [True, True, True, False]
        charged = 0
        for delay in range(80):
            bench.pulse("ms_tick")
            await bench.steps(delay)
            bench.orders.extend(bench.good(**costly) for _ in range(2))
            await bench.settle()
            charged += sum(not decision.checks & over for decision in bench.decisions[-2:])
        while not await bench.checks(**costly) & over:
            charged += 1
        assert charged == 80, bucket  # a message for each millisecond
