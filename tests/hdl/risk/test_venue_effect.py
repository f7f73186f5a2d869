"""What a venue message changes is the same in both profiles, but for its cycles."""

from random import Random

import pytest
from amaranth.hdl import Module, Value
from amaranth.lib.wiring import In
from tickgate_hdl.risk.venue import VenueEffect
from tickgate_hdl.top.config import CardConfig

CONFIG = {"symbols": 4, "accounts": 4, "open_orders": 16}
MESSAGES = 400
GONE = 3  # cycles before the rest, when `ends` and `ends_other` are asked for
NUMBERS = (0, 1, 2, 99, 100, 65_535, 65_536, 999_999, 0xFFFFFFFF)


def inputs(rng):
    """Return a message and slots with few numbers, so that they often belong together."""
    def number():
        return rng.choice(NUMBERS) if rng.random() < 0.5 else rng.randrange(1 << 32)

    def slot():
        return {"live": rng.random() < 0.9, "token": rng.randrange(1, 3),
                "account": rng.randrange(4), "symbol": rng.randrange(4),
                "strategy": rng.randrange(32), "sell": rng.randrange(2), "remaining": number(),
                "total": number(), "price": number(), "worth": rng.randrange(1 << 52),
                "pending": rng.randrange(2), "link": rng.randrange(1, 3)}

    fill = slot()
    return {
        "update": {"message_type": ord(rng.choice("AECDJUMB")),
                   "user_ref_num": rng.randrange(1, 3), "orig_user_ref_num": rng.randrange(1, 3),
                   "quantity": number(), "price": number(), "match_number": rng.randrange(2),
                   "dead": rng.random() < 0.2},
        "slot": slot(), "other": slot(),
        "link": {"order": rng.randrange(1, 3), "replacement": rng.randrange(3)},
        "fill": {"live": fill["live"], "match_number": rng.randrange(2), "token": fill["token"],
                 "account": fill["account"], "symbol": fill["symbol"], "sell": fill["sell"],
                 "quantity": fill["remaining"], "price": fill["price"]},
        "unsent": rng.randrange(2)}


@pytest.mark.parametrize("seed", [1, 2])
def test_both_profiles_say_the_same(simulate, seed):
    rng = Random(seed)
    duts = [VenueEffect(CardConfig(**CONFIG, registered=registered))
            for registered in (False, True)]
    m = Module()
    m.submodules += duts
    outputs = [path[0] for path, member, _ in duts[0].signature.flatten(duts[0])
               if member.flow is not In]
    known = []

    async def testbench(ctx):
        for _ in range(MESSAGES):
            for name, value in inputs(rng).items():
                for dut in duts:
                    ctx.set(getattr(dut, name), value)
            said = [{}, {}]
            await ctx.tick()
            for cycle in range(1, max(dut.latency for dut in duts) + 1):
                for dut, words in zip(duts, said, strict=True):
                    if cycle == dut.latency - GONE:
                        words |= {name: ctx.get(getattr(dut, name)) for name in (
                            "ends", "ends_other")}
                    if cycle == dut.latency:
                        words |= {f"last_{name}": ctx.get(Value.cast(getattr(dut, name)))
                                  for name in outputs}
                await ctx.tick()
            assert said[0] == said[1]
            known.append(said[0]["last_known"])

    simulate(m, testbench, cycles=MESSAGES * (1 + max(dut.latency for dut in duts)) + 1)
    assert 0.2 < sum(known) / len(known) < 0.9
