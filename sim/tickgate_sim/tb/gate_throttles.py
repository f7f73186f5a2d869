"""Strategies of the gate, and the throttles that a person lets go on: executions, rejects."""

from tickgate_sim.models.gate import Update
from tickgate_sim.tb.gate_bench import (
    ACCOUNT,
    ACCOUNTS,
    FREE,
    LIMITS,
    MANY,
    STRATEGY,
    SYMBOL,
    VERDICT_CYCLES,
    Bench,
    account,
    limits,
    mask,
    test,
)
from tickgate_sim.tb.gate_driver import EVERY_STRATEGY, NEVER

OTHER = 17
"""Another strategy; another account is 0."""
EXECUTIONS, REJECTS = mask("repeated_executions"), mask("consecutive_rejects")


def image(executions=NEVER, rejects=NEVER):
    """Limits in which one strategy, one account, is throttled."""
    rows = {index: account(10**6, *FREE, 0, 65535, rejects=rejects if index == ACCOUNT else NEVER)
            for index in (0, ACCOUNT)}
    return limits(
        rows, strategies=EVERY_STRATEGY | {STRATEGY: (1, executions)},
        positions={(index, SYMBOL): (10**6, 10**6, 8, MANY) for index in rows})


async def opened(dut, **most):
    return await Bench(dut).open(image(**most))


async def execute(bench, times, **changes):
    """Let an order pass that the venue executes so often, a share at a time, and then cancels."""
    assert await bench.checks(**changes) == 0
    for _ in range(times):
        await bench.tell("E", bench.token, 1, match_number=bench.token, price=1_000_200)
    await bench.tell("C", bench.token, 10**6)


async def reject(bench, times, **changes):
    """Let so many orders pass that the venue rejects."""
    for _ in range(times):
        assert await bench.checks(**changes) == 0
        await bench.tell("J", bench.token)


async def commit(bench, generation, **most):
    new = image(**most)
    await bench.upload(new, new.crc(*bench.sizes), generation)


@test
async def a_strategy_needs_a_row(dut):
    strategies = {index: EVERY_STRATEGY[index] for index in EVERY_STRATEGY if index != STRATEGY}
    strategies[OTHER] = (0, NEVER)
    strategies[0] = (1, 0)
    bench = await Bench(dut).open(limits(LIMITS.account, strategies=strategies))
    for strategy in (STRATEGY, OTHER, 32, 33, 255):
        assert await bench.checks(strategy=strategy) == mask("algo_id"), strategy
        cancel = bench.good(action="X", price=0, quantity=0, strategy=strategy)
        assert (await bench.ask(cancel)).checks == 0
    assert await bench.checks(strategy=0) == EXECUTIONS  # none is not no limit
    for strategy in (1, 31):
        await bench.done(strategy=strategy)
    # What has no row has no kill switch either; what has none in the image has one.
    await bench.strobe("kill_strategy__mask", 0xFFFF_FFFF)
    assert await bench.checks(strategy=32) == mask("algo_id")
    assert await bench.checks(strategy=STRATEGY) == mask("algo_id", "kill_strategy")
    assert await bench.checks(strategy=31) == mask("kill_strategy")


@test
async def executions_refuse_when_they_reach_the_limit(dut):
    bench = await opened(dut, executions=3)
    await execute(bench, 1)
    await execute(bench, 1)
    assert await bench.throttles(STRATEGY, ACCOUNT) == (2, 0)
    working = bench.token + 1
    await execute(bench, 0)
    assert await bench.checks() == 0  # one below
    await bench.tell("E", working + 1, 1, match_number=9, price=1_000_200)
    assert await bench.checks() == EXECUTIONS  # at it
    assert await bench.checks(action="U", orig_user_ref_num=working + 1) == EXECUTIONS
    await bench.tell("E", working + 1, 1, match_number=10, price=1_000_200)
    assert await bench.checks() == EXECUTIONS  # above it
    cancel = bench.good(action="X", user_ref_num=working + 1, price=0, quantity=0)
    assert (await bench.ask(cancel)).checks == 0
    assert await bench.checks(strategy=OTHER) == 0
    assert await bench.throttles(STRATEGY, ACCOUNT) == (4, 0)
    for generation, most in ((2, 4), (3, 5), (4, 0)):
        await commit(bench, generation, executions=most)
        assert await bench.checks() == (0 if most > 4 else EXECUTIONS), most


@test
async def executions_are_of_the_strategy_that_ordered(dut):
    bench = await opened(dut)
    await execute(bench, 2, strategy=31)
    await execute(bench, 1, account=0)
    assert await bench.checks() == 0
    await bench.tell("A", bench.token, 100)
    old = bench.token
    assert await bench.checks(action="U", orig_user_ref_num=old, strategy=OTHER) == 0
    await bench.tell("E", old, 1, match_number=70, price=1_000_200)
    await bench.tell("U", old + 1, 100, old)
    await bench.tell("E", old + 1, 1, match_number=71, price=1_000_200)
    for strategy, count in ((31, 2), (STRATEGY, 2), (OTHER, 1), (0, 0)):
        assert await bench.throttles(strategy, ACCOUNT) == (count, 0), strategy
    # A fill that is broken has happened; one of an order that the gate has not, has not.
    await bench.tell("B", old + 1, match_number=71)
    await bench.tell("E", 4000, 1, match_number=72, price=1_000_200)
    assert await bench.throttles(OTHER, ACCOUNT) == (1, 0)
    assert int(dut.count_unknown_token__count.value) == 1
    assert await bench.throttles(32, ACCOUNTS) == (0, 0)  # no rows of the card


@test
async def rejects_refuse_when_so_many_are_in_a_row(dut):
    bench = await opened(dut, rejects=3)
    await reject(bench, 2)
    await reject(bench, 5, account=0)
    assert await bench.throttles(STRATEGY, ACCOUNT) == (0, 2)
    assert await bench.throttles(STRATEGY, 0) == (0, 5)
    await reject(bench, 1)
    assert await bench.checks() == REJECTS
    assert await bench.checks(account=0) == 0
    assert (await bench.ask(bench.good(action="X", price=0, quantity=0))).checks == 0
    for generation, most in ((2, 2), (3, 4), (4, 3), (5, 0)):
        await commit(bench, generation, rejects=most)
        assert await bench.checks() == (0 if most > 3 else REJECTS), most


@test
async def what_the_venue_takes_ends_a_row_of_rejects(dut):
    bench = await opened(dut, rejects=3)
    for kind, ends in (("A", True), ("E", True), ("U", True), ("C", False), ("D", False)):
        await reject(bench, 2)
        assert await bench.checks() == 0
        token = bench.token
        if kind == "U":
            assert await bench.checks(action="U", orig_user_ref_num=token) == 0
            await bench.tell("U", token + 1, 100, token)
        else:
            await bench.tell(kind, token, 100, match_number=1, price=1_000_200)
        assert (await bench.throttles(STRATEGY, ACCOUNT))[1] == (0 if ends else 2), kind
        await bench.tell("C", bench.token, 100)  # what is left; its slot is used again
        await bench.clear("rejects", ACCOUNT)
    # An accepted order that is dead at once was accepted.
    await reject(bench, 2)
    assert await bench.checks() == 0
    await bench.tell("A", bench.token, 100, dead=True)
    assert (await bench.throttles(STRATEGY, ACCOUNT))[1] == 0


@test
async def what_the_venue_never_saw_is_no_reject(dut):
    bench = await opened(dut, rejects=3)
    await reject(bench, 2)
    bench.unsend = True
    for _ in range(3):
        assert await bench.checks() == mask("venue_down")
    bench.unsend = False
    dut.passed__ready.value = 0
    bench.orders.append(bench.good())
    await bench.steps(40)
    await bench.strobe("kill_all__on", 1)
    dut.passed__ready.value = 1
    await bench.settle()
    assert bench.decisions[-1].checks == mask("kill_all")
    await bench.strobe("kill_all__on", 0)
    await bench.tell("J", 4000)  # nor is one of an order that the gate has not
    assert await bench.throttles(STRATEGY, ACCOUNT) == (0, 2)
    await reject(bench, 1)
    assert await bench.checks() == REJECTS


@test
async def a_person_lets_it_go_on_while_armed(dut):
    bench = await opened(dut, executions=2, rejects=2)
    await execute(bench, 2)
    await execute(bench, 3, strategy=OTHER)
    await reject(bench, 2, strategy=OTHER)
    assert await bench.checks() == EXECUTIONS | REJECTS
    for name, row in (("executions", OTHER), ("rejects", 0)):  # those of others
        await bench.clear(name, row)
        assert await bench.checks() == EXECUTIONS | REJECTS
    await bench.clear("rejects", ACCOUNT)
    assert await bench.checks() == EXECUTIONS
    assert await bench.throttles(STRATEGY, ACCOUNT) == (2, 0)
    await bench.clear("executions", STRATEGY)
    assert await bench.throttles(STRATEGY, ACCOUNT) == (0, 0)
    exposure = await bench.exposure(ACCOUNT, SYMBOL)
    await execute(bench, 2)  # as many as before
    assert await bench.checks() == EXECUTIONS
    assert await bench.exposure(ACCOUNT, SYMBOL) == (exposure[0] + 2, *exposure[1:])
    assert dut.status__armed.value
    for name, which, row in (("executions", "strategy", 32 + STRATEGY),
                             ("rejects", "account", ACCOUNTS + ACCOUNT)):  # no rows of the card
        await bench.write(f"throttle_address__{which}", row)
        await bench.strobe(f"throttle_clear__{name}")
        await bench.settle()
    assert await bench.checks() == EXECUTIONS
    # Both at once.
    await reject(bench, 2, strategy=OTHER)
    await bench.throttles(STRATEGY, ACCOUNT)
    bench.pulse("throttle_clear__executions")
    bench.pulse("throttle_clear__rejects")
    await bench.settle()
    await bench.done()


@test
async def it_goes_on_between_two_orders(dut):
    """Orders in every cycle: those before are refused, those after pass, none is lost."""
    bench = await opened(dut, executions=1)
    await execute(bench, 1)
    first = len(bench.decisions)
    orders = [bench.good() for _ in range(10)]
    bench.orders.extend(orders)
    await bench.steps(3)
    bench.clears.append(("executions", STRATEGY))
    await bench.settle()
    kinds = [kind for kind, _ in bench.log[-11:]]
    before = kinds.index("clear")
    assert 0 < before < 10
    answers = [decision.checks for decision in bench.decisions[first:]]
    assert answers == [EXECUTIONS] * before + [0] * (10 - before)
    assert {decision.gate_cycles for decision in bench.decisions[first:first + before]} == {
        VERDICT_CYCLES}


@test
async def another_clear_waits_for_the_first(dut):
    bench = await opened(dut, executions=1, rejects=1)
    await execute(bench, 1)
    await reject(bench, 1, strategy=OTHER)
    await bench.throttles(STRATEGY, ACCOUNT)
    bench.updates.append(Update("E", 4000, 1))  # it is settled first
    await bench.steps(3)
    bench.pulse("throttle_clear__executions")
    await bench.steps(2)
    assert dut.throttle_clear__busy.value
    bench.pulse("throttle_clear__rejects")  # too early
    await bench.settle()
    assert not dut.throttle_clear__busy.value
    assert await bench.checks() == REJECTS


@test
async def executions_in_a_burst_are_all_counted(dut):
    bench = await opened(dut, executions=6)
    first = bench.token + 1
    bench.orders.extend(bench.good() for _ in range(3))
    await bench.settle()
    bench.updates.extend(Update("E", first + index % 3, 1, match_number=index, price=1_000_200)
                         for index in range(6))
    bench.orders.extend(bench.good() for _ in range(30))
    await bench.settle()
    told = 0
    wanted = []
    for kind, _ in bench.log:
        told += kind == "venue"
        if kind == "order":
            wanted.append(told >= 6)
    got = [bool(decision.checks & EXECUTIONS) for decision in bench.decisions]
    assert got == wanted
    assert True in got
    assert False in got


@test
async def a_reset_begins_anew(dut):
    bench = await opened(dut, executions=1, rejects=1)
    await execute(bench, 1)
    await reject(bench, 1, strategy=OTHER)
    assert await bench.checks() == EXECUTIONS | REJECTS
    bench.orders.extend(bench.good() for _ in range(3))
    await bench.steps(2)
    await bench.reset()
    assert await bench.throttles(STRATEGY, ACCOUNT) == (0, 0)
    await bench.set_up(image(executions=1, rejects=1))
    await execute(bench, 1)
    assert await bench.checks() == EXECUTIONS
