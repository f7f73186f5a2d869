"""An engine on real sockets with a card and a venue in plain Python behind the driver's API."""

import os
import socket
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tickgate.card.errors import CardGone, CardNotReady
from tickgate.card.kills import KillState
from tickgate.card.status import FeedState, Identity, Status
from tickgate.engine.client import ask
from tickgate.engine.config import EngineConfig, SessionSettings
from tickgate.engine.engine import Engine
from tickgate.engine.feedconfig import FeedConfig
from tickgate.fix.codec import FixMessage, FrameReader, encode, parse
from tickgate.fix.values import timestamp_to_text
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
from tests.host.marketdata.feed_model import Window
from tests.limits_text import shared_tables, symbol_table

MAX_QUANTITY, MAX_REJECTS = (
    next(field.word for field in ACCOUNT.fields if field.name == name)
    for name in ("max_quantity", "max_rejects"))
ACCOUNT_LIMITS = """
group = "DESK"
clearing_firm = "CLEAR"
permissions = ["buy", "sell", "short", "short_exempt", "day", "ioc", "iso"]
symbols = "all"
max_quantity = 1000
max_value = "1000000.00"
rate = 100
burst = 100
duplicate_window = 0
cancel_rate = 65535
cancel_burst = 65535
max_orders = 1000
max_open_quantity = 1000000
max_open_value = "1000000000.00"
max_day_quantity = 1000000
max_day_value = "1000000000.00"
gross_credit = "1000000000.00"
net_credit = "1000000000.00"
max_long = 10000
max_short = 10000
locates = 100000
max_rejects = 3
"""
LIMITS = f"""
[accounts.ALPHA]{ACCOUNT_LIMITS}
[accounts.BETA]{ACCOUNT_LIMITS}
{symbol_table("AAPL", "1.00")}{symbol_table("MSFT", "1.00")}
{shared_tables("1000000000.00", "C1", "C2")}
[strategies.OTHER]
algo_id = 1002
max_executions = 2
"""


class Venue:
    """A venue without matching: tests say what it does. Keeps every message for replay."""

    def __init__(self) -> None:
        self.session = "S1"
        self.log: list[VenueMessage] = []
        self.orders: dict[int, dict[str, Any]] = {}
        self.received: list[OrderRequest] = []
        self.card: Card | None = None
        self.silent = False

    def say(self, **fields: Any) -> None:
        message = VenueMessage(soup_sequence=len(self.log) + 1, **fields)
        self.log.append(message)
        if self.card is not None and self.card.logged_in:
            self.card.emit(message)

    def take(self, request: OrderRequest) -> None:
        self.received.append(request)
        if self.silent:
            return
        token = request.user_ref_num
        if request.action == "O":
            self.orders[token] = {"open": request.quantity, "side": request.side, "done": 0}
            self.say(
                user_ref_num=token,
                message_type="A",
                code="L",
                quantity=request.quantity,
                price=request.price,
            )
        elif request.action == "U":
            old = self.orders.get(request.orig_user_ref_num)
            if old and old["open"]:
                left = request.quantity - old["done"]
                self.orders[token] = {"open": left, "side": old["side"], "done": old["done"]}
                old["open"] = 0
                self.say(
                    user_ref_num=token,
                    orig_user_ref_num=request.orig_user_ref_num,
                    message_type="U",
                    code="L",
                    quantity=left,
                    price=request.price,
                )
        elif self.orders.get(token, {}).get("open"):
            self.say(
                user_ref_num=token,
                message_type="C",
                code="U",
                quantity=self.orders[token]["open"],
            )
            self.orders[token]["open"] = 0

    def fill(self, token: int, quantity: int, price: int) -> int:
        match = len(self.log) + 1000
        self.orders[token]["open"] -= quantity
        self.orders[token]["done"] += quantity
        self.say(
            user_ref_num=token,
            message_type="E",
            code="A",
            quantity=quantity,
            price=price,
            reference=match,
        )
        return match

    def broken(self, token: int, match: int) -> None:
        self.say(user_ref_num=token, message_type="B", code="E", reference=match)


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


class Client:
    """A FIX client on a socket; ``turn`` lets the engine work."""

    def __init__(self, address: tuple[str, int], comp_id: str, turn: Callable[[], None]) -> None:
        self.comp_id = comp_id
        self.turn = turn
        self.seq = 1
        self.expected = 1
        self.reader = FrameReader()
        self.inbox: list[FixMessage] = []
        self.address = address
        self.sock: socket.socket | None = None

    def connect(self) -> "Client":
        self.sock = socket.create_connection(self.address)
        self.sock.setblocking(False)
        self.reader = FrameReader()
        return self

    def send(self, msg_type: str, *fields: tuple[int, Any], seq: int | None = None) -> None:
        header = [
            (35, msg_type),
            (49, self.comp_id),
            (56, "TICKGATE"),
            (34, seq or self.seq),
            (52, timestamp_to_text(time.time_ns())),
        ]
        if seq is None:
            self.seq += 1
        else:
            header.append((43, "Y"))
            header.append((122, header[4][1]))
        self.sock.sendall(encode("FIX.4.4", [*header, *fields]))

    def logon(self) -> None:
        if self.sock is None:
            self.connect()
        self.send("A", (98, 0), (108, 30))
        if int(self.expect(35, "A").get(34)) > self.expected - 1:
            self.send("2", (7, self.expected), (16, 0))

    def poll(self) -> None:
        self.turn()
        try:
            data = self.sock.recv(1 << 20)
        except BlockingIOError:
            return
        for frame in self.reader.feed(data):
            message = parse(frame)
            number = int(message.get(34))
            if message.get(35) == "4":
                self.expected = int(message.get(36))
            elif number == self.expected:
                self.expected += 1
            self.inbox.append(message)

    def expect(self, *wanted: Any, timeout_s: float = 5.0) -> FixMessage:
        """Next message in which the given tag, value pairs hold; those before it are dropped."""
        pairs = list(zip(wanted[::2], wanted[1::2], strict=True))
        deadline = time.monotonic() + timeout_s
        while True:
            while self.inbox:
                message = self.inbox.pop(0)
                if all(message.get(tag) == str(value) for tag, value in pairs):
                    return message
            assert time.monotonic() < deadline, f"no message with {pairs}"
            self.poll()

    def order(self, cl_ord_id: str, quantity: int = 100, price: str | None = "150.00", **more):
        fields = [
            (11, cl_ord_id),
            (55, more.get("symbol", "AAPL")),
            (54, more.get("side", "1")),
            (38, quantity),
            (40, "2" if price else "1"),
            (60, timestamp_to_text(time.time_ns())),
        ]
        if price:
            fields.append((44, price))
        if "tif" in more:
            fields.append((59, more["tif"]))
        if "account" in more:
            fields.append((1, more["account"]))
        if "algo_id" in more:
            fields.append((847, more["algo_id"]))
        self.send("D", *fields, seq=more.get("seq"))

    def cancel(self, cl_ord_id: str, original: str) -> None:
        self.send(
            "F",
            (11, cl_ord_id),
            (41, original),
            (55, "AAPL"),
            (54, "1"),
            (60, timestamp_to_text(time.time_ns())),
        )

    def replace(
        self, cl_ord_id: str, original: str, quantity: int, price: str, *more: tuple[int, Any]
    ) -> None:
        self.send(
            "G",
            (11, cl_ord_id),
            (41, original),
            (55, "AAPL"),
            (54, "1"),
            (38, quantity),
            (40, "2"),
            (44, price),
            (60, timestamp_to_text(time.time_ns())),
            *more,
        )


class World:
    """One engine with its card, venue and clients; ``restart`` is a SIGKILL and a new start."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "limits.toml").write_text(LIMITS)
        self.venue = Venue()
        self.card = Card(self.venue)
        self.config = EngineConfig(
            state_dir=directory / "state",
            command_socket=directory / "engine.sock",
            limits_file=directory / "limits.toml",
            symbols=("AAPL", "MSFT"),
            groups=("DESK",),
            clearing_firms=("CLEAR",),
            strategies=("ALGO", "OTHER"),
            durability="memory",
            watchdog_ms=1000,
            watchdog_cancel_ms=2000,
            lease_ms=30_000,
            card_socket=directory / "card.sock",
            ring_log2=(8, 8, 8),
            venue_name="TEST",
            venue_user="U",
            venue_password="P",
            venue_firm="TICK",
            fix_host="127.0.0.1",
            fix_port=0,
            fix_comp_id="TICKGATE",
            heartbeat_s=30,
            sessions=(
                SessionSettings("C1", "ALPHA", "ALGO"),
                SessionSettings("C2", "BETA", "ALGO", "secret"),
            ),
            feed=FeedConfig(("239.0.0.1", 1)),
        )
        self.engine: Engine | None = None

    def start(self, *, armed: bool = True) -> Engine:
        self.engine = Engine(self.config, self.attach)
        if armed:
            self.until(lambda: self.card.armed and self.engine.link.phase == "armed")
        return self.engine

    def attach(self) -> Card:
        self.card.check()
        return self.card

    def turn(self) -> None:
        self.engine.turn(0.001)

    def until(self, true: Callable[[], Any], timeout_s: float = 10.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not true():
            assert time.monotonic() < deadline, "it did not become true"
            self.turn()

    def lose_card(self) -> None:
        """Let the card die, until the engine has let go of it."""
        self.card.dead = True
        self.until(lambda: self.engine.link.card is None)

    def kill(self) -> None:
        """End the engine as SIGKILL would: nothing written, nothing said."""
        engine = self.engine
        for key in list(engine.selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        for store in engine.fix._stores.values():
            store._buffer.clear()
            store.close()
        os.close(engine.journal._lock)
        self.engine = None

    def client(self, comp_id: str = "C1") -> Client:
        return Client(self.engine.fix_address, comp_id, self.turn)

    def trader(self) -> Client:
        client = self.client()
        client.logon()
        return client

    def killed_before_an_order_left(self) -> Client:
        """Start, and end the engine when it has an order that it has not shown the card; its
        client, whose order it is."""
        self.start()
        client = self.trader()
        self.card.ring_doorbell = lambda: None
        client.order("1")
        self.until(lambda: self.engine.core.orders.orders)
        self.kill()
        del self.card.ring_doorbell
        return client

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Ask the engine as another process would."""
        import threading

        answers: list[Any] = []

        def call() -> None:
            try:
                config = self.config
                answers.append(
                    ask(config.command_socket, config.state_dir, "tester", command, **arguments)
                )
            except Exception as error:
                answers.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        self.until(lambda: answers)
        thread.join()
        if isinstance(answers[0], Exception):
            raise answers[0]
        return answers[0]


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    """The silences that the engine waits for are for real machines; here nothing is on its way."""
    for name, milliseconds in (("STATUS", 2), ("DRAIN", 10), ("QUIET", 20), ("RETRY", 20)):
        monkeypatch.setattr(f"tickgate.engine.cardlink.{name}_NS", milliseconds * 1_000_000)


@pytest.fixture
def world(tmp_path: Path):
    world = World(tmp_path)
    yield world
    if world.engine is not None:
        world.engine.close()


@pytest.fixture
def fresh_card() -> Callable[[Venue], Card]:
    return Card
