"""What every trader does: log on, act at its own pace, keep its books, clean up, report."""

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tickgate.fix import orders, tags
from tickgate.fix.codec import FixMessage, price_to_text, timestamp_to_text
from tickgate.fix.store import MessageStore

from tickgate_sim.clients.fix_client import ClientConfig, FixClient
from tickgate_sim.clients.ledger import Ledger, OrderRecord

Quotes = Callable[[str], tuple[int, int] | None]
"""Symbol -> best bid and ask in 1/10000 USD, or None when they aren't known."""

TICK = 100
"""One cent in 1/10000 USD, the least price step at and above 1 USD."""

_SETTLE_S = 5.0


def no_quotes(symbol: str) -> None:
    """A trader that sees no market data."""


@dataclass(frozen=True, slots=True)
class TraderConfig:
    """Who trades what, and how fast."""

    comp_id: str
    account: str
    symbols: Sequence[str]
    seed: int
    target_comp_id: str = "TICKGATE"
    password: str | None = field(default=None, repr=False)
    actions_per_s: float = 20.0
    lot: int = 100
    """Shares of the smallest order."""
    max_position: int = 2_000
    """Shares of one symbol, long or short, at which a trader starts to lean the other way."""
    price_hints: Mapping[str, int] = field(default_factory=dict)
    """Where to start without market data, 1/10000 USD by symbol."""
    held: Mapping[str, int] = field(default_factory=dict)
    """Shares that the account has before, by symbol; not in the trader's own books."""


@dataclass(frozen=True, slots=True)
class ClientSummary:
    """What a trader did, by its own books. Prices and cash are 1/10000 USD."""

    comp_id: str
    account: str
    orders_sent: int
    replaces_sent: int
    cancels_sent: int
    acked: int
    rejects: dict[str, int]
    """Refusals by check name, or by text where no check is named."""
    fills: int
    shares: int
    positions: dict[str, int]
    cash: int
    latencies_ns: tuple[int, ...]
    """New order to first report, rising."""
    unanswered: tuple[str, ...]
    """ClOrdIDs that nobody ever answered."""
    unknown_reports: int
    logons: int
    problems: tuple[str, ...]
    """Texts of Logouts that the trader didn't ask for."""

    def latency_ns(self, percent: float) -> int | None:
        """Latency below which ``percent`` of the answers came; None without any."""
        if not self.latencies_ns:
            return None
        last = len(self.latencies_ns) - 1
        return self.latencies_ns[min(last, int(len(self.latencies_ns) * percent / 100))]


class Trader(ABC):
    """A client with a seeded behaviour. ``run`` may be called once.

    A trader that follows another on the same FIX session is given the ``store`` of the first.
    """

    def __init__(
        self,
        config: TraderConfig,
        quotes: Quotes = no_quotes,
        store: MessageStore | None = None,
    ) -> None:
        self.config = config
        self.ledger = Ledger()
        self.random = random.Random(config.seed)
        self._quotes = quotes
        session = ClientConfig(config.comp_id, config.target_comp_id, config.password)
        self.client = FixClient(session, self._on_message, store)
        # A restarted trader must not use ids again that the gateway knows.
        self._prefix = f"{config.comp_id}-{time.time_ns() // 1_000_000:x}"
        self._ids = 0

    @abstractmethod
    def act(self) -> None:
        """Make one decision, which may send any number of orders."""

    async def run(
        self, host: str, port: int, duration_s: float, *, start_timeout_s: float = 30.0
    ) -> ClientSummary:
        """Trade for a while, take back what rests, log out. Raises TimeoutError without a logon."""
        connection = asyncio.create_task(self.client.run(host, port))
        try:
            await asyncio.wait_for(self.client.logged_on.wait(), start_timeout_s)
            deadline = time.monotonic() + duration_s
            while time.monotonic() < deadline:
                if self.client.logged_on.is_set():
                    self.act()
                await asyncio.sleep(self.random.uniform(0.5, 1.5) / self.config.actions_per_s)
            await self._settle()
        finally:
            await self.client.stop()
            await connection
        return self.summary()

    def summary(self) -> ClientSummary:
        """The books as they stand."""
        ledger = self.ledger
        expected_logouts = 1 if self.client.logouts and not self.client.logouts[-1] else 0
        problems = self.client.logouts[: len(self.client.logouts) - expected_logouts]
        return ClientSummary(
            comp_id=self.config.comp_id,
            account=self.config.account,
            orders_sent=ledger.count(tags.NEW_ORDER_SINGLE),
            replaces_sent=ledger.count(tags.ORDER_CANCEL_REPLACE_REQUEST),
            cancels_sent=ledger.count(tags.ORDER_CANCEL_REQUEST),
            acked=ledger.acked,
            rejects=dict(ledger.rejects),
            fills=len(ledger.fills),
            shares=sum(abs(fill.signed_quantity) for fill in ledger.fills.values()),
            positions={symbol: ledger.positions[symbol] for symbol in self.config.symbols},
            cash=ledger.cash,
            latencies_ns=tuple(sorted(ledger.latencies_ns)),
            unanswered=tuple(ledger.unanswered()),
            unknown_reports=ledger.unknown,
            logons=self.client.counters.logons,
            problems=tuple(problems),
        )

    # What behaviours are made of

    def market(self, symbol: str) -> tuple[int, int] | None:
        """Best bid and ask as far as known: quotes, else a cent around the last own price."""
        quote = self._quotes(symbol)
        if quote is not None:
            return quote
        last = self.ledger.last_price.get(symbol, self.config.price_hints.get(symbol, 0))
        return (last - TICK, last + TICK) if last > TICK else None

    def lots(self, most: int) -> int:
        """A random quantity of 1 to ``most`` lots."""
        return self.config.lot * self.random.randint(1, most)

    def lean(self, symbol: str) -> str | None:
        """The side that brings a too large position back; None when it isn't too large."""
        position = self._held(symbol) + self.ledger.positions[symbol]
        if abs(position) < self.config.max_position:
            return None
        return orders.SELL if position > 0 else orders.BUY

    def enter(self, symbol: str, side: str, quantity: int, price: int, tif: str) -> OrderRecord:
        """Send a new limit order; one to sell is marked short when it may be (Reg SHO 200(g))."""
        rests = tif != orders.IMMEDIATE_OR_CANCEL
        if side == orders.SELL:
            side = self._marked(symbol, quantity, rests)
        record = OrderRecord(
            self._next_id(), tags.NEW_ORDER_SINGLE, symbol, side, quantity, price, leaves=quantity
        )
        record.rests = rests
        self._send(record, [(tags.TIME_IN_FORCE, tif)])
        return record

    def _held(self, symbol: str) -> int:
        return self.config.held.get(symbol, 0)

    def _marked(self, symbol: str, quantity: int, rests: bool) -> str:
        """Side of an order to sell: long if what is held covers it.

        The side can't be changed later, and the gate counts an order and its replacement until the
        venue has answered: one that rests is sold long only if both are covered.
        """
        free = self._held(symbol) + self.ledger.unsold(symbol)
        covered = free >= (2 * quantity if rests else quantity)
        return orders.SELL if covered else orders.SELL_SHORT

    def replace(self, original: OrderRecord, quantity: int, price: int) -> OrderRecord:
        """Ask to change a live order; ``quantity`` is the new total."""
        record = OrderRecord(
            self._next_id(),
            tags.ORDER_CANCEL_REPLACE_REQUEST,
            original.symbol,
            original.side,
            quantity,
            price,
            orig_cl_ord_id=original.cl_ord_id,
            leaves=quantity,
        )
        self._send(record, [(tags.TIME_IN_FORCE, orders.DAY)])
        return record

    def cancel(self, original: OrderRecord) -> OrderRecord:
        """Ask to cancel a live order."""
        record = OrderRecord(
            self._next_id(),
            tags.ORDER_CANCEL_REQUEST,
            original.symbol,
            original.side,
            original.quantity,
            original.price,
            orig_cl_ord_id=original.cl_ord_id,
        )
        self._send(record, [])
        return record

    def _next_id(self) -> str:
        self._ids += 1
        return f"{self._prefix}-{self._ids}"

    def _send(self, record: OrderRecord, more: list[tuple[int, str | bytes | int]]) -> None:
        fields: list[tuple[int, str | bytes | int]] = [(tags.CL_ORD_ID, record.cl_ord_id)]
        if record.orig_cl_ord_id is not None:
            fields.append((tags.ORIG_CL_ORD_ID, record.orig_cl_ord_id))
        fields += [
            (tags.ACCOUNT, self.config.account),
            (tags.SYMBOL, record.symbol),
            (tags.SIDE, record.side),
            (tags.ORDER_QTY, record.quantity),
            (tags.TRANSACT_TIME, timestamp_to_text(time.time_ns())),
        ]
        if record.kind != tags.ORDER_CANCEL_REQUEST:
            fields += [(tags.ORD_TYPE, orders.LIMIT), (tags.PRICE, price_to_text(record.price))]
        now = time.perf_counter_ns()
        seq = self.client.send(record.kind, fields + more)
        self.ledger.sent(record, seq, now)

    def _on_message(self, message: FixMessage, poss_dup: bool) -> None:
        self.ledger.on_message(message, poss_dup, time.perf_counter_ns())

    async def _settle(self) -> None:
        """Cancel what rests and wait until each order has its answer, 5 s at most."""
        deadline = time.monotonic() + _SETTLE_S
        tries: Counter[str] = Counter()
        while time.monotonic() < deadline:
            live = self.ledger.live_orders()
            if not live and not self.ledger.unanswered():
                return
            for order in live:
                # A change that is under way may leave the order resting: look again after it.
                if not order.pending_change and tries[order.cl_ord_id] < 3:
                    tries[order.cl_ord_id] += 1
                    self.cancel(order)
            await asyncio.sleep(0.05)
