"""Recovery of the feed in the engine's loop, over real sockets, beside orders."""

import random
import socket
import struct
from dataclasses import replace

import pytest
from tickgate.engine.feedconfig import FeedConfig
from tickgate.marketdata.handler import Kind
from tickgate.marketdata.settings import RecoverySettings
from tickgate.records.codec import to_slot
from tickgate.records.messages import FeedEvent, ItchMessage, TopOfBook

from tests.host.marketdata.feed_model import Venue, packet


class Servers:
    """A re-request and a GLIMPSE server on loopback; ``serve`` does what is due."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.silent = False
        self.requests = 0
        self.logins: list[bytes] = []
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", 0))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.clients: list[socket.socket] = []
        for sock in (self.datagrams, self.listener):
            sock.setblocking(False)

    def serve(self) -> None:
        try:
            request, client = self.datagrams.recvfrom(2048)
        except BlockingIOError:
            pass
        else:
            self.requests += 1
            session, (first, count) = request[:10], struct.unpack(">QH", request[10:])
            if not self.silent and session.decode().strip() == self.venue.session:
                messages = self.venue.messages[first - 1 : first - 1 + count]
                self.datagrams.sendto(packet(self.venue.session, first, messages), client)
        try:
            self.clients.append(self.listener.accept()[0])
            self.clients[-1].setblocking(False)
        except OSError:  # nobody, or closed
            pass
        for client in list(self.clients):
            try:
                data = client.recv(2048)
            except BlockingIOError:
                continue
            if data[2:3] == b"L":
                self.logins.append(data)
                messages, end = self.venue.snapshot()
                bodies = [b"A" + self.venue.session.rjust(10).encode() + b"%20d" % 1]
                bodies += [b"S" + message for message in messages]
                bodies += [b"SG%020d" % end, b"Z"]
                client.sendall(b"".join(struct.pack(">H", len(b)) + b for b in bodies))
            elif not data:
                client.close()
                self.clients.remove(client)

    def close(self) -> None:
        for sock in (self.datagrams, self.listener, *self.clients):
            sock.close()


class Feed:
    """The engine's world with a venue whose packets come to the card's window."""

    def __init__(self, world) -> None:
        self.world = world
        self.venue = Venue(random.Random(1))
        self.servers = Servers(self.venue)
        self.window = world.card.window
        self.window.size = 64
        world.config = replace(
            world.config,
            feed=FeedConfig(
                ("239.0.0.1", 1),
                ("239.0.0.2", 2),
                full_stream=True,
                recovery=RecoverySettings(
                    rerequest=(self.servers.datagrams.getsockname(),),
                    glimpse=self.servers.listener.getsockname(),
                    glimpse_user="USER",
                    glimpse_password="PASS",
                    max_missing=100,
                    request_timeout_ms=20,
                    snapshot_retry_ms=20,
                ),
            ),
        )

    def publish(self, packets: int, *, lost: bool = False) -> None:
        for _ in range(packets):
            data = self.venue.publish(3)
            if not lost:
                had_gap = self.window.gap
                self.window.line(data)
                if self.window.gap and not had_gap:
                    self.world.card.emit(FeedEvent(kind="G", expected=self.window.expected))

    def until_right(self) -> None:
        def right() -> bool:
            self.servers.serve()
            self.window.work(2)
            if self.window.unconfirmed:
                self.window.line(self.venue.publish(0))
            return (
                not self.window.stale
                and self.window.expected == self.venue.next
                and not self.world.engine.feed.busy
            )

        self.world.until(right)
        assert self.window.book == self.venue.book(self.venue.next)
        assert not self.window.wrong


@pytest.fixture
def feed(world):
    feed = Feed(world)
    yield feed
    feed.servers.close()


def feed_row(world):
    (row,) = world.ask("state")["feed"]
    return row


def test_the_lines_of_the_settings_are_set(feed, world):
    world.start()
    assert world.card.lines == {"a": ("239.0.0.1", 1), "b": ("239.0.0.2", 2)}
    assert world.card.message_log2 == 14
    assert not world.card.depth


def test_a_gap_is_filled_from_the_re_request_server(feed, world):
    world.start()
    feed.publish(10)
    feed.publish(20, lost=True)
    feed.publish(1)
    assert feed.window.stale
    feed.until_right()
    row = feed_row(world)
    assert (row["stale"], row["missing"], row["recovery"]) == (False, 0, "idle")
    assert row["counters"]["gaps filled"] == 1
    # And two that the card had kept: it tells how far it knows of messages, not which it has.
    assert row["counters"]["messages re-requested"] == 62
    assert feed.servers.logins == []


def test_a_long_cut_is_recovered_from_the_snapshot_server(feed, world):
    world.start()
    feed.publish(10)
    feed.publish(200, lost=True)
    feed.publish(1)
    feed.until_right()
    row = feed_row(world)
    assert row["counters"]["snapshots"] == 1
    (login,) = feed.servers.logins
    assert login[3:29] == b"USER  PASS              S1"
    assert feed.servers.requests == 0


def test_a_silent_server_is_shown_and_orders_go_on_meanwhile(feed, world):
    feed.servers.silent = True
    feed.servers.listener.close()
    world.start()
    trader = world.trader()
    feed.publish(10)
    feed.publish(5, lost=True)
    feed.publish(1)
    world.until(lambda: world.engine.feed.counters["snapshot: ECONNREFUSED"] > 1)
    trader.order("one")
    trader.expect(35, "8", 150, "0")
    row = feed_row(world)
    assert row["stale"]
    assert row["missing"] == 17  # the last one is kept, and the one before it is known of
    assert row["problem"] == "snapshot: ECONNREFUSED"
    assert world.ask("state")["bad_input"]["feed, snapshot: ECONNREFUSED"] > 1
    feed.servers.silent = False
    feed.until_right()
    assert feed_row(world)["problem"] == ""


def test_answers_of_strangers_are_counted_and_do_nothing(feed, world):
    world.start()
    feed.servers.silent = True
    feed.publish(10)
    feed.publish(5, lost=True)
    feed.publish(1)
    world.until(lambda: (feed.servers.serve(), feed.servers.requests)[1])
    address = ("127.0.0.1", world.engine.feed._datagrams.getsockname()[1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(packet("S1", feed.window.expected, [b"A" * 36]), address)
        world.until(lambda: world.engine.feed.counters["answers of strangers"])
    assert feed.window.taken == 0
    assert not feed.window.queue
    feed.servers.silent = False
    feed.until_right()


def test_an_engine_that_dies_in_a_snapshot_is_replaced_by_one_that_begins_it_again(feed, world):
    world.start()
    feed.publish(10)
    feed.publish(200, lost=True)
    feed.publish(1)
    world.until(lambda: (feed.servers.serve(), feed.window.rebuilding)[1])
    world.kill()
    world.start()
    feed.until_right()
    assert feed_row(world)["counters"]["snapshots"] == 1


def test_a_card_that_dies_in_recovery_is_let_go(feed, world):
    world.start()
    feed.publish(10)
    feed.publish(5, lost=True)
    feed.publish(1)
    world.turn()
    world.lose_card()
    world.turn()
    assert world.ask("state")["feed"] == []
    world.card.dead = False
    world.until(lambda: world.engine.link.phase == "armed")
    feed.until_right()


def test_market_data_reaches_subscribers_through_the_loop(feed, world):
    world.start()
    seen = []
    world.engine.market_data.subscribe("AAPL", Kind.TOP, seen.append)
    world.card._market.append(to_slot(TopOfBook(symbol=0, bid=5, ask=7, merged=3), 1))
    world.until(lambda: seen)
    assert (seen[0].top.bid, seen[0].merged, seen[0].snapshot) == (5, 3, True)
    add = b"A\0\1" + bytes(8) + (9).to_bytes(8, "big") + b"B" + struct.pack(
        ">I8sI", 100, b"AAPL    ", 1234
    )
    halves = (add[:30], add[30:])
    world.card.messages += [
        to_slot(ItchMessage(sequence=1, length=36, part=part, data=half), part + 1)
        for part, half in enumerate(halves)
    ]
    world.until(lambda: world.engine.market_data.order_book("AAPL"))
    assert world.engine.market_data.order_book("AAPL").best_bid == (1234, 100, 1)
    assert world.ask("state")["market"]["full stream, messages"] == 1
