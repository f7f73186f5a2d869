"""The ledger of one account in one symbol.

Shares are whole, prices and money 1/10000 USD. Whatever the method, at any mark: ``realised +
unrealised(mark) == cash + position * mark``, exactly; the method only decides how the sum splits.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

Method = Literal["fifo", "average"]


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill: ``quantity`` is positive for a buy, negative for a sell."""

    key: tuple[int, int]
    quantity: int
    price: int


class Ledger:
    """Position, cost, cash and realised profit, from fills in the order in which they came.

    ``cost`` is what the open position cost (negative when short: what its sale brought in). With
    ``fifo`` it is the sum over the open lots; with ``average`` a close takes its share of the
    cost, rounded down, so that no part of a cent is lost or made.
    """

    def __init__(self, method: Method = "fifo") -> None:
        if method not in ("fifo", "average"):
            raise ValueError(f"method must be fifo or average, not {method!r}")
        self.method = method
        self.trades: dict[tuple[int, int], Trade] = {}
        self._clear()

    def _clear(self) -> None:
        self.position = 0
        self.cost = 0
        self.cash = 0
        self.bought = 0
        self.sold = 0
        self._lots: deque[tuple[int, int]] = deque()  # signed quantity and price, oldest first

    @property
    def realised(self) -> int:
        """Profit of what was closed."""
        return self.cash + self.cost

    @property
    def average_price(self) -> int:
        """Cost of one share of the open position, rounded half up; 0 when flat."""
        shares = abs(self.position)
        return (2 * abs(self.cost) + shares) // (2 * shares) if shares else 0

    def unrealised(self, mark: int) -> int:
        """Profit of the open position if it were closed at ``mark``."""
        return self.position * mark - self.cost

    def book(self, trade: Trade) -> None:
        """Take a fill in. Raises ValueError when one with its key was booked before."""
        if trade.key in self.trades:
            raise ValueError(f"fill {trade.key} must be booked once only")
        self.trades[trade.key] = trade
        self._apply(trade)

    def unbook(self, key: tuple[int, int]) -> None:
        """Take a fill back as if it had never been. Raises KeyError for one that was not booked."""
        del self.trades[key]
        self._clear()
        for trade in self.trades.values():
            self._apply(trade)

    def _apply(self, trade: Trade) -> None:
        quantity, price = trade.quantity, trade.price
        self.cash -= quantity * price
        if quantity > 0:
            self.bought += quantity
        else:
            self.sold -= quantity
        closing = 0
        if self.position * quantity < 0:
            closing = min(abs(quantity), abs(self.position)) * (1 if quantity > 0 else -1)
            self.cost -= self._cost_of(-closing)
        opening = quantity - closing
        self.cost += opening * price
        if opening and self.method == "fifo":
            self._lots.append((opening, price))
        self.position += quantity

    def _cost_of(self, shares: int) -> int:
        """Cost of ``shares`` (signed as the position) of the open position, which they leave."""
        if self.method == "average":
            return self.cost * shares // self.position
        cost, left = 0, shares
        while left:
            quantity, price = self._lots.popleft()
            used = quantity if abs(quantity) <= abs(left) else left
            cost += used * price
            left -= used
            if used != quantity:
                self._lots.appendleft((quantity - used, price))
        return cost
