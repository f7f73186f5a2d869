"""The engine's loop: everything that does input and output, around the deterministic core.

One turn: what operators want (kill first of all), what the card says, what clients say, timers.
Whatever comes in is journalled, then handled, and only then do its effects leave: to the order
ring, to the message stores, to the sockets, in that order.
"""

import selectors
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from tickgate.card.errors import CardError
from tickgate.engine.cardlink import CardLink
from tickgate.engine.cardport import Card, SimulatedCard
from tickgate.engine.commandserver import CommandServer
from tickgate.engine.config import EngineConfig
from tickgate.engine.core import Core
from tickgate.engine.exposurecheck import ExposureCheck
from tickgate.engine.feedlink import FeedLink
from tickgate.engine.fixgate import FixGate
from tickgate.engine.inputs import (
    Input,
    NewOrder,
    NotSent,
    ReplaceOrder,
    SessionChanged,
    Slot,
    Started,
    decode,
    encode,
)
from tickgate.engine.latency import Histogram
from tickgate.engine.limitwatch import LimitWatch
from tickgate.engine.operator import Operator
from tickgate.engine.preview import Preview
from tickgate.engine.references import References
from tickgate.engine.reports import from_fix
from tickgate.engine.sources import CARD, Source
from tickgate.engine.stateview import StateView
from tickgate.execution.effects import CancelRefused, Effect, Execution, Submit
from tickgate.fix.outputs import AppMessage
from tickgate.journal import Journal, JournalError
from tickgate.marketdata.handler import MarketDataHandler
from tickgate.marketdata.tob import TobFile
from tickgate.records.codec import RecordError, unpack
from tickgate.records.messages import FeedEvent, GateDecision
from tickgate.records.schema import FEED_EVENT, GATE_DECISION
from tickgate.risk.limits import LimitsError, load

TURN_S = 0.005
"""Longest wait of a turn: how late a timer can be."""
RECOVERY_TURN_S = 0.001
"""As ``TURN_S``, while the feed is being recovered: its sockets are looked at once a turn."""
FIX_TIMER_NS = 100_000_000
JOURNAL_TIMER_NS = 1_000_000_000
NO_ROOM = "the card is not there, or its order ring is full"


class Engine:
    """One engine: ``start``, then ``turn`` until ``stopping``, then ``close``; ``run`` does all."""

    def __init__(
        self, config: EngineConfig, connect: Callable[[], Card] | None = None
    ) -> None:
        """Open journal, stores and sockets and replay. ``connect`` attaches to the card.

        Raises JournalError, StoreError, LimitsError, UnknownInput or OSError when it cannot.
        """
        self.config = config
        self.stopping = False
        self.core = Core()
        self.counters: Counter[str] = Counter()
        self.latency = {
            name: Histogram()
            for name in (
                "fix_to_doorbell_ns",
                "fix_to_report_ns",
                "gate_cycles",
                "wire_cycles",
                "book_cycles",
            )
        }
        self._stamps: dict[int, int] = {}
        self._waiting: list[int] = []
        self._received_ns = 0
        self._reported: list[int] = []
        self._fix_ns = self._journal_ns = 0
        self._undelivered = False
        config.state_dir.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(config.state_dir / "journal", durability=config.durability)
        self.selector = selectors.DefaultSelector()
        self.market_data = MarketDataHandler(
            config.symbols, depth=config.feed.depth, full=config.feed.full_stream
        )
        self.market = self.market_data.view
        self.feed = FeedLink(config.feed.recovery, self.market_data.on_resumed)
        self.tob = TobFile(config.state_dir / "tob.bin", len(config.symbols))
        self.fix = FixGate(config, self.selector, self._on_order, self._on_session)
        attach = connect or partial(SimulatedCard, config.card_socket)
        self._wakers: list[int] = []
        self.exposure_check = ExposureCheck(
            self.core, self._take, on=config.exposure_check
        )
        self.limit_watch = LimitWatch(self.core, self._take)
        self.references = References(
            config.references, self.core, self.market.quote, self._take, self.counters
        )
        self.link = CardLink(config, self.core, self._take, attach, self._watch)
        self._replay()
        self._begin()

    def run(self) -> None:
        """Turn until told to stop, then close."""
        try:
            while not self.stopping:
                self.turn()
        except JournalError:
            # What cannot be journalled must not happen: no order leaves any more.
            self._guard(self.link.disarm)
            raise
        finally:
            self.close()

    def turn(self, timeout_s: float = TURN_S) -> None:
        """Wait for something, at most ``timeout_s``, and deal with all that is due."""
        self._guard(self.link.before_wait)
        if self.feed.busy or self._undelivered:
            timeout_s = min(timeout_s, RECOVERY_TURN_S)
        ready = self.selector.select(timeout_s)
        for key, events in sorted(ready, key=lambda item: item[0].data.rank):
            key.data.serve(events)
            self._send()
        now_ns = time.monotonic_ns()
        self._guard(lambda: self.link.tick(now_ns))
        self._guard(lambda: self._poll_card(now_ns))
        if now_ns >= self._fix_ns:
            self._fix_ns = now_ns + FIX_TIMER_NS
            self.fix.on_timer(time.time_ns())
        if now_ns >= self._journal_ns:
            self._journal_ns = now_ns + JOURNAL_TIMER_NS
            self.journal.prepare()
        self._send()
        self._guard(lambda: self.feed.work(self.link.configured, now_ns))
        self._guard(lambda: self.references.work(self.link.configured, now_ns))
        self._undelivered = self.market_data.dispatch()
        self._guard(lambda: self.exposure_check.work(self.link.settled, self.link.drained_ns))
        self.limit_watch.work()

    def close(self) -> None:
        """Log clients out and let go of everything; the card's watchdog will shut the gate."""
        self.fix.close(time.time_ns(), self.journal.next_sequence - 1)
        self.commands.close()
        self.link.close()
        self.feed.close()
        self.tob.close()
        self.journal.close()
        self.selector.close()

    # ---- start ----

    def _replay(self) -> None:
        """Bring the core to where it was, and the stores to what the core had told clients."""
        missing: list[Execution | CancelRefused] = []
        for entry in self.journal.entries():
            effects = self.core.handle(decode(entry), entry.sequence, entry.time_ns)
            if entry.sequence > self.fix.delivered:
                missing += [x for x in effects if isinstance(x, (Execution, CancelRefused))]
        self.fix.redeliver(missing, time.time_ns())

    def _begin(self) -> None:
        config = self.config
        started_ns = time.time_ns()
        self._take(
            Started(
                accounts=list(config.accounts),
                symbols=list(config.symbols),
                sessions=[[s.comp_id, s.account, s.strategy] for s in config.sessions],
                strategies=list(config.strategies),
                venue=config.venue_name,
                note=str(self.journal.repair or ""),
            )
        )
        limits = load(config.limits_file)
        self.link.image(limits)  # names that are not configured are an error here, not later
        if limits.hash() != self.core.limits_file_hash:
            self.link.initial = limits, limits.hash()
        self.view = StateView(
            self.core,
            self.link,
            self.fix,
            self.market_data,
            self.feed,
            self.exposure_check,
            self.limit_watch,
            self.latency,
            self.counters,
            started_ns,
        )
        self.operator = Operator(
            self.core,
            self.link,
            self.view,
            Preview(self.core, self.link, self.market),
            self._take_effects,
            self._stop,
            self._send,
        )
        self.commands = CommandServer(
            config.command_socket,
            config.state_dir,
            self.selector,
            self.operator.execute,
            self.counters,
        )
        self.fix_address = self.fix.listen(config.fix_host, config.fix_port)

    def _stop(self) -> None:
        self.stopping = True

    # ---- inputs ----

    def _take(self, value: Input) -> None:
        self._take_effects(value)

    def _take_effects(self, value: Input) -> list[Effect]:
        """Journal an input, let the core handle it, and carry out the effects up to ``_send``."""
        now_ns = time.time_ns()
        sequence = self.journal.append(value.KIND, encode(value), now_ns)
        effects = self.core.handle(value, sequence, now_ns)
        for effect in effects:
            match effect:
                case Submit():
                    self._submit(effect)
                case Execution() | CancelRefused():
                    self.fix.report(effect, now_ns)
                    if effect.token in self._stamps:
                        self._reported.append(self._stamps.pop(effect.token))
        return effects

    def _submit(self, request: Submit) -> None:
        try:
            sent = self.link.submit(request)
        except CardError as error:
            self.link.fail(error)
            sent = False
        if not sent:
            self._take(NotSent(request.token, request.action, NO_ROOM))
        elif request.action != "X" and self._received_ns:
            self._stamps[request.token] = self._received_ns
            self._waiting.append(self._received_ns)

    def _send(self) -> None:
        """Let effects leave: journal on disk if so configured, then doorbell, then clients."""
        self.journal.commit()
        self._guard(self.link.ring_doorbell)
        now_ns = time.monotonic_ns()
        self.latency["fix_to_doorbell_ns"].extend(now_ns - stamp for stamp in self._waiting)
        self._waiting.clear()
        self.fix.flush(self.journal.next_sequence - 1)
        if self._reported:
            now_ns = time.monotonic_ns()
            self.latency["fix_to_report_ns"].extend(now_ns - stamp for stamp in self._reported)
            self._reported.clear()

    def _on_order(self, comp_id: str, app: AppMessage) -> None:
        received_ns = time.monotonic_ns()
        value = from_fix(comp_id, self.core.sessions[comp_id], app, self.config.fix_require)
        if isinstance(value, (NewOrder, ReplaceOrder)):
            value = self._complete(value)
        self._received_ns = received_ns
        self._take(value)
        self._received_ns = 0

    def _complete(self, order: NewOrder | ReplaceOrder) -> NewOrder | ReplaceOrder:
        """Add what the core must know of the moment: the touch, and whether it can be worked."""
        refusal = ""
        if self.journal.full is not None:
            refusal = "the engine's journal has no room for new orders"
        if isinstance(order, ReplaceOrder):
            return replace(order, refusal=refusal)
        bid = ask = 0
        if order.symbol in self.core.symbols:
            quote = self.market.quote(self.core.symbols.index(order.symbol))
            bid, ask = quote.bid, quote.ask
        return replace(order, refusal=refusal, bid=bid, ask=ask)

    def _on_session(self, comp_id: str, up: bool, reason: str) -> None:
        self._take(SessionChanged(comp_id, up, reason))

    # ---- the card ----

    def _poll_card(self, now_ns: int) -> None:
        slots = self.link.poll(now_ns)
        for slot in slots:
            self._take(Slot(slot))
            self._look_at(slot)
        if slots:
            self.journal.commit()
            self.link.consumed(len(slots))
        for slot in self.link.poll_market():
            top = self.market_data.on_market(slot)
            if top is not None:
                self.tob.put(top.symbol, slot)
                self.latency["book_cycles"].add(top.book_cycles)
        for slot in self.link.poll_messages():
            self.market_data.on_message(slot)

    def _look_at(self, slot: bytes) -> None:
        if slot[2] not in (GATE_DECISION.template, FEED_EVENT.template):
            return
        try:
            _, record = unpack(slot)
        except RecordError:  # the core has counted it
            return
        if isinstance(record, GateDecision):
            self.latency["gate_cycles"].add(record.gate_cycles)
            if not record.checks and record.action != "X":
                self.latency["wire_cycles"].add(record.wire_cycles)
        elif isinstance(record, FeedEvent) and record.kind in "GBNFZ":
            self.market_data.on_event(record)
            self.feed.recovery.hint()

    def _guard(self, action: Callable[[], None]) -> None:
        """Do something with the card; when it fails, the card is let go and tried again later."""
        try:
            action()
        except (CardError, LimitsError) as error:
            self.counters[f"card: {type(error).__name__}"] += 1
            self.link.fail(error)

    def _watch(self, descriptors: list[int]) -> None:
        """Have the selector watch these descriptors of the card, and no others of it."""
        for descriptor in self._wakers:
            self.selector.unregister(descriptor)
        source = Source(CARD, lambda _: self.link.woken())
        for descriptor in descriptors:
            self.selector.register(descriptor, selectors.EVENT_READ, source)
        self._wakers = descriptors
