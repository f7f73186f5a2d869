"""The REST API: what the pages can do, for programs. OpenAPI at ``/api/docs``."""

import time
from collections.abc import Awaitable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Request
from pydantic import BaseModel, Field

from tickgate.console.engine_client import EngineRefused, EngineUnavailable
from tickgate.console.live import Live
from tickgate.console.logins import LoginRefused, Logins
from tickgate.console.service import NotAllowed, Service
from tickgate.console.users import User
from tickgate.engine.commands import WHY_MAX

COOKIE = "tickgate_token"


class Credentials(BaseModel):
    """Who logs in."""

    user: str = Field(max_length=32)
    password: str = Field(max_length=256)


class Token(BaseModel):
    """Bearer token of a log-in; it ends after 15 idle minutes or 8 hours."""

    token: str


class KillRequest(BaseModel):
    """One change of the kill switch."""

    scope: str = Field(description="all, session, account, symbol or strategy")
    target: str | None = Field(None, description="CompID or name; null for all")
    on: bool = True
    cancel: bool = Field(False, description="also cancel the scope's open orders")


class ResumeRequest(BaseModel):
    """Who may go on."""

    scope: str = Field(description="strategy or account")
    target: str = Field(description="its name")


class LimitsRequest(BaseModel):
    """A whole limits file."""

    toml: str = Field(max_length=1_000_000)


class RollBackRequest(BaseModel):
    """Back to the limits that were in force before."""

    why: str = Field("", max_length=WHY_MAX, description="reason, for the journal")
    previous: int | None = Field(
        None, description="generation that is expected to be restored; refused if another would be"
    )


def token_of(request: Request, authorization: str | None) -> str | None:
    """The token of a request: a bearer header, or the pages' cookie."""
    if authorization and authorization.startswith("Bearer "):
        return authorization.removeprefix("Bearer ")
    return request.cookies.get(COOKIE)


async def answer(work: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    """Result of a service call, with its errors as HTTP statuses."""
    try:
        return await work
    except NotAllowed as error:
        raise HTTPException(403, str(error)) from error
    except (EngineRefused, ValueError) as error:
        raise HTTPException(422, str(error)) from error
    except EngineUnavailable as error:
        raise HTTPException(503, f"engine: {error}") from error


def router(logins: Logins, live: Live, service: Service) -> APIRouter:
    """Routes under ``/api/v1``."""
    routes = APIRouter(prefix="/api/v1")

    def current(request: Request, authorization: Annotated[str | None, Header()] = None) -> User:
        user = logins.user(token_of(request, authorization), time.time_ns())
        if user is None:
            raise HTTPException(401, "log in first: POST /api/v1/login")
        return user

    Current = Annotated[User, Depends(current)]

    @routes.post("/login")
    def log_in(credentials: Credentials) -> Token:
        """Log in; send the token as ``Authorization: Bearer``."""
        try:
            return Token(
                token=logins.log_in(credentials.user, credentials.password, time.time_ns())
            )
        except LoginRefused as error:
            raise HTTPException(401, str(error)) from error

    @routes.get("/state")
    def state(user: Current) -> dict[str, Any]:
        """The engine's state: card, kill switch, sessions, positions, top of book, latency."""
        if live.state is None or live.stale:
            raise HTTPException(503, live.error or "the state is stale")
        return dict(live.state)

    @routes.get("/orders")
    def orders(user: Current) -> list[dict[str, Any]]:
        """The newest orders."""
        return [dict(order) for order in live.orders]

    @routes.get("/limits")
    async def limits(user: Current) -> dict[str, Any]:
        """Limits in force."""
        return await answer(service.limits(user))

    @routes.put("/limits")
    async def set_limits(user: Current, request: LimitsRequest) -> dict[str, Any]:
        """Upload limits; they are in force when this answers."""
        return await answer(service.set_limits(user, request.toml))

    @routes.post("/limits/rollback")
    async def roll_back_limits(user: Current, request: RollBackRequest) -> dict[str, Any]:
        """Put the limits before the present ones into force again, as a new generation."""
        return await answer(service.roll_back_limits(user, request.why, request.previous))

    @routes.post("/kill")
    async def kill(user: Current, request: KillRequest) -> dict[str, Any]:
        """Engage or release the kill switch; the answer has the time of the card's read-back."""
        return await answer(
            service.kill(user, request.scope, request.target, on=request.on, cancel=request.cancel)
        )

    @routes.post("/resume")
    async def resume(user: Current, request: ResumeRequest) -> dict[str, Any]:
        """Let a strategy go on that had all its executions, or an account with too many rejects;
        the answer has what was counted."""
        return await answer(service.resume(user, request.scope, request.target))

    @routes.post("/arm")
    async def arm(user: Current) -> dict[str, Any]:
        """Open the gate; the answer has the generation of its limits, new after it was shut."""
        return await answer(service.arm(user, on=True))

    @routes.post("/disarm")
    async def disarm(user: Current) -> dict[str, Any]:
        """Disarm the gate: no new order passes."""
        return await answer(service.arm(user, on=False))

    return routes
