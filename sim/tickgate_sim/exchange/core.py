"""The exchange without I/O: matching, ports, feed, records and background flow joined.

Time is an argument everywhere (ns since midnight); a time before the last one counts as the last
one, so that the feed's timestamps never step back. What must leave goes through two sinks: packets
for the multicast group to ``publish``, sequenced messages to each Port.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tickgate.protocols import glimpse50

from tickgate_sim.exchange.background import LIVE, BackgroundFlow, FlowMix
from tickgate_sim.exchange.config import ExchangeConfig
from tickgate_sim.exchange.desk import OuchDesk
from tickgate_sim.exchange.events import BookAdded, Event, Notice
from tickgate_sim.exchange.feed import FeedPublisher
from tickgate_sim.exchange.matching import SYSTEM, MatchingEngine
from tickgate_sim.exchange.mold import MoldStream
from tickgate_sim.exchange.ports import Port
from tickgate_sim.exchange.records import Records
from tickgate_sim.exchange.status import StatusBoard


class Exchange:
    """One trading day of the simulated exchange.

    ``stream`` numbers and packs the feed's messages; unless given, one that keeps them all.
    """

    def __init__(
        self,
        config: ExchangeConfig,
        publish: Callable[[list[bytes]], None],
        *,
        stream: MoldStream | None = None,
        mix: FlowMix = LIVE,
    ) -> None:
        self.engine = MatchingEngine(config.instruments)
        self.ports: Mapping[str, Port] = MappingProxyType(
            {account.username: Port(account) for account in config.accounts}
        )
        self.records = Records()
        self.stream = stream or MoldStream(config.session)
        self._instruments = config.instruments
        self._desk = OuchDesk(self.engine, self.ports)
        self._feed = FeedPublisher(config.instruments)
        self._status = StatusBoard()
        self._flow = BackgroundFlow(
            config.instruments,
            seed=config.seed,
            messages_per_second=config.messages_per_second,
            orders_per_side=config.orders_per_side,
            mix=mix,
        )
        self._publish = publish
        self._now = 0

    def open(self, now: int) -> None:
        """Start the day: spin, opening books, background flow. Does nothing when it is open."""
        if self.engine.market.is_open:
            return
        now = self._at(now)
        self._apply(self.engine.open(now))
        for item in self._instruments:
            self._apply(self._flow.build(self.engine, now, item))
        self._flow.start(now)

    def close(self, now: int) -> None:
        """End the day: everything live is cancelled. Does nothing unless it is open."""
        if not self.engine.market.is_open:
            return
        self._flow.stop()
        self._apply(self.engine.close(self._at(now)))

    def inbound(self, port: Port, data: bytes, now: int) -> None:
        """An OUCH message that arrived on ``port``; never raises for what a client sends."""
        now = self._at(now)
        self._apply(self._desk.handle(port, data, now))

    def disconnected(self, port: Port, now: int) -> None:
        """The port's connection is gone: cancel its orders if the account asks for that."""
        if port.account.cancel_on_disconnect:
            self._apply(
                self.engine.cancel_where(self._at(now), port.owner, SYSTEM, lambda order: True)
            )

    def halt(self, symbol: str, now: int, reason: str = "") -> None:
        """Halt trading in ``symbol``. Raises UnknownSymbolError."""
        self._apply(self.engine.market.halt(self._at(now), symbol, reason))

    def resume(self, symbol: str, now: int) -> None:
        """Resume trading in ``symbol``. Raises UnknownSymbolError."""
        self._apply(self.engine.market.resume(self._at(now), symbol))

    def notice(self, kind: str, symbol: str, values: Mapping[str, int | str], now: int) -> None:
        """Publish a Notice, which changes nothing here. Raises ValueError if it is none."""
        if symbol:
            self.engine.market.require(symbol)
        self._apply([Notice(self._at(now), symbol, kind, values)])

    def snapshot(self) -> list[bytes]:
        """The state of the market as messages of GLIMPSE 5.0, End of Snapshot included.

        An order's Add Order has the time of the last thing that happened in the market. Orders
        come by symbol, bids before offers, on each side the next to trade first.
        """
        orders = [
            BookAdded(
                self._now,
                order.reference,
                order.symbol,
                "B" if order.is_buy else "S",
                order.open,
                order.price,
                order.attribution,
            )
            for item in self._instruments
            for order in self.engine.books[item.symbol]
            if order.displayed
        ]
        end = glimpse50.EndOfSnapshot(sequence_number=self.stream.next_sequence)
        return [*self._status.in_force(), *self._feed.messages(orders), end.encode()]

    def advance(self, now: int, *, backlog: int | None = None) -> int | None:
        """Run the background flow up to ``now``; the time when it is next due, None for never.

        With ``backlog`` what was due more than that many ns ago is left out.
        """
        if backlog is not None:
            self._flow.skip_to(now - backlog)
        while (due := self._flow.next_due) is not None and due <= now:
            self._flow.pace(self._apply(self._flow.act(self.engine, self._at(due))))
        return self._flow.next_due

    def _at(self, now: int) -> int:
        self._now = max(self._now, now)
        return self._now

    def _apply(self, events: list[Event]) -> int:
        """Tell everyone; the number of feed messages."""
        if not events:
            return 0
        messages = self._feed.messages(events)
        self.records.note(events)
        self._flow.observe(events)
        self._desk.deliver(events)
        if messages:
            self._status.note(messages)
            self._publish(self.stream.pack(messages))
        return len(messages)
