"""What the pages show: the engine's state, polled by one task for all viewers."""

import asyncio
import time
from typing import cast

from tickgate.console.engine_client import EngineClient, EngineRefused, EngineUnavailable
from tickgate.engine.commands import OrderRow, State

PERIOD_S = 0.5
BLOTTER_ROWS = 200
STALE_NS = 3 * 10**9
ACTOR = "console"


class Live:
    """The newest state, and how old it is. Viewers read it; however many there are, the engine
    sees one."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self.state: State | None = None
        self.orders: list[OrderRow] = []
        self.error = "the engine has not answered yet"
        self._seen_ns = 0

    @property
    def stale(self) -> bool:
        """Whether what is shown may no longer be true."""
        return time.monotonic_ns() - self._seen_ns > STALE_NS or bool(self.error)

    async def run(self) -> None:
        """Poll for ever."""
        while True:
            await self.refresh()
            await asyncio.sleep(PERIOD_S)

    async def refresh(self) -> None:
        """Poll once."""
        try:
            state = await self._client.call("state", ACTOR)
            blotter = await self._client.call("orders", ACTOR, limit=BLOTTER_ROWS)
        except (EngineUnavailable, EngineRefused) as error:
            self.error = f"engine: {error}"
            return
        self.state = cast(State, state)
        self.orders = cast(list[OrderRow], blotter["orders"])
        self.error = ""
        self._seen_ns = time.monotonic_ns()
