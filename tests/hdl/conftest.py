"""Running a bench on one component in Amaranth's simulator."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from amaranth.sim import Simulator

Bench = Callable[[Any], Awaitable[None]]


@pytest.fixture
def simulate() -> Callable[..., None]:
    """Runs benches against a component until the first ends; fails when it does not in time."""

    def run(component: Any, bench: Bench, *background: Bench, cycles: int = 4000) -> None:
        async def limit(ctx: Any) -> None:
            await ctx.delay(cycles * 1e-6)
            raise AssertionError(f"the bench did not finish in {cycles} cycles")

        simulator = Simulator(component)
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        for other in (*background, limit):
            simulator.add_testbench(other, background=True)
        simulator.run()

    return run
