"""Asking the exchange and the engine: one JSON line out, one back, over their UNIX sockets."""

import json
import socket
from pathlib import Path
from typing import Any, cast

from tickgate.engine.commands import State

TIMEOUT_S = 10.0


class ChannelError(RuntimeError):
    """The other side is not there, or refused; the message says which and why."""


def ask(path: Path, request: dict[str, object]) -> dict[str, Any]:
    """The answer to one request. Raises ChannelError."""
    try:
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(TIMEOUT_S)
            channel.connect(str(path))
            channel.sendall(json.dumps(request).encode() + b"\n")
            with channel.makefile("rb") as stream:
                line = stream.readline()
    except OSError as error:
        raise ChannelError(f"{path.name}: {error}") from error
    if not line.endswith(b"\n"):
        raise ChannelError(f"{path.name}: closed without an answer")
    answer: dict[str, Any] = json.loads(line)
    if not answer.get("ok"):
        raise ChannelError(f"{path.name}: {answer.get('error', 'no reason given')}")
    return answer


class Engine:
    """The engine's command channel."""

    def __init__(self, command_socket: Path, state_dir: Path) -> None:
        self._socket = command_socket
        self._state_dir = state_dir

    def call(self, command: str, **arguments: object) -> dict[str, Any]:
        """The answer to a command. Raises ChannelError."""
        try:
            token = (self._state_dir / "command.token").read_text().strip()
        except OSError as error:
            raise ChannelError(f"engine: {error}") from error
        return ask(self._socket, {"token": token, "actor": "demo", "command": command, **arguments})

    def state(self) -> State:
        """The engine's state."""
        return cast(State, self.call("state"))


class ExchangeAdmin:
    """The exchange's admin channel."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def call(self, command: str, **arguments: object) -> dict[str, Any]:
        """The answer to a command. Raises ChannelError."""
        return ask(self._path, {"command": command, **arguments})
