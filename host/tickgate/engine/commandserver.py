"""The command channel's socket: lines of JSON in, answers out; see ``tickgate.engine.commands``.

The socket is the owner's alone (mode 0600), and each request carries the secret that the engine
wrote to the token file (mode 0600) when it started.
"""

import contextlib
import hmac
import json
import os
import secrets
import selectors
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tickgate.engine.sources import COMMANDS, Source

TOKEN_FILE = "command.token"
LINE_LIMIT = 1 << 20
_ACTOR_MAX = 64

Execute = Callable[[str, str, dict[str, Any]], dict[str, Any]]
"""Called with actor, command and arguments; raises CommandError to refuse."""


class CommandError(Exception):
    """A command that is refused; the text is for the operator."""


class CommandServer:
    """Listens on a UNIX socket and hands each valid request to ``execute``."""

    def __init__(
        self,
        path: Path,
        state_dir: Path,
        selector: selectors.BaseSelector,
        execute: Execute,
        counters: Counter[str],
    ) -> None:
        """Open the socket. Raises OSError."""
        self._path = path
        self._selector = selector
        self._execute = execute
        self._counters = counters
        self._clients: dict[socket.socket, bytearray] = {}
        self._token = secrets.token_urlsafe(32)
        _write_secret(state_dir / TOKEN_FILE, self._token)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            self._listener.bind(str(path))
        finally:
            os.umask(before)
        self._listener.listen(16)
        self._listener.setblocking(False)
        selector.register(self._listener, selectors.EVENT_READ, Source(COMMANDS, self._accept))

    def close(self) -> None:
        """Close all connections and take the socket away."""
        for client in list(self._clients):
            self._drop(client)
        self._selector.unregister(self._listener)
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _accept(self, _: int) -> None:
        try:
            client, _address = self._listener.accept()
        except OSError:
            return
        client.setblocking(False)
        self._clients[client] = bytearray()
        source = Source(COMMANDS, lambda _events: self._on_readable(client))
        self._selector.register(client, selectors.EVENT_READ, source)

    def _on_readable(self, client: socket.socket) -> None:
        try:
            data = client.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        buffer = self._clients[client]
        buffer += data
        while client in self._clients and b"\n" in buffer:
            line, _, rest = bytes(buffer).partition(b"\n")
            buffer[:] = rest
            self._reply(client, self._answer(line))
        if len(buffer) > LINE_LIMIT:
            self._counters["command: too long"] += 1
            self._reply(client, _refusal(f"a request must be below {LINE_LIMIT} bytes"))
            self._drop(client)

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):  # the latter from brackets in their thousands
            request = None
        if not isinstance(request, dict):
            self._counters["command: not a JSON object"] += 1
            return _refusal("a request must be one JSON object a line")
        token = request.pop("token", None)
        if not isinstance(token, str) or not hmac.compare_digest(
            token.encode(errors="replace"), self._token.encode()  # JSON may hold half a pair
        ):
            self._counters["command: wrong token"] += 1
            return _refusal(f"the token must be the one in {TOKEN_FILE} of the state directory")
        actor, command = request.pop("actor", None), request.pop("command", None)
        if not isinstance(actor, str) or not 0 < len(actor) <= _ACTOR_MAX:
            self._counters["command: no actor"] += 1
            return _refusal(f"actor must be a text of 1 to {_ACTOR_MAX} characters")
        try:
            return {"ok": True, **self._execute(actor, str(command), request)}
        except CommandError as error:
            self._counters["command: refused"] += 1
            return _refusal(str(error))

    def _reply(self, client: socket.socket, answer: dict[str, Any]) -> None:
        """Write an answer. An operator's tool that does not read gets a second, then is dropped."""
        client.settimeout(1.0)
        try:
            client.sendall(json.dumps(answer).encode() + b"\n")
            client.setblocking(False)
        except OSError:
            self._drop(client)

    def _drop(self, client: socket.socket) -> None:
        if self._clients.pop(client, None) is not None:
            self._selector.unregister(client)
            client.close()


def _refusal(text: str) -> dict[str, Any]:
    return {"ok": False, "error": text}


def _write_secret(path: Path, secret: str) -> None:
    """Replace the file in one step, readable by its owner only from the start."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")
    fresh.rename(path)
