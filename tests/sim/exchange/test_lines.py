"""Two lines over real sockets: the same packets, faults of their own, gaps in both."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from tickgate_sim.exchange.impairment import MILLION, Impairment, LineSettings
from tickgate_sim.exchange.lines import FeedLines, Line
from tickgate_sim.exchange.multicast import FeedSender

Receivers = dict[str, socket.socket]


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    socks = {name: socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for name in "AB"}
    for sock in socks.values():
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(20)
    yield socks
    for sock in socks.values():
        sock.close()


def run(
    receivers: Receivers,
    scenario: Callable[[FeedLines], Awaitable[None]],
    **settings: LineSettings,
) -> FeedLines:
    async def main() -> FeedLines:
        lines = FeedLines(
            {
                name: Line(
                    Impairment(settings.get(name, LineSettings()), name),
                    FeedSender(
                        socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
                        receiver.getsockname(),
                        1_000_000,
                    ),
                )
                for name, receiver in receivers.items()
            }
        )
        await scenario(lines)
        lines.close()
        return lines

    return asyncio.run(main())


def received(receiver: socket.socket) -> list[bytes]:
    """All that came so far."""
    receiver.setblocking(False)
    out = []
    try:
        while True:
            out.append(receiver.recv(100))
    except BlockingIOError:
        return out


def test_each_line_has_its_own_faults(receivers: Receivers) -> None:
    packets = [b"%d" % number for number in range(200)]

    async def scenario(lines: FeedLines) -> None:
        lines.publish(packets)

    bad = LineSettings(loss_ppm=200_000)
    lines = run(receivers, scenario, A=bad, B=bad)
    got = {name: received(receiver) for name, receiver in receivers.items()}
    for name, out in got.items():
        described = lines.describe()["lines"][name]
        assert out == [packet for packet in packets if packet in out]
        assert len(out) == described["sent"] == 200 - described["lost"]
        assert 15 < described["lost"] < 70
    assert got["A"] != got["B"], "the lines lose different packets"


def test_a_gap_is_in_every_line_and_in_data_only(receivers: Receivers) -> None:
    async def scenario(lines: FeedLines) -> None:
        lines.gap(2)
        lines.control(b"heartbeat")
        lines.publish([b"1"])
        lines.control(b"heartbeat")
        lines.publish([b"2", b"3"])

    lines = run(receivers, scenario)
    for receiver in receivers.values():
        assert received(receiver) == [b"heartbeat", b"heartbeat", b"3"]
    assert (lines.packets, lines.gapped) == (3, 2)


def test_a_cut_is_in_one_line(receivers: Receivers) -> None:
    async def scenario(lines: FeedLines) -> None:
        lines.lines["B"].impairment.start_cut(None)
        lines.publish([b"1"])
        lines.control(b"heartbeat")
        lines.lines["B"].impairment.end_cut()
        lines.publish([b"2"])

    run(receivers, scenario)
    assert received(receivers["A"]) == [b"1", b"heartbeat", b"2"]
    assert received(receivers["B"]) == [b"2"]


def test_a_delay_keeps_the_order_and_no_packet_comes_early(receivers: Receivers) -> None:
    arrivals = []

    async def scenario(lines: FeedLines) -> None:
        start = time.monotonic()
        lines.publish([b"1", b"2"])
        lines.lines["B"].change({"delay_ms": 0})
        lines.publish([b"3"])
        assert lines.lines["B"].describe()["queued"] == 3
        assert received(receivers["A"]) == [b"1", b"2", b"3"]
        while lines.lines["B"].sender.queued:
            assert received(receivers["B"]) == []
            await asyncio.sleep(0.005)
        arrivals.append(time.monotonic() - start)

    run(receivers, scenario, B=LineSettings(delay_ms=60))
    assert received(receivers["B"]) == [b"1", b"2", b"3"]
    assert 0.055 < arrivals[0] < 5


def test_settings_change_at_run_time_or_not_at_all(receivers: Receivers) -> None:
    async def scenario(lines: FeedLines) -> None:
        line = lines.lines["A"]
        line.change({"loss_ppm": MILLION, "reorder_depth": 9})
        with pytest.raises(ValueError, match="delay_ms"):
            line.change({"loss_ppm": 0, "delay_ms": -1})
        lines.publish([b"1"])
        assert line.impairment.settings == LineSettings(loss_ppm=MILLION, reorder_depth=9)

    run(receivers, scenario)
    assert received(receivers["A"]) == []
    assert received(receivers["B"]) == [b"1"]
