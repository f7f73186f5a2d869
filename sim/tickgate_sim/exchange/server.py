"""The exchange as a process: feed lines, listeners, admin socket, timers, clean stop."""

import argparse
import asyncio
import json
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tickgate_sim.exchange.admin import Admin
from tickgate_sim.exchange.clock import SECOND_NS, DayClock
from tickgate_sim.exchange.config import ConfigError, ExchangeConfig, load
from tickgate_sim.exchange.core import Exchange
from tickgate_sim.exchange.gateway import Gateway
from tickgate_sim.exchange.glimpse import GlimpseServer
from tickgate_sim.exchange.impairment import Impairment
from tickgate_sim.exchange.lines import FeedLines, Line
from tickgate_sim.exchange.multicast import FeedSender, open_multicast
from tickgate_sim.exchange.rerequest import Rerequests, RerequestServer
from tickgate_sim.wire.sockets import GLIMPSE, REREQUEST, SocketError, inherited, open_bound

FEED_HEARTBEAT_NS = SECOND_NS
"""moldudp64.md, Rules."""
SHORTEST_WAIT_S = 0.001
"""Background actions that are due within this time run together."""
BACKLOG_NS = SECOND_NS
"""Background flow older than this is left out after the process could not run."""
END_OF_SESSION_INTERVAL_S = 0.05


class ExchangeServer:
    """One exchange with its sockets, inside a running asyncio loop.

    ``sockets`` are bound ones to serve on instead of the addresses in the configuration (see
    ``tickgate_sim.wire.sockets``).
    """

    def __init__(
        self, config: ExchangeConfig, sockets: Mapping[str, socket.socket] | None = None
    ) -> None:
        self.config = config
        self.clock = DayClock()
        self.lines = open_lines(config)
        self.exchange = Exchange(config, self.lines.publish)
        self.gateway = Gateway(
            self.exchange,
            self.clock,
            session=config.session,
            heartbeat_ms=config.heartbeat_ms,
            client_timeout_ms=config.client_timeout_ms,
        )
        self.rerequests = Rerequests(
            self.exchange.stream,
            seed=f"{config.seed} rerequest",
            per_second=config.rerequests_per_second,
            loss_ppm=config.rerequest_loss_ppm,
        )
        self.glimpse = GlimpseServer(
            self.exchange.snapshot,
            session=config.session,
            username=config.glimpse_username,
            password=config.glimpse_password,
            max_clients=config.glimpse_max_clients,
            snapshot_timeout_ms=config.glimpse_timeout_ms,
            heartbeat_ms=config.heartbeat_ms,
            client_timeout_ms=config.client_timeout_ms,
        )
        self.ouch_port = 0
        self._sockets = dict(sockets or {})
        self._addresses: dict[str, tuple[str, int]] = {}
        self._rerequest_server = RerequestServer(self.rerequests, time.monotonic_ns)
        self._stopping = asyncio.Event()
        self._admin = Admin(self, self._stopping.set)

    async def start(self) -> None:
        """Open the listeners and, with ``auto_start``, the day. Raises OSError."""
        config = self.config
        try:
            if config.admin_socket is not None:
                await self._admin.listen(Path(config.admin_socket))
            self.ouch_port = await self.gateway.listen(config.ouch_host, config.ouch_port)
            self._addresses[REREQUEST] = self._rerequest_server.listen_on(
                self._socket(REREQUEST, (config.rerequest_host, config.rerequest_port))
            )
            self._addresses[GLIMPSE] = await self.glimpse.listen_on(
                self._socket(GLIMPSE, (config.glimpse_host, config.glimpse_port))
            )
        except OSError:
            self._admin.close()
            self._rerequest_server.close()
            self.lines.close()
            raise
        if config.auto_start:
            self.exchange.open(self.clock())

    async def run(self) -> None:
        """Trade until asked to stop, then end the session."""
        tasks = [asyncio.create_task(work()) for work in (self._flow, self._heartbeats)]
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            done, _ = await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()  # a fault in the exchange itself ends the process, loudly
        finally:
            for task in (*tasks, stopped):
                task.cancel()
            await asyncio.gather(*tasks, stopped, return_exceptions=True)
            await self._end()

    def request_stop(self) -> None:
        """Make ``run`` return, once clients and listeners have been told."""
        self._stopping.set()

    def ready(self) -> dict[str, Any]:
        """What a client needs to know: addresses in use."""
        config = self.config
        line_b = f"{config.mcast_group_b}:{config.mcast_port_b}" if config.mcast_group_b else None
        return {
            "ready": True,
            "ouch_host": config.ouch_host,
            "ouch_port": self.ouch_port,
            "mcast": f"{config.mcast_group}:{config.mcast_port}",
            "mcast_b": line_b,
            "mcast_interface": config.mcast_interface,
            **{name: f"{host}:{port}" for name, (host, port) in self._addresses.items()},
            "session": config.session,
            "admin": config.admin_socket,
        }

    def _socket(self, name: str, address: tuple[str, int]) -> socket.socket:
        return self._sockets.pop(name, None) or open_bound(name, address)

    async def _flow(self) -> None:
        while True:
            now = self.clock()
            due = self.exchange.advance(now, backlog=BACKLOG_NS)
            wait_ns = SECOND_NS // 10 if due is None else due - self.clock()
            await asyncio.sleep(max(SHORTEST_WAIT_S, wait_ns / SECOND_NS))

    async def _heartbeats(self) -> None:
        while True:
            idle_ns = time.monotonic_ns() - self.lines.last_ns
            if idle_ns >= FEED_HEARTBEAT_NS:
                self.lines.control(self.exchange.stream.heartbeat())
                idle_ns = 0
            await asyncio.sleep((FEED_HEARTBEAT_NS - idle_ns) / SECOND_NS)

    async def _end(self) -> None:
        self.exchange.close(self.clock())
        await self.gateway.end_session()
        await self.glimpse.end_session()
        until = time.monotonic() + self.config.end_of_session_ms / 1000
        while True:
            self.lines.control(self.exchange.stream.end_of_session())
            if (left := until - time.monotonic()) <= 0:
                break
            await asyncio.sleep(min(left, END_OF_SESSION_INTERVAL_S))
        self._rerequest_server.close()
        self.lines.close()
        self._admin.close()


def open_lines(config: ExchangeConfig) -> FeedLines:
    """The lines of the feed with their multicast sockets. Raises OSError."""
    wanted = {"A": (config.mcast_group, config.mcast_port, config.line_a)}
    if config.mcast_group_b:
        wanted["B"] = (config.mcast_group_b, config.mcast_port_b, config.line_b)
    return FeedLines(
        {
            name: Line(
                Impairment(settings, f"{config.seed} line {name}"),
                FeedSender(
                    open_multicast(config.mcast_interface, config.mcast_ttl),
                    (group, port),
                    config.feed_packets_per_second,
                ),
            )
            for name, (group, port, settings) in wanted.items()
        }
    )


async def serve(
    config: ExchangeConfig,
    announce: Callable[[dict[str, Any]], None],
    sockets: Mapping[str, socket.socket] | None = None,
) -> None:
    """Run an exchange until SIGTERM, SIGINT or the admin command stop. Raises OSError."""
    server = ExchangeServer(config, sockets)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.request_stop)
    await server.start()
    announce(server.ready())
    await server.run()


def main(config_path: str | Path | None = None, **settings: Any) -> None:
    """Run an exchange in this process, from a TOML file or from fields of ExchangeConfig.

    Prints one line of JSON (``ExchangeServer.ready``) on stdout when clients may come. Raises
    ConfigError for settings that cannot work, OSError for addresses that cannot be used,
    SocketError for inherited sockets that are none.
    """
    if (config_path is None) == (not settings):
        raise ConfigError("give either a configuration file or settings")
    config = load(Path(config_path)) if config_path is not None else ExchangeConfig(**settings)
    sockets = inherited()
    asyncio.run(serve(config, lambda ready: print(json.dumps(ready), flush=True), sockets))


def command(arguments: Sequence[str] | None = None) -> int:
    """The command line: ``python -m tickgate_sim.exchange --config FILE``; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tickgate_sim.exchange", description="Run the simulated exchange."
    )
    parser.add_argument(
        "--config", required=True, metavar="FILE", help="TOML, see docs/exchange.md"
    )
    path = parser.parse_args(arguments).config
    try:
        main(path)
    except (ConfigError, SocketError, OSError) as error:
        print(f"exchange: {error}", file=sys.stderr)
        return 1
    return 0
