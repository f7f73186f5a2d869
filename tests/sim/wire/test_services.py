"""The whole way in both modes: an exchange behind the broker, its two lines at the card, and its
re-request and GLIMPSE servers at addresses of this machine."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tickgate.protocols import glimpse50, moldudp64, soupbintcp
from tickgate_sim.exchange.admin_client import call
from tickgate_sim.wire.mode import ModeError, Plan, choose

PATIENCE_S = 20.0
LINES = {"A": ("239.192.78.1", 26561), "B": ("239.192.78.2", 26562)}


@pytest.fixture(params=["relay", "tap"])
def plan(request: pytest.FixtureRequest) -> Plan:
    try:
        return choose(request.param)
    except ModeError as error:
        pytest.skip(str(error))


class Running:
    """A broker with an exchange inside, and the card's end of the wire."""

    def __init__(self, folder: Path, process: subprocess.Popen[str], ready: dict[str, Any]) -> None:
        self.process = process
        self.ready = ready
        self.admin = folder / "admin.sock"
        card = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        card.settimeout(PATIENCE_S)
        card.connect(str(folder / "wire"))
        card.send(b"frames")
        answer, (self.frames,), _, _ = socket.recv_fds(card, 100, 1)
        assert answer == b"ok"
        self._card = card
        os.set_blocking(self.frames, False)

    def packet(self) -> tuple[str, moldudp64.Packet]:
        """The next packet of the feed and its line."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                frame = os.read(self.frames, 2000)
            except BlockingIOError:
                time.sleep(0.001)
                continue
            if frame[23] != 17:  # the kernel also sends IGMP reports
                continue
            target = (socket.inet_ntoa(frame[30:34]), int.from_bytes(frame[36:38], "big"))
            (line,) = [name for name, address in LINES.items() if address == target]
            return line, moldudp64.decode(frame[42:])
        raise AssertionError("no frame came")

    def address(self, server: str) -> tuple[str, int]:
        host, port = self.ready[server].split(":")
        return host, int(port)

    def close(self) -> None:
        os.close(self.frames)
        self._card.close()


@contextmanager
def machine(folder: Path, plan: Plan, *options: str) -> Iterator[Running]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        ouch = probe.getsockname()[1]
    (folder / "exchange.toml").write_text(
        f"""
        mcast_group = "{LINES["A"][0]}"
        mcast_port = {LINES["A"][1]}
        mcast_group_b = "{LINES["B"][0]}"
        mcast_port_b = {LINES["B"][1]}
        mcast_interface = "{plan.address}"
        ouch_host = "{plan.address}"
        ouch_port = {ouch}
        admin_socket = "{folder / "admin.sock"}"
        auto_start = false
        messages_per_second = 500
        [[symbols]]
        name = "AAPL"
        price = 1875000
        [[accounts]]
        username = "GATE1"
        password = "SECRET"
        """
    )
    feeds = {name: f"{group}:{port}" for name, (group, port) in LINES.items()}
    command = [sys.executable, "-m", "tickgate_sim.wire", "--mode", plan.mode]
    command += ["--socket", str(folder / "wire"), "--feed", feeds["A"], "--feed-b", feeds["B"]]
    command += ["--ouch", f"auto:{ouch}", *options, "--", sys.executable, "-m"]
    command += ["tickgate_sim.exchange", "--config", str(folder / "exchange.toml")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        running = Running(folder, process, json.loads(line))
        yield running
        running.close()
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


ANYWHERE = ("--rerequest", "127.0.0.1:0", "--glimpse", "127.0.0.1:0")


@pytest.mark.parametrize("record", [False, True])
def test_the_card_gets_both_lines_and_the_host_both_servers(
    tmp_path: Path, plan: Plan, record: bool
) -> None:
    pcap = ("--pcap", str(tmp_path / "wire.pcap")) if record else ()
    with machine(tmp_path, plan, *ANYWHERE, *pcap) as running:
        call(running.admin, "start")
        got: dict[str, dict[int, moldudp64.Packet]] = {"A": {}, "B": {}}
        while min(len(packets) for packets in got.values()) < 100:
            line, packet = running.packet()
            if not packet.is_heartbeat:
                got[line][packet.sequence_number] = packet
        common = got["A"].keys() & got["B"].keys()
        assert len(common) >= 99
        assert all(got["A"][number] == got["B"][number] for number in common)

        first = got["A"][1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(PATIENCE_S)
            sock.sendto(
                struct.pack(">10sQH", b"TICKGATE01", 1, len(first.messages)),
                running.address("rerequest"),
            )
            assert moldudp64.decode(sock.recv(2000)) == first

        snapshot = take_snapshot(running.address("glimpse"))
        assert {item[:1] for item in snapshot} >= {b"S", b"R", b"H", b"Y", b"A", b"G"}
        assert glimpse50.decode(snapshot[-1]).sequence_number > max(common)
        running.process.send_signal(signal.SIGTERM)
        _, said = running.process.communicate(timeout=PATIENCE_S)
    assert running.process.returncode == 0, said
    if record:
        assert (tmp_path / "wire.pcap").stat().st_size > 100 * 100


def test_the_servers_are_gone_with_the_exchange(tmp_path: Path, plan: Plan) -> None:
    with machine(tmp_path, plan, *ANYWHERE) as running:
        address = running.address("glimpse")
        socket.create_connection(address, PATIENCE_S).close()
        call(running.admin, "stop")
        assert running.process.wait(PATIENCE_S) == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, PATIENCE_S)


def test_without_the_options_the_configuration_holds(tmp_path: Path) -> None:
    with machine(tmp_path, choose("relay")) as running:
        assert take_snapshot(running.address("glimpse")) == [b"G" + b"1".rjust(20)]


def test_an_address_in_use_ends_the_broker_with_a_reason(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "tickgate_sim.wire", "--mode", "relay", "--socket"]
        command += [str(tmp_path / "wire"), "--feed", "239.192.78.1:26561", "--ouch", "auto:1"]
        command += ["--glimpse", f"127.0.0.1:{port}", "--", "true"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 1
    assert f"wire: [Errno 98] glimpse at 127.0.0.1:{port}: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["--rerequest", "--glimpse"])
def test_a_server_needs_a_command(tmp_path: Path, option: str) -> None:
    command = [sys.executable, "-m", "tickgate_sim.wire", "--mode", "relay", "--socket"]
    command += [str(tmp_path / "wire"), "--feed", "239.192.78.1:26561", "--ouch", "auto:1"]
    command += [option, "127.0.0.1:0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 2
    assert "need a command that serves there" in done.stderr


def take_snapshot(address: tuple[str, int]) -> list[bytes]:
    """The messages of a snapshot."""
    request = soupbintcp.LoginRequest(
        username="GLIMPS",
        password="GLIMPSE",
        requested_session="",
        requested_sequence_number=1,
    )
    cutter, packets = soupbintcp.PacketReader(), []
    with socket.create_connection(address, PATIENCE_S) as stream:
        stream.settimeout(PATIENCE_S)
        stream.sendall(request.encode())
        while data := stream.recv(65536):
            packets += cutter.feed(data)
    assert packets[-1] == soupbintcp.EndOfSession()
    return [item.payload for item in packets if isinstance(item, soupbintcp.SequencedData)]
