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
gap        packets                leaves out the next packets of the feed (1 unless given)
stop                              ends the day and the process
=========  =====================  ================================================================
"""

import asyncio
import json
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tickgate_sim.exchange.clock import DayClock
from tickgate_sim.exchange.core import Exchange
from tickgate_sim.exchange.gateway import Gateway
from tickgate_sim.exchange.multicast import FeedSender
from tickgate_sim.exchange.ports import Port, channel_and_number

MAX_GAP = 1_000_000


class AdminError(ValueError):
    """A request that cannot be carried out, and why."""


class Admin:
    """Carries out admin requests."""

    def __init__(
        self,
        exchange: Exchange,
        gateway: Gateway,
        sender: FeedSender,
        clock: DayClock,
        stop: Callable[[], None],
    ) -> None:
        self._exchange = exchange
        self._gateway = gateway
        self._sender = sender
        self._clock = clock
        self._stop = stop
        self._server: asyncio.Server | None = None
        self._path: Path | None = None
        self._commands: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "records": self._records,
            "stats": self._stats,
            "start": self._start,
            "halt": self._halt,
            "resume": self._resume,
            "gap": self._gap,
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
                "packets": self._sender.sent,
                "packets_gapped": self._sender.gapped,
                "packets_failed": self._sender.failed,
                "packets_queued": self._sender.queued,
            },
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

    def _gap(self, request: Mapping[str, Any]) -> dict[str, Any]:
        packets = request.get("packets", 1)
        if type(packets) is not int or not 1 <= packets <= MAX_GAP:
            raise AdminError(f"packets must be an integer from 1 to {MAX_GAP}, not {packets!r}")
        self._sender.gap(packets)
        return {}

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


def _remove_stale(path: Path) -> None:
    """Remove the socket of a process that is gone; leave one that answers to its owner."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
