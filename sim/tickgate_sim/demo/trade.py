"""Three FIX clients that trade for a while, each with prices from the card's book."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from tickgate.fix.store import MessageStore
from tickgate.marketdata.tob import TobReader

from tickgate_sim.clients.trader import ClientSummary, Trader, TraderConfig
from tickgate_sim.clients.traders import FatFinger, MarketMaker, Taker
from tickgate_sim.demo.settings import SYMBOLS, Settings

BEHAVIOURS: dict[str, type[Trader]] = {
    "market maker": MarketMaker,
    "taker": Taker,
    "fat finger": FatFinger,
}


class BookQuotes:
    """Best bid and ask from the top of book that the engine publishes."""

    def __init__(self, path: Path, symbols: Sequence[str]) -> None:
        self._reader = TobReader(path)
        self._index = {symbol: index for index, symbol in enumerate(symbols)}

    def __call__(self, symbol: str) -> tuple[int, int] | None:
        """Bid and ask, or None when the book lacks a side."""
        top = self._reader.get(self._index[symbol])
        return (top.bid, top.ask) if top is not None and top.bid and top.ask else None


def trade(
    settings: Settings,
    seconds: float,
    stores: Mapping[str, MessageStore],
    held: Mapping[str, Mapping[str, int]] | None = None,
) -> list[ClientSummary]:
    """Run the clients side by side; what each did, by its own books.

    ``stores`` has each session's messages by CompID, so that a later call goes on with its numbers;
    ``held`` the shares that each has from before, by CompID and symbol.
    """
    quotes = BookQuotes(settings.state_dir / "tob.bin", list(SYMBOLS))
    traders = [
        BEHAVIOURS[client.behaviour](
            TraderConfig(
                comp_id=client.comp_id,
                account=client.account,
                symbols=list(SYMBOLS),
                seed=settings.seed + number,
                password=client.password,
                held=(held or {}).get(client.comp_id, {}),
            ),
            quotes,
            stores[client.comp_id],
        )
        for number, client in enumerate(settings.clients)
    ]

    async def run() -> list[ClientSummary]:
        return await asyncio.gather(
            *(trader.run("127.0.0.1", settings.fix_port, seconds) for trader in traders)
        )

    return asyncio.run(run())
