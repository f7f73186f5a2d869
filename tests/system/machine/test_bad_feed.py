"""Market data that is no market data: each kind is counted, and trading goes on."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tickgate.protocols.moldudp64 import Header, Packet
from tickgate_sim.demo.settings import FEED_GROUP
from tickgate_sim.wire.frames import udp_frame
from tickgate_sim.wire.mode import choose
from tickgate_sim.wire.namespace import DEVICE

from tests.system.machine.rig import Rig, rig, until

pytestmark = pytest.mark.system

SESSION = "TICKGATE01"
"""The exchange's own session, whose numbers below the next one are duplicates."""
OTHER = "BADSESSION"
"""A session of our own: nothing of it reaches the book."""


def header(session: str, sequence: int, count: int) -> bytes:
    """A packet header, which may lie."""
    return Header(session=session, sequence_number=sequence, message_count=count).encode()


FOREIGN = Packet(
    OTHER,
    1,
    (
        b"z" + bytes(20),  # a type that is none
        b"",  # a message without a type
        b"A" + bytes(10),  # an Add Order cut short
        b"A" + bytes(60),  # and one that is too long
        b"D" + b"\xff" * 18,  # a delete of an order of which nobody heard
    ),
).encode()
BAD_PACKETS = (
    b"",
    b"\x00",
    header(SESSION, 1, 1)[:-1],  # cut in the header
    header(SESSION, 1, 2) + b"\x00\x05AAAAA",  # one block of two
    header(SESSION, 1, 1) + b"\xff\xffA",  # a block longer than the packet
    header(SESSION, 1, 1) + b"\x00\x01S" + b"left over",
    header(SESSION, 0, 3) + bytes(range(256)) * 5,
)


class Network:
    """How this mode's wire is spoilt."""

    def __init__(self, machine: Rig) -> None:
        self._rig = machine

    @property
    def _group(self) -> tuple[str, int]:
        return FEED_GROUP, self._rig.settings.feed_port

    def datagrams(self, *payloads: bytes) -> None:
        """Send UDP payloads to the feed's group."""
        if self._rig.mode == "tap":
            source = (self._rig.settings.exchange_address, 4_000)
            self.frames(*(udp_frame(payload, source, *self._group) for payload in payloads))
            return
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            local = socket.inet_aton("127.0.0.1")
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, local)
            for payload in payloads:
                sender.sendto(payload, self._group)

    def frames(self, *frames: bytes) -> None:
        """Send whole frames, in the namespace of the exchange."""
        subprocess.run(
            [
                sys.executable,
                str(Path(__file__).with_name("inject.py")),
                str(self._rig.process("exchange").pid),
                DEVICE,
            ],
            input="".join(f"{frame.hex()}\n" for frame in frames),
            text=True,
            check=True,
            timeout=30,
        )

    def bad_frames(self) -> list[bytes]:
        """Frames to the feed's group with something wrong in Ethernet, IPv4 or UDP."""
        source = (self._rig.settings.exchange_address, 4_000)
        good = udp_frame(header(SESSION, 1, 0), source, *self._group)

        def spoilt(at: int) -> bytes:
            frame = bytearray(good)
            frame[at] ^= 0x40
            return bytes(frame)

        return [
            spoilt(24),  # IPv4 header checksum
            spoilt(41),  # UDP checksum
            spoilt(50),  # payload, against the UDP checksum
            spoilt(16),  # IPv4 total length
            spoilt(38),  # UDP length
            good[:30],  # cut in the IPv4 header
            good[:50],  # cut in the payload
        ]


@pytest.fixture(params=["tap", "relay"])
def network(
    request: pytest.FixtureRequest, card_is_built: None, tmp_path: Path
) -> Iterator[tuple[Rig, Network]]:
    """A machine in each mode before its day, and the means to spoil its feed."""
    if choose().mode != "tap" and request.param == "tap":
        pytest.skip(f"no TAP here: {choose().reason}")
    with rig(tmp_path, request.param) as machine:
        machine.machine.start_exchange(machine.mode)
        machine.machine.start_card()
        machine.machine.start_engine()
        yield machine, Network(machine)


def test_each_is_counted_and_trading_goes_on(network: tuple[Rig, Network]) -> None:
    machine, wire = network
    machine.machine.open_day()
    with counted(machine, mold_foreign=1):
        wire.datagrams(FOREIGN)
    trading = machine.trade_aside(4.0)
    with counted(machine, mold_malformed=5, mold_duplicates=1):
        wire.datagrams(*BAD_PACKETS)
    if machine.mode == "tap":
        bad = wire.bad_frames()
        with counted(machine, frames_bad=5):
            wire.frames(*bad)
        with counted(machine, frames_other=2):
            wire.frames(b"\xff" * 12 + b"\x08\x06" + bytes(50), b"\x01\x00\x5e" + bytes(60))
    fills = machine.state()["fills"]
    verdict = machine.verdict(trading.join())
    assert verdict.all_agree, verdict.differences
    state = machine.state()
    assert state["fills"] > fills
    assert state["card"]["counters"]["mold_gaps"] == 0
    assert not any(top["stale"] for top in state["tops"])


@contextmanager
def counted(machine: Rig, **least: int) -> Iterator[None]:
    """What is done inside moves these counters of the card by at least so much."""

    def counters() -> dict[str, int]:
        return machine.state()["card"]["counters"]

    before = counters()
    yield
    try:
        until(
            lambda: all(counters()[name] - before[name] >= least[name] for name in least),
            f"the card's counters rose by {least}",
            10.0,
        )
    finally:
        print({name: counters()[name] - before[name] for name in least})
