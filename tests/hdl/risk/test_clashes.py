"""Whether a replacement may enter: never while an order is under way that writes its original."""

from collections import deque
from random import Random

import pytest
from tickgate_hdl.risk.open_orders import OpenOrders
from tickgate_hdl.top.config import CardConfig

CONFIG = {"symbols": 2, "accounts": 2, "open_orders": 64}


@pytest.mark.parametrize(("registered", "cycles"), [(False, 3), (True, 6)])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_replacement_waits_for_what_writes_its_original(simulate, registered, cycles, seed):
    dut = OpenOrders(CardConfig(**CONFIG, registered=registered))
    rng, under_way = Random(seed), deque([set()] * cycles, cycles)
    seen = {False: 0, True: 0}

    async def testbench(ctx):
        quiet = 0
        for _ in range(3000):
            token, original = rng.randrange(1 << 32), rng.randrange(1 << 32)
            if rng.random() < 0.7:  # near to each other, as an account's are
                token, original = (number % 12 for number in (token, original))
            replaces = rng.random() < 0.5
            ctx.set(dut.offered, token)
            ctx.set(dut.offered_original, original)
            ctx.set(dut.offered_replaces, replaces)
            must = replaces and any(original % 64 in slots for slots in under_way)
            clashes = bool(ctx.get(dut.clashes))
            assert clashes or not must
            if clashes and (quiet >= cycles or not replaces or not registered):
                assert must, "nothing is under way that it must wait for"
            seen[clashes] += replaces
            enters = not clashes and rng.random() < 0.4
            ctx.set(dut.enters, enters)
            under_way.append({token % 64, *([original % 64] if replaces else [])}
                             if enters else set())
            quiet = 0 if enters else quiet + 1
            await ctx.tick()

    simulate(dut, testbench)
    assert min(seen.values()) > 100
