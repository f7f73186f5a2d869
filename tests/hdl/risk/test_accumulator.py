"""What is used of a limit, against a plain sum: an operation in every cycle, of few rows."""

import random
from typing import NamedTuple

import pytest
from amaranth.sim import Simulator
from tickgate_hdl.risk.accumulator import Accumulator

ROWS, WIDTH = 4, 12
HIGH, LOW = (1 << WIDTH - 1) - 1, -(1 << WIDTH - 1)


class Operation(NamedTuple):
    row: int
    amount: int
    limit: int
    forced: bool  # it commits whatever is told
    held: bool = True  # the limit holds for it


def operations(rng, count, *, forced):
    """Operations and pauses, which are None. Nothing follows one that may leave the range."""
    made = []
    while len(made) < count:
        row, near = rng.randrange(ROWS), rng.choice((0, 40, 100, HIGH))
        if forced and rng.random() < 0.2:
            amount = rng.randint(LOW, HIGH) // rng.choice((1, 50))
            made += [Operation(row, amount, 0, forced=True), None]
        elif rng.random() < 0.1:
            made.append(None)
        else:
            held = rng.random() < 0.9
            amount = rng.choice((0, 1, 7, rng.randint(0, HIGH)))
            made.append(Operation(row, amount, near, forced=False, held=held))
            made += [None] * (not held)  # it may leave the range
    return made


def drive(accumulator, made, decides):
    """Give an operation in each cycle; return what ``over`` was for each, and the rows at the end.

    ``decides(number, over)`` says whether an operation commits.
    """
    told, rows = [], []
    lead, given = accumulator.lead, accumulator.given
    padded = [*made, *[None] * (lead + 4)]
    nothing = Operation(0, 0, 0, forced=False)

    async def process(ctx):
        for now, looking in enumerate(padded):
            ctx.set(accumulator.row, (looking or nothing).row)
            ctx.set(accumulator.looks, looking is not None)
            if now >= given:
                one = padded[now - given] or nothing
                ctx.set(accumulator.amount, 0 if one.forced else one.amount)
                ctx.set(accumulator.weighed, 0 if one.forced else one.amount)
                ctx.set(accumulator.limit, one.limit)
                ctx.set(accumulator.forces, one.forced)
                ctx.set(accumulator.moves, one.amount)
            if now > given:
                ctx.set(accumulator.held, (padded[now - given - 1] or nothing).held)
            decided = now - lead - 1
            if decided >= 0:
                over = bool(ctx.get(accumulator.over))
                told.append(over)
                ctx.set(accumulator.commit, decides(decided, over))
            await ctx.tick()
        for row in range(ROWS):
            ctx.set(accumulator.view_row, row)
            await ctx.tick()
            rows.append(ctx.get(accumulator.view))

    simulator = Simulator(accumulator)
    simulator.add_clock(1e-6)
    simulator.add_testbench(process)
    simulator.run()
    return told[:len(made)], rows


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize("floor", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_equals_a_plain_sum(registered, floor, seed):
    rng = random.Random(seed)
    made = operations(rng, 1500, forced=True)
    refused = {number for number in range(len(made)) if rng.random() < 0.3}
    used, expected = [0] * ROWS, []
    for number, one in enumerate(made):
        if one is None:
            refused.add(number)
            continue
        row, amount, limit, forced, held = one
        over = used[row] + amount > limit and (held or not registered)
        expected.append(None if forced else over)
        if forced or (not over and number not in refused):
            used[row] = max(0 if floor else LOW, min(HIGH, used[row] + amount))

    def decides(number, over):
        if number >= len(made) or made[number] is None:
            return False
        return made[number].forced or (not over and number not in refused)

    told, rows = drive(
        Accumulator(ROWS, WIDTH, floor=floor, registered=registered), made, decides)
    told = [None if one.forced else over for over, one in zip(told, made, strict=True)
            if one is not None]
    assert told == expected
    assert rows == used
    assert 0.1 < told.count(True) / len(told) < 0.9
