"""What the card should hold: position and open shares of each account and symbol.

Worked out from the engine's own orders and positions, not from the card's rules, so that one can
be held against the other (``tickgate.engine.exposurecheck``). All values are shares.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from tickgate.execution.model import Order
from tickgate.positions.book import SELLS

Pair = tuple[str, str]
"""Account and symbol."""


class Mark(NamedTuple):
    """A ``Tally`` as it stood at some moment."""

    value: int
    pending: int
    ups: int
    downs: int


@dataclass(slots=True)
class Tally:
    """One value of the card, as far as the host has heard of it."""

    value: int = 0
    pending: int = 0
    """What requests would add whose decision is not known: the gate may have let them through."""
    ups: int = 0
    """All that was ever added to ``value``, and in ``downs`` all that was taken off."""
    downs: int = 0

    def move(self, change: int) -> None:
        """Add ``change``, which may be negative, to the value."""
        self.value += change
        if change > 0:
            self.ups += change
        else:
            self.downs -= change

    def mark(self) -> Mark:
        """Note how it stands."""
        return Mark(self.value, self.pending, self.ups, self.downs)

    def span(self, mark: Mark) -> tuple[int, int]:
        """The least and the most that the card can have had when ``mark`` was made.

        Holds once everything is heard that the card had done by then: the card had done some of
        what came in since, and let through some of what was undecided, in whatever order.
        """
        low = mark.value - (self.downs - mark.downs)
        return low, mark.value + mark.pending + self.ups - mark.ups


@dataclass(slots=True)
class Held:
    """What one account should hold in one symbol."""

    position: Tally = field(default_factory=Tally)
    open_buy: Tally = field(default_factory=Tally)
    open_sell: Tally = field(default_factory=Tally)

    @property
    def tallies(self) -> tuple[Tally, Tally, Tally]:
        """In the order in which the card shows them."""
        return self.position, self.open_buy, self.open_sell


class ExposureBook:
    """Exposure by account and symbol; only of pairs that ever had an order or a position."""

    def __init__(self) -> None:
        self.held: dict[Pair, Held] = {}
        self._orders: dict[int, tuple[int, int]] = {}
        """By token what an order counts for in ``value`` and in ``pending``."""

    def follow(self, order: Order) -> None:
        """Take in what became of an order."""
        chain = order.chain
        held = self._pair((chain.account, chain.symbol))
        tally = held.open_sell if chain.side in SELLS else held.open_buy
        shares = reserved(order)
        now = (shares, 0) if order.passed else (0, shares)
        value, pending = self._orders.pop(order.token, (0, 0))
        tally.move(now[0] - value)
        tally.pending += now[1] - pending
        if shares:
            self._orders[order.token] = now

    def hold(self, account: str, symbol: str, position: int) -> None:
        """Take in a position."""
        tally = self._pair((account, symbol)).position
        tally.move(position - tally.value)

    def _pair(self, pair: Pair) -> Held:
        if pair not in self.held:
            self.held[pair] = Held()
        return self.held[pair]


def reserved(order: Order) -> int:
    """Shares that the gate keeps for an order that it let through.

    A replacement that the venue has not confirmed is kept in full, executed shares included, beside
    the order that it replaces (docs/gate.md, "Exposure").
    """
    if order.original is not None and not order.accepted:
        return order.quantity if order.live else 0
    return order.leaves
