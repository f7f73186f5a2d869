"""Golden model of the book: orders and levels in dictionaries."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tickgate_sim.models.itch import Command

__all__ = ["BookModel", "Event", "Top", "TopRecord"]

NOBODY = 0xFFFF
_NONE = (0, 0)


@dataclass(frozen=True)
class Top:
    """Best bid and offer of a symbol with its status."""

    bid: int = 0
    bid_size: int = 0
    ask: int = 0
    ask_size: int = 0
    trading_state: str = " "
    stale: bool = False
    bid_orders: int = 0
    ask_orders: int = 0


class TopRecord(NamedTuple):
    """One TopOfBook record, but for its latency."""

    symbol: int
    top: Top
    message: int
    itch_time: int
    time_ns: int


class Event(NamedTuple):
    """One FeedEvent record."""

    kind: str
    code: str
    symbol: int
    stock_locate: int
    expected: int
    sequence: int
    time_ns: int


@dataclass
class _Order:
    symbol: int
    side: str
    price: int
    shares: int


@dataclass
class BookModel:
    """Books of ``names``, padded to 8 bytes; a None has no symbol.

    The order table is as in CardConfig, since which order finds no place depends on it; levels have
    no limit.
    """

    names: list[bytes | None]
    order_sets: int
    order_ways: int
    records: list[TopRecord] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            (
                "itch_untracked",
                "book_updates",
                "book_order_overflow",
                "book_unknown_reference",
            ),
            0,
        )
    )

    def __post_init__(self) -> None:
        self.tops = [Top() for _ in self.names]
        self._last = Command("", 0, 0)
        self._empty()

    def _empty(self) -> None:
        self.orders: dict[int, _Order] = {}
        self._sets: Counter[int] = Counter()
        self._sides: dict[tuple[int, str], dict[int, list[int]]] = {}
        self._locates: dict[int, int] = {}
        self._told: set[tuple[str, int]] = set()
        self._traded = False

    def enable(self, symbol: int, name: bytes) -> None:
        """Enable a symbol (while nothing is in flight)."""
        if self.names[symbol] != name and self._traded:
            self.names[symbol] = name
            self._show(self._last, symbol, replace(self.tops[symbol], stale=True))
        self.names[symbol] = name

    def clear(self) -> None:
        """Empty the books; every symbol is shown again."""
        self._empty()
        for symbol, name in enumerate(self.names):
            self.tops[symbol] = Top()
            if name is not None:
                self.records.append(TopRecord(symbol, Top(), *self._last[1:2], 0, 0))

    def command(self, command: Command) -> None:
        """Apply one command."""
        self._last = command
        kind = command.kind
        if kind == "S" or (kind == "T" and not command.stock):
            self._event(command)
            return
        symbol = self._symbol(command)
        self._traded |= kind not in "RHT"
        if symbol is None:
            self.counts["itch_untracked"] += 1
            return
        if kind in "RHT":
            self._event(command, symbol)
            if kind == "H":
                top = replace(self.tops[symbol], trading_state=command.code)
                self._show(command, symbol, top, always=True)
            return
        if kind != "A":
            order = self.orders.get(command.reference)
            if order is None or order.symbol != symbol:
                self._misfit(command, symbol)
                return
            self._take(command, order)
            if kind == "U":
                added = _Order(symbol, order.side, command.price, command.shares)
                stale = self._add(command, command.new_reference, added)
            else:
                stale = False
        else:
            added = _Order(symbol, command.side, command.price, command.shares)
            stale = self._add(command, command.reference, added)
        self._refresh(command, symbol, stale)

    def _symbol(self, command: Command) -> int | None:
        """The symbol: status by text; orders by locate, and an Add of an unknown one by text."""
        if command.kind not in "RHT" and command.locate in self._locates:
            return self._locates[command.locate]
        if not command.stock:
            return None
        symbol = self.names.index(command.stock) if command.stock in self.names else None
        if command.kind in "AR" and symbol is not None:
            self._locates[command.locate] = symbol
        return symbol

    def _take(self, command: Command, order: _Order) -> None:
        taken = order.shares
        if command.kind == "X":
            taken = min(taken, command.shares)
        order.shares -= taken
        if not order.shares:
            del self.orders[command.reference]
            self._sets[self._set(command.reference)] -= 1
        level = self._sides[order.symbol, order.side][order.price]
        level[0] -= taken
        level[1] -= not order.shares
        if not level[1]:
            del self._sides[order.symbol, order.side][order.price]

    def _add(self, command: Command, reference: int, order: _Order) -> bool:
        """Add an order; whether the book is stale by that."""
        if reference in self.orders:
            self._misfit(command, order.symbol)
            return False
        if not order.shares:
            return False
        if self._sets[self._set(reference)] == self.order_ways:
            self.counts["book_order_overflow"] += 1
            self._once("O", command, order.symbol)
            return True
        self._sets[self._set(reference)] += 1
        self.orders[reference] = order
        side = self._sides.setdefault((order.symbol, order.side), {})
        level = side.setdefault(order.price, [0, 0])
        level[0] += order.shares
        level[1] += 1
        return False

    def _set(self, reference: int) -> int:
        word = 0
        for shift in (0, 16, 32, 48):
            word ^= reference >> shift & 0xFFFF
        folded = 0
        while word:
            folded ^= word % self.order_sets
            word //= self.order_sets
        return folded

    def _refresh(self, command: Command, symbol: int, stale: bool) -> None:
        bids = self._sides.get((symbol, "B"), {})
        asks = self._sides.get((symbol, "S"), {})
        old = self.tops[symbol]
        bid, ask = max(bids, default=0), min(asks, default=0)
        (bid_size, bid_orders), (ask_size, ask_orders) = bids.get(bid, _NONE), asks.get(ask, _NONE)
        top = Top(
            bid, _shown(bid_size), ask, _shown(ask_size), old.trading_state, old.stale or stale,
            min(bid_orders, 0xFFFF), min(ask_orders, 0xFFFF),
        )  # fmt: skip
        self._show(command, symbol, top)

    def _show(self, command: Command, symbol: int, top: Top, *, always: bool = False) -> None:
        old, self.tops[symbol] = self.tops[symbol], top
        if (top == old and not always) or self.names[symbol] is None:
            return
        quiet = replace(top, stale=old.stale, trading_state=old.trading_state)
        self.counts["book_updates"] += quiet != old
        self.records.append(
            TopRecord(symbol, top, command.sequence, command.itch_time, command.time_ns)
        )

    def _misfit(self, command: Command, symbol: int) -> None:
        self.counts["book_unknown_reference"] += 1
        self._once("U", command, symbol)

    def _once(self, kind: str, command: Command, symbol: int) -> None:
        if (kind, symbol) not in self._told:
            self._told.add((kind, symbol))
            self._event(command._replace(kind=kind, code="O" if kind == "O" else " "), symbol)

    def _event(self, command: Command, symbol: int = NOBODY) -> None:
        self.events.append(
            Event(
                command.kind,
                command.code,
                symbol,
                command.locate,
                0,
                command.sequence,
                command.time_ns,
            )
        )


def _shown(shares: int) -> int:
    return min(shares, 0xFFFFFFFF)
