"""Sockets of the machine's own network for an exchange that runs in a namespace.

A socket belongs to the network in which it was made, wherever it is used. So the broker makes the
sockets at which programs of this machine (the host engine) ask the exchange, before it moves to
the namespace, and the exchange inherits them: no byte is forwarded. TICKGATE_EXCHANGE_SOCKETS
tells it which descriptor is what, as ``name=descriptor`` separated by commas.
"""

import os
import socket
from collections.abc import Mapping

__all__ = ["GLIMPSE", "REREQUEST", "SocketError", "announce", "inherited", "open_bound"]

REREQUEST, GLIMPSE = "rerequest", "glimpse"
"""Names of the MoldUDP64 re-request server (UDP) and the GLIMPSE server (TCP)."""
_TYPES = {REREQUEST: socket.SOCK_DGRAM, GLIMPSE: socket.SOCK_STREAM}
_VARIABLE = "TICKGATE_EXCHANGE_SOCKETS"
_RECEIVE_BYTES = 4 << 20


class SocketError(ValueError):
    """What was inherited is not what was announced."""


def open_bound(name: str, address: tuple[str, int]) -> socket.socket:
    """A bound socket of the type that ``name`` has. Raises OSError that names the address."""
    sock = socket.socket(socket.AF_INET, _TYPES[name])
    try:
        if sock.type == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise OSError(
            error.errno, f"{name} at {address[0]}:{address[1]}: {error.strerror}"
        ) from error
    sock.setblocking(False)
    return sock


def announce(sockets: Mapping[str, socket.socket]) -> dict[str, str]:
    """The environment that tells a process which sockets it inherits."""
    if not sockets:
        return {}
    return {_VARIABLE: ",".join(f"{name}={sock.fileno()}" for name, sock in sockets.items())}


def inherited() -> dict[str, socket.socket]:
    """The sockets that this process was given, by name; it is asked once. Raises SocketError."""
    text = os.environ.pop(_VARIABLE, "")
    found: dict[str, socket.socket] = {}
    for entry in filter(None, text.split(",")):
        name, _, number = entry.partition("=")
        if name not in _TYPES or not number.isdigit():
            raise SocketError(f"{_VARIABLE} must have entries like {REREQUEST}=5, not {entry!r}")
        try:
            sock = socket.socket(fileno=int(number))
        except OSError as error:
            raise SocketError(f"{_VARIABLE}: {entry!r} is no socket: {error.strerror}") from error
        if sock.type != _TYPES[name]:
            raise SocketError(f"{_VARIABLE}: {entry!r} must be a {_TYPES[name].name} socket")
        sock.setblocking(False)
        found[name] = sock
    return found
