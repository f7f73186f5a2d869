"""Golden model of the book: orders and levels in dictionaries, with the card's capacities."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tickgate_sim.models.itch import Command

__all__ = ["BookModel", "Event", "Top", "TopRecord"]

NOBODY = 0xFFFF


@dataclass(frozen=True)
class Top:
    """Best bid and offer of a symbol with its status."""

    bid: int = 0
    bid_size: int = 0
    ask: int = 0
    ask_size: int = 0
    trading_state: str = " "
    stale: bool = False


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
    """Books of ``names``, padded to 8 bytes; a None has no symbol. Capacities as in CardConfig."""

    names: list[bytes | None]
    levels: int
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
                "book_level_overflow",
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
        self._sides: dict[tuple[int, str], dict[int, int]] = {}
        self._locates: dict[int, int] = {}
        self._told: set[tuple[str, int]] = set()
        self._touched = self._traded = False

    def enable(self, symbol: int, name: bytes) -> None:
        """Enable a symbol (while nothing is in flight)."""
        if self.names[symbol] != name and self._traded:
            self.names[symbol] = name
            self._show(self._last, symbol, replace(self.tops[symbol], stale=True))
        self.names[symbol] = name

    def command(self, command: Command) -> None:
        """Apply one command."""
        self._last = command
        kind = command.kind
        if kind in "NGZS":
            self._event(command)
            if kind == "G":
                self._touched = self._traded = True
                for symbol, top in enumerate(self.tops):
                    self._show(command, symbol, replace(top, stale=True))
            elif kind == "N" and self._touched:
                self._empty()
                for symbol in range(len(self.tops)):
                    self._show(command, symbol, Top())
            return
        about = self._symbol(command)
        self._touched = True
        if kind not in "RH":
            self._traded = True
        if about is None:
            self.counts["itch_untracked"] += 1
            return
        symbol = about
        if kind in "RH":
            self._event(command, symbol)
            if kind == "H":
                top = replace(self.tops[symbol], trading_state=command.code)
                self._show(command, symbol, top)
            return
        if kind != "A":
            order = self.orders.get(command.reference)
            if order is None:
                self._misfit(command, symbol)
                return
            symbol = order.symbol
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
        if command.kind in "ARH":
            symbol = self.names.index(command.stock) if command.stock in self.names else None
            if command.kind in "AR":
                if symbol is None:
                    self._locates.pop(command.locate, None)
                else:
                    self._locates[command.locate] = symbol
            return symbol
        return self._locates.get(command.locate)

    def _take(self, command: Command, order: _Order) -> None:
        taken = order.shares
        if command.kind == "X":
            taken = min(taken, command.shares)
        order.shares -= taken
        if not order.shares:
            del self.orders[command.reference]
            self._sets[self._set(command.reference)] -= 1
        side = self._sides.setdefault((order.symbol, order.side), {})
        if order.price in side:
            side[order.price] -= min(taken, side[order.price])
            if not side[order.price]:
                del side[order.price]

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
        if order.price not in side and len(side) == self.levels:
            self.counts["book_level_overflow"] += 1
            self._once("O", command, order.symbol)
            return True
        side[order.price] = side.get(order.price, 0) + order.shares
        return False

    def _set(self, reference: int) -> int:
        folded = 0
        while reference:
            folded ^= reference % self.order_sets
            reference //= self.order_sets
        return folded

    def _refresh(self, command: Command, symbol: int, stale: bool) -> None:
        bids = self._sides.get((symbol, "B"), {})
        asks = self._sides.get((symbol, "S"), {})
        old = self.tops[symbol]
        bid, ask = max(bids, default=0), min(asks, default=0)
        top = Top(
            bid, _shown(bids.get(bid, 0)), ask, _shown(asks.get(ask, 0)), old.trading_state,
            old.stale or stale,
        )  # fmt: skip
        self._show(command, symbol, top)

    def _show(self, command: Command, symbol: int, top: Top) -> None:
        old, self.tops[symbol] = self.tops[symbol], top
        if top == old or self.names[symbol] is None:
            return
        quote = (top.bid, top.bid_size, top.ask, top.ask_size)
        self.counts["book_updates"] += quote != (old.bid, old.bid_size, old.ask, old.ask_size)
        self.records.append(
            TopRecord(symbol, top, command.sequence, command.itch_time, command.time_ns)
        )

    def _misfit(self, command: Command, symbol: int) -> None:
        self.counts["book_unknown_reference"] += 1
        self._once("U", command, symbol)

    def _once(self, kind: str, command: Command, symbol: int) -> None:
        if (kind, symbol) not in self._told:
            self._told.add((kind, symbol))
            self._event(command._replace(kind=kind), symbol)

    def _event(self, command: Command, symbol: int = NOBODY) -> None:
        expected = command.expected if command.kind == "G" else 0
        self.events.append(
            Event(
                command.kind,
                command.code,
                symbol,
                command.locate,
                expected,
                command.sequence,
                command.time_ns,
            )
        )


def _shown(shares: int) -> int:
    return min(shares, 0xFFFFFFFF)
