"""One symbol's resting orders, in price, then display, then time priority."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Order:
    """A live order. ``executed`` counts the whole replace chain, ``open`` what can still trade.

    Resting, it trades ``improvement`` (1/10000 USD) better for the aggressor than it shows.
    """

    owner: str
    token: int
    reference: int
    symbol: str
    side: str
    price: int
    open: int
    executed: int
    time_in_force: str
    display: str
    mpid: str
    group: int
    improvement: int = 0

    @property
    def is_buy(self) -> bool:
        """Whether the order buys; T and E sell like S does."""
        return self.side == "B"

    @property
    def trade_price(self) -> int:
        """The price at which the order trades when it rests."""
        return self.price + (self.improvement if self.is_buy else -self.improvement)

    @property
    def displayed(self) -> bool:
        """Whether the feed shows the order."""
        return self.display != "N"

    @property
    def attribution(self) -> str:
        """The MPID that the feed shows with the order, blank unless it is attributable."""
        return self.mpid if self.display == "A" else ""


class Level:
    """All orders at one price: the displayed ones first, each kind in order of arrival."""

    __slots__ = ("displayed", "hidden")

    def __init__(self) -> None:
        self.displayed: dict[int, Order] = {}
        self.hidden: dict[int, Order] = {}

    def __bool__(self) -> bool:
        return bool(self.displayed or self.hidden)

    def queue(self, order: Order) -> dict[int, Order]:
        """The queue that ``order`` belongs to."""
        return self.displayed if order.displayed else self.hidden

    def first(self) -> Order:
        """The order that trades next; the level must not be empty."""
        return next(iter(self.displayed.values() or self.hidden.values()))


class BookSide:
    """One side of a book.

    Levels are kept under a rank that is larger for a better price (the price of a bid, minus the
    price of an offer), in an ascending list: the best one is at the end, cheap to read and remove.
    """

    def __init__(self, *, is_buy: bool) -> None:
        self._sign = 1 if is_buy else -1
        self._ranks: list[int] = []
        self._levels: dict[int, Level] = {}

    def add(self, order: Order) -> None:
        """Put the order at the back of its queue."""
        rank = order.price * self._sign
        level = self._levels.get(rank)
        if level is None:
            level = self._levels[rank] = Level()
            insort(self._ranks, rank)
        level.queue(order)[order.reference] = order

    def remove(self, order: Order) -> None:
        """Take the order out; it must be in."""
        rank = order.price * self._sign
        level = self._levels[rank]
        del level.queue(order)[order.reference]
        if not level:
            del self._levels[rank]
            del self._ranks[bisect_left(self._ranks, rank)]

    def best_against(self, limit: int) -> Order | None:
        """The next order to trade with an incoming order of the other side limited to ``limit``."""
        if not self._ranks or self._ranks[-1] < limit * self._sign:
            return None
        return self._levels[self._ranks[-1]].first()

    def best_price(self) -> int | None:
        """Price of the best order, displayed or not; None when there is none."""
        return self._ranks[-1] * self._sign if self._ranks else None

    def __iter__(self) -> Iterator[Order]:
        """All orders, the next to trade first."""
        for rank in reversed(self._ranks):
            level = self._levels[rank]
            yield from level.displayed.values()
            yield from level.hidden.values()

    def top(self) -> tuple[int, int] | None:
        """Best displayed price and its displayed shares; None when nothing is displayed."""
        for rank in reversed(self._ranks):
            displayed = self._levels[rank].displayed
            if displayed:
                return rank * self._sign, sum(order.open for order in displayed.values())
        return None


class OrderBook:
    """Both sides of one symbol."""

    def __init__(self) -> None:
        self.bids = BookSide(is_buy=True)
        self.asks = BookSide(is_buy=False)

    def side_of(self, order: Order) -> BookSide:
        """The side on which ``order`` rests."""
        return self.bids if order.is_buy else self.asks

    def against(self, order: Order) -> BookSide:
        """The side with which ``order`` trades."""
        return self.asks if order.is_buy else self.bids

    def __iter__(self) -> Iterator[Order]:
        yield from self.bids
        yield from self.asks
