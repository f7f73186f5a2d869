"""Sources and sinks of streams for the Amaranth simulator, where a unit test needs no Verilog."""

import random
from collections.abc import Callable, Iterable
from typing import Any

from amaranth.hdl import Value
from amaranth.sim import Simulator

__all__ = ["Bench"]


class Bench:
    """A component in the Amaranth simulator, its streams driven and collected in the background.

    Payloads are plain integers as packed by the payload's layout. ``idle`` and ``stall`` are the
    shares of cycles in which a source offers, or a sink takes, nothing; their randomness comes from
    ``seed``.
    """

    def __init__(self, dut: Any, *, seed: int = 1):
        self.dut = dut
        self.cycle = 0
        self._random = random.Random(seed)
        self._simulator = Simulator(dut)
        self._simulator.add_clock(6.4e-9)
        self._open = 0

    def source(
        self,
        stream: Any,
        payloads: Iterable[int],
        *,
        idle: float = 0.0,
        sent: Callable[[int], None] | None = None,
    ) -> None:
        """Offer ``payloads`` in order; call ``sent`` with the cycle of each transfer."""
        rng = random.Random(self._random.random())
        self._open += 1

        async def run(ctx: Any) -> None:
            for payload in payloads:
                while rng.random() < idle:
                    await ctx.tick()
                ctx.set(Value.cast(stream.payload), payload)
                ctx.set(stream.valid, 1)
                await ctx.tick().until(stream.ready)
                ctx.set(stream.valid, 0)
                if sent is not None:
                    sent(self.cycle - 1)
            self._open -= 1

        self._simulator.add_testbench(run)

    def sink(self, stream: Any, *, stall: float = 0.0) -> list[int]:
        """Take payloads; they appear in the list that is returned."""
        rng = random.Random(self._random.random())
        got: list[int] = []

        async def run(ctx: Any) -> None:
            while True:
                ready = rng.random() >= stall
                ctx.set(stream.ready, ready)
                _, _, valid, payload = await ctx.tick().sample(
                    stream.valid, Value.cast(stream.payload)
                )
                if ready and valid:
                    got.append(payload)

        self._simulator.add_testbench(run, background=True)
        return got

    def process(self, run: Callable[[Any], Any]) -> None:
        """Add a testbench of the test's own, which the run waits for."""
        self._open += 1

        async def wrapped(ctx: Any) -> None:
            await run(ctx)
            self._open -= 1

        self._simulator.add_testbench(wrapped)

    def background(self, run: Callable[[Any], Any]) -> None:
        """Add a testbench that goes on for ever; the run does not wait for it."""
        self._simulator.add_testbench(run, background=True)

    def run(self, *, limit: int, idle: Callable[[Any], Any] | None = None, tail: int = 30) -> None:
        """Run until all sources and processes are done, ``idle(ctx)`` holds, and ``tail`` cycles
        more.

        Raises TimeoutError after ``limit`` cycles.
        """
        finished = []

        async def watch(ctx: Any) -> None:
            quiet = 0
            while quiet < tail:
                await ctx.tick()
                self.cycle += 1
                if self.cycle > limit:
                    return
                still = self._open == 0 and (idle is None or idle(ctx))
                quiet = quiet + 1 if still else 0
            finished.append(True)

        self._simulator.add_testbench(watch)
        while not finished and self.cycle <= limit:
            self._simulator.advance()
        if not finished:
            raise TimeoutError(f"the bench was not done after {limit} cycles")
