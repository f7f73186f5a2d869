"""The exchange as a process: multicast feed, OUCH listener, admin socket, timers, clean stop."""

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tickgate_sim.exchange.admin import Admin
from tickgate_sim.exchange.clock import SECOND_NS, DayClock
from tickgate_sim.exchange.config import ConfigError, ExchangeConfig, load
from tickgate_sim.exchange.core import Exchange
from tickgate_sim.exchange.gateway import Gateway
from tickgate_sim.exchange.multicast import FeedSender, open_multicast

FEED_HEARTBEAT_NS = SECOND_NS
"""moldudp64.md, Rules."""
SHORTEST_WAIT_S = 0.001
"""Background actions that are due within this time run together."""
BACKLOG_NS = SECOND_NS
"""Background flow older than this is left out after the process could not run."""
END_OF_SESSION_PACKETS = 3
END_OF_SESSION_INTERVAL_S = 0.05


class ExchangeServer:
    """One exchange with its sockets, inside a running asyncio loop."""

    def __init__(self, config: ExchangeConfig) -> None:
        self.config = config
        self.clock = DayClock()
        self.sender = FeedSender(
            open_multicast(config.mcast_interface, config.mcast_ttl),
            (config.mcast_group, config.mcast_port),
            config.feed_packets_per_second,
        )
        self.exchange = Exchange(config, self.sender.send)
        self.gateway = Gateway(
            self.exchange,
            self.clock,
            session=config.session,
            heartbeat_ms=config.heartbeat_ms,
            client_timeout_ms=config.client_timeout_ms,
        )
        self.ouch_port = 0
        self._stopping = asyncio.Event()
        self._admin = Admin(
            self.exchange, self.gateway, self.sender, self.clock, self._stopping.set
        )

    async def start(self) -> None:
        """Open the listeners and, with ``auto_start``, the day. Raises OSError."""
        try:
            if self.config.admin_socket is not None:
                await self._admin.listen(Path(self.config.admin_socket))
            self.ouch_port = await self.gateway.listen(self.config.ouch_host, self.config.ouch_port)
        except OSError:
            self._admin.close()
            self.sender.close()
            raise
        if self.config.auto_start:
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
        return {
            "ready": True,
            "ouch_host": self.config.ouch_host,
            "ouch_port": self.ouch_port,
            "mcast": f"{self.config.mcast_group}:{self.config.mcast_port}",
            "mcast_interface": self.config.mcast_interface,
            "session": self.config.session,
            "admin": self.config.admin_socket,
        }

    async def _flow(self) -> None:
        while True:
            now = self.clock()
            due = self.exchange.advance(now, backlog=BACKLOG_NS)
            wait_ns = SECOND_NS // 10 if due is None else due - self.clock()
            await asyncio.sleep(max(SHORTEST_WAIT_S, wait_ns / SECOND_NS))

    async def _heartbeats(self) -> None:
        while True:
            idle_ns = time.monotonic_ns() - self.sender.last_sent_ns
            if idle_ns >= FEED_HEARTBEAT_NS:
                self.sender.send([self.exchange.stream.heartbeat()], data=False)
                idle_ns = 0
            await asyncio.sleep((FEED_HEARTBEAT_NS - idle_ns) / SECOND_NS)

    async def _end(self) -> None:
        self.exchange.close(self.clock())
        await self.gateway.end_session()
        for _ in range(END_OF_SESSION_PACKETS):
            self.sender.send([self.exchange.stream.end_of_session()], data=False)
            await asyncio.sleep(END_OF_SESSION_INTERVAL_S)
        self.sender.close()
        self._admin.close()


async def serve(config: ExchangeConfig, announce: Callable[[dict[str, Any]], None]) -> None:
    """Run an exchange until SIGTERM, SIGINT or the admin command stop. Raises OSError."""
    server = ExchangeServer(config)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.request_stop)
    await server.start()
    announce(server.ready())
    await server.run()


def main(config_path: str | Path | None = None, **settings: Any) -> None:
    """Run an exchange in this process, from a TOML file or from fields of ExchangeConfig.

    Prints one line of JSON (``ExchangeServer.ready``) on stdout when clients may come. Raises
    ConfigError for settings that cannot work, OSError for addresses that cannot be used.
    """
    if (config_path is None) == (not settings):
        raise ConfigError("give either a configuration file or settings")
    config = load(Path(config_path)) if config_path is not None else ExchangeConfig(**settings)
    asyncio.run(serve(config, lambda ready: print(json.dumps(ready), flush=True)))


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
    except (ConfigError, OSError) as error:
        print(f"exchange: {error}", file=sys.stderr)
        return 1
    return 0
