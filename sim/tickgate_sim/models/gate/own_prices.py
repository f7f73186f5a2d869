"""Prices at which a group has working orders, as far as the card remembers them apart."""

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["OwnPrices"]


@dataclass
class _Side:
    """Working orders of a group, symbol and side."""

    apart: Counter[int] = field(default_factory=Counter)
    """How many have a price."""
    others: int = 0
    """How many found no place."""
    best: int = 0
    """Best price that any of these had since there were none."""


class OwnPrices:
    """Prices of each group, symbol and side, so many of them apart."""

    def __init__(self, places: int) -> None:
        self.places = places
        self.merged = 0
        """Orders that found no place."""
        self._sides: dict[tuple[int, int, bool], _Side] = {}

    def add(self, group: int, symbol: int, sells: bool, price: int) -> None:
        """An order works from now on."""
        side = self._sides.setdefault((group, symbol, sells), _Side())
        if price in side.apart or len(side.apart) < self.places:
            side.apart[price] += 1
            return
        better = min if sells else max
        side.best = better(side.best, price) if side.others else price
        side.others += 1
        self.merged += 1

    def remove(self, group: int, symbol: int, sells: bool, price: int) -> None:
        """An order works no more."""
        side = self._sides[group, symbol, sells]
        if price not in side.apart:
            side.others -= 1
            return
        side.apart[price] -= 1
        if side.apart[price] == 0:
            del side.apart[price]

    def would_trade(self, group: int, symbol: int, sells: bool, price: int) -> bool:
        """Whether a working order of the other side may trade at a price."""
        side = self._sides.get((group, symbol, not sells), _Side())
        prices = [*side.apart, *([side.best] if side.others else ())]
        return any(price <= own if sells else price >= own for own in prices)
