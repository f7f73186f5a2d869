"""Pages without scripts: log-in, log-out, and a kill switch that works when nothing else on the
page does."""

import html
import time
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from tickgate.console import text
from tickgate.console.api import COOKIE
from tickgate.console.engine_client import EngineRefused, EngineUnavailable
from tickgate.console.logins import ABSOLUTE_NS, LoginRefused, Logins
from tickgate.console.service import NotAllowed, Service
from tickgate.engine.kills import SCOPES

STYLE = """
body{font-family:Inter,"Segoe UI",system-ui,sans-serif;background:#101a26;color:#16202c;margin:0;
display:grid;place-items:center;min-height:100vh}
main{background:#fff;border-radius:10px;padding:30px 34px;width:340px}
h1{font-size:21px;margin:0 0 2px} p{color:#5b6b7d;font-size:14px;margin:0 0 18px}
label{display:block;font-size:13px;font-weight:600;margin:12px 0 4px}
input,select{width:100%;box-sizing:border-box;padding:10px;border:1px solid #b7c3d0;
border-radius:6px;font-size:15px}
button{margin-top:20px;width:100%;padding:12px;border:0;border-radius:6px;background:#0b62a8;
color:#fff;font-size:15px;font-weight:600;cursor:pointer} .kill{background:#b3261e}
.error{background:#ffd5cf;color:#7a120b;border-radius:6px;padding:9px 12px;font-size:14px}
"""


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        f"<!doctype html><html lang=en-US><head><meta charset=utf-8><title>{title}</title>"
        f"<meta name=viewport content='width=device-width'><style>{STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>",
        status,
    )


def _login_form(environment: str, error: str = "") -> HTMLResponse:
    message = f"<div class=error role=alert>{html.escape(error)}</div>" if error else ""
    return _page(
        "Tickgate: log in",
        f"<h1>Tickgate</h1><p>{html.escape(environment)} console</p>{message}"
        "<form method=post action=/login><label for=user>User</label>"
        "<input id=user name=user autocomplete=username required autofocus>"
        "<label for=password>Password</label>"
        "<input id=password name=password type=password autocomplete=current-password required>"
        "<button type=submit>Log in</button></form>",
        401 if error else 200,
    )


def router(logins: Logins, service: Service, environment: str) -> APIRouter:
    """Routes ``/login``, ``/logout`` and ``/kill``."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/login")
    def login_page() -> HTMLResponse:
        return _login_form(environment)

    @routes.post("/login", response_model=None)
    def log_in(
        user: Annotated[str, Form(max_length=32)], password: Annotated[str, Form(max_length=256)]
    ) -> HTMLResponse | RedirectResponse:
        try:
            token = logins.log_in(user, password, time.time_ns())
        except LoginRefused as error:
            return _login_form(environment, str(error))
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE, token, max_age=ABSOLUTE_NS // 10**9, httponly=True, samesite="strict"
        )
        return answer

    @routes.get("/logout")
    def log_out(request: Request) -> RedirectResponse:
        logins.log_out(request.cookies.get(COOKIE))
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE)
        return answer

    @routes.get("/kill", response_model=None)
    def kill_page(request: Request) -> HTMLResponse | RedirectResponse:
        if logins.user(request.cookies.get(COOKIE), time.time_ns()) is None:
            return RedirectResponse("/login", 303)
        options = "".join(f"<option>{scope}</option>" for scope in SCOPES)
        return _page(
            "Tickgate: kill switch",
            "<h1>Kill switch</h1><p>Works without scripts. Cancels still pass.</p>"
            "<form method=post action=/kill><label for=scope>Scope</label>"
            f"<select id=scope name=scope>{options}</select>"
            "<label for=target>Which (CompID, account, symbol or strategy)</label>"
            "<input id=target name=target><label for=word>Type KILL or RELEASE</label>"
            "<input id=word name=word autocomplete=off required>"
            "<button class=kill type=submit>Change the kill switch</button></form>",
        )

    @routes.post("/kill", response_model=None)
    async def kill(
        request: Request,
        scope: Annotated[str, Form()],
        word: Annotated[str, Form()],
        target: Annotated[str, Form()] = "",
    ) -> HTMLResponse | RedirectResponse:
        user = logins.user(request.cookies.get(COOKIE), time.time_ns())
        if user is None:
            return RedirectResponse("/login", 303)
        if word not in ("KILL", "RELEASE"):
            message = "<div class=error>Type KILL or RELEASE.</div>"
            return _page("Tickgate: not changed", message, 422)
        try:
            result = await service.kill(
                user, scope, target or None, on=word == "KILL", cancel=False
            )
        except (EngineRefused, EngineUnavailable, NotAllowed, ValueError) as error:
            return _page(
                "Tickgate: not changed", f"<div class=error>{html.escape(str(error))}</div>", 422
            )
        took = text.duration(result["confirmed_ns"] - result["requested_ns"])
        done = "on" if word == "KILL" else "off"
        return _page("Tickgate: done", f"<h1>Kill switch {done}</h1><p>Confirmed after {took}.</p>")

    return routes
