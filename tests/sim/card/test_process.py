"""The live card's process: handshake, mailbox, hosts that come and go, the wire, the end."""

import os
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tickgate.card.errors import CardBusy, CardGone, CardMismatch
from tickgate.card.simulated import Transport, connect
from tickgate_sim.card.build import BuiltCard
from tickgate_sim.card.process import LiveCard, live_card

COPY, SOURCE, TARGET, LENGTH, FIRE = 0xF000, 0xF004, 0xF00C, 0xF014, 0xF018
FRAME_BYTES, FRAMES, MILLISECONDS, LINK = 0xF024, 0xF028, 0xF034, 0xF038
TIME_LOW, TIME_HIGH = 0xF03C, 0xF040
PATIENCE_S = 20.0

pytestmark = pytest.mark.sim


@pytest.fixture
def card(probe: BuiltCard, tmp_path: Path) -> Iterator[LiveCard]:
    with live_card(tmp_path / "card", program=probe.program) as card:
        yield card


@pytest.fixture
def host(card: LiveCard) -> Iterator[Transport]:
    transport = connect(card.socket)
    yield transport
    transport.close()


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.001)


def attach(path: Path) -> Transport:
    """Connect as soon as the card has noticed that the host before is gone."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return connect(path)
        except CardBusy:
            assert time.monotonic() < deadline


def test_registers_keep_their_order(host):
    for value in range(3000):  # more than the mailbox holds
        host.bar.write32(0x40, value)
    assert host.bar.read32(0x40) == 2999


@pytest.mark.parametrize(("offset", "value"), [(2, 0), (65536, 0), (-4, 0), (0, -1), (0, 1 << 32)])
def test_an_access_that_no_bar_has_is_refused(host, offset, value):
    with pytest.raises(ValueError, match="must be"):
        host.bar.write32(offset, value)


def test_memory_is_shared_with_the_card(host):
    host.dma.buffer[0:64] = bytes(range(64))
    host.bar.write32(SOURCE, host.dma.bus_address & 0xFFFF_FFFF)
    host.bar.write32(SOURCE + 4, host.dma.bus_address >> 32)
    host.bar.write32(TARGET, host.dma.bus_address + 128 & 0xFFFF_FFFF)
    host.bar.write32(TARGET + 4, host.dma.bus_address >> 32)
    host.bar.write32(LENGTH, 16)
    host.bar.write32(COPY, 1)
    until(lambda: host.dma.buffer[191] == 63)
    assert bytes(host.dma.buffer[128:192]) == bytes(range(64))


def test_an_interrupt_wakes_the_host(host):
    assert host.irqs[1].acknowledge() == 0
    host.bar.write32(FIRE, 1)
    assert select.select([host.irqs[1]], [], [], PATIENCE_S)[0]
    assert host.irqs[1].acknowledge() == 1
    assert host.irqs[0].acknowledge() == 0


def test_the_clocks_are_those_of_the_machine(host):
    before = time.time_ns()
    low, high = host.bar.read32(TIME_LOW), host.bar.read32(TIME_HIGH)
    # The low word may wrap between the reads: 4.3 s, within the bound.
    assert abs((low | high << 32) - before) < 10_000_000_000
    first = host.bar.read32(MILLISECONDS)
    until(lambda: host.bar.read32(MILLISECONDS) - first >= 50)


def test_a_second_host_is_refused_and_the_first_goes_on(card, host):
    with pytest.raises(CardBusy, match="another host is attached"):
        connect(card.socket)
    host.bar.write32(0x40, 5)
    assert host.bar.read32(0x40) == 5


def test_the_next_host_finds_card_and_memory_as_they_were(card):
    first = connect(card.socket)
    first.bar.write32(0x40, 77)
    first.dma.buffer[0:4] = b"kept"
    first.close()
    second = attach(card.socket)
    assert second.bar.read32(0x40) == 77
    assert bytes(second.dma.buffer[0:4]) == b"kept"
    second.close()


def test_a_closed_connection_says_so(host):
    host.close()
    host.close()
    with pytest.raises(CardGone, match="closed"):
        host.bar.write32(0, 0)


def test_a_killed_card_is_gone_for_every_call(card, host):
    host.bar.write32(0x40, 1)
    card.kill()
    for call in (
        host.check,
        lambda: host.bar.write32(0x40, 2),
        lambda: host.bar.read32(0x40),
    ):
        with pytest.raises(CardGone):
            call()
    assert select.select([host], [], [], 0)[0], "the engine's loop can see it"


def test_no_card_at_the_path_is_said_clearly(tmp_path):
    with pytest.raises(CardGone, match="no card answers"):
        connect(tmp_path / "none")


def test_the_process_ends_when_it_is_told_to(card):
    assert card.stop() == 0
    assert not card.socket.exists()


def test_a_card_replaces_the_socket_of_one_that_was_killed(probe, tmp_path):
    path = tmp_path / "card"
    with live_card(path, program=probe.program) as first:
        first.kill()
    assert path.exists()
    process = subprocess.Popen([probe.program, "--socket", path], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert "ready" in process.stderr.readline()
        connect(path).close()
        other = subprocess.run(
            [probe.program, "--socket", path], capture_output=True, text=True, check=False
        )
        assert other.returncode == 1
        assert "already listens" in other.stderr
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "--socket is missing"),
        (["--socket"], "--socket needs a value"),
        (["--socket", "x", "--seed", "one"], "needs a number"),
        (["--socket", "x", "--frob", "1"], "unknown option --frob"),
    ],
)
def test_wrong_arguments_are_explained(probe, words, problem):
    done = subprocess.run([probe.program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert problem in done.stderr


class Broker:
    """The least wire broker: it gives the card one end of whatever it asks for."""

    def __init__(self, path: Path) -> None:
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.listen()
        self.listener.settimeout(PATIENCE_S)
        self.card, _ = self.listener.accept()
        self.card.settimeout(PATIENCE_S)

    def request(self) -> str:
        return self.card.recv(100).decode()

    def give(self, kind: socket.SocketKind) -> socket.socket:
        mine, theirs = socket.socketpair(socket.AF_UNIX, kind)
        socket.send_fds(self.card, [b"ok"], [theirs.fileno()])
        theirs.close()
        mine.settimeout(PATIENCE_S)
        return mine


def test_frames_and_the_entry_stream_come_over_the_wire(probe, tmp_path):
    with live_card(tmp_path / "card", tmp_path / "wire", program=probe.program) as card:
        broker = Broker(tmp_path / "wire")
        host = connect(card.socket)
        assert broker.request() == "frames"
        frames = broker.give(socket.SOCK_SEQPACKET)
        for length in (20, 60, 1514):
            frames.send(bytes(length))
        until(lambda: host.bar.read32(FRAMES) == 3)
        assert host.bar.read32(FRAME_BYTES) == 60 + 60 + 1514

        host.bar.write32(LINK, 1)
        assert broker.request() == "connect"
        broker.card.send(b"error: nobody listens")
        assert broker.request() == "connect", "it asks again"
        venue = broker.give(socket.SOCK_STREAM)
        until(lambda: host.bar.read32(LINK) == 1)
        venue.sendall(b"echo me")
        got = b""
        while len(got) < 7:
            got += venue.recv(100)
        assert got == b"echo me"

        venue.close()
        assert broker.request() == "connect", "a stream that drops is asked for again"
        venue = broker.give(socket.SOCK_STREAM)
        until(lambda: host.bar.read32(LINK) == 1)
        host.bar.write32(LINK, 0)
        assert venue.recv(100) == b"", "the card lets go when the host says so"
        host.close()


def test_an_idle_card_sleeps_while_its_time_goes_on(card, host):
    def cpu_ns() -> int:
        fields = Path(f"/proc/{card.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks = int(fields[11]) + int(fields[12])
        return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")

    start, used = time.monotonic_ns(), cpu_ns()
    first = host.bar.read32(MILLISECONDS)
    while host.bar.read32(MILLISECONDS) - first < 300:
        time.sleep(0.05)  # the host is idle: that is what is measured
    assert (cpu_ns() - used) * 2 < time.monotonic_ns() - start


@pytest.mark.parametrize("text", [b"hello", b"[]", b'{"version":1}', b"\x01\0\0\0"])
def test_what_is_no_handshake_is_refused(tmp_path, text):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(tmp_path / "fake"))
    listener.listen()
    card = threading.Thread(target=lambda: listener.accept()[0].send(text))
    card.start()
    with pytest.raises(CardMismatch, match="no valid handshake"):
        connect(tmp_path / "fake")
    card.join()
