"""The simulated exchange and programs that nobody here wrote.

nasdaq-protocols (by Nasdaq) is the SoupBinTCP client; the feed is read from an ordinary multicast
socket; OUCH bodies are packed and unpacked by struct, from the specification's offsets.
"""

import asyncio
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from itchcpp.book import BookManager
from nasdaq_protocols import soup
from tickgate_sim.exchange.admin_client import call

from tests.system.exchange_process import PATIENCE_S, running_exchange

pytestmark = pytest.mark.system
GROUP = "239.192.7.2"
ENTER = struct.Struct(">cIcI8sQccccc14sH")
ACCEPTED = struct.Struct(">cQIcI8sQccQcccc14sH")
EXECUTED = struct.Struct(">cQIIQcQH")


@pytest.fixture
def feed() -> Iterator[socket.socket]:
    """A socket in the multicast group, on a port of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", 0))
        sock.settimeout(PATIENCE_S)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        member = struct.pack("=4s4s", socket.inet_aton(GROUP), socket.inet_aton("127.0.0.1"))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        yield sock


@pytest.fixture
def exchange(tmp_path: Path, feed: socket.socket) -> Iterator[dict[str, Any]]:
    """A running exchange, as its ready line describes it. AAPL has an opening book that rests."""
    config = tmp_path / "exchange.toml"
    config.write_text(
        f"""
        mcast_group = "{GROUP}"
        mcast_port = {feed.getsockname()[1]}
        admin_socket = "{tmp_path / "admin.sock"}"
        messages_per_second = 0
        orders_per_side = 12
        seed = 3
        [[symbols]]
        name = "AAPL"
        price = 1875000
        [[accounts]]
        username = "GATE1"
        password = "SECRET"
        """
    )
    with running_exchange(config) as ready:
        yield ready


def enter(number: int, side: bytes, quantity: int, price: int) -> bytes:
    fields = (b"O", number, side, quantity, b"AAPL    ", price, b"0", b"Y", b"A", b"N", b"N")
    return ENTER.pack(*fields, b"PEER".ljust(14), 0)


class Peer:
    """A nasdaq-protocols client that keeps what it was sent."""

    def __init__(self, exchange: dict[str, Any]) -> None:
        self._exchange = exchange
        self._messages: asyncio.Queue[bytes] = asyncio.Queue()
        self.session: Any = None

    async def connect(self, sequence: int, password: str = "SECRET") -> None:
        self.session = await soup.connect_async(
            (self._exchange["ouch_host"], self._exchange["ouch_port"]),
            "GATE1",
            password,
            sequence=sequence,
            on_msg_coro=self._take,
            client_heartbeat_interval=1,
        )

    async def _take(self, message: Any) -> None:
        if isinstance(message, soup.SequencedData):
            await self._messages.put(message.data)

    async def next(self, count: int) -> list[bytes]:
        return [await asyncio.wait_for(self._messages.get(), PATIENCE_S) for _ in range(count)]


def test_a_nasdaq_client_trades_and_is_replayed_after_a_break(exchange: dict[str, Any]) -> None:
    async def scenario() -> None:
        peer = Peer(exchange)
        await peer.connect(sequence=1)
        peer.session.send_unseq_data(enter(1, b"B", 100, 1900000))
        start, accepted, executed = await peer.next(3)
        assert start[:1] + start[9:] == b"SS"
        fields = ACCEPTED.unpack(accepted)
        assert fields[0] == b"A"
        assert fields[2:7] == (1, b"B", 100, b"AAPL    ", 1900000)
        assert fields[13:] == (b"L", b"PEER".ljust(14), 0)
        kind, _, number, quantity, price, flag, match, _ = EXECUTED.unpack(executed)
        assert (kind, number, flag) == (b"E", 1, b"R")
        assert 0 < quantity <= 100
        assert 1870000 < price < 1880000
        assert match == 1

        await peer.session.close()
        again = Peer(exchange)
        await again.connect(sequence=2)
        assert (await again.next(2)) == [accepted, executed]
        again.session.send_unseq_data(enter(1, b"B", 100, 1900000))  # a re-send: ignored
        again.session.send_unseq_data(enter(2, b"B", 100, 100))
        replies = [message for message in await drain(again) if message[:1] == b"A"]
        assert [ACCEPTED.unpack(message)[2] for message in replies] == [2]
        await again.session.close()

    async def drain(peer: Peer) -> list[bytes]:
        found: list[bytes] = []
        while not found or found[-1][9:13] != struct.pack(">I", 2):
            found += await peer.next(1)
        return found

    asyncio.run(scenario())
    records = call(exchange["admin"], "records")["users"]["GATE1"]
    assert records["positions"] == {"AAPL": 100}
    assert sum(fill["qty"] for fill in records["fills"]) == 100
    assert records["cash"] == -sum(fill["qty"] * fill["price"] for fill in records["fills"])
    assert [(o["user_ref_num"], o["qty"], o["price"]) for o in records["open_orders"]] == [
        (2, 100, 100)
    ]
    assert records["inbound"]["O"]["count"] == 3
    assert records["ignored"] == {"old_user_ref_num": 1}


def test_a_nasdaq_client_with_a_wrong_password_is_refused(exchange: dict[str, Any]) -> None:
    async def scenario() -> None:
        with pytest.raises(ConnectionRefusedError):
            await Peer(exchange).connect(sequence=1, password="WRONG")

    asyncio.run(scenario())


def test_an_ordinary_socket_reads_the_feed_and_a_peer_builds_the_book(
    exchange: dict[str, Any], feed: socket.socket
) -> None:
    expected, raw = 1, b""
    while b"Q" not in kinds(raw):
        expected, raw = read(feed, expected, raw)
    opening = 3 + 3 + 20  # system events, spin, and at least the displayed part of 24 orders
    while expected <= opening:
        expected, raw = read(feed, expected, raw)
    best = top(raw)

    async def take_the_offer() -> None:
        peer = Peer(exchange)
        await peer.connect(sequence=0)
        peer.session.send_unseq_data(enter(1, b"B", best.ask_shares, round(best.ask_price * 10000)))
        await peer.next(2)
        await peer.session.close()

    asyncio.run(take_the_offer())
    while top(raw).ask_price == best.ask_price:
        expected, raw = read(feed, expected, raw)
    after = top(raw)
    assert after.ask_price > best.ask_price
    assert (after.bid_price, after.bid_shares) == (best.bid_price, best.bid_shares)


def read(feed: socket.socket, expected: int, raw: bytes) -> tuple[int, bytes]:
    """One packet's message blocks after those in ``raw``; it must follow on without a gap."""
    packet = feed.recv(2048)
    session, sequence, count = struct.unpack_from(">10sQH", packet)
    assert (session, sequence) == (b"TICKGATE01", expected)
    return expected + count, raw + packet[20:]


def kinds(raw: bytes) -> bytes:
    """Event codes of the system events among length-prefixed messages."""
    found, at = b"", 0
    while at < len(raw):
        (length,) = struct.unpack_from(">H", raw, at)
        message = raw[at + 2 : at + 2 + length]
        found += message[11:12] if message[:1] == b"S" else b""
        at += 2 + length
    return found


def top(raw: bytes) -> Any:
    """AAPL's best bid and offer as itchcpp sees them."""
    manager = BookManager()
    manager.track_symbol("AAPL")
    manager.process_stream(raw)
    return manager.book_for_symbol("AAPL").bbo()
