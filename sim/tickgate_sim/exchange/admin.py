"""The admin channel: JSON lines over a UNIX socket that only the same user can open.

Each request is an object with ``command`` and its arguments, each reply an object with ``ok`` and
either the result or ``error``. A bad request gets an error and changes nothing.

=========  =====================  ================================================================
command    arguments              does
=========  =====================  ================================================================
records                           the exchange's own books, per user (see ``describe_port``)
stats                             counters of feed, gateway, engine and each port
start                             opens the day, if ``auto_start`` is off
halt       symbol, reason         halts a symbol (reason: up to 4 letters, optional)
resume     symbol                 resumes it
notice     kind, symbol, values   publishes an ITCH message that changes no order (see ``feed``)
gap        packets                leaves out the next packets of every line (1 unless given)
line       line, settings         changes settings of line A, B or both (see ``LineSettings``)
cut        line, packets          cuts line A, B or both: for that many packets, or until mended
mend       line                   ends a cut of line A, B or both
rerequest  per_second, loss_ppm   changes the re-request server's limits, those that are given
stop                              ends the day and the process
=========  =====================  ================================================================
"""

import asyncio
import json
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol

from tickgate_sim.exchange.clock import DayClock
from tickgate_sim.exchange.core import Exchange
from tickgate_sim.exchange.gateway import Gateway
from tickgate_sim.exchange.glimpse import GlimpseServer
from tickgate_sim.exchange.impairment import MILLION, LineSettings
from tickgate_sim.exchange.lines import FeedLines, Line
from tickgate_sim.exchange.ports import Port, channel_and_number
from tickgate_sim.exchange.rerequest import Rerequests

MAX_GAP = MILLION
BOTH = "both"


class Venue(Protocol):
    """The parts of a running exchange that commands act on."""

    exchange: Exchange
    gateway: Gateway
    lines: FeedLines
    rerequests: Rerequests
    glimpse: GlimpseServer
    clock: DayClock


class AdminError(ValueError):
    """A request that cannot be carried out, and why."""


class Admin:
    """Carries out admin requests."""

    def __init__(self, venue: Venue, stop: Callable[[], None]) -> None:
        self._exchange = venue.exchange
        self._gateway = venue.gateway
        self._lines = venue.lines
        self._rerequests = venue.rerequests
        self._glimpse = venue.glimpse
        self._clock = venue.clock
        self._stop = stop
        self._server: asyncio.Server | None = None
        self._path: Path | None = None
        self._commands: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "records": self._records,
            "stats": self._stats,
            "start": self._start,
            "halt": self._halt,
            "resume": self._resume,
            "notice": self._notice,
            "gap": self._gap,
            "line": self._line,
            "cut": self._cut,
            "mend": self._mend,
            "rerequest": self._rerequest,
            "stop": self._stop_all,
        }

    async def listen(self, path: Path) -> None:
        """Listen on ``path``; a socket that nobody serves any more is replaced.

        Raises OSError if the path is in use or cannot be made.
        """
        _remove_stale(path)
        old_mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, path)
        finally:
            os.umask(old_mask)
        self._path = path

    def close(self) -> None:
        """Stop to listen and remove the socket."""
        if self._server is not None:
            self._server.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def answer(self, line: bytes) -> dict[str, Any]:
        """The reply to one request line."""
        try:
            request = _parse(line)
            if not isinstance(request, dict):
                raise AdminError(f"a request must be an object, not {request!r}")
            name = request.get("command")
            command = self._commands.get(name) if isinstance(name, str) else None
            if command is None:
                raise AdminError(
                    f"command must be one of {', '.join(self._commands)}, not {name!r}"
                )
            return {"ok": True, **command(request)}
        except ValueError as error:
            return {"ok": False, "error": str(error)}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(self.answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):  # gone, or a line longer than the reader takes
            pass
        finally:
            writer.close()

    def _records(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"users": {name: self._describe(port) for name, port in self._ports.items()}}

    @property
    def _ports(self) -> Mapping[str, Port]:
        return self._exchange.ports

    def _describe(self, port: Port) -> dict[str, Any]:
        return describe_port(self._exchange, port, self._clock)

    def _stats(self, request: Mapping[str, Any]) -> dict[str, Any]:
        market = self._exchange.engine.market
        return {
            "open": market.is_open,
            "halted": sorted(market.halted),
            "time_utc_ns": self._clock.utc_ns(self._clock()),
            "feed": {
                "messages": self._exchange.stream.next_sequence - 1,
                **self._lines.describe(),
            },
            "rerequest": {
                "per_second": self._rerequests.per_second,
                "loss_ppm": self._rerequests.loss_ppm,
                **self._rerequests.counts,
            },
            "glimpse": {**self._glimpse.counts, "connected": len(self._glimpse.connections)},
            "gateway": {**self._gateway.counts, "connected": len(self._gateway.connections)},
            "engine": {
                "live_orders": self._exchange.engine.live_count,
                "ignored": dict(self._exchange.engine.ignored),
            },
            "ports": {
                name: {"sequenced_messages": len(port.history), "ignored": dict(port.ignored)}
                for name, port in self._ports.items()
            },
        }

    def _start(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._exchange.open(self._clock())
        return {}

    def _halt(self, request: Mapping[str, Any]) -> dict[str, Any]:
        reason = request.get("reason", "")
        if not isinstance(reason, str) or len(reason) > 4 or not reason.isascii():
            raise AdminError(f"reason must be at most 4 ASCII letters, not {reason!r}")
        self._exchange.halt(_symbol(request), self._clock(), reason)
        return {}

    def _resume(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._exchange.resume(_symbol(request), self._clock())
        return {}

    def _notice(self, request: Mapping[str, Any]) -> dict[str, Any]:
        kind, values = request.get("kind"), request.get("values", {})
        if not isinstance(kind, str) or not isinstance(values, dict):
            raise AdminError(f"kind must be a text and values an object, not {kind!r}, {values!r}")
        symbol = _symbol(request) if "symbol" in request else ""
        self._exchange.notice(kind, symbol, values, self._clock())
        return {}

    def _gap(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._lines.gap(_number(request, "packets", 1, MAX_GAP, default=1))
        return {}

    def _line(self, request: Mapping[str, Any]) -> dict[str, Any]:
        settings = {k: v for k, v in request.items() if k not in ("command", "line")}
        known = {item.name for item in fields(LineSettings)}
        if not settings or not set(settings) <= known:
            raise AdminError(f"settings must be among {sorted(known)}, not {sorted(settings)}")
        for line in self._named(request):
            line.change(settings)
        return {}

    def _cut(self, request: Mapping[str, Any]) -> dict[str, Any]:
        packets = None
        if "packets" in request:
            packets = _number(request, "packets", 1, MAX_GAP)
        for line in self._named(request):
            line.impairment.start_cut(packets)
        return {}

    def _mend(self, request: Mapping[str, Any]) -> dict[str, Any]:
        for line in self._named(request):
            line.impairment.end_cut()
        return {}

    def _rerequest(self, request: Mapping[str, Any]) -> dict[str, Any]:
        server = self._rerequests
        per_second = _number(request, "per_second", 0, MILLION, default=server.per_second)
        server.loss_ppm = _number(request, "loss_ppm", 0, MILLION, default=server.loss_ppm)
        server.per_second = per_second
        return {}

    def _named(self, request: Mapping[str, Any]) -> list[Line]:
        """The lines that a request is about."""
        lines = self._lines.lines
        name = request.get("line", BOTH)
        if name == BOTH:
            return list(lines.values())
        if not isinstance(name, str) or name not in lines:
            raise AdminError(f"line must be one of {', '.join(lines)}, {BOTH}, not {name!r}")
        return [lines[name]]

    def _stop_all(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._stop()
        return {}


def describe_port(exchange: Exchange, port: Port, clock: DayClock) -> dict[str, Any]:
    """The exchange's truth about one user.

    Positions in shares, cash and prices in 1/10000 USD (cash is negative after buying), times UTC
    nanoseconds since the epoch; ``inbound`` counts decoded messages by OUCH type.
    """
    book = exchange.records.book(port.owner)
    return {
        "positions": dict(book.positions),
        "cash": book.cash,
        "fills": [
            {
                "match_number": fill.match_number,
                **_order_id(fill.token),
                "symbol": fill.symbol,
                "side": fill.side,
                "qty": fill.quantity,
                "price": fill.price,
                "liquidity": fill.liquidity,
                "time_utc_ns": clock.utc_ns(fill.time),
            }
            for fill in book.fills
        ],
        "open_orders": [
            {
                **_order_id(order.token),
                "order_reference_number": order.reference,
                "symbol": order.symbol,
                "side": order.side,
                "qty": order.open,
                "price": order.price,
            }
            for order in exchange.engine.live_orders(port.owner)
        ],
        "inbound": {
            kind: {"count": arrivals.count, "last_utc_ns": clock.utc_ns(arrivals.last)}
            for kind, arrivals in port.arrivals.items()
        },
        "ignored": dict(port.ignored),
    }


def _order_id(token: int) -> dict[str, int]:
    channel, number = channel_and_number(token)
    return {"user_ref_num": number, "user_ref_idx": channel}


def _parse(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise AdminError(f"a request must be one line of JSON: {error}") from error


def _symbol(request: Mapping[str, Any]) -> str:
    symbol = request.get("symbol")
    if not isinstance(symbol, str):
        raise AdminError(f"symbol must be a text, not {symbol!r}")
    return symbol


def _number(
    request: Mapping[str, Any], name: str, low: int, high: int, default: int | None = None
) -> int:
    value = request.get(name, default)
    if type(value) is not int or not low <= value <= high:
        raise AdminError(f"{name} must be an integer from {low} to {high}, not {value!r}")
    return value


def _remove_stale(path: Path) -> None:
    """Remove the socket of a process that is gone; leave one that answers to its owner."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
