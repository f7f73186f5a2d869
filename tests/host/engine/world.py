"""An engine on real sockets with its card, venue and clients, and the limits that it has."""

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tickgate.engine.client import ask
from tickgate.engine.config import EngineConfig, SessionSettings
from tickgate.engine.engine import Engine
from tickgate.engine.feedconfig import FeedConfig

from tests.host.engine.card import Card
from tests.host.engine.client import Client
from tests.host.engine.venue import Venue
from tests.limits_text import shared_tables, symbol_table

ACCOUNT_LIMITS = """
group = "DESK"
clearing_firm = "CLEAR"
permissions = ["buy", "sell", "short", "short_exempt", "day", "ioc", "iso"]
symbols = "all"
max_quantity = 1000
max_value = "1000000.00"
rate = 100
burst = 100
duplicate_window = 0
cancel_rate = 65535
cancel_burst = 65535
max_orders = 1000
max_open_quantity = 1000000
max_open_value = "1000000000.00"
max_day_quantity = 1000000
max_day_value = "1000000000.00"
gross_credit = "1000000000.00"
net_credit = "1000000000.00"
max_long = 10000
max_short = 10000
locates = 100000
max_rejects = 3
"""
LIMITS = f"""
[accounts.ALPHA]{ACCOUNT_LIMITS}
[accounts.BETA]{ACCOUNT_LIMITS}
{symbol_table("AAPL", "1.00")}{symbol_table("MSFT", "1.00")}
{shared_tables("1000000000.00", "C1", "C2")}
[strategies.OTHER]
algo_id = 1002
max_executions = 2
"""


class World:
    """One engine with its card, venue and clients; ``restart`` is a SIGKILL and a new start."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "limits.toml").write_text(LIMITS)
        self.venue = Venue()
        self.card = Card(self.venue)
        self.config = EngineConfig(
            state_dir=directory / "state",
            command_socket=directory / "engine.sock",
            limits_file=directory / "limits.toml",
            symbols=("AAPL", "MSFT"),
            groups=("DESK",),
            clearing_firms=("CLEAR",),
            strategies=("ALGO", "OTHER"),
            durability="memory",
            watchdog_ms=1000,
            watchdog_cancel_ms=2000,
            lease_ms=30_000,
            card_socket=directory / "card.sock",
            ring_log2=(8, 8, 8),
            venue_name="TEST",
            venue_user="U",
            venue_password="P",
            venue_firm="TICK",
            fix_host="127.0.0.1",
            fix_port=0,
            fix_comp_id="TICKGATE",
            heartbeat_s=30,
            sessions=(
                SessionSettings("C1", "ALPHA", "ALGO"),
                SessionSettings("C2", "BETA", "ALGO", "secret"),
            ),
            feed=FeedConfig(("239.0.0.1", 1)),
        )
        self.engine: Engine | None = None

    def start(self, *, armed: bool = True) -> Engine:
        self.engine = Engine(self.config, self.attach)
        if armed:
            self.until(lambda: self.card.armed and self.engine.link.phase == "armed")
        return self.engine

    def attach(self) -> Card:
        self.card.check()
        return self.card

    def turn(self) -> None:
        self.engine.turn(0.001)

    def until(self, true: Callable[[], Any], timeout_s: float = 10.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not true():
            assert time.monotonic() < deadline, "it did not become true"
            self.turn()

    def lose_card(self) -> None:
        """Let the card die, until the engine has let go of it."""
        self.card.dead = True
        self.until(lambda: self.engine.link.card is None)

    def kill(self) -> None:
        """End the engine as SIGKILL would: nothing written, nothing said."""
        engine = self.engine
        for key in list(engine.selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        for store in engine.fix._stores.values():
            store._buffer.clear()
            store.close()
        os.close(engine.journal._lock)
        self.engine = None

    def client(self, comp_id: str = "C1") -> Client:
        return Client(self.engine.fix_address, comp_id, self.turn)

    def trader(self) -> Client:
        client = self.client()
        client.logon()
        return client

    def killed_before_an_order_left(self) -> Client:
        """Start, and end the engine when it has an order that it has not shown the card; its
        client, whose order it is."""
        self.start()
        client = self.trader()
        self.card.ring_doorbell = lambda: None
        client.order("1")
        self.until(lambda: self.engine.core.orders.orders)
        self.kill()
        del self.card.ring_doorbell
        return client

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Ask the engine as another process would."""
        import threading

        answers: list[Any] = []

        def call() -> None:
            try:
                config = self.config
                answers.append(
                    ask(config.command_socket, config.state_dir, "tester", command, **arguments)
                )
            except Exception as error:
                answers.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        self.until(lambda: answers)
        thread.join()
        if isinstance(answers[0], Exception):
            raise answers[0]
        return answers[0]
