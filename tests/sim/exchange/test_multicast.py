"""A line's way out: order, limited bursts, packets that leave later, refusals by the system."""

import asyncio
import socket
import time
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


def test_a_packet_waits_for_its_time_and_later_ones_behind_it(receiver: socket.socket) -> None:
    async def scenario(sender: FeedSender) -> None:
        due = time.monotonic_ns() + 50_000_000
        sender.send([b"1"])
        sender.send([b"2"], not_before_ns=due)
        sender.send([b"3"])
        assert sender.queued == 2
        while sender.queued:
            assert time.monotonic_ns() < due + 10**10
            await asyncio.sleep(0.005)
        assert time.monotonic_ns() >= due

    run(receiver.getsockname(), scenario)
    assert [receiver.recv(100) for _ in range(3)] == [b"1", b"2", b"3"]


def test_a_packet_that_the_system_refuses_is_counted(receiver: socket.socket) -> None:
    async def scenario(sender: FeedSender) -> None:
        sender.send([b"x" * 70_000, b"small"])

    sender = run(receiver.getsockname(), scenario)
    assert receiver.recv(100) == b"small"
    assert (sender.sent, sender.failed) == (1, 1)
