"""Market data for whoever wants it in the engine's process: ``MarketDataHandler``.

See docs/market-data.md. Prices are integers in 1/10000 USD, quantities shares, times UTC ns.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tickgate.marketdata.orderbook import Level, OrderBook
from tickgate.marketdata.stream import MessageStream, StreamState
from tickgate.marketdata.view import STALE, MarketView
from tickgate.records.codec import RecordError, unpack
from tickgate.records.messages import BookDepth, FeedEvent, ItchMessage, TopOfBook

__all__ = [
    "BookUpdate", "DepthUpdate", "Kind", "MarketDataError", "MarketDataHandler", "Subscription",
    "TopUpdate", "Update",
]  # fmt: skip

DISPATCH_NS = 500_000
"""Longest that one ``dispatch`` goes on calling; what is left waits for the next."""
SLOW_NS = 2_000_000
"""A callback that takes longer is slow."""
MAX_STRIKES = 3
"""A subscription ends when so many calls in a row were slow or raised."""
_LEVELS = 5


class MarketDataError(ValueError):
    """A subscription that cannot be: says why."""


class Kind(StrEnum):
    """What can be subscribed to."""

    TOP = "top of book"
    DEPTH = "depth"
    FULL = "full stream"


@dataclass(frozen=True, slots=True)
class TopUpdate:
    """The best bid and offer, from the card's own book."""

    symbol: str
    top: TopOfBook
    merged: int
    """Updates that this one replaced, in the card and here, since the one delivered before."""
    snapshot: bool
    """It is what was known when the subscription began."""

    @property
    def stale(self) -> bool:
        """Whether the book is not known to be right."""
        return bool(self.top.flags & STALE)


@dataclass(frozen=True, slots=True)
class DepthUpdate:
    """The best levels, from the card's own book, as they were at one moment."""

    symbol: str
    bids: tuple[Level, ...]
    """Best first, at most five."""
    asks: tuple[Level, ...]
    stale: bool
    message: int
    """Low 32 bits of the number of the message that made it."""
    merged: int
    """As in ``TopUpdate``, but for what the card merged: its top of book tells that."""
    snapshot: bool


@dataclass(frozen=True, slots=True)
class BookUpdate:
    """The full book changed; look at it with ``order_book``."""

    symbol: str
    sequence: int
    """Number of the last message that changed it."""
    valid: bool
    """Whether the book is right; when not it is empty."""
    merged: int
    """Changes before this one that were not told of one by one."""
    snapshot: bool


Update = TopUpdate | DepthUpdate | BookUpdate
Callback = Callable[[Update], None]


class Subscription:
    """One subscriber's interest in one symbol. ``failed`` says why it was ended, or is empty."""

    def __init__(self, symbol: str, kind: Kind, callback: Callback) -> None:
        self.symbol = symbol
        self.kind = kind
        self.callback = callback
        self.failed = ""
        self.delivered = 0
        self.merged = 0
        """Updates that were replaced by newer ones before they could be delivered."""
        self.strikes = 0
        self.waits = False
        self.first = True
        self.skipped = 0


class MarketDataHandler:
    """Takes the card's records in and tells subscribers, newest first of all: nothing piles up.

    ``on_*`` only note what changed. ``dispatch`` calls subscribers, each at most once for a symbol
    and kind with the newest state, so that one that is slow misses intermediate updates (counted)
    and delays no other for longer than its own call takes. One that is slow or raises again and
    again is ended. Callbacks run in the caller's thread: they must not wait.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        *,
        depth: bool = False,
        full: bool = False,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """``symbols`` by their index on the card. ``depth``, ``full``: the card sends these too."""
        self.symbols = list(symbols)
        self.view = MarketView(len(symbols))
        self.stream = MessageStream(self.symbols) if full else None
        self.counters: Counter[str] = Counter()
        self._kinds = {Kind.TOP, *([Kind.DEPTH] if depth else []), *([Kind.FULL] if full else [])}
        self._clock_ns = clock_ns
        self._index = {symbol: index for index, symbol in enumerate(symbols)}
        self._depths: dict[int, DepthUpdate] = {}
        self._rows: list[BookDepth] = []
        self._subscriptions: dict[tuple[str, Kind], list[Subscription]] = {}
        self._queue: dict[Subscription, None] = {}
        self._valid = False

    # ---- subscribers ----

    def subscribe(self, symbol: str, kind: Kind, callback: Callback) -> Subscription:
        """Call ``callback`` with the present state, if any, and then with changes.

        Raises MarketDataError for a symbol that is not tracked, or a kind that the card does not
        send.
        """
        if symbol not in self._index:
            raise MarketDataError(f"{symbol!r} is none of the symbols tracked: {self.symbols}")
        if kind not in self._kinds:
            raise MarketDataError(f"the card is not set to send {kind}: see [feed] in the settings")
        subscription = Subscription(symbol, kind, callback)
        self._subscriptions.setdefault((symbol, kind), []).append(subscription)
        if self._update(subscription) is not None:
            self._wait(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Call no more. Nothing happens when the subscription has ended before."""
        others = self._subscriptions.get((subscription.symbol, subscription.kind), [])
        if subscription in others:
            others.remove(subscription)
        self._queue.pop(subscription, None)

    def top_of_book(self, symbol: str) -> TopOfBook | None:
        """The newest best bid and offer; None when there is none yet."""
        return self.view.tops[self._index[symbol]]

    def depth(self, symbol: str) -> DepthUpdate | None:
        """The newest best levels; None when there are none yet."""
        return self._depths.get(self._index[symbol])

    def order_book(self, symbol: str) -> OrderBook | None:
        """The full book of a symbol; None while it is not known to be right."""
        if self.stream is None or self.stream.state is not StreamState.LIVE:
            return None
        return self.stream.books.books[symbol]

    def snapshot(self, symbol: str) -> tuple[TopOfBook | None, DepthUpdate | None]:
        """Top of book and depth as they are now."""
        return self.top_of_book(symbol), self.depth(symbol)

    def dispatch(self) -> bool:
        """Call subscribers for what changed, for a while; True when some still wait."""
        until_ns = self._clock_ns() + DISPATCH_NS
        while self._queue:
            subscription = next(iter(self._queue))
            del self._queue[subscription]
            self._deliver(subscription)
            if self._clock_ns() >= until_ns:
                break
        return bool(self._queue)

    # ---- the card ----

    def on_market(self, slot: bytes) -> TopOfBook | None:
        """Take a slot of the market-data ring in; its top of book, if it is one of ours."""
        try:
            _, record = unpack(slot)
        except RecordError:
            self.counters["bad records"] += 1
            return None
        if isinstance(record, BookDepth):
            self._on_depth(record)
        elif isinstance(record, TopOfBook) and self.view.update(record):
            self._changed(self.symbols[record.symbol], Kind.TOP, record.merged)
            return record
        return None

    def on_message(self, slot: bytes) -> None:
        """Take a slot of the message ring in."""
        if self.stream is None:
            return
        book = None
        try:
            _, record = unpack(slot)
        except RecordError:
            record = None
        if isinstance(record, ItchMessage):
            book = self.stream.on_record(record)
        else:
            self.counters["bad records"] += 1
            self.stream.lose()
        if not self._look_at_stream() and book is not None and self._valid:
            self._changed(book.symbol, Kind.FULL, 0)

    def on_event(self, event: FeedEvent) -> None:
        """The card told something of its feed."""
        if event.kind == "N" and self.stream is not None:
            self.stream.on_session()

    def on_resumed(self, attempt: int, messages: int, sequence: int) -> None:
        """The card goes on after a snapshot; see ``MessageStream.on_resumed``."""
        if self.stream is not None:
            self.stream.on_resumed(attempt, messages, sequence)
            self._look_at_stream()

    def _look_at_stream(self) -> bool:
        """Tell everybody when the books became right, or no longer are; whether that was so."""
        valid = self.stream is not None and self.stream.state is StreamState.LIVE
        if valid == self._valid:
            return False
        self._valid = valid
        for symbol in self.symbols:
            self._changed(symbol, Kind.FULL, 0)
        return True

    def _on_depth(self, row: BookDepth) -> None:
        if row.symbol >= len(self.symbols):
            self.view.unknown += 1
            return
        if row.first_level == 0:
            self._rows = [row]
            return
        self._rows.append(row)
        rows = self._rows
        whole = [(r.symbol, r.message, r.first_level) for r in rows] == [
            (row.symbol, row.message, level) for level in (0, 2, 4)
        ]
        if whole:
            symbol = self.symbols[row.symbol]
            self._depths[row.symbol] = _depth(symbol, rows)
            self._changed(symbol, Kind.DEPTH, 0)
        if len(rows) >= 3:
            self._rows = []
            if not whole:
                self.counters["depth records out of place"] += 1

    # ---- telling ----

    def _changed(self, symbol: str, kind: Kind, merged: int) -> None:
        for subscription in self._subscriptions.get((symbol, kind), ()):
            subscription.skipped += merged
            self._wait(subscription)

    def _wait(self, subscription: Subscription) -> None:
        if subscription in self._queue:
            subscription.skipped += 1
            subscription.merged += 1
        else:
            self._queue[subscription] = None

    def _deliver(self, subscription: Subscription) -> None:
        update = self._update(subscription)
        if update is None:
            return
        subscription.first, subscription.skipped = False, 0
        subscription.delivered += 1
        began_ns, trouble = self._clock_ns(), ""
        try:
            subscription.callback(update)
        except Exception as error:  # whatever a subscriber does wrong is its own affair
            self.counters["callbacks that raised"] += 1
            trouble = f"raised {type(error).__name__}: {error}"
        if self._clock_ns() - began_ns > SLOW_NS:
            self.counters["callbacks that were slow"] += 1
            trouble = trouble or f"took longer than {SLOW_NS} ns"
        subscription.strikes = subscription.strikes + 1 if trouble else 0
        if subscription.strikes >= MAX_STRIKES:
            self.counters["subscriptions ended"] += 1
            subscription.failed = f"{MAX_STRIKES} calls in a row failed; the last {trouble}"
            self.unsubscribe(subscription)

    def _update(self, subscription: Subscription) -> Update | None:
        symbol, merged, first = subscription.symbol, subscription.skipped, subscription.first
        match subscription.kind:
            case Kind.TOP:
                top = self.top_of_book(symbol)
                return None if top is None else TopUpdate(symbol, top, merged, first)
            case Kind.DEPTH:
                depth = self.depth(symbol)
                if depth is None:
                    return None
                return DepthUpdate(
                    symbol, depth.bids, depth.asks, depth.stale, depth.message, merged, first
                )
        book = self.order_book(symbol)
        sequence = book.sequence if book else 0
        return BookUpdate(symbol, sequence, book is not None, merged, first)


def _depth(symbol: str, rows: list[BookDepth]) -> DepthUpdate:
    bids = [(r.bid_a, r.bid_size_a, r.bid_orders_a) for r in rows]
    more_bids = [(r.bid_b, r.bid_size_b, r.bid_orders_b) for r in rows]
    asks = [(r.ask_a, r.ask_size_a, r.ask_orders_a) for r in rows]
    more_asks = [(r.ask_b, r.ask_size_b, r.ask_orders_b) for r in rows]
    return DepthUpdate(
        symbol,
        _side(bids, more_bids),
        _side(asks, more_asks),
        bool(rows[0].flags & STALE),
        rows[0].message,
        0,
        False,
    )


def _side(
    first: list[tuple[int, int, int]], second: list[tuple[int, int, int]]
) -> tuple[Level, ...]:
    levels = [Level(*level) for pair in zip(first, second, strict=True) for level in pair]
    return tuple(level for level in levels[:_LEVELS] if level.orders)
