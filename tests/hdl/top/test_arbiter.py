"""Merging records: nothing lost or doubled, the order of a source kept, low numbers first."""

import random

from amaranth.sim import Simulator
from tickgate_hdl.top.arbiter import RecordArbiter


def test_all_arrive_and_a_lower_source_goes_first():
    dut = RecordArbiter(3)
    rng = random.Random(8)
    offered, received = [], []
    finished = []

    def source(number):
        stream = getattr(dut, f"i{number}")

        async def bench(ctx):
            for item in range(50):
                await ctx.tick().repeat(rng.randrange(1, 6))
                ctx.set(stream.payload.template, number)
                ctx.set(stream.payload.body, item)
                ctx.set(stream.valid, 1)
                await ctx.tick().until(stream.ready)
                ctx.set(stream.valid, 0)
            finished.append(number)

        return bench

    async def sink(ctx):
        while len(received) < 150:
            ready = rng.random() < 0.6
            ctx.set(dut.o.ready, ready)
            _, _, valid, template, body = await ctx.tick().sample(
                dut.o.valid, dut.o.payload.template, dut.o.payload.body)
            if valid and ready:
                received.append((template, body))

    async def watch(ctx):
        streams = [getattr(dut, f"i{n}") for n in range(3)]
        async for _, _, *hands in ctx.tick().sample(
            *(signal for s in streams for signal in (s.valid, s.ready))
        ):
            valid, ready = hands[::2], hands[1::2]
            taken = [n for n in range(3) if valid[n] and ready[n]]
            assert len(taken) <= 1
            if taken:
                assert not any(valid[:taken[0]])
                offered.append(taken[0])

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    for number in range(3):
        simulator.add_testbench(source(number), background=True)
    simulator.add_testbench(watch, background=True)
    simulator.add_testbench(sink)
    simulator.run_until(3000e-6)
    assert len(received) == 150
    assert [template for template, _ in received] == offered
    for number in range(3):
        assert [body for template, body in received if template == number] == list(range(50))
