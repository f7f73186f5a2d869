"""The limits that a firm sets: read from TOML, checked, written back in one canonical form.

A file looks like this::

    [accounts.ALPHA]
    max_quantity = 5000            # shares of one order
    max_value = "250000.00"        # USD of one order
    rate = 100                     # messages per second
    burst = 50                     # messages at once
    max_long = 20000               # shares, with open buys, of any symbol not named below
    max_short = 0

    [accounts.ALPHA.positions.AAPL]
    max_long = 500
    max_short = 500

    [symbols.AAPL]
    collar = "1.50"                # USD through the touch; or:
    # collar_bps = 50              # of
    # reference = "187.20"

What is not set refuses: an account or symbol without limits cannot trade. Amounts of money are
decimal text, so that no float is ever in between; they become 1/10000 USD.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_U16 = (1 << 16) - 1
MAX_SHARES = (1 << 31) - 1
MAX_U32 = (1 << 32) - 1
MAX_U64 = (1 << 64) - 1
SCALE = 10_000

_USD = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,4}))?")
_NAME = re.compile(r"[!-~]{1,32}")
_SYMBOL = re.compile(r"[!-~]{1,8}")


class LimitsError(ValueError):
    """Limits that cannot be: the message names the key, what it must be and what it was."""


@dataclass(frozen=True, slots=True)
class PositionLimit:
    """Largest position either way, in shares, open orders counted as filled."""

    max_long: int
    max_short: int


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """Limits of one account. ``max_value`` in 1/10000 USD, ``rate`` in messages per second."""

    max_quantity: int
    max_value: int
    rate: int
    burst: int
    default: PositionLimit
    positions: Mapping[str, PositionLimit]
    """By symbol, where they differ from ``default``."""

    def position(self, symbol: str) -> PositionLimit:
        """The position limit for a symbol."""
        return self.positions.get(symbol, self.default)


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits: by account name, and the price collar by symbol in 1/10000 USD."""

    accounts: Mapping[str, AccountLimits]
    collars: Mapping[str, int]

    def text(self) -> str:
        """The canonical TOML: same limits, same text. Collars are amounts, names are sorted."""
        return "\n".join(_lines(self)) + "\n"

    def hash(self) -> str:
        """SHA-256 of the canonical text, in hex."""
        return hashlib.sha256(self.text().encode()).hexdigest()


def load(path: Path) -> Limits:
    """Read limits from a file. Raises LimitsError naming the file."""
    try:
        return parse(path.read_text())
    except (OSError, UnicodeDecodeError, LimitsError) as error:
        raise LimitsError(f"{path}: {error}") from error


def parse(text: str) -> Limits:
    """Read limits from TOML text. Raises LimitsError naming the key that is wrong."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LimitsError(f"not valid TOML: {error}") from error
    _only(document, "", {"accounts", "symbols"})
    accounts = {
        _name(name, "accounts", _NAME): _account(_table(table, f"accounts.{name}"), name)
        for name, table in _table(document.get("accounts", {}), "accounts").items()
    }
    collars = {
        _name(name, "symbols", _SYMBOL): _collar(_table(table, f"symbols.{name}"), name)
        for name, table in _table(document.get("symbols", {}), "symbols").items()
    }
    return Limits(accounts, collars)


def usd(text: object, key: str, most: int = MAX_U64) -> int:
    """Decimal text of dollars, with up to 4 decimals, to 1/10000 USD. Raises LimitsError."""
    match = _USD.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise LimitsError(
            f'{key} must be an amount in USD as text, such as "1.50", with at most 4 decimals, '
            f"not {text!r}"
        )
    value = int(match[1]) * SCALE + int((match[2] or "").ljust(4, "0"))
    if value > most:
        raise LimitsError(f"{key} must be at most {usd_text(most)} USD, not {text!r}")
    return value


def usd_text(value: int) -> str:
    """1/10000 USD as decimal text, with two to four decimals."""
    whole, fraction = divmod(value, SCALE)
    return f"{whole}.{f'{fraction:04d}'.rstrip('0').ljust(2, '0')}"


def _account(table: dict[str, Any], name: str) -> AccountLimits:
    where = f"accounts.{name}"
    keys = {"max_quantity", "max_value", "rate", "burst", "max_long", "max_short", "positions"}
    _only(table, where, keys)
    positions = {}
    for symbol, limit in _table(table.get("positions", {}), f"{where}.positions").items():
        inner = f"{where}.positions.{symbol}"
        _name(symbol, f"{where}.positions", _SYMBOL)
        _only(_table(limit, inner), inner, {"max_long", "max_short"})
        positions[symbol] = _position(limit, inner)
    return AccountLimits(
        max_quantity=_integer(table, where, "max_quantity", MAX_U32),
        max_value=usd(_given(table, where, "max_value"), f"{where}.max_value"),
        rate=_integer(table, where, "rate", MAX_U16),
        burst=_integer(table, where, "burst", MAX_U16),
        default=_position(table, where),
        positions=positions,
    )


def _position(table: dict[str, Any], where: str) -> PositionLimit:
    return PositionLimit(
        _integer(table, where, "max_long", MAX_SHARES),
        _integer(table, where, "max_short", MAX_SHARES),
    )


def _collar(table: dict[str, Any], name: str) -> int:
    where = f"symbols.{name}"
    _only(table, where, {"collar", "collar_bps", "reference"})
    if "collar" in table:
        if len(table) > 1:
            raise LimitsError(f"{where}: give either collar, or collar_bps with reference")
        return usd(table["collar"], f"{where}.collar", MAX_U32)
    reference = usd(_given(table, where, "reference"), f"{where}.reference", MAX_U32)
    return reference * _integer(table, where, "collar_bps", 10_000) // 10_000


def _integer(table: dict[str, Any], where: str, key: str, most: int) -> int:
    value = _given(table, where, key)
    if type(value) is not int or not 0 <= value <= most:
        raise LimitsError(f"{where}.{key} must be a whole number, 0 to {most}, not {value!r}")
    return value


def _given(table: dict[str, Any], where: str, key: str) -> Any:
    if key not in table:
        raise LimitsError(f"{where}.{key} is missing")
    return table[key]


def _table(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise LimitsError(f"{where} must be a table, not {value!r}")
    return value


def _only(table: Mapping[str, Any], where: str, keys: set[str]) -> None:
    for key in table:
        if key not in keys:
            name = f"{where}.{key}" if where else key
            raise LimitsError(f"{name} is not a limit; known here: {', '.join(sorted(keys))}")


def _name(name: str, where: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(name):
        raise LimitsError(f"{where}: {name!r} is no name ({pattern.pattern})")
    return name


def _lines(limits: Limits) -> Iterator[str]:
    for name, account in sorted(limits.accounts.items()):
        yield f"[accounts.{_quoted(name)}]"
        yield f"max_quantity = {account.max_quantity}"
        yield f'max_value = "{usd_text(account.max_value)}"'
        yield f"rate = {account.rate}"
        yield f"burst = {account.burst}"
        yield f"max_long = {account.default.max_long}"
        yield f"max_short = {account.default.max_short}"
        yield ""
        for symbol, limit in sorted(account.positions.items()):
            yield f"[accounts.{_quoted(name)}.positions.{_quoted(symbol)}]"
            yield f"max_long = {limit.max_long}"
            yield f"max_short = {limit.max_short}"
            yield ""
    for symbol, collar in sorted(limits.collars.items()):
        yield f"[symbols.{_quoted(symbol)}]"
        yield f'collar = "{usd_text(collar)}"'
        yield ""


def _quoted(name: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_-]+", name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
