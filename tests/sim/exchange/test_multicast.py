"""The way out of the feed: order, limited bursts, gaps on purpose, refusals by the system."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator

import pytest
from tickgate_sim.exchange.multicast import BURST_PACKETS, FeedSender


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(20)
        yield sock


def run(
    destination: tuple[str, int],
    scenario: Callable[[FeedSender], Awaitable[None]],
    packets_per_second: int = 1_000_000,
) -> FeedSender:
    async def main() -> FeedSender:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender = FeedSender(sock, destination, packets_per_second)
        await scenario(sender)
        sender.close()
        return sender

    return asyncio.run(main())


def test_a_burst_is_spread_and_keeps_its_order(receiver: socket.socket) -> None:
    packets = [b"%d" % number for number in range(BURST_PACKETS + 10)]

    async def scenario(sender: FeedSender) -> None:
        sender.send(packets)
        assert 0 < sender.queued <= 10
        sender.send([b"last"])
        while sender.queued:
            await asyncio.sleep(0.005)

    run(receiver.getsockname(), scenario, packets_per_second=100)
    assert [receiver.recv(100) for _ in range(len(packets) + 1)] == [*packets, b"last"]


def test_closing_sends_what_waits(receiver: socket.socket) -> None:
    packets = [b"%d" % number for number in range(BURST_PACKETS + 10)]

    async def scenario(sender: FeedSender) -> None:
        sender.send(packets)

    sender = run(receiver.getsockname(), scenario, packets_per_second=1)
    assert [receiver.recv(100) for _ in packets] == packets
    assert sender.sent == len(packets)


def test_a_gap_is_made_in_data_only(receiver: socket.socket) -> None:
    async def scenario(sender: FeedSender) -> None:
        sender.gap(2)
        sender.send([b"heartbeat"], data=False)
        sender.send([b"1"])
        sender.send([b"heartbeat"], data=False)
        sender.send([b"2", b"3"])

    sender = run(receiver.getsockname(), scenario)
    assert [receiver.recv(100) for _ in range(3)] == [b"heartbeat", b"heartbeat", b"3"]
    assert (sender.sent, sender.gapped, sender.failed) == (3, 2, 0)


def test_a_packet_that_the_system_refuses_is_counted(receiver: socket.socket) -> None:
    async def scenario(sender: FeedSender) -> None:
        sender.send([b"x" * 70_000, b"small"])

    sender = run(receiver.getsockname(), scenario)
    assert receiver.recv(100) == b"small"
    assert (sender.sent, sender.failed) == (1, 1)
