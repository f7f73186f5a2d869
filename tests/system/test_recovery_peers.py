"""The exchange's recovery and programs that nobody here wrote.

nasdaq-protocols (by Nasdaq) takes the snapshots, itchcpp decodes snapshots and feed; the two lines
and the re-request server are reached by ordinary sockets, their bytes read by struct.
"""

import asyncio
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import itchcpp
import pytest
from nasdaq_protocols import soup
from tickgate_sim.exchange.admin_client import call

from tests.system.exchange_process import PATIENCE_S, running_exchange

pytestmark = pytest.mark.system
GROUPS = ("239.192.7.4", "239.192.7.5")
SYMBOLS = ("AAPL", "MSFT")
Orders = dict[int, list[Any]]


@pytest.fixture
def lines() -> Iterator[list[socket.socket]]:
    """A socket in each line's multicast group, each on a port of its own."""
    socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in GROUPS]
    for sock, group in zip(socks, GROUPS, strict=True):
        sock.bind(("", 0))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        member = struct.pack("=4s4s", socket.inet_aton(group), socket.inet_aton("127.0.0.1"))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        sock.setblocking(False)
    yield socks
    for sock in socks:
        sock.close()


@pytest.fixture
def exchange(tmp_path: Path, lines: list[socket.socket]) -> Iterator[dict[str, Any]]:
    """A running exchange with two bad lines, as its ready line describes it."""
    ports = [sock.getsockname()[1] for sock in lines]
    config = tmp_path / "exchange.toml"
    symbols = "".join(f'[[symbols]]\nname = "{name}"\nprice = 1875000\n' for name in SYMBOLS)
    config.write_text(
        f"""
        mcast_group = "{GROUPS[0]}"
        mcast_port = {ports[0]}
        mcast_group_b = "{GROUPS[1]}"
        mcast_port_b = {ports[1]}
        line_a = {{loss_ppm = 200000, reorder_ppm = 100000, duplicate_ppm = 50000}}
        line_b = {{loss_ppm = 200000, delay_ms = 3}}
        admin_socket = "{tmp_path / "admin.sock"}"
        messages_per_second = 1500
        orders_per_side = 60
        seed = 5
        {symbols}
        [[accounts]]
        username = "GATE1"
        password = "SECRET"
        """
    )
    with running_exchange(config) as ready:
        yield ready


class SnapshotSession(soup.SoupClientSession):
    """Keeps what it is sent; ``graceful_shutdown`` makes it read on when the server has closed."""

    def __init__(self) -> None:
        super().__init__(graceful_shutdown=True)
        self.taken: list[bytes] = []

    async def on_message(self, msg: Any) -> None:
        if isinstance(msg, soup.SequencedData):
            self.taken.append(msg.data)
        await super().on_message(msg)


async def snapshot(ready: dict[str, Any], password: str = "GLIMPSE") -> tuple[list[bytes], int]:
    """A snapshot's ITCH messages and the sequence number that follows it."""
    host, port = ready["glimpse"].split(":")
    session = await soup.connect_async(
        (host, int(port)), "GLIMPS", password, session_factory=SnapshotSession
    )
    deadline = time.monotonic() + PATIENCE_S
    while not (session.is_closed() and session.taken[-1][:1] == b"G"):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    *state, end = session.taken
    assert len(end) == 21
    return state, int(end[1:])


def orders_after(orders: Orders, messages: Iterable[bytes]) -> Orders:
    """Orders by reference after ``messages``, as itchcpp decodes them."""
    raw = b"".join(struct.pack(">H", len(item)) + item for item in messages)
    for item in itchcpp.MessageParser().parse_stream(raw):
        match item.message_type:
            case b"A" | b"F":
                assert item.order_reference_number not in orders
                side, price = item.buy_sell_indicator, item.decode_price("price")
                orders[item.order_reference_number] = [item.stock_locate, side, item.shares, price]
            case b"E" | b"X":
                order = orders[item.order_reference_number]
                order[2] -= (
                    item.executed_shares if item.message_type == b"E" else (item.cancelled_shares)
                )
                if order[2] == 0:
                    del orders[item.order_reference_number]
            case b"D":
                del orders[item.order_reference_number]
            case b"U":
                locate, side, _, _ = orders.pop(item.order_reference_number)
                price = item.decode_price("price")
                orders[item.new_order_reference_number] = [locate, side, item.shares, price]
    return orders


class Feed:
    """Messages by number, from both lines and from the re-request server."""

    def __init__(self, lines: list[socket.socket]) -> None:
        self._lines = lines
        self.messages: dict[int, bytes] = {}
        self.by_line = [0, 0]

    def read(self) -> None:
        """Take all that waits in both lines' sockets."""
        for index, sock in enumerate(self._lines):
            while True:
                try:
                    packet = sock.recv(2048)
                except BlockingIOError:
                    break
                self.by_line[index] += 1
                self.take(packet)

    def take(self, packet: bytes) -> None:
        """Take the messages of a packet; a copy must be equal to what came before."""
        session, first, count = struct.unpack_from(">10sQH", packet)
        assert session == b"TICKGATE01"
        at = 20
        for number in range(first, first + count):
            (length,) = struct.unpack_from(">H", packet, at)
            message = packet[at + 2 : at + 2 + length]
            assert self.messages.setdefault(number, message) == message
            at += 2 + length

    def fill(self, ready: dict[str, Any], first: int, last: int) -> int:
        """Ask for what is missing from ``first`` to ``last``; how many messages were."""
        missing = [number for number in range(first, last + 1) if number not in self.messages]
        host, port = ready["rerequest"].split(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(PATIENCE_S)
            for number in missing:
                if number in self.messages:  # an earlier answer had it too
                    continue
                run = 1
                while number + run <= last and number + run not in self.messages:
                    run += 1
                sock.sendto(struct.pack(">10sQH", b"TICKGATE01", number, run), (host, int(port)))
                self.take(sock.recv(2048))
        return len(missing)


def test_a_late_client_has_the_book_from_snapshot_lines_and_rerequests(
    exchange: dict[str, Any], lines: list[socket.socket]
) -> None:
    admin, feed = exchange["admin"], Feed(lines)
    time.sleep(0.3)
    state, first = asyncio.run(snapshot(exchange))
    assert first > 1
    orders = orders_after({}, state)
    assert {order[0] for order in orders.values()} == {1, 2}
    until = first + 3000
    deadline = time.monotonic() + PATIENCE_S
    while call(admin, "stats")["feed"]["messages"] < until:
        assert time.monotonic() < deadline
        feed.read()
        time.sleep(0.01)
    for name in SYMBOLS:
        call(admin, "halt", symbol=name)
    truth, after = asyncio.run(snapshot(exchange))
    feed.read()
    missing = feed.fill(exchange, first, after - 1)
    assert missing > 50, "the lines lost some 4 % of it in both"
    orders_after(orders, (feed.messages[number] for number in range(first, after)))
    assert orders == orders_after({}, truth)
    assert [item[19:20] for item in truth if item[:1] == b"H"] == [b"H", b"H"]
    stats = call(admin, "stats")
    packets = stats["feed"]["packets"]
    for line in stats["feed"]["lines"].values():
        assert 0.17 < line["lost"] / packets < 0.23
    assert 0.08 < stats["feed"]["lines"]["A"]["reordered"] / packets < 0.12
    assert stats["rerequest"]["answered"] == stats["rerequest"]["requests"] > 0
    assert stats["glimpse"]["snapshots"] == 2


def test_a_wrong_password_gets_no_snapshot(exchange: dict[str, Any]) -> None:
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(snapshot(exchange, "WRONG"))
    assert call(exchange["admin"], "stats")["glimpse"]["logins_rejected_A"] == 1
