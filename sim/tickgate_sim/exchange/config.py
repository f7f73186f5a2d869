"""What an exchange process is told at start: a TOML file or keyword arguments of ExchangeConfig."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from tickgate_sim.exchange.impairment import MILLION, LineSettings
from tickgate_sim.exchange.instruments import Instrument


class ConfigError(ValueError):
    """A setting that cannot work: which one, what it must be, what it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One order-entry port: who may log in and how its orders are treated.

    ``firm`` is the MPID shown with attributable orders and named in firm-wide requests.
    """

    username: str
    password: str
    firm: str = "TICK"
    cancel_on_disconnect: bool = False

    def __post_init__(self) -> None:
        for name, longest in (("username", 6), ("password", 10), ("firm", 4)):
            _require_word(name, getattr(self, name), longest)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeConfig:
    """Settings of the process.

    ``symbols`` are (name, reference price in 1/10000 USD, round lot). ``mcast_interface`` is the
    address of the interface the feed leaves by. Line B is off when ``mcast_group_b`` is blank;
    ``line_a`` and ``line_b`` are their faults at the start. Port 0 lets the system choose. With
    ``auto_start`` off the day begins at the admin command ``start``, when every listener is there.
    ``feed_packets_per_second`` limits the bursts of a line (the opening spin of many symbols) to
    what listeners' buffers hold. ``rerequests_per_second`` 0 is no limit; ``rerequest_loss_ppm``
    of a million answers are lost. A client must have read its snapshot in ``glimpse_timeout_ms``.
    Re-requests are answered for ``end_of_session_ms`` after the day.
    """

    symbols: tuple[tuple[str, int, int], ...]
    accounts: tuple[Account, ...]
    session: str = "TICKGATE01"
    seed: int = 1
    auto_start: bool = True
    mcast_group: str = "239.192.0.1"
    mcast_port: int = 26477
    mcast_group_b: str = "239.192.0.2"
    mcast_port_b: int = 26478
    mcast_interface: str = "127.0.0.1"
    mcast_ttl: int = 1
    feed_packets_per_second: int = 2000
    line_a: LineSettings = field(default_factory=LineSettings)
    line_b: LineSettings = field(default_factory=LineSettings)
    rerequest_host: str = "127.0.0.1"
    rerequest_port: int = 0
    rerequests_per_second: int = 0
    rerequest_loss_ppm: int = 0
    glimpse_host: str = "127.0.0.1"
    glimpse_port: int = 0
    glimpse_username: str = "GLIMPS"
    glimpse_password: str = "GLIMPSE"
    glimpse_max_clients: int = 8
    glimpse_timeout_ms: int = 30_000
    end_of_session_ms: int = 150
    ouch_host: str = "127.0.0.1"
    ouch_port: int = 0
    heartbeat_ms: int = 1000
    client_timeout_ms: int = 15_000
    messages_per_second: int = 300
    orders_per_side: int = 20
    admin_socket: str | None = None
    instruments: tuple[Instrument, ...] = field(init=False)

    def __post_init__(self) -> None:
        _require(bool(self.symbols), "symbols must name at least one symbol")
        names = [name for name, _, _ in self.symbols]
        _require(len(set(names)) == len(names), f"symbols must differ, not {names}")
        users = [account.username.upper() for account in self.accounts]
        _require(len(set(users)) == len(users), f"usernames must differ, not {users}")
        _require_word("session", self.session, 10)
        _require_word("glimpse_username", self.glimpse_username, 6)
        _require_word("glimpse_password", self.glimpse_password, 10)
        _require_address("mcast_interface", self.mcast_interface)
        _require_group("mcast_group", self.mcast_group)
        if self.mcast_group_b:
            _require_group("mcast_group_b", self.mcast_group_b)
            _require(
                (self.mcast_group, self.mcast_port) != (self.mcast_group_b, self.mcast_port_b),
                f"lines A and B must differ in group or port, not both have {self.mcast_group}:"
                f"{self.mcast_port}",
            )
        for name, low, high in (
            ("mcast_port", 1, 65535),
            ("mcast_port_b", 1, 65535),
            ("ouch_port", 0, 65535),
            ("rerequest_port", 0, 65535),
            ("rerequests_per_second", 0, 1_000_000),
            ("rerequest_loss_ppm", 0, MILLION),
            ("glimpse_port", 0, 65535),
            ("glimpse_max_clients", 1, 1000),
            ("glimpse_timeout_ms", 1, 3_600_000),
            ("end_of_session_ms", 0, 60_000),
            ("mcast_ttl", 0, 255),
            ("feed_packets_per_second", 1, 1_000_000),
            ("heartbeat_ms", 1, 3_600_000),
            ("client_timeout_ms", 1, 3_600_000),
            ("messages_per_second", 0, 100_000),
            ("orders_per_side", 0, 10_000),
        ):
            value = getattr(self, name)
            _require(
                type(value) is int and low <= value <= high,
                f"{name} must be an integer from {low} to {high}, not {value!r}",
            )
        instruments = tuple(
            Instrument(symbol=name, locate=locate, price=price, round_lot=round_lot)
            for locate, (name, price, round_lot) in enumerate(self.symbols, start=1)
        )
        object.__setattr__(self, "instruments", instruments)


def load(path: Path) -> ExchangeConfig:
    """The configuration in a TOML file.

    Top-level keys are the fields of ExchangeConfig, but for two lists of tables: ``[[symbols]]``
    with ``name``, ``price`` (1/10000 USD) and ``round_lot`` (100 unless given), and
    ``[[accounts]]`` with the fields of Account; and for the tables ``[line_a]`` and ``[line_b]``
    with fields of LineSettings. Raises ConfigError or OSError.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} must be TOML: {error}") from error
    return from_table(table)


def from_table(table: Mapping[str, Any]) -> ExchangeConfig:
    """The configuration in a parsed TOML document. Raises ConfigError."""
    known = {item.name for item in fields(ExchangeConfig) if item.init}
    unknown = sorted(set(table) - known)
    _require(not unknown, f"settings must be among {sorted(known)}, not {unknown}")
    settings = dict(table)
    try:
        settings["symbols"] = tuple(
            _symbol(entry) for entry in _tables("symbols", settings.get("symbols"))
        )
        settings["accounts"] = tuple(
            Account(**entry) for entry in _tables("accounts", settings.get("accounts"))
        )
        for name in ("line_a", "line_b"):
            if name in settings:
                settings[name] = LineSettings(**_table(name, settings[name]))
        return ExchangeConfig(**settings)
    except ConfigError:
        raise
    except (TypeError, ValueError) as error:
        raise ConfigError(str(error)) from error


def _tables(name: str, value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise ConfigError(f"{name} must be a list of tables ([[{name}]]), not {value!r}")
    return value


def _table(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{name} must be a table ([{name}]), not {value!r}")
    return value


def _symbol(entry: Mapping[str, Any]) -> tuple[str, int, int]:
    extra = sorted(set(entry) - {"name", "price", "round_lot"})
    _require(not extra, f"a symbol has name, price and round_lot, not {extra}")
    name, price, round_lot = entry.get("name"), entry.get("price"), entry.get("round_lot", 100)
    if not isinstance(name, str) or type(price) is not int or type(round_lot) is not int:
        raise ConfigError(
            f"a symbol must have a text name and an integer price and round_lot, not {entry!r}"
        )
    return name, price, round_lot


def _require(good: bool, fault: str) -> None:
    if not good:
        raise ConfigError(fault)


def _require_word(name: str, value: object, longest: int) -> None:
    good = isinstance(value, str) and 1 <= len(value) <= longest
    _require(
        good and str(value).isascii() and str(value).isalnum(),
        f"{name} must be 1 to {longest} letters or digits, not {value!r}",
    )


def _require_group(name: str, value: str) -> None:
    _require_address(name, value)
    _require(IPv4Address(value).is_multicast, f"{name} must be a multicast address, not {value!r}")


def _require_address(name: str, value: object) -> None:
    try:
        IPv4Address(value)
    except ValueError as error:
        raise ConfigError(f"{name} must be an IPv4 address, not {value!r}") from error
