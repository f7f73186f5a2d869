"""What is used of a limit, against a plain sum: an operation in every cycle, of few rows."""

import random

import pytest
from amaranth.sim import Simulator
from tickgate_hdl.risk.accumulator import Accumulator

ROWS, WIDTH = 4, 12
HIGH, LOW = (1 << WIDTH - 1) - 1, -(1 << WIDTH - 1)
NOTHING = (0, 0, 0, None, True)


def operations(rng, count, *, forced):
    """Rows, amounts, limits; whether it commits whatever is told; whether the limit holds for it.

    Nothing follows one that may leave the range.
    """
    made = []
    while len(made) < count:
        row, near = rng.randrange(ROWS), rng.choice((0, 40, 100, HIGH))
        if forced and rng.random() < 0.2:
            made += [(row, rng.randint(LOW, HIGH) // rng.choice((1, 50)), 0, True, True), NOTHING]
        elif rng.random() < 0.1:
            made.append(NOTHING)
        else:
            held = rng.random() < 0.9
            made.append((row, rng.choice((0, 1, 7, rng.randint(0, HIGH))), near, False, held))
            made += [NOTHING] * (not held)  # it may leave the range
    return made


def drive(accumulator, made, decides):
    """Give an operation in each cycle; return what ``over`` was for each, and the rows at the end.

    ``decides(number, over)`` says whether an operation commits.
    """
    told, rows = [], []
    lead, given = accumulator.lead, accumulator.given
    padded = [*made, *[NOTHING] * (lead + 4)]

    async def process(ctx):
        for now, (row, *_, forced, _) in enumerate(padded):
            ctx.set(accumulator.row, row)
            ctx.set(accumulator.looks, forced is not None)
            if now >= given:
                _, amount, limit, forced, _ = padded[now - given]
                ctx.set(accumulator.amount, 0 if forced else amount)
                ctx.set(accumulator.weighed, 0 if forced else amount)
                ctx.set(accumulator.limit, limit)
                ctx.set(accumulator.forces, bool(forced))
                ctx.set(accumulator.moves, amount)
            if now > given:
                ctx.set(accumulator.held, padded[now - given - 1][-1])
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
    for number, (row, amount, limit, forced, held) in enumerate(made):
        if forced is None:
            refused.add(number)
            continue
        over = used[row] + amount > limit and (held or not registered)
        expected.append(None if forced else over)
        if forced or (not over and number not in refused):
            used[row] = max(0 if floor else LOW, min(HIGH, used[row] + amount))

    def decides(number, over):
        return number < len(made) and (
            made[number][3] or (not over and number not in refused))

    told, rows = drive(
        Accumulator(ROWS, WIDTH, floor=floor, registered=registered), made, decides)
    told = [None if forced else over for over, (*_, forced, _) in zip(told, made, strict=True)
            if forced is not None]
    assert told == expected
    assert rows == used
    assert 0.1 < told.count(True) / len(told) < 0.9
