"""The engine's own view of the market: the latest top of book of each symbol."""

from tickgate.marketdata.quote import Quote
from tickgate.records.messages import TopOfBook

STALE = 1
"""Bit of ``flags``: the book is not known to be right."""


class MarketView:
    """Latest TopOfBook by symbol index; counts what the market ring merged."""

    def __init__(self, symbols: int) -> None:
        self.tops: list[TopOfBook | None] = [None] * symbols
        self.updates = 0
        self.merged = 0
        self.unknown = 0
        """Records about symbols that the engine does not have."""

    def update(self, top: TopOfBook) -> bool:
        """Take a record in; False when its symbol is not one of ours."""
        if top.symbol >= len(self.tops):
            self.unknown += 1
            return False
        self.tops[top.symbol] = top
        self.updates += 1
        self.merged += top.merged
        return True

    def quote(self, symbol: int) -> Quote:
        """Best bid and offer; empty when there is none, or the book is stale."""
        top = self.tops[symbol]
        if top is None or top.flags & STALE:
            return Quote(0, 0)
        return Quote(top.bid, top.ask)
