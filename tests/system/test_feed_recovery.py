"""The Verilated card, recovery, and the exchange's recovery servers, over real sockets."""

import asyncio
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest
from tickgate.card.driver import CardDriver
from tickgate.engine.feedlink import FeedLink
from tickgate.marketdata.handler import MarketDataHandler
from tickgate.marketdata.settings import RecoverySettings
from tickgate.records.codec import unpack
from tickgate.records.messages import FeedEvent
from tickgate_sim.card.library import open_card
from tickgate_sim.exchange.glimpse import GlimpseServer
from tickgate_sim.exchange.mold import MoldStream
from tickgate_sim.exchange.rerequest import Rerequests, RerequestServer
from tickgate_sim.traffic.frames import datagram
from tickgate_sim.traffic.itch import add, directory, random_day, status
from tickgate_sim.wire.sockets import REREQUEST, open_bound

pytestmark = pytest.mark.sim

STOCKS = [b"AAPL    ", b"MSFT    "]
NAMES = [stock.decode().strip() for stock in STOCKS]
GROUPS, PORT = ("239.1.1.1", "239.1.1.2"), 26400
STEP_CYCLES = 4000
LIMIT_S = 60.0


class Truth:
    """All open orders, from all messages; the best prices are reckoned from them."""

    def __init__(self) -> None:
        self.orders: dict[int, list[int | bytes]] = {}  # locate, side, price, shares

    def apply(self, message: bytes) -> None:
        kind, (locate,) = message[:1], struct.unpack(">H", message[1:3])
        if kind in b"AF":
            reference, side, shares, _, price = struct.unpack(">QcI8sI", message[11:36])
            self.orders[reference] = [locate, side, price, shares]
        elif kind in b"ECX":
            reference, shares = struct.unpack(">QI", message[11:23])
            left = int(self.orders[reference][3]) - shares
            self.orders[reference][3] = left
            if left <= 0:
                del self.orders[reference]
        elif kind == b"D":
            del self.orders[int.from_bytes(message[11:19], "big")]
        elif kind == b"U":
            old, new, shares, price = struct.unpack(">QQII", message[11:35])
            locate_side = self.orders.pop(old)[:2]
            self.orders[new] = [*locate_side, price, shares]

    def best(self, locate: int) -> tuple[int, int, int, int]:
        """Bid, its size, ask, its size; 0 where there is none."""
        sides = []
        for side, choose in ((b"B", max), (b"S", min)):
            there = [o for o in self.orders.values() if o[:2] == [locate, side]]
            price = choose((int(o[2]) for o in there), default=0)
            sides += [price, sum(int(o[3]) for o in there if o[2] == price)]
        return tuple(sides)

    def snapshot(self) -> list[bytes]:
        found = [directory(n, stock) for n, stock in enumerate(STOCKS, 1)]
        found += [status(n, stock, b"T") for n, stock in enumerate(STOCKS, 1)]
        for reference, (locate, side, price, shares) in self.orders.items():
            found.append(add(locate, STOCKS[locate - 1], reference, side, shares, price))
        return found


def trading(seed: int) -> Iterator[bytes]:
    """An endless flow in which no order is reduced by more than it has."""
    truth = Truth()
    for message in random_day(seed, 1 << 20, stocks=STOCKS, oddities=0.0):
        if message[:1] in b"ECX":
            reference, shares = struct.unpack(">QI", message[11:23])
            order = truth.orders.get(reference)
            if order is None:
                continue
            shares = min(shares, int(order[3]))
            message = message[:19] + shares.to_bytes(4, "big") + message[23:]
        elif message[:1] in b"DU" and int.from_bytes(message[11:19], "big") not in truth.orders:
            continue
        truth.apply(message)
        yield message


class Servers:
    """The exchange's servers, in a thread of their own."""

    def __init__(self, feed: "Feed") -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.rerequests = Rerequests(feed.stream, seed="1", per_second=0, loss_ppm=0)
        self._server = RerequestServer(self.rerequests, time.monotonic_ns)
        sock = open_bound(REREQUEST, ("127.0.0.1", 0))
        self.rerequest = self._run(self._serve_on(sock))
        self.glimpse_server = GlimpseServer(
            feed.take_snapshot, session=feed.stream.session, username="USER", password="PASS",
            max_clients=1, snapshot_timeout_ms=20_000, heartbeat_ms=1000, client_timeout_ms=5000,
        )  # fmt: skip
        self.glimpse = ("127.0.0.1", self._run(self.glimpse_server.listen("127.0.0.1", 0)))

    async def _serve_on(self, sock: socket.socket) -> tuple[str, int]:
        return self._server.listen_on(sock)

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def close(self) -> None:
        self._run(self.glimpse_server.end_session())
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Feed:
    """A card, its driver and recovery, and the venue's flow on two lines."""

    def __init__(self, card) -> None:
        self.card = card
        self.driver = CardDriver(card)
        self.driver.wait_ready(30)
        self.driver.setup_rings(4, 10, 10)
        self.driver.enable_messages(12)
        for number, name in enumerate(NAMES):
            self.driver.load_symbol(number, name)
        for line, group in zip(("a", "b"), GROUPS, strict=True):
            self.driver.set_feed(group, PORT, line=line)
        self.stream = MoldStream("TICKGATE01")
        self.truth = Truth()
        self.flow = trading(7)
        self.rng = random.Random(3)
        self.market = MarketDataHandler(NAMES, full=True)
        self.servers = Servers(self)
        self.settings = RecoverySettings(
            rerequest=(self.servers.rerequest,), glimpse=self.servers.glimpse,
            glimpse_user="USER", glimpse_password="PASS", max_missing=200,
        )  # fmt: skip
        self.begin()

    def begin(self) -> None:
        """Begin another test on the same card."""
        self.link = FeedLink(self.settings, self.market.on_resumed)
        self.events = ""
        self.servers.rerequests.counts.clear()

    def take_snapshot(self) -> list[bytes]:
        return [*self.truth.snapshot(), b"G%020d" % self.stream.next_sequence]

    def publish(self, packets: int, lines: str = "ab", *, bad: str = "") -> None:
        """Send packets on the lines named; ``bad``: those whose check sequences are wrong."""
        for _ in range(packets):
            messages = [next(self.flow) for _ in range(self.rng.randrange(1, 9))]
            for message in messages:
                self.truth.apply(message)
            (packet,) = self.stream.pack(messages)
            if lines:
                self._send(packet, lines, bad)
                self.step()

    def heartbeat(self) -> None:
        self._send(self.stream.heartbeat(), "ab", "")

    def _send(self, packet: bytes, lines: str, bad: str) -> None:
        for line in lines:
            group = int.from_bytes(map(int, GROUPS["ab".index(line)].split(".")), "big")
            frame = datagram(packet, group=group, port=PORT)
            self.card.push_frame(frame, error=line in bad, line="ab".index(line))

    def step(self) -> None:
        self.card.run(STEP_CYCLES)
        slots = self.driver.poll_events(100)
        self.driver.consume_events(len(slots))
        for slot in slots:
            _, event = unpack(slot)
            if isinstance(event, FeedEvent):
                self.events += event.kind
                self.market.on_event(event)
                self.link.recovery.hint()
        for slot in self.driver.poll_market(1000):
            self.market.on_market(slot)
        for slot in self.driver.poll_messages(4000):
            self.market.on_message(slot)
        self.driver.arm_interrupts()

    def stale(self) -> bool:
        return self.driver.feed_state().stale

    def recover(self) -> None:
        """Let recovery work until all is right."""
        deadline = time.monotonic() + LIMIT_S
        beat = 0
        while True:
            self.link.work(self.driver, time.monotonic_ns())
            self.step()
            beat += 1
            if beat % 20 == 0:
                self.heartbeat()
            state = self.driver.feed_state()
            if (
                not state.stale
                and state.expected == self.stream.next_sequence
                and not self.link.busy
            ):
                break
            assert time.monotonic() < deadline, (state, self.link.recovery.phase,
                                                 self.link.counters)  # fmt: skip
        self.check()

    def check(self) -> None:
        """The card's best bids and offers, and the host's full books, are the truth."""
        for _ in range(10):
            self.step()
        for number, name in enumerate(NAMES):
            want = self.truth.best(number + 1)
            top = self.market.top_of_book(name)
            shown = tuple(min(value, 0xFFFF_FFFF) for value in want)  # sizes saturate in the card
            assert (top.bid, top.bid_size, top.ask, top.ask_size) == shown
            assert top.flags == 0
            book = self.market.order_book(name)
            bid, ask = book.best_bid, book.best_ask
            assert (bid.price, bid.size, ask.price, ask.size) == want


@pytest.fixture(scope="module")
def machine() -> Iterator[Feed]:
    """One card for all tests: its tables take a while to sweep."""
    with open_card(dma_bytes=1 << 20) as card:
        feed = Feed(card)
        yield feed
        feed.servers.close()
        assert card.faults == 0


@pytest.fixture
def feed(machine: Feed) -> Iterator[Feed]:
    machine.begin()
    yield machine
    machine.link.close()


def test_what_one_line_loses_the_other_brings(feed):
    for _ in range(60):
        feed.publish(1, feed.rng.choice(("a", "b", "ab")))
    feed.check()
    assert "G" not in feed.events
    assert not feed.stale()
    assert feed.servers.rerequests.counts["requests"] == 0


def test_what_both_lines_lost_is_asked_for(feed):
    feed.publish(20)
    feed.check()
    feed.publish(5, "")
    feed.publish(10)
    for _ in range(10):
        feed.step()
    assert feed.stale()
    assert all(feed.market.top_of_book(name).flags for name in NAMES)
    assert feed.events.endswith("G")
    feed.recover()
    assert "C" in feed.events
    assert feed.link.counters["gaps filled"] == 1
    assert feed.link.counters["snapshots begun"] == 0
    feed.publish(20)
    feed.check()


def test_a_long_cut_is_recovered_by_a_snapshot_while_the_feed_goes_on(feed):
    feed.publish(20)
    feed.publish(200, "")
    feed.publish(3)
    while feed.link.counters["messages of snapshots"] == 0:
        feed.link.work(feed.driver, time.monotonic_ns())
        feed.step()
    assert feed.stale()
    feed.publish(5)
    feed.recover()
    assert feed.link.counters["snapshots"] == 1
    feed.publish(20)
    feed.check()


def test_a_bad_frame_that_was_used_makes_a_snapshot(feed):
    feed.publish(20)
    feed.publish(1, "a", bad="a")
    for _ in range(10):
        feed.step()
    assert feed.stale()
    assert "B" in feed.events
    feed.recover()
    assert feed.link.counters["snapshots"] == 1
    feed.publish(10)
    feed.check()
