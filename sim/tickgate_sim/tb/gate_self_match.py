"""Self-match at the gate: an order that would trade with a working order of its own group."""

import random
from itertools import product

import cocotb

from tickgate_sim.models.gate import Update
from tickgate_sim.models.gate.own_prices import OwnPrices
from tickgate_sim.tb.gate_bench import (
    ACCOUNT,
    FREE,
    MANY,
    SYMBOL,
    Bench,
    account,
    limits,
    mask,
    test,
)

SELF = mask("self_match")
PRICE = 1_000_200
PLACES = 2  # own_prices of the gate
GROUPS = dict.fromkeys((0, 1), (1, 0, *FREE, *FREE))


def image(*, groups=(0, 0), may=(False, False)):
    """Limits that nothing here reaches, for two accounts of these groups."""
    rows = {
        number: account(10**6, *FREE, 0, 65535, permissions=0x1FF if free else 0xFF,
                        owners=(group, 0))
        for number, group, free in zip((0, ACCOUNT), groups, may, strict=True)}
    return limits(
        rows, symbols={SYMBOL: (1, 10**6), 1: (1, 10**6)}, group=GROUPS,
        positions={(owner, symbol): (10**8, 10**8, 8, MANY)
                   for owner in (0, ACCOUNT) for symbol in (1, SYMBOL)})


async def opened(dut, **changes):
    bench = await Bench(dut).open(image(**changes))
    await bench.list_symbol(1, "MSFT")
    return bench


def merged(bench):
    return int(bench.dut.count_own_prices_merged__count.value)


async def crosses(bench, side, price):
    """Whether an order is refused for it, and for nothing else; it is gone after that."""
    checks = await bench.checks(side=side, price=price)
    assert checks in (0, SELF), hex(checks)
    if not checks:
        await bench.tell("J", bench.token)
    return bool(checks)


@test
async def an_order_that_would_trade_with_an_own_one_is_refused(dut):
    bench = await opened(dut)
    for side, others in (("B", "STE"), ("E", "B"), ("T", "B")):
        assert await bench.checks(side=side, price=PRICE) == 0
        own = bench.token
        for other, away in product(others, (-1, 0, 1)):
            if other == "S":
                continue  # nothing is held that it might sell
            through = away <= 0 if side == "B" else away >= 0
            assert await crosses(bench, other, PRICE + away) == through, (side, other, away)
        assert not await crosses(bench, side, PRICE)
        await bench.tell("J", own)
        assert not await crosses(bench, others[-1], PRICE)
    assert merged(bench) == 0


@test
async def it_is_of_the_group_and_the_symbol(dut):
    for groups, refused in (((0, 0), SELF), ((0, 1), 0), ((1, 1), SELF)):
        bench = await opened(dut, groups=groups)
        assert await bench.checks(side="B", price=PRICE, account=0) == 0
        assert await bench.checks(side="E", price=PRICE, account=ACCOUNT) == refused
        if not refused:
            await bench.tell("J", bench.token)
        assert await bench.checks(side="E", price=PRICE, account=0) == SELF
        assert await bench.checks(side="E", price=PRICE, account=0, symbol=1) == 0
        await bench.reset()


@test
async def who_may_is_not_refused_and_still_counts_for_others(dut):
    bench = await opened(dut, may=(True, False))
    assert await bench.checks(side="B", price=PRICE, account=0) == 0
    assert await bench.checks(side="E", price=PRICE, account=0) == 0
    assert await bench.checks(side="B", price=PRICE, account=ACCOUNT) == SELF
    assert await bench.checks(side="E", price=PRICE, account=ACCOUNT) == SELF
    # It is not worse than others that fail too.
    await bench.write("kill_all__on", 1)
    assert await bench.checks(side="E", price=PRICE) == SELF | mask("kill_all")


@test
async def every_end_of_an_order_ends_it(dut):
    bench = await opened(dut)

    async def rests():
        assert await bench.checks(side="B", price=PRICE, quantity=100) == 0
        return bench.token

    ends = {
        "rejected": [("J", 0, {})], "dead at once": [("A", 100, {"dead": True})],
        "cancelled": [("A", 100, {}), ("C", 100, {})], "AIQ": [("D", 100, {})],
        "executed": [("E", 40, {"match_number": 1}), ("E", 60, {"match_number": 2})],
        "modified to none": [("M", 0, {})]}
    for name, messages in ends.items():
        token = await rests()
        for kind, quantity, more in messages:
            assert await crosses(bench, "E", PRICE), name
            await bench.tell(kind, token, quantity, **more)
        assert not await crosses(bench, "E", PRICE), name
    token = await rests()
    for kind, quantity, more in (("A", 100, {}), ("C", 99, {}), ("B", 0, {"match_number": 2}),
                                 ("E", 0, {"match_number": 9})):
        await bench.tell(kind, token, quantity, **more)
        assert await crosses(bench, "E", PRICE), kind
    bench.unsend = True  # it passes and never leaves
    assert await bench.checks(side="B", price=PRICE + 500) == mask("venue_down")
    bench.unsend = False
    assert not await crosses(bench, "E", PRICE + 1)


@test
async def a_replacement_counts_beside_its_order_until_one_is_gone(dut):
    bench = await opened(dut)

    async def seen():
        return [await crosses(bench, "E", PRICE + away) for away in (-100, 0, 100)]

    async def replace(token, price):
        assert await bench.checks(
            side="B", price=price, action="U", orig_user_ref_num=token) == 0
        return bench.token

    assert await bench.checks(side="B", price=PRICE) == 0
    first = bench.token
    await bench.tell("A", first, 100)
    second = await replace(first, PRICE + 100)
    assert await seen() == [True, True, True]
    await bench.tell("J", second)
    assert await seen() == [True, True, False]
    third = await replace(first, PRICE - 100)
    assert await seen() == [True, True, False]
    await bench.tell("U", third, 100, first)
    assert await seen() == [True, False, False]
    fourth = await replace(third, PRICE)
    await bench.tell("C", third, 100)  # dies, and its replacement with it
    assert await seen() == [False] * 3
    await bench.tell("U", fourth, 100, third)  # of an order that is not there any more
    assert await bench.checks(side="B", price=PRICE) == 0
    fifth = bench.token
    await bench.tell("A", fifth, 100)
    sixth = await replace(fifth, PRICE + 100)
    await bench.tell("U", sixth, 100, fifth, dead=True)
    assert await seen() == [False] * 3


@test
async def prices_without_a_place_are_told_as_the_best_of_them(dut):
    bench = await opened(dut)
    tokens = {}
    for away in (0, -10, 30, 20, -10):  # two places: 30 and 20 find none
        assert await bench.checks(side="B", price=PRICE + away) == 0
        tokens.setdefault(away, []).append(bench.token)
    assert merged(bench) == 2
    assert await crosses(bench, "E", PRICE + 30)
    await bench.tell("J", tokens[30][0])
    assert await crosses(bench, "E", PRICE + 30)  # it might still be the other
    assert not await crosses(bench, "E", PRICE + 31)
    await bench.tell("J", tokens[20][0])
    assert not await crosses(bench, "E", PRICE + 1)
    assert await crosses(bench, "E", PRICE)
    await bench.tell("J", tokens[0][0])
    await bench.tell("J", tokens[-10][0])
    assert await crosses(bench, "E", PRICE - 10)  # two orders had it
    await bench.tell("J", tokens[-10][1])
    assert not await crosses(bench, "E", PRICE - 10)


@test
async def orders_in_a_row_know_each_other(dut):
    """One in each cycle, of few prices and both sides; some are refused and must not count."""
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = await opened(dut)
    for number in range(60):
        await bench.reset()
        await bench.set_up(image())
        own, expected = OwnPrices(PLACES), []
        for _ in range(14):
            side, price = rng.choice("BBE"), PRICE + rng.choice((-20, -10, 0, 10, 20))
            used = rng.random() < 0.2  # a UserRefNum that is used up refuses
            order = bench.good(side=side, price=price)
            bench.orders.append(order._replace(user_ref_num=0) if used else order)
            row = 0, SYMBOL, side != "B"
            through = own.would_trade(*row, price)
            expected.append(SELF * through | mask("token") * used)
            if not expected[-1]:
                own.add(*row, price)
        await bench.settle()
        assert [decision.checks for decision in bench.decisions[-14:]] == expected, number
        assert merged(bench) == own.merged
        first, *_, last = bench.cycles["order"][-14:]
        assert last - first == 13


@test
async def an_order_right_behind_the_end_of_another_knows_it(dut):
    bench = await opened(dut)
    for wait in range(24):
        assert await bench.checks(side="B", price=PRICE) == 0
        token = bench.token
        bench.updates.append(Update("J", token))
        await bench.steps(wait)
        bench.orders.append(bench.good(side="E", price=PRICE))
        await bench.settle()
        order_at, told_at = bench.cycles["order"][-1], bench.cycles["venue"][-1]
        assert bench.decisions[-1].checks == (SELF if order_at < told_at else 0), wait
        if order_at > told_at:
            await bench.tell("J", bench.token)
