"""The matching engine: price-time priority, deterministic, without I/O or a clock.

Each command takes the time of its arrival and returns the list of everything it caused, in order.
An order is named by its owner and the owner's token. Semantics follow OUCH 5.0 (ouch50.md):

- the size in a replace, cancel or modify is the total liability of the order's replace chain,
  shares already executed included;
- a replace gets a new reference and goes to the back of its queue; a replacement whose size leaves
  nothing open cancels the original; one with bad terms is rejected and the original lives on;
- a command on an order that is not live, a cancel that takes nothing off, and a modify that grows
  an order are silent; they are counted in ``ignored``;
- market orders, like IOC ones, never rest; matching against oneself is allowed;
- at one price displayed orders trade before hidden ones, and only displayed ones make Book* events.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tickgate_sim.exchange.events import (
    Accepted,
    BookAdded,
    BookDeleted,
    BookReduced,
    BookReplaced,
    Canceled,
    Event,
    Executed,
    MarketEvent,
    Modified,
    Party,
    Rejected,
    RejectReason,
    Replaced,
)
from tickgate_sim.exchange.instruments import IOC, MARKET_PRICES, SIDES, Instrument, terms_fault
from tickgate_sim.exchange.market import Market
from tickgate_sim.exchange.orderbook import Order, OrderBook

USER, IMMEDIATE, SYSTEM, CLOSED = "U", "I", "Z", "E"
"""Cancel reasons given here (ouch50.md, Codes)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """A request to enter an order; ``mpid`` and ``group`` are the owner's firm and GroupID.

    ``improvement`` is what the order gives an aggressor when it rests (see Order): less than a
    tick, and nothing that a client can ask for.
    """

    owner: str
    token: int
    symbol: str
    side: str
    quantity: int
    price: int
    time_in_force: str = "0"
    display: str = "Y"
    mpid: str = ""
    group: int = 0
    improvement: int = 0


class MatchingEngine:
    """All books and all live orders of the exchange."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.market = Market(instruments)
        self.books = {symbol: OrderBook() for symbol in self.market.instruments}
        self.ignored: Counter[str] = Counter()
        self._live: dict[tuple[str, int], Order] = {}
        self._last_reference = 0
        self._last_match = 0

    def open(self, now: int) -> list[Event]:
        """Start the day."""
        return self.market.open(now)

    def close(self, now: int) -> list[Event]:
        """End the day: cancel all that is live and refuse what comes."""
        self.market.close()
        events: list[Event] = [MarketEvent(now, "M")]
        for order in list(self._live.values()):
            self._cancel_open(now, order, CLOSED, events)
        return [*events, MarketEvent(now, "E"), MarketEvent(now, "C")]

    def enter(self, now: int, request: NewOrder) -> list[Event]:
        """Match a new order and rest what is left of it."""
        if (request.owner, request.token) in self._live:
            raise ValueError(f"token {request.token} of {request.owner!r} is already live")
        fault = self._fault(
            request.symbol,
            request.side,
            request.quantity,
            request.price,
            request.time_in_force,
            request.display,
        )
        if fault is not None:
            return [Rejected(now, request.owner, request.token, fault)]
        order = Order(
            owner=request.owner,
            token=request.token,
            reference=self._next_reference(),
            symbol=request.symbol,
            side=request.side,
            price=request.price,
            open=request.quantity,
            executed=0,
            time_in_force=request.time_in_force,
            display=request.display,
            mpid=request.mpid,
            group=request.group,
            improvement=request.improvement,
        )
        events: list[Event] = [
            Accepted(
                now,
                order.owner,
                order.token,
                order.reference,
                order.symbol,
                order.side,
                request.quantity,
                order.price,
                order.time_in_force,
                order.display,
            )
        ]
        self._live[order.owner, order.token] = order
        self._match(now, order, events)
        self._settle(now, order, events)
        return events

    def replace(
        self,
        now: int,
        owner: str,
        orig_token: int,
        token: int,
        *,
        quantity: int,
        price: int,
        time_in_force: str = "0",
        display: str = "Y",
    ) -> list[Event]:
        """Put ``token`` in the place of ``orig_token``, at the back of the queue."""
        old = self._find(owner, orig_token, "replace_not_live")
        if old is None:
            return []
        fault = self._fault(old.symbol, old.side, quantity, price, time_in_force, display)
        if fault is not None:
            return [Rejected(now, owner, token, fault)]
        events: list[Event] = []
        if quantity <= old.executed:
            self._cancel_open(now, old, USER, events)
            return events
        new = Order(
            owner=owner,
            token=token,
            reference=self._next_reference(),
            symbol=old.symbol,
            side=old.side,
            price=price,
            open=quantity - old.executed,
            executed=old.executed,
            time_in_force=time_in_force,
            display=display,
            mpid=old.mpid,
            group=old.group,
        )
        events.append(
            Replaced(
                now,
                owner,
                orig_token,
                token,
                new.reference,
                new.symbol,
                new.side,
                new.open,
                price,
                time_in_force,
                display,
            )
        )
        del self._live[owner, orig_token]
        self._live[owner, token] = new
        book = self.books[old.symbol]
        book.side_of(old).remove(old)
        quiet = self._rests(new) and book.against(new).best_against(price) is None
        if quiet and old.displayed and new.displayed and old.attribution == new.attribution:
            book.side_of(new).add(new)
            events.append(
                BookReplaced(now, old.reference, new.reference, new.symbol, new.open, price)
            )
            return events
        if old.displayed:
            events.append(BookDeleted(now, old.reference, old.symbol))
        self._match(now, new, events)
        self._settle(now, new, events)
        return events

    def cancel(self, now: int, owner: str, token: int, quantity: int = 0) -> list[Event]:
        """Shrink an order to ``quantity`` shares in all, executed ones included; 0 cancels it."""
        order = self._find(owner, token, "cancel_not_live")
        if order is None:
            return []
        events: list[Event] = []
        if quantity <= order.executed:
            self._cancel_open(now, order, USER, events)
        elif quantity < order.executed + order.open:
            taken = order.executed + order.open - quantity
            self._reduce(now, order, taken, events)
            events.insert(0, Canceled(now, owner, token, taken, USER))
        else:
            self.ignored["cancel_takes_nothing_off"] += 1
        return events

    def modify(self, now: int, owner: str, token: int, side: str, quantity: int) -> list[Event]:
        """Change the kind of sale or shrink an order in place, keeping its priority."""
        order = self._find(owner, token, "modify_not_live")
        if order is None:
            return []
        if side != order.side and (side not in SIDES or "B" in (side, order.side)):
            self.ignored["modify_changes_side"] += 1
            return []
        if quantity > order.executed + order.open:
            self.ignored["modify_grows"] += 1
            return []
        events: list[Event] = []
        if quantity <= order.executed:
            self._cancel_open(now, order, USER, events)
            return events
        order.side = side
        taken = order.executed + order.open - quantity
        if taken:
            self._reduce(now, order, taken, events)
        return [Modified(now, owner, token, side, order.open), *events]

    def cancel_where(
        self, now: int, owner: str, reason: str, wanted: Callable[[Order], bool]
    ) -> list[Event]:
        """Cancel every live order of ``owner`` that ``wanted`` picks, oldest first."""
        events: list[Event] = []
        for order in [item for item in self.live_orders(owner) if wanted(item)]:
            self._cancel_open(now, order, reason, events)
        return events

    def live_orders(self, owner: str) -> Iterator[Order]:
        """Live orders of ``owner``, oldest first."""
        return (order for order in self._live.values() if order.owner == owner)

    def is_live(self, owner: str, token: int) -> bool:
        """Whether the order can still trade or be cancelled."""
        return (owner, token) in self._live

    @property
    def live_count(self) -> int:
        """Live orders of all owners."""
        return len(self._live)

    def _find(self, owner: str, token: int, silence: str) -> Order | None:
        order = self._live.get((owner, token))
        if order is None:
            self.ignored[silence] += 1
        return order

    def _fault(
        self, symbol: str, side: str, quantity: int, price: int, time_in_force: str, display: str
    ) -> RejectReason | None:
        return self.market.refusal(symbol) or terms_fault(
            side=side, quantity=quantity, price=price, time_in_force=time_in_force, display=display
        )

    def _next_reference(self) -> int:
        self._last_reference += 1
        return self._last_reference

    def _match(self, now: int, order: Order, events: list[Event]) -> None:
        limit = order.price
        if limit in MARKET_PRICES:
            limit = max(MARKET_PRICES) if order.is_buy else 0
        side = self.books[order.symbol].against(order)
        while order.open and (resting := side.best_against(limit)) is not None:
            quantity = min(order.open, resting.open)
            self._last_match += 1
            for party in (resting, order):
                party.open -= quantity
                party.executed += quantity
            events.append(
                Executed(
                    now,
                    self._last_match,
                    order.symbol,
                    quantity,
                    resting.trade_price,
                    Party(resting.owner, resting.token, resting.reference, resting.side),
                    Party(order.owner, order.token, order.reference, order.side),
                    resting.displayed,
                    resting.improvement > 0,
                )
            )
            if not resting.open:
                side.remove(resting)
                del self._live[resting.owner, resting.token]

    @staticmethod
    def _rests(order: Order) -> bool:
        return order.time_in_force != IOC and order.price not in MARKET_PRICES

    def _settle(self, now: int, order: Order, events: list[Event]) -> None:
        """Rest, cancel or forget an order that has just been matched."""
        if order.open and self._rests(order):
            self.books[order.symbol].side_of(order).add(order)
            if order.displayed:
                side = "B" if order.is_buy else "S"
                events.append(
                    BookAdded(
                        now,
                        order.reference,
                        order.symbol,
                        side,
                        order.open,
                        order.price,
                        order.attribution,
                    )
                )
            return
        del self._live[order.owner, order.token]
        if order.open:
            events.append(Canceled(now, order.owner, order.token, order.open, IMMEDIATE))

    def _reduce(self, now: int, order: Order, taken: int, events: list[Event]) -> None:
        order.open -= taken
        if order.displayed:
            events.append(BookReduced(now, order.reference, order.symbol, taken))

    def _cancel_open(self, now: int, order: Order, reason: str, events: list[Event]) -> None:
        events.append(Canceled(now, order.owner, order.token, order.open, reason))
        self.books[order.symbol].side_of(order).remove(order)
        del self._live[order.owner, order.token]
        if order.displayed:
            events.append(BookDeleted(now, order.reference, order.symbol))
