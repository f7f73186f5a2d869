"""Seeded order flow of the house: books that live, move and stay two-sided without clients.

Each symbol has a middle that walks at random within a fifth of its reference price, and a
population of resting orders on each side. The fuller a side is, the more its orders are cancelled
and the fewer are added, so its size hovers around ``orders_per_side`` whatever clients do. All
choices come from one generator: the same seed, times and client orders give the same flow.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from tickgate_sim.exchange.events import (
    HOUSE,
    Accepted,
    Canceled,
    Event,
    Executed,
    Replaced,
)
from tickgate_sim.exchange.impairment import MILLION
from tickgate_sim.exchange.instruments import IOC, Instrument, tick
from tickgate_sim.exchange.matching import MatchingEngine, NewOrder
from tickgate_sim.exchange.population import Population

SECOND_NS = 1_000_000_000
MPID = "HOUS"
DEEPEST_TICKS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowMix:
    """How often the house does what.

    ``replace``, ``take`` and ``reduce`` are weights, on a scale where adding and cancelling have
    some 45 each. ``improved_ppm`` is the chance, in parts per million, of a new order to trade
    half a tick better for its aggressor than it shows. With ``passive`` an order that is added or
    replaced stays behind the other side's best price, so that only takes trade.
    """

    replace: int
    take: int
    reduce: int
    improved_ppm: int
    passive: bool


LIVE = FlowMix(replace=20, take=8, reduce=2, improved_ppm=0, passive=False)
"""More trades than a real feed has, so that a short demo shows some."""


class BackgroundFlow:
    """The house's orders: one random action at a time, each at its random due time.

    ``messages_per_second`` is the mean number of feed messages over all symbols; 0 = none after
    the opening book.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        *,
        seed: int,
        messages_per_second: int,
        orders_per_side: int,
        mix: FlowMix = LIVE,
    ) -> None:
        self._instruments = instruments
        self._mix = mix
        self._random = Random(seed)
        self._rate = messages_per_second
        self._target = orders_per_side
        self._middles = {item.symbol: item.price for item in instruments}
        self._populations = {
            (item.symbol, side): Population() for item in instruments for side in "BS"
        }
        self._where: dict[int, Population] = {}
        self._last_token = 0
        self.next_due: int | None = None

    def population(self, symbol: str, side: str) -> Population:
        """The house's resting orders on one side of a book."""
        return self._populations[symbol, side]

    def build(self, engine: MatchingEngine, now: int, item: Instrument) -> list[Event]:
        """The opening book of one symbol: ``orders_per_side`` orders on each side."""
        events: list[Event] = []
        for _ in range(self._target):
            for side in "BS":
                events += self._add(engine, now, item, side)
        return events

    def start(self, now: int) -> None:
        """Begin to act some time after ``now``."""
        if self._rate:
            self.next_due = now
            self.pace(1)

    def stop(self) -> None:
        """Act no more."""
        self.next_due = None

    def skip_to(self, now: int) -> None:
        """Forget what was due before ``now``: for a process that was not run for a while."""
        if self.next_due is not None:
            self.next_due = max(self.next_due, now)

    def pace(self, messages: int) -> None:
        """Put off the next action by the mean time of the ``messages`` that the last one made."""
        if self.next_due is not None:
            mean_ns = SECOND_NS * max(1, messages) / self._rate
            self.next_due += int(self._random.expovariate(1 / mean_ns))

    def act(self, engine: MatchingEngine, now: int) -> list[Event]:
        """One random action on one symbol that trades; nothing while all are halted."""
        item = self._random.choice(self._instruments)
        if engine.market.refusal(item.symbol) is not None:
            return []
        self._walk(item)
        side = self._random.choice("BS")
        mine = self._populations[item.symbol, side]
        count = len(mine)
        add = max(4, 45 + 45 * (self._target - count) // max(1, self._target))
        cancel = min(90, 40 * count // max(1, self._target))
        mix = self._mix
        others = (mix.replace, mix.take, mix.reduce) if count else (0, 0, 0)
        actions = (self._add, self._cancel, self._replace, self._take, self._reduce)
        action = self._random.choices(actions, (add, cancel, *others))[0]
        return action(engine, now, item, side)

    def observe(self, events: Iterable[Event]) -> None:
        """Follow what became of the house's orders, whoever caused it."""
        for event in events:
            match event:
                case Accepted(owner=""):
                    self._enrol(event)
                case Replaced(owner=""):
                    executed = self._where[event.orig_token].executed(event.orig_token)
                    self._where.pop(event.orig_token).discard(event.orig_token)
                    self._enrol(event, executed)
                case Canceled(owner=""):
                    if self._where[event.token].shrink(event.token, event.quantity):
                        del self._where[event.token]
                case Executed():
                    for party in (event.resting, event.aggressor):
                        if party.owner == HOUSE and self._where[party.token].fill(
                            party.token, event.quantity
                        ):
                            del self._where[party.token]

    def _enrol(self, event: Accepted | Replaced, executed: int = 0) -> None:
        population = self._populations[event.symbol, event.side]
        population.add(event.token, event.price, event.quantity, executed)
        self._where[event.token] = population

    def _walk(self, item: Instrument) -> None:
        if self._random.randrange(10):
            return
        middle = self._middles[item.symbol]
        step = tick(middle) * self._random.choice((-1, 1))
        low, high = item.price * 4 // 5, item.price * 6 // 5
        if low <= middle + step <= high:
            self._middles[item.symbol] = middle + step

    def _price(self, item: Instrument, side: str) -> int:
        middle = self._middles[item.symbol]
        away = 1 + min(int(self._random.expovariate(1 / 5)), DEEPEST_TICKS - 1)
        price = middle - away * tick(middle) if side == "B" else middle + away * tick(middle)
        price = max(1, price)
        return price - price % tick(price)

    def _resting(self, engine: MatchingEngine, item: Instrument, side: str) -> int:
        price = self._price(item, side)
        if not self._mix.passive:
            return price
        book = engine.books[item.symbol]
        best = (book.asks if side == "B" else book.bids).best_price()
        if best is None:
            return price
        if side == "B":
            return max(1, min(price, best - tick(best)))
        return max(price, best + tick(best))

    def _quantity(self, item: Instrument) -> int:
        if self._random.randrange(10) == 0:
            return self._random.randint(1, max(1, item.round_lot - 1))
        return item.round_lot * self._random.randint(1, 5)

    def _next_token(self) -> int:
        self._last_token += 1
        return self._last_token

    def _add(self, engine: MatchingEngine, now: int, item: Instrument, side: str) -> list[Event]:
        display = self._random.choices("YAN", (92, 5, 3))[0]
        quantity, price, improvement = self._quantity(item), self._resting(engine, item, side), 0
        if self._mix.improved_ppm and self._random.randrange(MILLION) < self._mix.improved_ppm:
            improvement = tick(price) // 2
        return self._enter(
            engine, now, item, side, quantity, price, display=display, improvement=improvement
        )

    def _enter(
        self,
        engine: MatchingEngine,
        now: int,
        item: Instrument,
        side: str,
        quantity: int,
        price: int,
        *,
        display: str = "Y",
        time_in_force: str = "0",
        improvement: int = 0,
    ) -> list[Event]:
        return engine.enter(
            now,
            NewOrder(
                owner=HOUSE,
                token=self._next_token(),
                symbol=item.symbol,
                side=side,
                quantity=quantity,
                price=price,
                time_in_force=time_in_force,
                display=display,
                mpid=MPID,
                improvement=improvement,
            ),
        )

    def _cancel(self, engine: MatchingEngine, now: int, item: Instrument, side: str) -> list[Event]:
        token = self._populations[item.symbol, side].furthest(
            self._random, self._middles[item.symbol]
        )
        return engine.cancel(now, HOUSE, token)

    def _reduce(self, engine: MatchingEngine, now: int, item: Instrument, side: str) -> list[Event]:
        mine = self._populations[item.symbol, side]
        token = mine.furthest(self._random, self._middles[item.symbol])
        if mine.open(token) < 2:
            return engine.cancel(now, HOUSE, token)
        left = self._random.randrange(1, mine.open(token))
        return engine.cancel(now, HOUSE, token, left + mine.executed(token))

    def _replace(
        self, engine: MatchingEngine, now: int, item: Instrument, side: str
    ) -> list[Event]:
        mine = self._populations[item.symbol, side]
        token = mine.furthest(self._random, self._middles[item.symbol])
        return engine.replace(
            now,
            HOUSE,
            token,
            self._next_token(),
            quantity=self._quantity(item) + mine.executed(token),
            price=self._resting(engine, item, side),
        )

    def _take(self, engine: MatchingEngine, now: int, item: Instrument, side: str) -> list[Event]:
        other = self._populations[item.symbol, "S" if side == "B" else "B"]
        book = engine.books[item.symbol]
        top = (book.asks if side == "B" else book.bids).top()
        if top is None or 2 * len(other) < self._target:
            return self._add(engine, now, item, side)
        quantity = min(top[1], self._quantity(item))
        return self._enter(engine, now, item, side, quantity, top[0], time_in_force=IOC)
