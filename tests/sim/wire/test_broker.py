"""The broker as a process, in both modes: frames and connections reach what asks for them."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from tickgate_sim.wire.mode import ModeError, Plan, choose

GROUP, PORT = "239.192.77.1", 26555
PATIENCE_S = 20.0

EXCHANGE = textwrap.dedent(
    """
    import os, socket, sys
    address, port = os.environ["TICKGATE_EXCHANGE_ADDRESS"], int(sys.argv[1])
    group = (sys.argv[2], int(sys.argv[3]))
    assert sys.argv[4:] == [address, address], sys.argv
    feed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    feed.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    gateway = socket.create_server((address, port))
    print("ready", flush=True)
    while True:
        client, _ = gateway.accept()
        while data := client.recv(4096):
            if data == b"feed":
                for i in range(300):
                    feed.sendto(i.to_bytes(4, "big") * 25, group)
            elif data == b"bye":
                break
            elif data == b"end":
                sys.exit(3)
            client.sendall(data)
        client.close()
    """
)


@pytest.fixture(params=["relay", "tap"])
def plan(request) -> Plan:
    try:
        return choose(request.param)
    except ModeError as error:
        pytest.skip(str(error))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def broker(tmp_path: Path, plan: Plan, *options: str) -> Iterator[subprocess.Popen[str]]:
    port = free_port()
    script = tmp_path / "exchange.py"
    script.write_text(EXCHANGE)
    command = [sys.executable, "-m", "tickgate_sim.wire", "--mode", plan.mode]
    command += ["--socket", str(tmp_path / "wire"), "--feed", f"{GROUP}:{PORT}"]
    command += ["--ouch", f"auto:{port}", *options, "--", sys.executable, str(script), str(port)]
    command += [GROUP, str(PORT), "{address}", "{mcast_if}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


class Card:
    """The card's side of the broker's socket."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(str(path))

    def ask(self, request: str) -> tuple[str, int | None]:
        self.socket.send(request.encode())
        data, descriptors, _, _ = socket.recv_fds(self.socket, 1000, 1)
        return data.decode(), descriptors[0] if descriptors else None

    def connect(self) -> socket.socket:
        answer, descriptor = self.ask("connect")
        assert (answer, descriptor is None) == ("ok", False)
        stream = socket.socket(fileno=descriptor)
        stream.settimeout(PATIENCE_S)
        return stream

    def frames(self) -> int:
        answer, descriptor = self.ask("frames")
        assert answer == "ok"
        assert descriptor is not None
        os.set_blocking(descriptor, False)
        return descriptor


def read_frame(descriptor: int) -> bytes:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            frame = os.read(descriptor, 2000)
        except BlockingIOError:
            assert time.monotonic() < deadline, "no frame came"
            continue
        if frame[23] == 17:  # the kernel also sends IGMP reports
            return frame


def echo(stream: socket.socket, data: bytes) -> bytes:
    stream.sendall(data)
    got = b""
    while len(got) < len(data):
        more = stream.recv(4096)
        assert more, "the stream ended"
        got += more
    return got


@pytest.mark.parametrize("record", [False, True])
def test_frames_and_connections(tmp_path, plan, record):
    path = tmp_path / "wire.pcap"
    with broker(tmp_path, plan, *(["--pcap", str(path)] if record else [])) as process:
        card = Card(tmp_path / "wire")
        frames = card.frames()
        stream = card.connect()
        assert echo(stream, b"feed") == b"feed"
        for i in range(300):
            frame = read_frame(frames)
            assert frame[:6] == b"\x01\x00\x5e\x40\x4d\x01"
            assert frame[12:14] == b"\x08\x00"
            assert socket.inet_ntoa(frame[26:30]) == plan.address
            assert struct.unpack_from(">H", frame, 36)[0] == PORT
            assert frame[42:] == i.to_bytes(4, "big") * 25
        stream.sendall(b"bye")
        assert stream.recv(100) == b""
        again = card.connect()
        assert echo(again, b"here again") == b"here again"
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert f"wire: {plan.mode} mode: " in said
    assert "2 order-entry connections" in said
    assert not (tmp_path / "wire").exists()
    if record:
        data = path.read_bytes()
        assert data.count(b"here again") == 2
        assert data.count((299).to_bytes(4, "big") * 25) == 1


def test_a_gateway_that_is_not_there_is_an_error_and_not_the_end(tmp_path):
    plan = choose("relay")
    with broker(tmp_path, plan) as process:
        card = Card(tmp_path / "wire")
        stream = card.connect()
        stream.sendall(b"end")
        assert stream.recv(100) == b""
        assert process.wait(PATIENCE_S) == 3, "the broker ends with its command's status"


def test_an_unknown_request_is_answered_with_an_error(tmp_path):
    with broker(tmp_path, choose("relay")):
        card = Card(tmp_path / "wire")
        answer, descriptor = card.ask("frobnicate")
        assert answer.startswith("error: 'frobnicate'")
        assert descriptor is None
        assert echo(card.connect(), b"still here") == b"still here"


def test_a_refused_connection_says_where(tmp_path):
    port = free_port()
    command = [sys.executable, "-m", "tickgate_sim.wire", "--mode", "relay", "--socket"]
    command += [str(tmp_path / "wire"), "--feed", f"{GROUP}:{PORT}", "--ouch", f"auto:{port}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert "relay mode" in process.stderr.readline()
        deadline = time.monotonic() + PATIENCE_S
        while not (tmp_path / "wire").exists():
            assert time.monotonic() < deadline
        answer, _ = Card(tmp_path / "wire").ask("connect")
        assert answer == f"error: 127.0.0.1:{port}: Connection refused"
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


def test_the_exchange_does_not_outlive_a_killed_broker(tmp_path):
    with broker(tmp_path, choose("relay")) as process:
        stream = Card(tmp_path / "wire").connect()
        process.kill()
        assert stream.recv(100) == b"", "the exchange's end was closed"


def test_the_exchange_has_time_to_end_its_day(tmp_path):
    script = tmp_path / "slow.py"
    script.write_text(
        textwrap.dedent(
            """
            import signal, time
            def end(*_):
                time.sleep(0.5)  # longer than any number of turns that do not wait
                print("the day is over", flush=True)
                raise SystemExit(0)
            signal.signal(signal.SIGTERM, end)
            print("ready", flush=True)
            while True:
                signal.pause()
            """
        )
    )
    command = [sys.executable, "-m", "tickgate_sim.wire", "--mode", "relay"]
    command += ["--socket", str(tmp_path / "wire"), "--feed", f"{GROUP}:{PORT}"]
    command += ["--ouch", "auto:1", "--", sys.executable, str(script)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    out, err = process.communicate(timeout=PATIENCE_S)
    assert out == "the day is over\n"
    assert "killed" not in err
    assert process.returncode == 0


NOT_INTERRUPTED = textwrap.dedent(
    """
    import signal, sys, threading
    from pathlib import Path
    from tickgate_sim.wire.broker import Wire, run
    from tickgate_sim.wire.mode import choose

    threading.Thread(target=threading.Event().wait, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    wire = Wire(Path(sys.argv[1]), (("239.192.77.1", 26555),), ("127.0.0.1", 1))
    sys.exit(run(wire, choose("relay"), []))
    """
)
"""A broker whose waiting no SIGTERM interrupts: another thread gets it. It is as if the signal came
in the moment before the wait begins."""


def test_a_signal_ends_a_wait_that_it_does_not_interrupt(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", NOT_INTERRUPTED, str(tmp_path / "wire")])
    try:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with suppress(OSError):
                card = Card(tmp_path / "wire")
                break
            assert time.monotonic() < deadline, "the broker does not begin"
            time.sleep(0.01)
        with closing(card.socket):
            assert card.ask("what?")[0].startswith("error")
            time.sleep(0.2)  # by then it waits for the next request
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()


def test_a_card_that_sends_frames_goes_on_getting_them(tmp_path, plan):
    with broker(tmp_path, plan):
        card = Card(tmp_path / "wire")
        frames, stream = card.frames(), card.connect()
        assert echo(stream, b"feed") == b"feed"
        first = read_frame(frames)
        os.write(frames, b"\x01\x00\x5e\x00\x00\x16" + bytes(54))  # as an IGMP report
        assert echo(stream, b"back") == b"back"  # the broker has had its turn
        numbers = [frame[42:46] for frame in (first, *(read_frame(frames) for _ in range(299)))]
        assert numbers == [number.to_bytes(4, "big") for number in range(300)]


def test_a_slow_card_loses_no_frame(tmp_path):
    """The card reads nothing until all was sent; what waits is kept in order."""
    with broker(tmp_path, choose("relay")):
        card = Card(tmp_path / "wire")
        frames = card.frames()
        stream = card.connect()
        for _ in range(10):
            assert echo(stream, b"feed") == b"feed"
        got = [read_frame(frames)[42:46] for _ in range(3000)]
    assert got == [i.to_bytes(4, "big") for i in range(300)] * 10


def test_the_probe_says_which_way_and_why():
    done = subprocess.run(
        [sys.executable, "-m", "tickgate_sim.wire", "--probe"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["mode"] in ("tap", "relay")
    assert found["address"] == {"tap": "10.77.0.1", "relay": "127.0.0.1"}[found["mode"]]
    assert found["reason"]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--mode", "relay"], "--socket, --feed and --ouch are needed"),
        (["--feed", "nowhere"], "must be HOST:PORT"),
        (["--ouch", "x:99999"], "must be HOST:PORT"),
    ],
)
def test_wrong_arguments_are_explained(words, problem):
    command = [sys.executable, "-m", "tickgate_sim.wire", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert problem in done.stderr
