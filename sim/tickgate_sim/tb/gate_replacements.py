"""Replacements: what the gate reserves of them, and what they are held to.

An order at the venue may trade its quantity less what its chain has executed, whichever of the
chain does; so a replacement adds to the exposure only what its quantity is more.
"""

from tickgate_sim.models.gate import Top
from tickgate_sim.tb.gate_bench import (
    ACCOUNT,
    MANY,
    SIZES,
    SYMBOL,
    Bench,
    account,
    limits,
    mask,
    test,
)


async def opened(dut):
    """A gate whose book lets these orders pass, and a way to ask for a replacement."""
    bench = await Bench(dut).open()
    bench.tops[SYMBOL] = Top(10_000, 10_000)

    async def replace(orig, **changes):
        return await bench.checks(
            action="U", orig_user_ref_num=orig, **{"price": 10_000, **changes})

    return bench, replace


@test
async def a_replacement_reserves_what_it_may_trade_beyond_its_order(dut):
    bench, replace = await opened(dut)
    assert await bench.checks(quantity=900, price=10_000) == 0
    assert await replace(1, quantity=1000) == 0
    assert await bench.exposure(ACCOUNT, SYMBOL) == (0, 1000, 0)
    assert await replace(1, quantity=10) == mask("token")  # one is under way
    assert await replace(2, quantity=10) == mask("token")  # not confirmed yet
    await bench.tell("U", 2, 800, 1)
    assert await bench.exposure(ACCOUNT, SYMBOL) == (0, 800, 0)
    assert await replace(1, quantity=10) == mask("token")  # gone
    assert await replace(2, quantity=10, side="T") == mask("token")
    assert await replace(2, quantity=1000) == 0
    token = bench.token
    await bench.tell("E", 2, 800, match_number=1)  # dies: its replacement is never answered
    assert await bench.exposure(ACCOUNT, SYMBOL) == (800, 0, 0)
    before = int(dut.count_unknown_token__count.value)
    await bench.tell("U", token, 800, 2)
    assert int(dut.count_unknown_token__count.value) == before + 1
    assert await bench.exposure(ACCOUNT, SYMBOL) == (800, 0, 0)
    assert await bench.checks(quantity=500, price=10_000) == 0
    alive = bench.token
    assert await replace(alive, quantity=600) == 0
    await bench.tell("J", bench.token)  # refused: the order stays and may be replaced again
    assert await bench.exposure(ACCOUNT, SYMBOL) == (800, 500, 0)
    assert await replace(alive, quantity=600) == 0
    await bench.tell("U", bench.token, 600, alive, dead=True)
    assert await bench.exposure(ACCOUNT, SYMBOL) == (800, 0, 0)


@test
async def what_a_chain_executed_is_no_more_to_be_traded(dut):
    bench, replace = await opened(dut)
    assert await bench.checks(quantity=500, price=10_000) == 0
    await bench.tell("E", 1, 200, match_number=1)
    assert await replace(1, quantity=600) == 0  # of the chain: 400 are to come
    assert await bench.exposure(ACCOUNT, SYMBOL) == (200, 400, 0)
    await bench.tell("E", 1, 100, match_number=2)
    assert await bench.exposure(ACCOUNT, SYMBOL) == (300, 300, 0)
    await bench.tell("U", 2, 300, 1)
    assert await bench.exposure(ACCOUNT, SYMBOL) == (300, 300, 0)
    assert await replace(2, quantity=700) == 0  # executed before the order that it replaces, too
    assert await bench.exposure(ACCOUNT, SYMBOL) == (300, 400, 0)


@test
async def what_an_order_loses_its_replacement_may_trade(dut):
    bench, replace = await opened(dut)
    assert await bench.checks(quantity=500, price=10_000) == 0
    assert await replace(1, quantity=450) == 0
    assert await bench.exposure(ACCOUNT, SYMBOL) == (0, 500, 0)
    await bench.tell("C", 1, 20)
    assert await bench.exposure(ACCOUNT, SYMBOL) == (0, 480, 0)
    await bench.tell("C", 1, 230)  # 250 left, and the replacement may make 450 of them
    assert await bench.exposure(ACCOUNT, SYMBOL) == (0, 450, 0)
    before = int(dut.count_unknown_token__count.value)
    await bench.tell("C", 2, 10)  # of a replacement that is not confirmed
    assert int(dut.count_unknown_token__count.value) == before + 1
    await bench.tell("E", 2, 10, match_number=9)
    assert await bench.exposure(ACCOUNT, SYMBOL) == (10, 450, 0)
    await bench.tell("U", 2, 450, 1)
    assert await bench.exposure(ACCOUNT, SYMBOL) == (10, 450, 0)


@test
async def a_replacement_is_held_to_what_it_adds(dut):
    """Each limit at what is needed; and below it, where nothing is added, it does not refuse."""
    bench, replace = await opened(dut)
    value = 500 * 10_000
    full = {"orders": 1, "open_quantity": 500, "open_value": value, "gross": value, "net": value}

    generation = 1

    async def limit(**changes):
        nonlocal generation
        generation += 1
        row = account(10**6, 0, 1 << 20, 0, 65535, **{**full, **changes})
        image = limits({ACCOUNT: row})
        await bench.upload(image, image.crc(*SIZES), generation)
        await bench.lease(MANY, generation)

    assert await bench.checks(quantity=500, price=10_000) == 0
    await limit()
    assert await bench.checks(quantity=1, price=10_000) == mask(
        "max_orders", "open_quantity", "open_value", "gross_credit", "net_credit")
    assert await replace(1, quantity=501) == mask(
        "open_quantity", "open_value", "gross_credit", "net_credit")
    assert await replace(1, quantity=500, price=10_001) == mask(
        "open_value", "gross_credit", "net_credit")
    await limit(orders=0, open_quantity=0, open_value=0, gross=0, net=0)
    assert await replace(1, quantity=500) == 0  # adds nothing
    await bench.tell("U", bench.token, 500, 1)
    order = bench.token
    assert await replace(order, quantity=100, price=10_000) == 0
    await bench.tell("J", bench.token)
    await limit(open_value=value + 500)
    assert await replace(order, quantity=500, price=10_001) == mask("gross_credit", "net_credit")
    await limit(open_value=value + 500, gross=value + 500, net=value + 500)
    assert await replace(order, quantity=500, price=10_001) == 0
    await bench.tell("J", bench.token)
    # A lower price and a higher quantity: all of its value counts.
    more = 501 * 9_999
    await limit(open_quantity=501, open_value=value + more - 1, gross=value + more,
                net=value + more)
    assert await replace(order, quantity=501, price=9_999) == mask("open_value")


@test
async def a_replacement_right_behind_its_order_waits_for_it(dut):
    bench, _ = await opened(dut)
    first = bench.good(quantity=100, price=10_000)
    again = bench.good(action="U", orig_user_ref_num=first.user_ref_num, quantity=150,
                       price=10_000)
    twice = bench.good(action="U", orig_user_ref_num=first.user_ref_num, quantity=170,
                       price=10_000)
    other = bench.good(quantity=10, price=10_000)
    before = len(bench.decisions)
    bench.orders.extend((first, again, twice, other))
    await bench.settle()
    told = bench.decisions[before:]
    assert [decision.checks for decision in told] == [0, 0, mask("token"), 0]
    assert await bench.exposure(ACCOUNT, SYMBOL) == (0, 160, 0)
