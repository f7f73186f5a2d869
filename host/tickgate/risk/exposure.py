"""What the card should hold: shares of each account and symbol, and what each account has used.

Worked out from the engine's own orders and positions, not from the card's rules, so that one can
be held against the other (``tickgate.engine.exposurecheck``). Shares are whole, money is 1/10000
USD.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from tickgate.execution.model import Order
from tickgate.positions.book import SELLS
from tickgate.risk.order import SHORT_SALES
from tickgate.risk.throttles import Throttles

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
    """One value of the card in shares, as far as the host has heard of it."""

    value: int = 0
    pending: int = 0
    """What requests would add whose decision is not known: the gate may have let them through."""
    ups: int = 0
    """All that was ever added to ``value``, and in ``downs`` all that was taken off."""
    downs: int = 0

    @property
    def worst(self) -> int:
        """With all that is undecided."""
        return self.value + self.pending

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
    buy_prices: Counter[int] = field(default_factory=Counter)
    """How many working orders, undecided requests included, have a price."""
    sell_prices: Counter[int] = field(default_factory=Counter)

    @property
    def tallies(self) -> tuple[Tally, Tally, Tally]:
        """In the order in which the card shows them."""
        return self.position, self.open_buy, self.open_sell

    @property
    def used(self) -> dict[str, int]:
        """Used of each position limit, by its name: the position with all open orders that add to
        it; negative when the position is on the other side."""
        position = self.position.value
        return {
            "max_long": position + self.open_buy.worst,
            "max_short": self.open_sell.worst - position,
        }


@dataclass(slots=True)
class Use:
    """What an account has used of its limits, undecided requests included."""

    orders: int = 0
    open_quantity: int = 0
    open_buy_value: int = 0
    open_sell_value: int = 0
    open_short_value: int = 0
    """Of these, orders marked short."""
    day_quantity: int = 0
    """Of orders that passed since the card's day began; given back by nothing, as the value."""
    day_value: int = 0
    bought: int = 0
    """Value of the fills of the card's day, broken ones taken off."""
    sold: int = 0

    @property
    def open_value(self) -> int:
        """Value of what working orders may still trade, each at its own price."""
        return self.open_buy_value + self.open_sell_value

    @property
    def gross(self) -> int:
        """Value traded and open, both sides added."""
        return self.bought + self.sold + self.open_value

    def net(self, side: str) -> int:
        """Value bought less sold with open buys; of a sale's side, the other way round."""
        if side in SELLS:
            return self.sold - self.bought + self.open_sell_value
        return self.bought - self.sold + self.open_buy_value

    def used(self, side: str) -> dict[str, int]:
        """Used of each limit of the account, by its name; of net credit, the side's."""
        return {
            "max_orders": self.orders,
            "max_open_quantity": self.open_quantity,
            "max_open_value": self.open_value,
            "max_day_quantity": self.day_quantity,
            "max_day_value": self.day_value,
            **credit_used((self,), side),
        }


def credit_used(uses: Collection[Use], side: str) -> dict[str, int]:
    """Used of the credit of accounts together, by the limit's name; of net credit, the side's."""
    return {
        "gross_credit": sum(use.gross for use in uses),
        "net_credit": sum(use.net(side) for use in uses),
    }


class Reserved(NamedTuple):
    """What the gate keeps for an order that it let through."""

    shares: int = 0
    value: int = 0
    orders: int = 0
    """1 for an order that counts as one; a replacement does once the venue has confirmed it."""


class ExposureBook:
    """Exposure by account and symbol; only of pairs that ever had an order or a position."""

    def __init__(self) -> None:
        self.held: dict[Pair, Held] = {}
        self.uses: dict[str, Use] = {}
        self.throttles = Throttles()
        self._orders: dict[int, tuple[Reserved, bool]] = {}
        """What is kept for each, and whether it is known to have passed."""
        self._priced: set[int] = set()
        """Orders whose price is counted."""
        self._asked: dict[int, tuple[int, int]] = {}
        """Quantity and value of orders that are not known to have passed. Kept when they are over:
        a replacement that died with its original may yet be told to have passed before."""

    def follow(self, order: Order) -> None:
        """Take in what became of an order."""
        chain = order.chain
        held, use = self._pair(chain.account, chain.symbol), self._use(chain.account)
        sells = chain.side in SELLS
        was, had_passed = self._orders.pop(order.token, (_NOTHING, False))
        now, passed = reserved(order), order.passed
        if now != _NOTHING:
            self._orders[order.token] = now, passed
        tally = held.open_sell if sells else held.open_buy
        tally.move((now.shares if passed else 0) - (was.shares if had_passed else 0))
        tally.pending += (0 if passed else now.shares) - (0 if had_passed else was.shares)
        use.orders += now.orders - was.orders
        use.open_quantity += now.shares - was.shares
        value = now.value - was.value
        if sells:
            use.open_sell_value += value
            use.open_short_value += value if chain.side in SHORT_SALES else 0
        else:
            use.open_buy_value += value
        self._count_price(order, held.sell_prices if sells else held.buy_prices)
        self._count_day(order, use)
        if order.replacement is not None:  # what this one loses, that one may trade
            self.follow(order.replacement)

    def _count_price(self, order: Order, prices: Counter[int]) -> None:
        """Count the price of an order while it works."""
        if order.live and order.token not in self._priced:
            self._priced.add(order.token)
            prices[order.price] += 1
        elif not order.live and order.token in self._priced:
            self._priced.remove(order.token)
            prices[order.price] -= 1
            if not prices[order.price]:
                del prices[order.price]

    def _count_day(self, order: Order, use: Use) -> None:
        """Count an order once, as it was asked for, when it is known that the gate passed it."""
        if order.passed:
            quantity, value = self._asked.pop(order.token, (0, 0))
            use.day_quantity += quantity
            use.day_value += value
        elif order.live:
            self._asked.setdefault(order.token, (order.quantity, order.quantity * order.price))

    def hold(self, account: str, symbol: str, position: int) -> None:
        """Take in a position."""
        tally = self._pair(account, symbol).position
        tally.move(position - tally.value)

    def trade(self, account: str, side: str, value: int) -> None:
        """Take in the value of a fill; a broken one's is negative."""
        use = self._use(account)
        if side in SELLS:
            use.sold += value
        else:
            use.bought += value

    def new_day(self) -> None:
        """The card begins its day: it has been reset, and holds no order."""
        for use in self.uses.values():
            use.day_quantity = use.day_value = use.bought = use.sold = 0

    def pair(self, account: str, symbol: str) -> Held:
        """What an account should hold in a symbol, to look at only."""
        return self.held.get((account, symbol)) or Held()

    def use(self, account: str) -> Use:
        """What an account has used of its limits, to look at only."""
        return self.uses.get(account) or Use()

    def _pair(self, account: str, symbol: str) -> Held:
        if (account, symbol) not in self.held:
            self.held[account, symbol] = Held()
        return self.held[account, symbol]

    def _use(self, account: str) -> Use:
        if account not in self.uses:
            self.uses[account] = Use()
        return self.uses[account]


_NOTHING = Reserved()


def reserved(order: Order) -> Reserved:
    """Return what the gate keeps for an order that it let through (docs/gate.md, "Exposure").

    Of a replacement that the venue has not confirmed it is what that may trade beyond its order:
    OUCH quantities are those of the chain, all executed shares included, broken ones too.
    """
    old = order.original
    if old is None or order.accepted:
        shares = order.leaves
        return Reserved(shares, shares * order.price, int(shares > 0))
    if not order.live:
        return _NOTHING
    liability = old.leaves + sum(fill.quantity for fill in order.chain.fills.values())
    shares, value = max(0, order.quantity - liability), order.quantity * order.price
    if order.price < old.price:
        return Reserved(shares, value if shares else 0)
    return Reserved(shares, max(0, value - liability * old.price))
