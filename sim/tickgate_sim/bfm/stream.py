"""Source, sink and monitor of one Amaranth stream port, for cocotb on a clock that cocotb drives.

Payloads are plain integers as packed by the payload's layout; the test converts. All sample
straight after the rising edge, where the values are those before the edge, and drive for the next
one.
"""

import itertools
import random
from collections import deque
from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.triggers import Event, RisingEdge

__all__ = ["StreamMonitor", "StreamSink", "StreamSource", "every", "randomly"]

PauseGenerator = Iterator[bool]
"""Gives, once a cycle, whether to pause: no valid (source), no ready (sink)."""


def every(period: int) -> PauseGenerator:
    """Pause in all cycles but one in ``period``."""
    return itertools.cycle([True] * (period - 1) + [False])


def randomly(share: float, seed: int) -> PauseGenerator:
    """Pause in a random ``share`` of the cycles."""
    rng = random.Random(seed)
    while True:
        yield rng.random() < share


class _End:
    """Handles of a stream port and its pause generator."""

    def __init__(
        self, dut: Any, port: str, *, clock: str = "clk", pause: PauseGenerator | None = None
    ):
        self.name = port
        self._clock = getattr(dut, clock)
        self._valid = getattr(dut, f"{port}__valid")
        self._ready = getattr(dut, f"{port}__ready")
        self._payload = getattr(dut, f"{port}__payload")
        self._pause = pause

    def set_pause_generator(self, pause: PauseGenerator | None) -> None:
        """Pause as ``pause`` says from now on; None = never."""
        self._pause = pause

    def _paused(self) -> bool:
        return self._pause is not None and next(self._pause)


class StreamSource(_End):
    """Offers queued payloads, one a transfer, in order."""

    def __init__(
        self, dut: Any, port: str, *, clock: str = "clk", pause: PauseGenerator | None = None
    ):
        super().__init__(dut, port, clock=clock, pause=pause)
        self._queue: deque[int] = deque()
        self._drained = Event()
        self._valid.value = 0
        self.sent = 0
        cocotb.start_soon(self._run())

    def send_nowait(self, *payloads: int) -> None:
        """Queue payloads."""
        self._queue.extend(payloads)
        self._drained.clear()

    async def send(self, *payloads: int) -> None:
        """Queue payloads and wait until the last of the queue was transferred."""
        self.send_nowait(*payloads)
        await self.wait()

    async def wait(self) -> None:
        """Wait until everything queued was transferred."""
        if not self.idle():
            await self._drained.wait()

    def idle(self) -> bool:
        """Whether nothing is queued or offered."""
        return not self._queue and self._drained.is_set()

    def clear(self) -> None:
        """Forget what is queued (not what is being offered)."""
        self._queue.clear()

    async def _run(self) -> None:
        offering = False
        self._drained.set()
        while True:
            await RisingEdge(self._clock)
            if offering and self._ready.value:
                offering = False
                self.sent += 1
            if not offering:
                if self._queue and not self._paused():
                    self._payload.value = self._queue.popleft()
                    self._valid.value = 1
                    offering = True
                else:
                    self._valid.value = 0
                    if not self._queue:
                        self._drained.set()


class StreamSink(_End):
    """Takes payloads and queues them."""

    def __init__(
        self, dut: Any, port: str, *, clock: str = "clk", pause: PauseGenerator | None = None
    ):
        super().__init__(dut, port, clock=clock, pause=pause)
        self._queue: deque[int] = deque()
        self._arrived = Event()
        self._ready.value = 0
        cocotb.start_soon(self._run())

    async def recv(self) -> int:
        """Wait for the next payload."""
        while not self._queue:
            self._arrived.clear()
            await self._arrived.wait()
        return self._queue.popleft()

    def recv_all(self) -> list[int]:
        """Take everything that has arrived."""
        got = list(self._queue)
        self._queue.clear()
        return got

    def empty(self) -> bool:
        """Whether nothing is waiting to be received."""
        return not self._queue

    def count(self) -> int:
        """Number of payloads waiting to be received."""
        return len(self._queue)

    def clear(self) -> None:
        """Forget what has arrived."""
        self._queue.clear()

    async def _run(self) -> None:
        ready = False
        while True:
            await RisingEdge(self._clock)
            if ready and self._valid.value:
                self._queue.append(self._payload.value.to_unsigned())
                self._arrived.set()
            ready = not self._paused()
            self._ready.value = ready


class StreamMonitor(_End):
    """Collects what passes a stream that others drive, with the number of the cycle."""

    def __init__(self, dut: Any, port: str, *, clock: str = "clk"):
        super().__init__(dut, port, clock=clock)
        self.transfers: list[tuple[int, int]] = []
        cocotb.start_soon(self._run())

    async def _run(self) -> None:
        for cycle in itertools.count():
            await RisingEdge(self._clock)
            if self._valid.value and self._ready.value:
                self.transfers.append((cycle, self._payload.value.to_unsigned()))
