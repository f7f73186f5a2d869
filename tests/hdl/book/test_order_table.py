"""The order table against a dictionary: small, so that sets are full and read while written."""

import random

import pytest
from tickgate_hdl.book.order_table import OrderTable


def _entry(ctx, dut, order, *, valid):
    symbol, sell, price, shares = order
    for name, value in (("valid", valid), ("symbol", symbol), ("sell", sell), ("price", price),
                        ("shares", shares)):
        ctx.set(dut.entry[name], value)


def _order(value):
    return (value.symbol, value.sell, value.price, value.shares)


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize(("sets", "ways", "seed"), [(2, 2, 1), (4, 3, 2), (2, 1, 3)])
def test_it_finds_what_was_put_in_and_no_more(simulate, registered, sets, ways, seed):
    dut = OrderTable(sets=sets, ways=ways, symbol_bits=2, registered=registered)
    rng = random.Random(seed)
    # References that differ in one 8-bit piece each, high ones too, and channels that share them.
    keys = [(channel, number << shift) for channel in (0, 1) for shift in (0, 8, 33, 56)
            for number in (1, 2, 3)]
    resting = {}  # key: order
    seen = {"found": 0, "full": 0, "at once": 0}

    def find(ctx, key):
        ctx.set(dut.find, 1)
        ctx.set(dut.channel, key[0])
        ctx.set(dut.reference, key[1])

    async def drive(ctx):
        while ctx.get(dut.busy):
            await ctx.tick()
        most = 0
        key = rng.choice(keys)
        find(ctx, key)
        for _ in range(250):
            await ctx.tick()
            ctx.set(dut.find, 0)
            ctx.set(dut.commit, 0)
            # A message that is no order may have begun a find that nobody waits for.
            if rng.random() < 0.2:
                key = rng.choice(keys)
                find(ctx, key)
                await ctx.tick()
                ctx.set(dut.find, 0)
            await ctx.tick().repeat(dut.latency - 1)
            assert ctx.get(dut.found) == (key in resting), key
            new = (rng.randrange(4), rng.randrange(2), rng.randrange(1 << 32),
                   rng.randrange(1 << 32))
            if key in resting:
                seen["found"] += 1
                assert _order(ctx.get(dut.order)) == resting[key]
                if rng.random() < 0.5:
                    resting[key] = new
                    _entry(ctx, dut, new, valid=1)
                else:
                    del resting[key]
                    _entry(ctx, dut, new, valid=0)
                ctx.set(dut.commit, 1)
            elif ctx.get(dut.free):
                resting[key] = new
                _entry(ctx, dut, new, valid=1)
                ctx.set(dut.commit, 1)
            else:
                seen["full"] += 1
            old, key = key, rng.choice((key, rng.choice(keys)))
            seen["at once"] += old == key
            if registered or rng.random() < 0.3:  # not in the commit's own cycle
                await ctx.tick()
                ctx.set(dut.commit, 0)
            find(ctx, key)
            assert len(resting) <= sets * ways
            most = max(most, len(resting))
        assert most > sets * ways // 2, "free places are used"

    simulate(dut, drive, cycles=20000)
    assert all(seen.values()), seen
