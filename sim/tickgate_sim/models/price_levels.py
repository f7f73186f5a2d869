"""Golden model of price levels: every price of every book side, without limits."""

from dataclasses import dataclass, field

__all__ = ["Best", "PriceLevels"]

_MAX_SIZE, _MAX_ORDERS = 0xFFFF_FFFF, 0xFFFF


@dataclass(frozen=True, slots=True)
class Best:
    """A level as it is shown: price, shares and orders; 0 = none."""

    price: int = 0
    size: int = 0
    orders: int = 0


@dataclass
class PriceLevels:
    """Shares and orders at each price, by symbol and side (0 = bids, 1 = asks)."""

    levels: dict[tuple[int, int], dict[int, list[int]]] = field(default_factory=dict)

    def apply(
        self, symbol: int, sell: int, price: int, shares: int, *, add: bool, order: bool
    ) -> bool:
        """Put shares (and an order) on a level or take them off; whether too little was there."""
        side = self.levels.setdefault((symbol, sell), {})
        if add:
            level = side.setdefault(price, [0, 0])
            level[0] += shares
            level[1] += order
            return False
        if price not in side:
            return True
        level = side[price]
        missed = shares > level[0]
        level[0] = max(0, level[0] - shares)
        level[1] -= order
        if level[1] <= 0:
            del side[price]
        return missed

    def depth(self, symbol: int, sell: int, count: int = 5) -> list[Best]:
        """The best levels of a side, best first."""
        side = self.levels.get((symbol, sell), {})
        prices = sorted(side, reverse=not sell)[:count]
        return [
            Best(price, min(side[price][0], _MAX_SIZE), min(side[price][1], _MAX_ORDERS))
            for price in prices
        ]

    def best(self, symbol: int, sell: int) -> Best:
        """The best level of a side."""
        return (self.depth(symbol, sell, 1) or [Best()])[0]
