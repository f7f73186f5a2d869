"""Client of the engine's command channel (``tickgate.engine.commands``), for asyncio."""

import asyncio
import json
from pathlib import Path
from typing import Any

TIMEOUT_S = 5.0
LINE_LIMIT = 16 * 2**20


class EngineUnavailable(Exception):
    """The engine did not answer; the message says why."""


class EngineRefused(Exception):
    """The engine answered that it won't do this; the message is its reason."""


class EngineClient:
    """Sends one command a connection, so that a lost engine is seen at once and none waits for
    another."""

    def __init__(self, socket: Path, token_file: Path) -> None:
        self._socket = socket
        self._token_file = token_file

    async def call(self, command: str, actor: str, **arguments: object) -> dict[str, Any]:
        """Answer to a command. Raises EngineUnavailable or EngineRefused."""
        try:
            return await asyncio.wait_for(self._call(command, actor, arguments), TIMEOUT_S)
        except TimeoutError:
            raise EngineUnavailable(f"no answer within {TIMEOUT_S:.0f} s") from None
        except (OSError, ValueError) as error:
            raise EngineUnavailable(str(error)) from error

    async def _call(self, command: str, actor: str, arguments: dict[str, object]) -> dict[str, Any]:
        token = self._token_file.read_text().strip()
        reader, writer = await asyncio.open_unix_connection(str(self._socket), limit=LINE_LIMIT)
        try:
            request = {"token": token, "actor": actor, "command": command, **arguments}
            writer.write(json.dumps(request).encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
        finally:
            writer.close()
        if not line.endswith(b"\n"):
            raise EngineUnavailable("the engine closed the connection")
        answer: dict[str, Any] = json.loads(line)
        if not answer.get("ok"):
            raise EngineRefused(str(answer.get("error", "no reason given")))
        return answer
