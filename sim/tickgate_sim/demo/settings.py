"""The demo's market and clients, and the files from which each process is configured."""

import json
import secrets
import socket
from dataclasses import dataclass, field
from pathlib import Path

from tickgate_sim.wire.frames import CARD

SYMBOLS = {"AAPL": 1_893_100, "MSFT": 4_101_200, "NVDA": 1_312_500, "TSLA": 2_482_000}
"""Symbol and opening price in 1/10000 USD."""
GROUPS = "DESK1", "DESK2"
"""Of client accounts, in turn."""
CLEARING_FIRM = "CLEAR"
FIRST_ALGO_ID = 1001
"""Of the first client's strategy; the next one's is one more."""
FEED_GROUP = "239.192.0.1"
FEED_GROUP_B = "239.192.0.2"
RECOVERY_HOST = "127.0.0.1"
"""Where the engine asks for what the feed lost; the wire makes it reach the exchange."""
GLIMPSE_USER = "GATE"
VENUE_USER = "TGATE"
VENUE_FIRM = "TICK"
BACKGROUND_MESSAGES_PER_S = 300


@dataclass(frozen=True)
class Client:
    """One FIX client: its session, its account and how it behaves."""

    comp_id: str
    account: str
    behaviour: str
    duplicate_window_ms: int = 5
    max_executions: int = 1_000_000
    """Of its strategy, until a person lets it go on."""
    password: str = field(default_factory=lambda: secrets.token_urlsafe(9), repr=False)

    @property
    def strategy(self) -> str:
        """Name of what decides on its orders: how it behaves."""
        return self.behaviour.upper().replace(" ", "-")


def default_clients() -> tuple[Client, ...]:
    """A market maker, a taker, and one whose fingers slip."""
    return (
        Client("ALPHA", "MAKER", "market maker"),
        Client("BRAVO", "TAKER", "taker"),
        Client("CHARLIE", "FINGER", "fat finger"),
    )


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Settings:
    """Everything that one run needs; ``folder`` holds its files, sockets and logs."""

    folder: Path
    exchange_address: str
    """Where the exchange binds and sends: the namespace's address, or loopback."""
    clients: tuple[Client, ...] = field(default_factory=default_clients)
    venue_password: str = field(default_factory=lambda: secrets.token_hex(5), repr=False)
    seed: int = 1
    watchdog_cancel_ms: int = 60_000
    """Longer than an engine that is started again needs: its orders rest meanwhile."""
    fix_port: int = field(default_factory=free_port)
    ouch_port: int = field(default_factory=free_port)
    glimpse_password: str = field(default_factory=lambda: secrets.token_hex(5), repr=False)
    feed_port: int = field(default_factory=free_port)
    feed_port_b: int = field(default_factory=free_port)
    rerequest_port: int = field(default_factory=free_port)
    glimpse_port: int = field(default_factory=free_port)
    console_port: int = field(default_factory=free_port)

    @property
    def wire_socket(self) -> Path:
        """Where the card asks for its network."""
        return self.folder / "wire.sock"

    @property
    def card_socket(self) -> Path:
        """Where the engine attaches to the card."""
        return self.folder / "card.sock"

    @property
    def admin_socket(self) -> Path:
        """The exchange's admin channel."""
        return self.folder / "exchange.sock"

    @property
    def command_socket(self) -> Path:
        """The engine's command channel."""
        return self.folder / "engine.sock"

    @property
    def state_dir(self) -> Path:
        """The engine's state."""
        return self.folder / "state"

    def write(self) -> None:
        """Write the configuration files of all processes into ``folder``."""
        (self.folder / "exchange.toml").write_text(self._exchange())
        (self.folder / "engine.toml").write_text(self._engine())
        (self.folder / "limits.toml").write_text(self._limits())
        (self.folder / "console.toml").write_text(self._console())

    def _exchange(self) -> str:
        lines = [
            f"seed = {self.seed}",
            "auto_start = false",
            f'mcast_group = "{FEED_GROUP}"',
            f"mcast_port = {self.feed_port}",
            f'mcast_group_b = "{FEED_GROUP_B}"',
            f"mcast_port_b = {self.feed_port_b}",
            f'mcast_interface = "{self.exchange_address}"',
            f'glimpse_username = "{GLIMPSE_USER}"',
            f'glimpse_password = "{self.glimpse_password}"',
            f'ouch_host = "{self.exchange_address}"',
            f"ouch_port = {self.ouch_port}",
            f"messages_per_second = {BACKGROUND_MESSAGES_PER_S}",
            f"admin_socket = {json.dumps(str(self.admin_socket))}",
            "[[accounts]]",
            f'username = "{VENUE_USER}"',
            f'password = "{self.venue_password}"',
            f'firm = "{VENUE_FIRM}"',
        ]
        for name, price in SYMBOLS.items():
            lines += ["[[symbols]]", f'name = "{name}"', f"price = {price}"]
        return "\n".join(lines) + "\n"

    def _engine(self) -> str:
        lines = [
            "[engine]",
            f'state_dir = "{self.state_dir.name}"',
            f'command_socket = "{self.command_socket.name}"',
            'limits = "limits.toml"',
            f"symbols = {json.dumps(list(SYMBOLS))}",
            f"groups = {json.dumps(list(GROUPS))}",
            f"clearing_firms = {json.dumps([CLEARING_FIRM])}",
            f"strategies = {json.dumps([client.strategy for client in self.clients])}",
            "watchdog_ms = 5000",
            f"watchdog_cancel_ms = {self.watchdog_cancel_ms}",
            "[card]",
            f'socket = "{self.card_socket.name}"',
            "[venue]",
            'name = "SIMX"',
            f'user = "{VENUE_USER}"',
            f'password = "{self.venue_password}"',
            f'firm = "{VENUE_FIRM}"',
            "[feed]",
            f'a = "{FEED_GROUP}:{self.feed_port}"',
            f'b = "{FEED_GROUP_B}:{self.feed_port_b}"',
            f'address = "{CARD.address}"',
            f'mac = "{CARD.mac.hex(":")}"',
            f'rerequest = ["{RECOVERY_HOST}:{self.rerequest_port}"]',
            f'glimpse = "{RECOVERY_HOST}:{self.glimpse_port}"',
            f'glimpse_user = "{GLIMPSE_USER}"',
            f'glimpse_password = "{self.glimpse_password}"',
            "[fix]",
            f'listen = "127.0.0.1:{self.fix_port}"',
            'comp_id = "TICKGATE"',
        ]
        for client in self.clients:
            lines += [
                "[[fix.sessions]]",
                f'comp_id = "{client.comp_id}"',
                f'account = "{client.account}"',
                f'strategy = "{client.strategy}"',
                f'password = "{client.password}"',
            ]
        return "\n".join(lines) + "\n"

    def _limits(self) -> str:
        lines = ["[warnings]", "percent = [80, 95]"]
        for owner in (
            "firm",
            f"clearing_firms.{CLEARING_FIRM}",
            *(f"groups.{name}" for name in GROUPS),
        ):
            lines += [
                f"[{owner}]",
                'gross_credit = "100000000000.00"',
                'net_credit = "80000000.00"',
            ]
        for client in self.clients:
            lines += [f"[sessions.{client.comp_id}]", "rate = 60", "burst = 30"]
        for number, client in enumerate(self.clients):
            lines += [
                f"[strategies.{client.strategy}]",
                f"algo_id = {FIRST_ALGO_ID + number}",
                f"max_executions = {client.max_executions}",
            ]
        for number, client in enumerate(self.clients):
            lines += [
                f"[accounts.{client.account}]",
                f'group = "{GROUPS[number % len(GROUPS)]}"',
                f'clearing_firm = "{CLEARING_FIRM}"',
                'permissions = ["buy", "sell", "short", "day", "ioc"]',
                'symbols = "all"',
                "max_quantity = 2000",
                'max_value = "500000.00"',
                "rate = 60",
                "burst = 30",
                f"duplicate_window = {client.duplicate_window_ms}",
                "cancel_rate = 40",
                "cancel_burst = 20",
                "max_orders = 1000",
                "max_open_quantity = 100000",
                'max_open_value = "20000000.00"',
                "max_day_quantity = 1000000000",
                'max_day_value = "50000000000.00"',
                'gross_credit = "50000000000.00"',
                'net_credit = "20000000.00"',
                "max_long = 2500",
                "max_short = 2500",
                "locates = 2000000000",
                "max_rejects = 1000",
            ]
        for name in SYMBOLS:
            lines += [f"[symbols.{name}]", 'collar = "2.00"', 'tick = "0.01"', "lot = 1"]
            lines += ["rate = 500", "burst = 250"]
            # Nothing uploads references here.
            lines.append('waived = ["national", "luld", "window"]')
        return "\n".join(lines) + "\n"

    def _console(self) -> str:
        return "\n".join(
            [
                "[console]",
                'host = "127.0.0.1"',
                f"port = {self.console_port}",
                f'state_dir = "{self.state_dir.name}"',
                f'command_socket = "{self.command_socket.name}"',
                'users_file = "users.json"',
                'environment = "SIMULATED CARD AND VENUE"',
                "",
            ]
        )
