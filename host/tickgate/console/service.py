"""What a user may ask of the engine: authorisation is here, for pages and REST alike."""

import time
from typing import Any

from tickgate.console.engine_client import EngineClient
from tickgate.console.users import User
from tickgate.engine.kills import SCOPES


class NotAllowed(Exception):
    """The user's role does not permit this."""


class Service:
    """Limits and kill switch on behalf of a user; the engine journals the user's name with each
    command."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client

    async def limits(self, user: User) -> dict[str, Any]:
        """Limits in force: TOML text, generation, hash."""
        return await self._client.call("limits", user.name)

    async def set_limits(self, user: User, toml: str) -> dict[str, Any]:
        """Upload limits; answers with the new generation after the card's read-back."""
        self._require(user)
        return await self._client.call("set_limits", user.name, toml=toml)

    async def roll_back_limits(
        self, user: User, why: str, previous: int | None = None
    ) -> dict[str, Any]:
        """Put the limits before the present ones into force again, as a new generation.

        ``previous`` is the generation that the user has seen as theirs: refused if it is another.
        """
        self._require(user)
        return await self._client.call(
            "rollback", user.name, why=why, previous=previous
        )

    async def kill(
        self, user: User, scope: str, target: str | None, *, on: bool, cancel: bool
    ) -> dict[str, Any]:
        """Engage or release the kill switch. Raises ValueError for an unknown scope."""
        self._require(user)
        if scope not in SCOPES:
            raise ValueError(f"scope must be one of {', '.join(SCOPES)}, was {scope!r}")
        return await self._client.call(
            "kill",
            user.name,
            scope=scope,
            target=target,
            on=on,
            cancel=cancel,
            requested_ns=time.time_ns(),
        )

    async def resume(self, user: User, scope: str, target: str) -> dict[str, Any]:
        """Let a strategy or an account go on that its throttle stopped."""
        self._require(user)
        return await self._client.call("resume", user.name, scope=scope, target=target)

    async def arm(self, user: User, *, on: bool) -> dict[str, Any]:
        """Arm or disarm the gate."""
        self._require(user)
        return await self._client.call("arm" if on else "disarm", user.name)

    @staticmethod
    def _require(user: User) -> None:
        if not user.may_change:
            raise NotAllowed(f"{user.name} has the role {user.role}; this needs the role risk")
