"""Sockets that are made here and used there: announced, inherited, and refused when wrong."""

import os
import socket
import subprocess
import sys

import pytest
from tickgate_sim.wire.sockets import (
    GLIMPSE,
    REREQUEST,
    SocketError,
    announce,
    inherited,
    open_bound,
)

VARIABLE = "TICKGATE_EXCHANGE_SOCKETS"
HERE = ("127.0.0.1", 0)

CHILD = """
from tickgate_sim.wire.sockets import inherited
found = inherited()
assert inherited() == {}, "they are given once"
data, peer = None, None
sock = found["rerequest"]
sock.setblocking(True)
data, peer = sock.recvfrom(100)
sock.sendto(data[::-1], peer)
listener = found["glimpse"]
listener.listen()
listener.setblocking(True)
client, _ = listener.accept()
client.sendall(b"hello")
"""


def test_a_child_serves_on_the_sockets_of_its_parent() -> None:
    sockets = {name: open_bound(name, HERE) for name in (REREQUEST, GLIMPSE)}
    udp, tcp = (sockets[name].getsockname() for name in (REREQUEST, GLIMPSE))
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD],
        env={**os.environ, **announce(sockets)},
        pass_fds=[sock.fileno() for sock in sockets.values()],
    )
    try:
        for sock in sockets.values():
            sock.close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(20)
            asking.sendto(b"abc", udp)
            assert asking.recv(100) == b"cba"
        while True:
            try:
                stream = socket.create_connection(tcp, 20)
                break
            except ConnectionRefusedError:  # the child does not listen yet
                assert child.poll() is None
        with stream:
            assert stream.recv(100) == b"hello"
        assert child.wait(20) == 0
    finally:
        child.kill()
        child.wait()


def test_nothing_is_announced_when_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert announce({}) == {}
    monkeypatch.delenv(VARIABLE, raising=False)
    assert inherited() == {}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("rerequest", "must have entries like rerequest=5, not 'rerequest'"),
        ("colour=5", "not 'colour=5'"),
        ("rerequest=-1", "not 'rerequest=-1'"),
        ("rerequest=99999", "'rerequest=99999' is no socket"),
        ("rerequest=0", "'rerequest=0' is no socket"),
    ],
)
def test_what_is_no_socket_is_refused(
    monkeypatch: pytest.MonkeyPatch, text: str, fault: str
) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(SocketError, match=fault):
        inherited()


def test_a_socket_of_the_wrong_type_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sock = open_bound(GLIMPSE, HERE)
    monkeypatch.setenv(VARIABLE, f"rerequest={sock.detach()}")
    with pytest.raises(SocketError, match="must be a SOCK_DGRAM socket"):
        inherited()


@pytest.mark.parametrize("name", [REREQUEST, GLIMPSE])
def test_an_address_that_cannot_be_had_is_named(name: str) -> None:
    with open_bound(name, HERE) as sock:
        if name == GLIMPSE:
            sock.listen()
        address = sock.getsockname()
        with pytest.raises(OSError, match=f"{name} at 127.0.0.1:{address[1]}: Address already"):
            open_bound(name, address)
