"""The console's application: REST API, script-free pages and NiceGUI pages on one FastAPI."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from nicegui import ui

from tickgate.console import api, plain
from tickgate.console.engine_client import EngineClient
from tickgate.console.guard import OriginGuard
from tickgate.console.live import Live
from tickgate.console.logins import Logins
from tickgate.console.pages import blotter, limits, overview, positions, sessions
from tickgate.console.pages.context import PageContext
from tickgate.console.service import Service
from tickgate.console.settings import ConsoleSettings
from tickgate.console.users import UserStore
from tickgate.engine.commandserver import TOKEN_FILE

PAGES: dict[str, Callable[[PageContext], None]] = {
    "/": overview.show,
    "/limits": limits.show,
    "/blotter": blotter.show,
    "/positions": positions.show,
    "/sessions": sessions.show,
}

RECONNECT_S = 30.0
"""How long a page that lost its socket may come back as it was, before it loads anew."""


def create(settings: ConsoleSettings) -> OriginGuard:
    """The ASGI application."""
    client = EngineClient(settings.command_socket, settings.state_dir / TOKEN_FILE)
    live = Live(client)
    logins = Logins(UserStore(settings.users_file))
    service = Service(client)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        poller = asyncio.create_task(live.run())
        yield
        poller.cancel()

    app = FastAPI(
        title="Tickgate console",
        docs_url="/api/docs",
        openapi_url="/api/openapi.json",
        lifespan=lifespan,
    )
    app.include_router(api.router(logins, live, service))
    app.include_router(plain.router(logins, service, settings.environment))
    for path, show in PAGES.items():
        _add_page(path, show, live, logins, service, settings.environment)
    ui.run_with(
        app,
        title="Tickgate",
        language="en-US",
        mount_path="/",
        storage_secret=secrets.token_urlsafe(32),
        show_welcome_message=False,
        reconnect_timeout=RECONNECT_S,
    )
    return OriginGuard(app)


def _add_page(
    path: str,
    show: Callable[[PageContext], None],
    live: Live,
    logins: Logins,
    service: Service,
    environment: str,
) -> None:
    @ui.page(path)
    def page(request: Request) -> Response | None:
        user = logins.user(request.cookies.get(api.COOKIE), time.time_ns())
        if user is None:
            return RedirectResponse("/login", 303)
        show(PageContext(live, service, user, environment))
        return None
