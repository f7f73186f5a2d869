"""Asks a running exchange over its admin socket: for the demo, tests and the curious."""

import json
import socket
from pathlib import Path
from typing import Any


class ExchangeRefused(RuntimeError):
    """The exchange said no to an admin command, and why."""


def call(path: str | Path, command: str, *, timeout_s: float = 5.0, **arguments: Any) -> Any:
    """The reply to an admin command (see ``admin``), as parsed JSON.

    Raises ExchangeRefused if the command was not carried out, OSError if nobody answers.
    """
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(timeout_s)
        sock.connect(str(path))
        sock.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
        with sock.makefile("rb") as lines:
            line = lines.readline()
    if not line.endswith(b"\n"):
        raise ConnectionError(f"the exchange at {path} closed before it had answered {command}")
    reply = json.loads(line)
    if not reply["ok"]:
        raise ExchangeRefused(reply["error"])
    return reply
