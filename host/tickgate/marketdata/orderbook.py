"""Order books on the host, from ITCH messages: ``OrderBook`` of a symbol, ``OrderBooks`` of all."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from tickgate.protocols import itch50
from tickgate.protocols.kinds import WireError

__all__ = ["Level", "OrderBook", "OrderBooks"]


class Level(NamedTuple):
    """One price of a book side."""

    price: int
    """In 1/10000 USD."""
    size: int
    """Shares."""
    orders: int


@dataclass(slots=True)
class _Order:
    book: "OrderBook"
    buy: bool
    price: int
    shares: int


@dataclass(slots=True)
class OrderBook:
    """All displayed orders of one symbol, by price."""

    symbol: str
    bids: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Shares and orders by price in 1/10000 USD, in no order."""
    asks: dict[int, tuple[int, int]] = field(default_factory=dict)
    sequence: int = 0
    """Number of the last message that changed it; 0 when none did."""
    itch_time: int = 0
    """ITCH timestamp of that message, ns since midnight."""
    time_ns: int = 0
    """Card's UTC clock at the first beat of that message's frame."""

    @property
    def best_bid(self) -> Level | None:
        """The highest bid."""
        return _level(self.bids, max(self.bids)) if self.bids else None

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask."""
        return _level(self.asks, min(self.asks)) if self.asks else None

    def levels(self, count: int) -> tuple[list[Level], list[Level]]:
        """The best ``count`` levels of bids and asks, best first."""
        bids = sorted(self.bids, reverse=True)[:count]
        asks = sorted(self.asks)[:count]
        return [_level(self.bids, p) for p in bids], [_level(self.asks, p) for p in asks]

    def _change(self, buy: bool, price: int, shares: int, orders: int) -> None:
        side = self.bids if buy else self.asks
        size, count = side.get(price, (0, 0))
        size, count = size + shares, count + orders
        if count:
            side[price] = (size, count)
        else:
            side.pop(price, None)

    def _clear(self) -> None:
        self.bids.clear()
        self.asks.clear()
        self.sequence = self.itch_time = self.time_ns = 0


class OrderBooks:
    """Books of the symbols given; messages about others are passed over.

    The messages must be those of the feed from its beginning, or of a snapshot, without a hole.
    ``counters`` has what did not fit nevertheless, which is then the venue's error: ``unknown
    reference``, ``reference used twice``, ``too many shares``, ``malformed``.
    """

    def __init__(self, symbols: list[str]) -> None:
        self.books = {symbol: OrderBook(symbol) for symbol in symbols}
        self.counters: Counter[str] = Counter()
        self._orders: dict[int, _Order] = {}
        self._tracked: set[int] = set()

    def clear(self) -> None:
        """Empty all books."""
        self._orders.clear()
        self._tracked.clear()
        for book in self.books.values():
            book._clear()

    def apply(self, data: bytes, sequence: int, time_ns: int) -> OrderBook | None:
        """Take a message in; the book that it changed, if it changed one."""
        try:
            message = itch50.decode(data)
        except WireError:
            self.counters["malformed"] += 1
            return None
        book = self._apply(message)
        if book is not None:
            book.sequence, book.time_ns = sequence, time_ns
            book.itch_time = message.timestamp
        return book

    def _apply(self, message: itch50.ItchMessage) -> OrderBook | None:
        match message:
            case itch50.AddOrder() | itch50.AddOrderMpid():
                return self._add(message)
            case itch50.OrderExecuted() | itch50.OrderExecutedWithPrice():
                return self._reduce(message, message.executed_shares)
            case itch50.OrderCancel():
                return self._reduce(message, message.cancelled_shares)
            case itch50.OrderDelete():
                order = self._known(message, message.order_reference_number)
                return self._remove(order, message.order_reference_number) if order else None
            case itch50.OrderReplace():
                return self._replace(message)
        return None

    def _add(self, message: itch50.AddOrder | itch50.AddOrderMpid) -> OrderBook | None:
        book = self.books.get(message.stock)
        if book is None:
            return None
        self._tracked.add(message.stock_locate)
        return self._insert(
            message.order_reference_number,
            _Order(book, message.buy_sell_indicator == "B", message.price, message.shares),
        )

    def _insert(self, reference: int, order: _Order) -> OrderBook | None:
        if reference in self._orders:
            self.counters["reference used twice"] += 1
            return None
        self._orders[reference] = order
        order.book._change(order.buy, order.price, order.shares, 1)
        return order.book

    def _reduce(
        self,
        message: itch50.OrderExecuted | itch50.OrderExecutedWithPrice | itch50.OrderCancel,
        shares: int,
    ) -> OrderBook | None:
        reference = message.order_reference_number
        order = self._known(message, reference)
        if order is None:
            return None
        if shares >= order.shares:
            if shares > order.shares:
                self.counters["too many shares"] += 1
            return self._remove(order, reference)
        order.shares -= shares
        order.book._change(order.buy, order.price, -shares, 0)
        return order.book

    def _remove(self, order: _Order, reference: int) -> OrderBook:
        del self._orders[reference]
        order.book._change(order.buy, order.price, -order.shares, -1)
        return order.book

    def _replace(self, message: itch50.OrderReplace) -> OrderBook | None:
        old = self._known(message, message.original_order_reference_number)
        if old is None:
            return None
        book = self._remove(old, message.original_order_reference_number)
        new = _Order(book, old.buy, message.price, message.shares)
        self._insert(message.new_order_reference_number, new)
        return book

    def _known(self, message: itch50.ItchMessage, reference: int) -> _Order | None:
        order = self._orders.get(reference)
        if order is None and message.stock_locate in self._tracked:
            self.counters["unknown reference"] += 1
        return order


def _level(side: dict[int, tuple[int, int]], price: int) -> Level:
    return Level(price, *side[price])
