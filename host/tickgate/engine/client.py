"""Asks a running engine, from another process; blocking, for command-line tools and tests."""

import json
import socket
from pathlib import Path
from typing import Any

from tickgate.engine.commandserver import TOKEN_FILE


class EngineError(Exception):
    """The engine does not answer, or refuses; the text says which and why."""


def ask(
    command_socket: Path,
    state_dir: Path,
    actor: str,
    command: str,
    timeout_s: float = 10.0,
    **arguments: object,
) -> dict[str, Any]:
    """Send one command and return its answer. Raises EngineError."""
    try:
        token = (state_dir / TOKEN_FILE).read_text().strip()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(timeout_s)
            client.connect(str(command_socket))
            request = {"token": token, "actor": actor, "command": command, **arguments}
            client.sendall(json.dumps(request).encode() + b"\n")
            with client.makefile("rb") as stream:
                line = stream.readline()
    except OSError as error:
        raise EngineError(f"no engine answers at {command_socket}: {error}") from error
    if not line.endswith(b"\n"):
        raise EngineError("the engine closed the connection")
    answer: dict[str, Any] = json.loads(line)
    if not answer.pop("ok"):
        raise EngineError(str(answer.get("error")))
    return answer
