"""The exchange as a process: ready line, admin commands, gaps, a clean stop."""

import json
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tickgate.protocols import moldudp64, soupbintcp
from tickgate_sim.exchange.admin_client import ExchangeRefused, call

GROUP, GROUP_B = "239.192.7.1", "239.192.7.3"
PATIENCE_S = 20


class Running:
    """A started exchange and a socket in each of its multicast groups."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.feed, self.feed_b = listener(GROUP), listener(GROUP_B)
        self.admin = folder / "admin.sock"
        table: dict[str, Any] = {
            "mcast_group": GROUP,
            "mcast_port": self.feed.getsockname()[1],
            "mcast_group_b": GROUP_B,
            "mcast_port_b": self.feed_b.getsockname()[1],
            "admin_socket": str(self.admin),
            "messages_per_second": 200,
            "orders_per_side": 5,
            **settings,
        }
        lines = [f"{name} = {toml(value)}" for name, value in table.items()]
        lines += ["[[symbols]]", 'name = "AAPL"', "price = 1875000"]
        lines += ["[[accounts]]", 'username = "GATE1"', 'password = "SECRET"']
        config = folder / "exchange.toml"
        config.write_text("\n".join(lines))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tickgate_sim.exchange", "--config", str(config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.ready = json.loads(self.process.stdout.readline())

    def packet(self) -> moldudp64.Packet:
        return moldudp64.decode(self.feed.recv(2048))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self.feed.close()
        self.feed_b.close()


def listener(group: str) -> socket.socket:
    """A socket in a multicast group, on a port of its own."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", 0))
    sock.settimeout(PATIENCE_S)
    member = struct.pack("=4s4s", socket.inet_aton(group), socket.inet_aton("127.0.0.1"))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    return sock


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(**settings: Any) -> Running:
        started.append(Running(tmp_path, **settings))
        return started[-1]

    yield start
    for running in started:
        running.close()


def test_the_ready_line_tells_where_everything_is(launch: Any) -> None:
    running = launch()
    assert running.ready == {
        "ready": True,
        "ouch_host": "127.0.0.1",
        "ouch_port": running.ready["ouch_port"],
        "mcast": f"{GROUP}:{running.feed.getsockname()[1]}",
        "mcast_b": f"{GROUP_B}:{running.feed_b.getsockname()[1]}",
        "mcast_interface": "127.0.0.1",
        "rerequest": running.ready["rerequest"],
        "glimpse": running.ready["glimpse"],
        "session": "TICKGATE01",
        "admin": str(running.admin),
    }
    socket.create_connection(("127.0.0.1", running.ready["ouch_port"]), PATIENCE_S).close()
    assert running.admin.stat().st_mode & 0o777 == 0o600


def test_the_feed_flows_without_gaps_from_the_first_message(launch: Any) -> None:
    running = launch()
    expected = 1
    while expected < 300:
        packet = running.packet()
        assert (packet.session, packet.sequence_number) == ("TICKGATE01", expected)
        expected = packet.next_sequence_number


def test_the_day_can_be_made_to_wait_for_its_listeners(launch: Any) -> None:
    running = launch(auto_start=False)
    heartbeat = running.packet()
    assert (heartbeat.sequence_number, heartbeat.is_heartbeat) == (1, True)
    assert call(running.admin, "stats")["open"] is False
    call(running.admin, "start")
    while (packet := running.packet()).is_heartbeat:
        pass
    assert packet.sequence_number == 1
    assert packet.messages[0][:1] == b"S"
    assert call(running.admin, "stats")["open"] is True


def test_an_idle_feed_sends_heartbeats(launch: Any) -> None:
    running = launch(messages_per_second=0)
    while not (packet := running.packet()).is_heartbeat:
        pass
    assert packet.sequence_number == running.packet().sequence_number


def test_a_gap_is_made_when_asked_for(launch: Any) -> None:
    running = launch()
    expected = running.packet().next_sequence_number
    call(running.admin, "gap", packets=2)
    while (packet := running.packet()).sequence_number == expected:
        expected = packet.next_sequence_number
    assert packet.sequence_number >= expected + 2
    assert call(running.admin, "stats")["feed"]["packets_gapped"] == 2


def test_both_lines_carry_the_same_day(launch: Any) -> None:
    running = launch(line_b={"delay_packets": 5})
    sent = [running.feed.recv(2048) for _ in range(60)]
    assert [running.feed_b.recv(2048) for _ in range(40)] == sent[:40]


def test_line_b_can_be_left_out(launch: Any) -> None:
    running = launch(mcast_group_b="")
    assert running.ready["mcast_b"] is None
    assert list(call(running.admin, "stats")["feed"]["lines"]) == ["A"]
    with pytest.raises(ExchangeRefused, match="line must be one of A, both, not 'B'"):
        call(running.admin, "cut", line="B")


def test_faults_are_set_and_told_at_run_time(launch: Any) -> None:
    running = launch(line_a={"loss_ppm": 1_000_000}, auto_start=False)
    call(running.admin, "line", line="A", loss_ppm=0)
    call(running.admin, "line", line="B", duplicate_ppm=1_000_000)
    call(running.admin, "cut", line="A", packets=1)
    call(running.admin, "start")
    while (packet := running.packet()).is_heartbeat:
        pass
    assert packet.sequence_number > 1, "line A was cut for its first packet"
    while (first := running.feed_b.recv(2048))[18:20] == bytes(2):
        pass
    assert moldudp64.decode(first).sequence_number == 1
    assert running.feed_b.recv(2048) == first
    lines = call(running.admin, "stats")["feed"]["lines"]
    assert (lines["A"]["cut"], lines["A"]["settings"]["loss_ppm"]) == (1, 0)
    assert lines["B"]["duplicated"] > 0


def test_a_cut_of_both_lines_is_mended_by_the_rerequest_server(launch: Any) -> None:
    running = launch(messages_per_second=1000)
    before = running.packet().next_sequence_number
    call(running.admin, "cut")
    time.sleep(0.2)
    call(running.admin, "mend")
    expected = before
    while (packet := running.packet()).sequence_number == expected:
        expected = packet.next_sequence_number
    missing = packet.sequence_number - expected
    assert missing > 0
    host, port = running.ready["rerequest"].split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect((host, int(port)))
        while expected < packet.sequence_number:
            wanted = packet.sequence_number - expected
            sock.send(struct.pack(">10sQH", b"TICKGATE01", expected, wanted))
            answer = moldudp64.decode(sock.recv(2048))
            assert answer.sequence_number == expected
            assert 1 <= len(answer.messages) <= wanted
            expected = answer.next_sequence_number
        sock.send(struct.pack(">10sQH", b"TICKGATE02", 1, 1))
        sock.send(struct.pack(">10sQH", b"TICKGATE01", 1, 1))
        assert moldudp64.decode(sock.recv(2048)).sequence_number == 1
        call(running.admin, "rerequest", loss_ppm=1_000_000)
        sock.send(struct.pack(">10sQH", b"TICKGATE01", 1, 1))
        call(running.admin, "rerequest", loss_ppm=0)
    counts = call(running.admin, "stats")["rerequest"]
    assert counts["wrong_session"] == 1
    assert counts["answered"] >= 2


def test_a_notice_reaches_the_feed(launch: Any) -> None:
    running = launch(messages_per_second=0, orders_per_side=0)
    call(running.admin, "notice", kind="Y", symbol="AAPL", values={"reg_sho_action": "1"})
    call(running.admin, "notice", kind="W", values={"breached_level": "2"})
    notices: list[bytes] = []
    while len(notices) < 3:
        notices += [item for item in running.packet().messages if item[:1] in b"YW"]
    assert [item[:1] + item[11:] for item in notices] == [b"YAAPL    0", b"YAAPL    1", b"W2"]
    assert [item[1:3] for item in notices] == [b"\0\1", b"\0\1", b"\0\0"]


def test_a_halt_reaches_the_feed(launch: Any) -> None:
    running = launch()

    def next_state() -> bytes:
        while True:
            for message in running.packet().messages:
                if message[:1] == b"H":
                    return message[19:25]

    assert next_state() == b"T     "
    call(running.admin, "halt", symbol="AAPL", reason="T1")
    assert next_state() == b"H T1  "
    assert call(running.admin, "stats")["halted"] == ["AAPL"]
    call(running.admin, "resume", symbol="AAPL")
    assert next_state() == b"T     "


BAD_COMMANDS: tuple[tuple[Any, dict[str, Any], str], ...] = (
    ("jump", {}, "command must be one of records, stats"),
    (["stats"], {}, "command must be one of"),
    ("halt", {"symbol": "NONE"}, "symbol must be one that trades here, not 'NONE'"),
    ("halt", {"symbol": 5}, "symbol must be a text"),
    ("halt", {"symbol": "AAPL", "reason": "TOO LONG"}, "reason must be"),
    ("resume", {}, "symbol must be a text, not None"),
    ("gap", {"packets": 0}, "packets must be an integer from 1"),
    ("gap", {"packets": "two"}, "packets must be an integer from 1"),
    ("line", {"line": "C", "loss_ppm": 1}, "line must be one of A, B, both, not 'C'"),
    ("line", {"line": "A"}, "settings must be among"),
    ("line", {"line": "A", "colour": 1}, r"not \['colour'\]"),
    ("line", {"line": "A", "loss_ppm": 0.01}, "loss_ppm must be an integer from 0 to 1000000"),
    ("cut", {"line": "A", "packets": 0}, "packets must be an integer from 1"),
    ("cut", {"line": ["A"]}, "line must be one of"),
    ("mend", {"line": 1}, "line must be one of"),
    ("rerequest", {"loss_ppm": -1}, "loss_ppm must be an integer from 0"),
    ("notice", {"kind": "A", "symbol": "AAPL"}, "kind must be one of"),
    ("notice", {"kind": "Y", "symbol": "NONE"}, "symbol must be one that trades here"),
    ("notice", {"kind": "Y", "symbol": "AAPL"}, r"lacks \['reg_sho_action'\]"),
    ("notice", {"kind": "W", "values": {"breached_level": "22"}}, "breached_level must be"),
    ("notice", {"kind": "W", "values": 3}, "values an object"),
)


def test_bad_admin_commands_are_answered_and_change_nothing(launch: Any) -> None:
    running = launch(messages_per_second=0)
    lines = call(running.admin, "stats")["feed"]["lines"]
    settings = {name: line["settings"] for name, line in lines.items()}
    for command, arguments, fault in BAD_COMMANDS:
        with pytest.raises(ExchangeRefused, match=fault):
            call(running.admin, command, **arguments)
    stats = call(running.admin, "stats")
    for name, line in stats["feed"]["lines"].items():
        assert (line["settings"], line["is_cut"]) == (settings[name], False)
    assert (stats["halted"], stats["rerequest"]["loss_ppm"]) == ([], 0)


def test_admin_requests_that_are_no_requests_are_survived(launch: Any) -> None:
    running = launch()
    for line in (b"nonsense\n", b"[1]\n", b"[" * 50_000 + b"\n", b"\xff\xfe\n"):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE_S)
            sock.connect(str(running.admin))
            sock.sendall(line)
            reply = json.loads(sock.makefile().readline())
        assert reply["ok"] is False
        assert "a request must be" in reply["error"]
    assert call(running.admin, "stats")["open"] is True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_session_for_everyone(launch: Any, number: signal.Signals) -> None:
    running = launch()
    client = socket.create_connection(("127.0.0.1", running.ready["ouch_port"]), PATIENCE_S)
    request = soupbintcp.LoginRequest(
        username="GATE1", password="SECRET", requested_session="", requested_sequence_number=0
    )
    client.sendall(request.encode())
    reader = soupbintcp.PacketReader()
    assert isinstance(reader.feed(client.recv(1000))[0], soupbintcp.LoginAccepted)
    assert running.stop(number) == 0
    packets: list[soupbintcp.SoupPacket] = []
    while data := client.recv(1000):
        packets += reader.feed(data)
    assert packets[-1] == soupbintcp.EndOfSession()
    client.close()
    messages: list[bytes] = []
    while not (packet := running.packet()).is_end_of_session:
        messages += packet.messages
    assert packet.sequence_number == len(messages) + 1
    assert [message[11:12] for message in messages if message[:1] == b"S"] == [
        *(b"O", b"S", b"Q"),
        *(b"M", b"E", b"C"),
    ]
    assert messages[-1][:1] == b"S"
    assert not running.admin.exists()
    assert running.process.stderr.read() == ""


def test_the_tail_of_the_day_can_be_asked_for_after_its_end(launch: Any) -> None:
    running = launch(end_of_session_ms=10_000, messages_per_second=0)
    call(running.admin, "gap", packets=1000)
    running.process.send_signal(signal.SIGTERM)
    while not (packet := running.packet()).is_end_of_session:
        pass
    last = packet.sequence_number - 1
    host, port = running.ready["rerequest"].split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.sendto(struct.pack(">10sQH", b"TICKGATE01", last, 1), (host, int(port)))
        (message,) = moldudp64.decode(sock.recv(2048)).messages
    assert (message[:1], message[11:12]) == (b"S", b"C")
    assert running.packet().is_end_of_session, "it is repeated"


def test_the_admin_command_stop_ends_it_too(launch: Any) -> None:
    running = launch()
    call(running.admin, "stop")
    assert running.process.wait(PATIENCE_S) == 0


def test_the_socket_of_a_dead_exchange_is_replaced(launch: Any) -> None:
    first = launch()
    first.process.kill()
    first.process.wait(PATIENCE_S)
    assert first.admin.exists()
    second = launch()
    assert call(second.admin, "stats")["open"] is True


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("colour = 1", "exchange: settings must be among"),
        (
            '[[symbols]]\nname="A"\nprice=10000\n[[accounts]]\nusername="A"\npassword="A"\n'
            'mcast_interface="x"',
            "exchange: ",
        ),
    ],
)
def test_a_bad_configuration_is_said_in_one_line(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "tickgate_sim.exchange", "--config", str(tmp_path / "bad.toml")],
        capture_output=True,
        check=False,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(fault)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("server", ["ouch", "rerequest", "glimpse"])
def test_an_address_in_use_is_said_in_one_line(launch: Any, tmp_path: Path, server: str) -> None:
    running = launch()
    ports = {name: running.ready[name].split(":")[1] for name in ("rerequest", "glimpse")}
    port = {**ports, "ouch": running.ready["ouch_port"]}[server]
    config = (tmp_path / "exchange.toml").read_text().replace("admin.sock", "b.sock")
    other = tmp_path / "other.toml"
    other.write_text(f"{server}_port = {port}\n{config}")
    done = subprocess.run(
        [sys.executable, "-m", "tickgate_sim.exchange", "--config", str(other)],
        capture_output=True,
        check=False,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 1
    assert "address already in use" in done.stderr.lower()
    assert str(port) in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "b.sock").exists()
