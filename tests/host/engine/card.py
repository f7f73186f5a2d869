"""A card in plain Python behind the driver's API."""

import os
import time
from collections import Counter
from typing import Any

from tickgate.card.errors import CardGone, CardNotReady
from tickgate.card.kills import KillState
from tickgate.card.status import FeedState, Identity, Status
from tickgate.records.codec import slot, to_slot, unpack
from tickgate.records.messages import (
    CardEvent,
    GateDecision,
    OrderRequest,
    SessionEvent,
    TopOfBook,
    VenueMessage,
)
from tickgate.records.schema import ORDER_REQUEST
from tickgate.risk.checks import BY_NAME, NO_CHECK
from tickgate.risk.image import ACCOUNT, STRATEGY, ImageTable

from tests.host.engine.held import HeldShares
from tests.host.engine.venue import Venue
from tests.host.marketdata.feed_model import Window

MAX_QUANTITY, MAX_REJECTS = (
    next(field.word for field in ACCOUNT.fields if field.name == name)
    for name in ("max_quantity", "max_rejects"))


class Card:
    """The card: a gate with kill switches, quantity and arming; rings that outlive the engine."""

    kind = "fake"

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        venue.card = self
        self.dead = False
        self.ready = True
        self.hold = False
        """Take nothing from the order ring."""
        self.room = 1 << 30
        self.armed = False
        self.armed_with = 0
        """Generation in force when the gate was last armed."""
        self.generation = 0
        self.words: dict[int, int] = {}
        self.enabled = False
        self.logged_in = False
        self.connected = False
        self.logins: list[tuple[str, int]] = []
        self.kills = KillState(False, 0, 0, 0, 0)
        self.executions: Counter[int] = Counter()
        self.rejects: Counter[int] = Counter()
        self.requests: dict[int, OrderRequest] = {}
        self.held = HeldShares()
        self.positions = self.held.positions
        self.last = 0
        self.symbols: dict[int, str | None] = {}
        self.references: list[tuple[int, dict[str, int]]] = []
        self.lines: dict[str, tuple[str, int]] = {}
        self.depth = False
        self.message_log2 = 0
        self.messages: list[bytes] = []
        self.window = Window()
        self.touched = 0
        self.lease_ms, self.renewed = 0, []
        self.watchdog_cancel = 0, ""
        self._announced: list[bytes] = []
        self._written: list[bytes] = []
        self._events: list[bytes] = []
        self._read = 0
        self.consumed = 0
        self._market: list[bytes] = []
        self._wake = os.eventfd(0, os.EFD_NONBLOCK)

    def emit(self, record: Any) -> None:
        if isinstance(record, VenueMessage):
            self.held.tell(record)
            self._count(record)
        if self.enabled:
            self._events.append(to_slot(record, len(self._events) + 1))
            os.eventfd_write(self._wake, 1)

    def _count(self, message: VenueMessage) -> None:
        request = self.requests.get(message.user_ref_num)
        if request is None:
            return
        self.executions[request.strategy] += message.message_type == "E"
        if message.message_type in "AUE":
            self.rejects[request.account] = 0
        self.rejects[request.account] += message.message_type == "J"

    def throttle(self, scope: str, index: int) -> int:
        self.check()
        return self._throttled(scope)[index]

    def clear_throttle(self, scope: str, index: int) -> None:
        self.check()
        self._throttled(scope)[index] = 0

    def _throttled(self, scope: str) -> Counter[int]:
        return self.executions if scope == "strategy" else self.rejects

    def quote(self, symbol: int, bid: int, ask: int) -> None:
        top = TopOfBook(symbol=symbol, trading_state="T", bid=bid, ask=ask, book_cycles=12)
        self._market.append(to_slot(top, len(self._market) + 1))

    def check(self) -> None:
        if self.dead:
            raise CardGone("the card's process has ended")

    def identify(self) -> Identity:
        self.check()
        return Identity(1, 2, 64, 16, 16, 4, 4096)

    def status(self) -> Status:
        self.check()
        return Status(
            self.ready,
            self.connected,
            self.logged_in,
            self.armed,
            True,
            bool(self.generation),
            True,
            False,
            True,
            bool(self.renewed) and self.renewed[-1] == self.generation,
            self.generation == self.armed_with != 0,
            self.watchdog_cancel[0] != 0,
            False,
            self.generation,
        )

    def last_token(self) -> int:
        return self.last

    def rings_enabled(self) -> bool:
        return self.enabled

    def requests_pending(self) -> bool:
        self._work()
        return bool(self._announced)

    def setup_rings(self, order: int, event: int, market: int) -> None:
        self.enabled = True
        self._events, self._read, self.consumed = [], 0, 0

    def attach_rings(self, events_seen: int = 0) -> None:
        self._read = self.consumed = max(self.consumed, events_seen)
        self._written = []

    def submit(self, body: bytes) -> bool:
        self.check()
        if self.room <= 0:
            return False
        self.room -= 1
        self._written.append(body)
        return True

    def ring_doorbell(self) -> None:
        self.check()
        self._announced += self._written
        self._written = []
        self._work()

    def _work(self) -> None:
        while self._announced and not self.hold:
            _, request = unpack(slot(ORDER_REQUEST, self._announced.pop(0), 1))
            self._judge(request)

    def _judge(self, request: OrderRequest) -> None:
        failed = set()
        if not self.logged_in:
            failed.add("venue_down")
        if request.action != "X":
            self.last = max(self.last, request.user_ref_num)
            if not self.armed:
                failed.add("gate_closed")
            if self.kills.all:
                failed.add("kill_all")
            if self.kills.accounts >> request.account & 1:
                failed.add("kill_account")
            if self.kills.strategies >> request.strategy & 1:
                failed.add("kill_strategy")
            if self.executions[request.strategy] >= self._word(STRATEGY, request.strategy, 1):
                failed.add("repeated_executions")
            if self.rejects[request.account] >= self._word(ACCOUNT, request.account, MAX_REJECTS):
                failed.add("consecutive_rejects")
            if request.quantity > self._word(ACCOUNT, request.account, MAX_QUANTITY):
                failed.add("max_quantity")
        mask = sum(1 << BY_NAME[name].bit for name in failed)
        first = min((BY_NAME[name].bit for name in failed), default=NO_CHECK)
        self.emit(
            GateDecision(
                user_ref_num=request.user_ref_num,
                checks=mask,
                first_check=first,
                action=request.action,
                generation=self.generation,
                gate_cycles=20,
                wire_cycles=0 if mask else 25,
            )
        )
        if not mask:
            if request.action != "X":
                self.requests[request.user_ref_num] = request
            self.held.reserve(request)
            self.venue.take(request)

    def _word(self, table: ImageTable, row: int, word: int) -> int:
        return self.words.get(table.address(row, word), 0)

    def poll_events(self, limit: int) -> list[bytes]:
        self.check()
        found = self._events[self._read : self._read + limit]
        self._read += len(found)
        return found

    def consume_events(self, n: int) -> None:
        self.consumed += n

    def poll_market(self, limit: int) -> list[bytes]:
        found, self._market = self._market, []
        return found

    def arm_interrupts(self) -> None:
        pass

    def upload_limits(self, image_words: dict[int, int], generation: int) -> None:
        self.check()
        self.words, self.generation = dict(image_words), generation
        if self.armed:
            self.armed_with = generation

    def arm(self) -> None:
        self.check()
        if not self.ready:
            raise CardNotReady("memories are cleared")
        if not self.generation:
            raise CardNotReady("no limits")
        if not self.armed and self.generation == self.armed_with:
            raise CardNotReady("no new limits")
        self.armed, self.armed_with = True, self.generation
        self.emit(CardEvent(kind="A"))

    def disarm(self) -> None:
        self.check()
        self.armed = False

    def set_watchdog(self, ms: int) -> None:
        self.check()

    def set_watchdog_cancel(self, ms: int, firm: str = "") -> None:
        self.check()
        self.watchdog_cancel = ms, firm

    def set_lease(self, ms: int) -> None:
        self.check()
        self.lease_ms = ms

    def renew_lease(self, generation: int) -> None:
        self.check()
        self.renewed.append(generation)

    def touch_watchdog(self) -> None:
        self.check()
        self.touched += 1

    def kill(self, scope: str, index: int | None, on: bool) -> int:
        self.check()
        values = {name: getattr(self.kills, name) for name in KillState.__slots__}
        if scope == "all":
            values["all"] = on
        else:
            name = {"session": "sessions", "account": "accounts", "symbol": "symbols",
                    "strategy": "strategies"}[scope]
            values[name] = values[name] | 1 << index if on else values[name] & ~(1 << index)
        self.kills = KillState(**values)
        return time.time_ns()

    def kill_state(self) -> KillState:
        return self.kills

    def load_symbol(self, i: int, name: str | None) -> None:
        self.symbols[i] = name

    def write_reference(self, symbol: int, **prices: int) -> None:
        self.check()
        self.references.append((symbol, prices))

    def load_position(self, account: int, symbol: int, shares: int) -> None:
        assert not self.armed
        self.positions[account, symbol] = shares

    def exposure(self, account: int, symbol: int) -> tuple[int, int, int]:
        self.check()
        return self.held.exposure(account, symbol)

    def set_feed(self, group: str, port: int, *, line: str = "a", channel: int = 0) -> None:
        self.lines[line] = (group, port)

    def set_reorder(self, cycles: int) -> None:
        pass

    def set_address(self, address: str, mac: bytes) -> None:
        pass

    def set_depth(self, on: bool) -> None:
        self.depth = on

    def enable_messages(self, log2: int) -> None:
        self.message_log2 = log2

    def disable_messages(self) -> None:
        self.message_log2 = 0

    def poll_messages(self, limit: int) -> list[bytes]:
        found, self.messages = self.messages[:limit], self.messages[limit:]
        return found

    def feed_state(self, channel: int = 0) -> FeedState:
        self.check()
        return self.window.state()

    def inject_packet(self, payload: bytes, *, snapshot: bool = False, channel: int = 0) -> bool:
        self.check()
        return self.window.inject(payload, snapshot)

    def rebuild_feed(self, channel: int = 0) -> None:
        self.window.rebuild()

    def resume_feed(self, sequence: int, channel: int = 0) -> None:
        self.window.resume(sequence)

    def forget_session(self, channel: int = 0) -> None:
        self.window.forgetting = True

    def soup_connect(self, on: bool) -> None:
        self.connected = on

    def soup_login(self, user: str, password: str, session: str, sequence: int) -> None:
        self.check()
        self.logins.append((session, sequence))
        if session not in ("", self.venue.session):
            self.emit(SessionEvent(kind="J", code="S"))
            return
        self.logged_in = True
        self.emit(SessionEvent(kind="A", session=self.venue.session, sequence=sequence))
        for message in self.venue.log[sequence - 1 :]:
            self.emit(message)

    def counters(self) -> dict[str, int]:
        self.check()
        return {"orders_in": 0}

    def wake_filenos(self) -> list[int]:
        return [self._wake]

    def acknowledge(self) -> None:
        try:
            os.eventfd_read(self._wake)
        except BlockingIOError:
            return

    def close(self) -> None:
        pass
