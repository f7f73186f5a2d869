"""The limits that a firm sets: read from TOML, checked, written back in one canonical form.

A file looks like this::

    [firm]                         # all accounts together
    gross_credit = "50000000.00"   # USD
    net_credit = "20000000.00"

    [clearing_firms.CLEAR]         # all accounts that clear through it
    gross_credit = "40000000.00"
    net_credit = "15000000.00"

    [groups.DESK]                  # all accounts of the group
    gross_credit = "30000000.00"
    net_credit = "10000000.00"

    [sessions.CLIENT1]             # a FIX session, by its CompID
    rate = 100                     # messages per second
    burst = 50                     # messages at once

    [strategies.MAKER]             # an algorithm that may trade
    algo_id = 1001                 # what orders call it, 1 or more
    max_executions = 10000         # after which a person must let it go on

    [accounts.ALPHA]
    group = "DESK"
    clearing_firm = "CLEAR"
    permissions = ["buy", "sell", "short", "day", "ioc"]
    symbols = "all"                # or a list: ["AAPL", "MSFT"]
    max_quantity = 5000            # shares of one order
    max_value = "250000.00"        # USD of one order
    rate = 100                     # messages per second
    burst = 50                     # messages at once
    cancel_rate = 50               # cancels and replaces per second
    cancel_burst = 50
    duplicate_window = 500         # ms in which an equal order is a duplicate; 0: never
    max_orders = 500               # working orders at a time
    max_rejects = 20               # by the venue, in a row; then a person must let it go on
    max_open_quantity = 100000     # shares that they may still trade
    max_open_value = "5000000.00"
    max_day_quantity = 2000000     # shares of all orders of the day
    max_day_value = "90000000.00"
    gross_credit = "10000000.00"   # traded in the day and open, both sides added
    net_credit = "4000000.00"      # bought less sold, or sold less bought
    buying_power = "6000000.00"    # cost of positions, orders that add to them; may be left out
    max_long = 20000               # shares, with open buys, of any symbol not named below
    max_short = 0
    locates = 50000               # shares located for short sales, all orders of the day

    [accounts.ALPHA.positions.AAPL]
    max_long = 500
    max_short = 500
    locates = 10000
    restricted = ["short"]         # buy, sell or short; none if left out

    [symbols.AAPL]
    collar = "1.50"                # USD through the touch; or:
    # collar_bps = 50              # of
    # reference = "187.20"
    tick = "0.01"                  # or "0.0001", "0.005"
    lot = 1                        # or 10, 40, 100
    restricted = []                # for everybody; none if left out
    rate = 1000                    # messages per second of all accounts
    burst = 500
    window_collar = "3.00"         # USD beyond the reference of the time window
    max_reference_age = 5000       # ms, of references that the host uploads
    waived = ["luld"]              # national, luld or window: not asked for; none if left out

    [warnings]                     # may be left out: then there are none
    percent = [80, 95]             # used of any limit, at which the host warns; at most 4

What is not set refuses: an account, symbol or strategy without limits cannot trade, and a key that
is missing is an error. Amounts of money are decimal text, so that no float is ever in between; they
become 1/10000 USD. The fields are in ``tickgate.risk.fields``.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tickgate.risk.fields import (
    ACCOUNT_FIELDS,
    CLEARING_FIRM_FIELDS,
    FIRM_FIELDS,
    GROUP_FIELDS,
    OWNER_NAME,
    POSITION_FIELDS,
    SESSION_FIELDS,
    STRATEGY_FIELDS,
    SYMBOL_FIELDS,
    SYMBOL_NAME,
    UNLESS_WAIVED,
    LimitField,
    number_names,
    value_of,
)
from tickgate.risk.reader import LimitsError, Reader, line_of

__all__ = [
    "MAX_WARNINGS",
    "NO_LIMITS",
    "AccountLimits",
    "CreditLimits",
    "Limits",
    "LimitsError",
    "PositionLimit",
    "SessionLimits",
    "StrategyLimits",
    "SymbolLimits",
    "load",
    "members",
    "parse",
]

MAX_WARNINGS = 4
"""Most percentages at which the host can be told to warn."""
_SYMBOL_NUMBERS = tuple(field for field in SYMBOL_FIELDS if field.name != "collar")
_POSITION_NUMBERS = number_names(POSITION_FIELDS)


@dataclass(frozen=True, slots=True)
class PositionLimit:
    """Limits of one account in one symbol: largest position either way, and what is forbidden."""

    numbers: Mapping[str, int]
    """By name of their fields, as in all these classes; money in 1/10000 USD."""
    restricted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """Limits of one account."""

    numbers: Mapping[str, int]
    group: str
    clearing_firm: str
    permissions: tuple[str, ...]
    symbols: tuple[str, ...] | None
    """Symbols that it may trade; None for all."""
    positions: Mapping[str, PositionLimit]
    """By symbol, where they differ from the account's own."""

    def position(self, symbol: str) -> PositionLimit:
        """The position limit for a symbol."""
        if symbol in self.positions:
            return self.positions[symbol]
        return PositionLimit({name: self.numbers[name] for name in _POSITION_NUMBERS})

    def entitled(self, symbol: str) -> bool:
        """Whether the account may trade a symbol."""
        return self.symbols is None or symbol in self.symbols


@dataclass(frozen=True, slots=True)
class SymbolLimits:
    """Limits of one symbol for all accounts. ``tick`` in 1/10000 USD, ``lot`` in shares."""

    numbers: Mapping[str, int]
    tick: int
    lot: int
    restricted: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()
    """References from outside the card that orders are not held to."""


@dataclass(frozen=True, slots=True)
class CreditLimits:
    """Limits of accounts together: of a group, of those of a clearing firm, of the firm."""

    numbers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Limits of one FIX session."""

    numbers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StrategyLimits:
    """Limits of one strategy, and its ``algo_id``."""

    numbers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits: by account name, by symbol, the firm's, by group, clearing firm, session and
    strategy.

    Each account's group and clearing firm are there; no two strategies have one ``algo_id``.
    """

    accounts: Mapping[str, AccountLimits]
    symbols: Mapping[str, SymbolLimits]
    firm: CreditLimits
    groups: Mapping[str, CreditLimits]
    clearing_firms: Mapping[str, CreditLimits]
    sessions: Mapping[str, SessionLimits]
    strategies: Mapping[str, StrategyLimits]
    warnings: tuple[int, ...] = ()
    """Percentages of use at which the host warns, rising; no word of the card's image."""

    def strategy(self, algo_id: int) -> str | None:
        """The strategy that orders call so; None when there is none."""
        found = (s for s, its in self.strategies.items() if its.numbers["algo_id"] == algo_id)
        return next(found, None)

    def text(self) -> str:
        """The canonical TOML: same limits, same text. Collars are amounts, names are sorted."""
        return "\n".join(_lines(self)) + "\n"

    def hash(self) -> str:
        """SHA-256 of the canonical text, in hex."""
        return hashlib.sha256(self.text().encode()).hexdigest()


def members(accounts: Mapping[str, AccountLimits], scope: str, owner: str) -> list[str]:
    """Accounts of one ``group`` or ``clearing_firm``, which ``scope`` says."""
    return [name for name, account in accounts.items() if getattr(account, scope) == owner]


NO_LIMITS = Limits(
    {}, {}, CreditLimits(dict.fromkeys(number_names(FIRM_FIELDS), 0)), {}, {}, {}, {}
)
"""Refuse everything."""


def load(path: Path) -> Limits:
    """Read limits from a file. Raises LimitsError naming file, line and key."""
    try:
        return parse(path.read_text())
    except (OSError, UnicodeDecodeError, LimitsError) as error:
        raise LimitsError(f"{path}: {error}") from error


def parse(text: str) -> Limits:
    """Read limits from TOML text. Raises LimitsError naming the line and the key that is wrong."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LimitsError(f"not valid TOML: {error}") from error
    try:
        return _limits(Reader(document))
    except LimitsError as error:
        raise LimitsError(error.reason, error.path, line_of(text, error.path)) from None


def _limits(document: Reader) -> Limits:
    document.only(
        "accounts", "symbols", "firm", "groups", "clearing_firms", "sessions", "strategies",
        "warnings",
    )  # fmt: skip
    groups, clearing_firms = (
        {name: _credit(table, fields) for name, table in document.tables(key, OWNER_NAME)}
        for key, fields in (("groups", GROUP_FIELDS), ("clearing_firms", CLEARING_FIRM_FIELDS))
    )
    accounts = {}
    for name, table in document.tables("accounts", OWNER_NAME):
        accounts[name] = account = _account(table)
        for key, owner, known in (
            ("group", account.group, groups),
            ("clearing_firm", account.clearing_firm, clearing_firms),
        ):
            if owner not in known:
                there = ", ".join(sorted(known)) or "none"
                raise table.wrong(key, f" must be one of [{key}s]: {there}, not {owner!r}")
    symbols = {name: _symbol(table) for name, table in document.tables("symbols", SYMBOL_NAME)}
    document.given("firm")
    firm = _credit(document.table("firm"), FIRM_FIELDS)
    sessions = {
        name: SessionLimits(_only_numbers(table, SESSION_FIELDS))
        for name, table in document.tables("sessions", OWNER_NAME)
    }
    return Limits(
        accounts,
        symbols,
        firm,
        groups,
        clearing_firms,
        sessions,
        _strategies(document),
        _warnings(document.table("warnings")),
    )


def _strategies(document: Reader) -> dict[str, StrategyLimits]:
    strategies: dict[str, StrategyLimits] = {}
    called: dict[int, str] = {}
    for name, table in document.tables("strategies", OWNER_NAME):
        numbers = _only_numbers(table, STRATEGY_FIELDS)
        algo_id = numbers["algo_id"]
        if algo_id == 0:
            raise table.wrong("algo_id", " must be 1 or more")
        if algo_id in called:
            raise table.wrong("algo_id", f" is that of {called[algo_id]}, {algo_id}, too")
        called[algo_id] = name
        strategies[name] = StrategyLimits(numbers)
    return strategies


def _warnings(table: Reader) -> tuple[int, ...]:
    table.only("percent")
    return table.rising("percent", 100, MAX_WARNINGS) if "percent" in table else ()


def _credit(table: Reader, fields: tuple[LimitField, ...]) -> CreditLimits:
    return CreditLimits(_only_numbers(table, fields))


def _only_numbers(table: Reader, fields: tuple[LimitField, ...]) -> dict[str, int]:
    table.only(*number_names(fields))
    return _numbers(table, fields)


def _account(table: Reader) -> AccountLimits:
    table.only(*(field.name for field in ACCOUNT_FIELDS), "positions")
    return AccountLimits(
        _numbers(table, ACCOUNT_FIELDS),
        table.text("group", OWNER_NAME),
        table.text("clearing_firm", OWNER_NAME),
        _names(table, ACCOUNT_FIELDS, "permissions") or (),
        _names(table, ACCOUNT_FIELDS, "symbols"),
        {name: _position(inner) for name, inner in table.tables("positions", SYMBOL_NAME)},
    )


def _position(table: Reader) -> PositionLimit:
    table.only(*(field.name for field in POSITION_FIELDS))
    return PositionLimit(
        _numbers(table, POSITION_FIELDS), _names(table, POSITION_FIELDS, "restricted") or ()
    )


def _symbol(table: Reader) -> SymbolLimits:
    table.only(*(field.name for field in SYMBOL_FIELDS), "collar_bps", "reference")
    choices = {
        field.name: cast(int, field.read(table)) for field in SYMBOL_FIELDS if field.choices
    }
    waived = _names(table, SYMBOL_FIELDS, "waived") or ()
    for name, references in UNLESS_WAIVED.items():
        if not set(references) <= set(waived):
            table.given(name)
    return SymbolLimits(
        {**_numbers(table, _SYMBOL_NUMBERS), "collar": _collar(table)},
        **choices,
        restricted=_names(table, SYMBOL_FIELDS, "restricted") or (),
        waived=waived,
    )


def _collar(table: Reader) -> int:
    field = next(field for field in SYMBOL_FIELDS if field.name == "collar")
    if "collar" in table:
        if "collar_bps" in table or "reference" in table:
            raise table.wrong("", ": give either collar, or collar_bps with reference")
        return table.usd("collar", field.most)
    if "collar_bps" not in table and "reference" not in table:
        raise table.wrong("collar", " is missing (or collar_bps with reference)")
    reference = table.usd("reference", field.most)
    return reference * table.integer("collar_bps", 10_000) // 10_000


def _numbers(table: Reader, fields: tuple[LimitField, ...]) -> dict[str, int]:
    wanted = number_names(fields)
    values = {f.name: f.read(table) for f in fields if f.name in wanted}
    return {name: value for name, value in values.items() if isinstance(value, int)}


def _names(table: Reader, fields: tuple[LimitField, ...], name: str) -> tuple[str, ...] | None:
    field = next(field for field in fields if field.name == name)
    return cast("tuple[str, ...] | None", field.read(table))


def _lines(limits: Limits) -> Iterator[str]:
    yield from _table("firm", limits.firm, FIRM_FIELDS)
    for name, credit in sorted(limits.clearing_firms.items()):
        yield from _table(f"clearing_firms.{_quoted(name)}", credit, CLEARING_FIRM_FIELDS)
    for name, credit in sorted(limits.groups.items()):
        yield from _table(f"groups.{_quoted(name)}", credit, GROUP_FIELDS)
    for name, session in sorted(limits.sessions.items()):
        yield from _table(f"sessions.{_quoted(name)}", session, SESSION_FIELDS)
    for name, strategy in sorted(limits.strategies.items()):
        yield from _table(f"strategies.{_quoted(name)}", strategy, STRATEGY_FIELDS)
    for name, account in sorted(limits.accounts.items()):
        yield from _table(f"accounts.{_quoted(name)}", account, ACCOUNT_FIELDS)
        for symbol, limit in sorted(account.positions.items()):
            inner = f"accounts.{_quoted(name)}.positions.{_quoted(symbol)}"
            yield from _table(inner, limit, POSITION_FIELDS)
    for name, limits_of_symbol in sorted(limits.symbols.items()):
        yield from _table(f"symbols.{_quoted(name)}", limits_of_symbol, SYMBOL_FIELDS)
    if limits.warnings:
        yield from ("[warnings]", f"percent = {list(limits.warnings)}", "")


def _table(name: str, record: object, fields: tuple[LimitField, ...]) -> Iterator[str]:
    yield f"[{name}]"
    for field in fields:
        value = value_of(record, field)
        if value != () or not field.optional:
            yield f"{field.name} = {field.toml(value)}"
    yield ""


def _quoted(name: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_-]+", name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
