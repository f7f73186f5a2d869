"""The engine's settings, from a TOML file.

::

    [engine]
    state_dir = "state"                  # journal, FIX stores, tob.bin, token
    command_socket = "engine.sock"
    limits = "limits.toml"
    symbols = ["AAPL", "MSFT"]           # card index = place in this list
    groups = ["DESK"]                    # of accounts, by the limits file; likewise
    clearing_firms = ["CLEAR"]
    strategies = ["MAKER"]               # algorithms that may order; likewise
    durability = "memory"                # or batch (tickgate.journal.writer)
    watchdog_ms = 5000
    watchdog_cancel_ms = 10000           # so long after that the card cancels all orders; 0: never
    lease_ms = 30000       # the card refuses orders when its limits were not confirmed for so long
    exposure_check = true                # hold the card's exposure against ours, each second

    [card]
    socket = "card.sock"

    [venue]
    name = "SIM"
    user = "TGATE"
    password = "secret"
    firm = "TICK"                        # whose orders the card cancels by itself

    [feed]                               # all settings: tickgate.engine.feedconfig
    a = "239.1.1.1:26400"                # line A's multicast group and port
    b = "239.1.1.2:26401"                # line B's
    rerequest = ["10.1.1.1:26500"]       # MoldUDP64 re-request servers
    glimpse = "10.1.1.1:26600"           # snapshots
    glimpse_user = "TGATE"
    glimpse_password = "secret"

    [references]                         # may be left out: tickgate.engine.references
    file = "references.toml"             # national best bid, price bands, time window
    window_s = 300                       # the time window's, from the card's own book

    [fix]
    listen = "127.0.0.1:9878"
    comp_id = "TICKGATE"
    require = ["capacity", "locate"]     # tags that orders must have; none if left out

    [[fix.sessions]]
    comp_id = "CLIENT1"
    account = "ALPHA"
    strategy = "MAKER"                   # of orders that name none by TargetStrategy (847)
    password = "secret"                  # may be left out

Relative paths are relative to the file.
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tickgate.engine.feedconfig import FeedConfig
from tickgate.engine.references import ReferenceSettings
from tickgate.engine.section import ConfigError, Section, host_port
from tickgate.journal.writer import Durability
from tickgate.risk.fields import OWNER_NAME
from tickgate.risk.image import SESSIONS, STRATEGIES

__all__ = ["ConfigError", "EngineConfig", "SessionSettings"]

TAGS = ("capacity", "locate")
"""OrderCapacity (528); of short sales LocateReqd (114)."""


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """One FIX client. Its place in the list is its session number on the card."""

    comp_id: str
    account: str
    strategy: str
    """Of orders that name none."""
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """All settings of one engine."""

    state_dir: Path
    command_socket: Path
    limits_file: Path
    symbols: tuple[str, ...]
    groups: tuple[str, ...]
    clearing_firms: tuple[str, ...]
    strategies: tuple[str, ...]
    durability: Durability
    watchdog_ms: int
    watchdog_cancel_ms: int
    """How long after the watchdog ran out the card sends the venue a mass cancel; 0 = never."""
    lease_ms: int
    """How long the card may use limits that the engine has not confirmed again."""
    card_socket: Path
    ring_log2: tuple[int, int, int]
    """Slots of the order, events and market-data rings, as powers of two."""
    venue_name: str
    venue_user: str
    venue_password: str = field(repr=False)
    venue_firm: str
    """Firm of the mass cancel; empty when there is none."""
    fix_host: str
    fix_port: int
    fix_comp_id: str
    heartbeat_s: int
    sessions: tuple[SessionSettings, ...]
    feed: FeedConfig
    exposure_check: bool = True
    fix_require: tuple[str, ...] = ()
    """Those of ``TAGS`` that an order must have. A missing capacity is otherwise agency, and a
    missing LocateReqd is not asked for."""
    references: ReferenceSettings = field(default_factory=ReferenceSettings)

    @property
    def accounts(self) -> tuple[str, ...]:
        """Account names in order of their card indexes: as they first come up in the sessions."""
        return tuple(dict.fromkeys(session.account for session in self.sessions))

    @classmethod
    def load(cls, path: Path) -> "EngineConfig":
        """Read a settings file. Raises ConfigError."""
        try:
            document = tomllib.loads(path.read_text())
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{path}: {error}") from error
        try:
            return _read(document, path.resolve().parent)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error


def _read(document: dict[str, Any], base: Path) -> EngineConfig:
    engine, card = Section(document, "engine"), Section(document, "card")
    venue, fix = Section(document, "venue"), Section(document, "fix")
    feed = Section(document, "feed")
    references = ReferenceSettings()
    if "references" in document:
        section = Section(document, "references")
        references = ReferenceSettings.read(section, base)
        section.done()
    host, port = host_port("fix.listen", fix.text("listen"))
    config = EngineConfig(
        state_dir=base / engine.text("state_dir"),
        command_socket=base / engine.text("command_socket"),
        limits_file=base / engine.text("limits"),
        symbols=_symbols(engine.items("symbols")),
        groups=_owners("groups", engine.items("groups")),
        clearing_firms=_owners("clearing_firms", engine.items("clearing_firms")),
        strategies=(strategies := _strategies(engine.items("strategies"))),
        durability=_durability(engine.text("durability", "memory")),
        watchdog_ms=engine.number("watchdog_ms", 20, 65_535, 5000),
        watchdog_cancel_ms=(cancel_ms := engine.number("watchdog_cancel_ms", 0, 65_535, 10_000)),
        lease_ms=engine.number("lease_ms", 1000, 86_400_000, 30_000),
        card_socket=base / card.text("socket"),
        ring_log2=(
            card.number("order_ring_log2", 4, 16, 10),
            card.number("event_ring_log2", 4, 16, 14),
            card.number("market_ring_log2", 4, 16, 10),
        ),
        venue_name=venue.text("name"),
        venue_user=venue.text("user"),
        venue_password=venue.text("password"),
        venue_firm=_firm(venue, cancel_ms),
        fix_host=host,
        fix_port=port,
        fix_comp_id=fix.text("comp_id"),
        heartbeat_s=fix.number("heartbeat_s", 1, 3600, 30),
        sessions=_sessions(fix.items("sessions"), strategies),
        feed=FeedConfig.read(feed),
        exposure_check=engine.flag("exposure_check", True),
        fix_require=_required(fix.items("require")) if fix.has("require") else (),
        references=references,
    )
    for section in (engine, card, venue, feed, fix):
        section.done()
    return config


def _firm(venue: Section, cancel_ms: int) -> str:
    if not cancel_ms and not venue.has("firm"):
        return ""
    firm = venue.text("firm")
    if not firm.isascii() or not firm.isalnum() or firm != firm.upper() or len(firm) > 4:
        raise ConfigError(f"venue.firm must be 1 to 4 letters A to Z or digits, was {firm!r}")
    return firm


def _symbols(items: list[Any]) -> tuple[str, ...]:
    for item in items:
        if not isinstance(item, str) or not item.isascii() or not 0 < len(item) <= 8:
            raise ConfigError(f"engine.symbols must be texts of 1 to 8 characters, was {item!r}")
    if len(set(items)) != len(items):
        raise ConfigError("engine.symbols must name each symbol once")
    return tuple(items)


def _owners(name: str, items: list[Any]) -> tuple[str, ...]:
    for item in items:
        if not isinstance(item, str) or not OWNER_NAME.fullmatch(item):
            raise ConfigError(f"engine.{name} must be names ({OWNER_NAME.pattern}), was {item!r}")
    if len(set(items)) != len(items):
        raise ConfigError(f"engine.{name} must name each once")
    return tuple(items)


def _strategies(items: list[Any]) -> tuple[str, ...]:
    if len(items) > STRATEGIES:
        raise ConfigError(
            f"there can be {STRATEGIES} strategies, {len(items)} are in engine.strategies"
        )
    return _owners("strategies", items)


def _durability(text: str) -> Durability:
    names: dict[str, Literal["memory", "batch"]] = {"memory": "memory", "batch": "batch"}
    if text not in names:
        raise ConfigError(f"engine.durability must be memory or batch, was {text!r}")
    return names[text]


def _required(items: list[Any]) -> tuple[str, ...]:
    for item in items:
        if item not in TAGS:
            raise ConfigError(f"fix.require can have {', '.join(TAGS)}, was {item!r}")
    return tuple(items)


def _sessions(items: list[Any], strategies: tuple[str, ...]) -> tuple[SessionSettings, ...]:
    sessions = []
    for number, item in enumerate(items):
        where = f"fix.sessions[{number}]"
        section = Section({where: item}, where)
        password = section.text("password", "-")
        strategy = section.text("strategy")
        if strategy not in strategies:
            known = ", ".join(strategies)
            raise ConfigError(
                f"{where}.strategy must be one of engine.strategies: {known}, was {strategy!r}"
            )
        sessions.append(
            SessionSettings(
                section.text("comp_id"),
                section.text("account"),
                strategy,
                password if isinstance(item, dict) and "password" in item else None,
            )
        )
        section.done()
    if len(sessions) > SESSIONS:
        raise ConfigError(f"there can be {SESSIONS} sessions, {len(sessions)} are configured")
    if len({session.comp_id for session in sessions}) != len(sessions):
        raise ConfigError("fix.sessions must name each comp_id once")
    return tuple(sessions)
