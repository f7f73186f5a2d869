"""Groups and clearing firms of the gate: whose credit is shared, and that nobody moves."""

from tickgate_sim.tb.gate_bench import (
    ACCOUNT,
    FREE,
    LIMITS,
    MANY,
    SIZES,
    SYMBOL,
    Bench,
    account,
    limits,
    mask,
    test,
)
from tickgate_sim.tb.gate_driver import CLEARING_FIRMS, GROUPS, OPEN_CREDIT

VALUE = 100 * 1_000_200
"""Of an order that ``Bench`` calls good."""


def credit(gross=FREE, net=FREE):
    """A row of a group or clearing firm."""
    return 1, 0, *gross, *net


def words(value):
    return value & 0xFFFF_FFFF, value >> 32


def members(first, second, **owners):
    """An image in which accounts 0 and 1 belong to these groups and clearing firms."""
    rows = {index: account(10**6, 0, 1 << 20, 0, 65535, owners=of)
            for index, of in enumerate((first, second)) if of is not None}
    every = {row: credit() for row in range(max(GROUPS, CLEARING_FIRMS))}
    return limits(rows, positions={(index, SYMBOL): (10**6, 10**6, 8, MANY) for index in rows},
                  **{"group": every, "clearing": every, **owners})


async def commit(bench, image, generation):
    """Upload an image; the status bits of its commit."""
    await bench.upload(image, image.crc(*SIZES), generation)
    status = bench.dut
    return int(status.limit_status__committed.value), int(status.limit_status__bad_member.value)


@test
async def accounts_share_the_credit_of_their_group(dut):
    await _share(dut, "group", ((0, 0), (0, 1)), ((0, 0), (1, 0)))


@test
async def accounts_share_the_credit_of_their_clearing_firm(dut):
    await _share(dut, "clearing_firm", ((0, 0), (1, 0)), ((0, 0), (0, 1)))


async def _share(dut, owner, together, apart):
    table = owner.removesuffix("_firm")
    bench = Bench(dut)
    await bench.start()
    for kind in ("gross", "net"):
        for of, shared in ((together, True), (apart, False)):
            image = members(*of, **{table: {
                0: credit(**{kind: words(2 * VALUE - 1)}), 1: credit()}})
            await bench.reset()
            await bench.set_up(image)
            assert await bench.checks(account=0) == 0
            wanted = mask(f"{owner}_{kind}_credit")
            assert await bench.checks(account=1) == (wanted if shared else 0), (kind, of)
            assert await bench.checks(account=0) == wanted
            await bench.tell("J", 1)  # what the venue gives back, the owner's row gets back
            assert await bench.checks(account=0) == 0


@test
async def an_owner_without_limits_refuses(dut):
    bench = Bench(dut)
    await bench.start()
    for owner in ("group", "clearing"):
        await bench.reset()
        await bench.set_up(members((0, 0), (1, 1), **{owner: {0: credit()}}))
        assert await bench.checks(account=0) == 0
        assert await bench.checks(account=1) == mask("no_limits")


@test
async def nobody_moves_until_a_reset(dut):
    bench = Bench(dut)
    await bench.open(members((0, 0), None))
    generation = 1
    for of in ((1, 0), (0, 1), (GROUPS, 0), (0, CLEARING_FIRMS), (1 << 31, 0)):
        generation += 1
        assert await commit(bench, members(of, None), generation) == (0, 1), of
        assert await bench.checks() == mask("no_limits")  # of account 1, which is not set
        assert bench.decisions[-1].generation == 1
    assert ("C", 1) in [(event.kind, event.generation) for event in bench.events]
    # A refused image keeps nothing: the account that came with it may still be put anywhere.
    assert await commit(bench, members((1, 0), (1, 1)), 10) == (0, 1)
    assert await commit(bench, members((0, 0), (0, 1)), 11) == (1, 0)
    assert await commit(bench, members((0, 0), (1, 1)), 12) == (0, 1)
    # An account that is taken out and comes back is where it was.
    assert await commit(bench, members((0, 0), None), 13) == (1, 0)
    assert await commit(bench, members((0, 0), (1, 1)), 14) == (0, 1)
    assert await commit(bench, members((0, 0), (0, 1)), 15) == (1, 0)
    await bench.reset()
    assert await commit(bench, members((1, 1), (0, 0)), 1) == (1, 0)


@test
async def a_wrong_crc_keeps_nothing(dut):
    bench = Bench(dut)
    await bench.open(LIMITS)
    image = members((1, 1), (1, 1), group=OPEN_CREDIT | {1: credit()})
    await bench.reset()
    await bench.upload(image, image.crc(*SIZES) ^ 1, 1)
    assert dut.limit_status__bad_crc.value
    assert not dut.limit_status__bad_member.value
    assert await commit(bench, members((0, 0), (0, 0)), 1) == (1, 0)


@test
async def owners_are_known_in_the_cycle_of_the_order(dut):
    """Orders of two accounts, one in each cycle, count in the group of each."""
    image = members((0, 0), (1, 0), group={
        0: credit(gross=words(3 * VALUE)), 1: credit(gross=words(5 * VALUE))})
    bench = Bench(dut)
    await bench.open(image)
    assert ACCOUNT == 1
    bench.orders.extend(bench.good(account=index % 2) for index in range(16))
    await bench.settle()
    passed = [decision.account for decision in bench.decisions if decision.checks == 0]
    assert (passed.count(0), passed.count(1)) == (3, 5)
    assert {decision.checks for decision in bench.decisions} == {0, mask("group_gross_credit")}
    first, *_, last = bench.cycles["order"][-16:]
    assert last - first == 15
