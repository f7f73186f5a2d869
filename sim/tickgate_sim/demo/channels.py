"""Asking the engine and the exchange over their UNIX sockets, with one kind of error."""

from pathlib import Path
from typing import Any, cast

from tickgate.engine.client import EngineError, ask
from tickgate.engine.commands import State

from tickgate_sim.exchange import admin_client


class ChannelError(RuntimeError):
    """The other side is not there, or refused; the message says which and why."""


class Engine:
    """The engine's command channel."""

    def __init__(self, command_socket: Path, state_dir: Path) -> None:
        self._socket = command_socket
        self._state_dir = state_dir

    def call(self, command: str, **arguments: Any) -> dict[str, Any]:
        """The answer to a command. Raises ChannelError."""
        try:
            return ask(self._socket, self._state_dir, "demo", command, **arguments)
        except (EngineError, OSError) as error:
            raise ChannelError(f"engine: {error}") from error

    def state(self) -> State:
        """The engine's state."""
        return cast(State, self.call("state"))


class ExchangeAdmin:
    """The exchange's admin channel."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def call(self, command: str, **arguments: Any) -> dict[str, Any]:
        """The answer to a command. Raises ChannelError."""
        try:
            answer: dict[str, Any] = admin_client.call(self._path, command, **arguments)
        except (admin_client.ExchangeRefused, OSError) as error:
            raise ChannelError(f"exchange: {error}") from error
        return answer
