"""Limits as rows of the grids, and back: pure functions for the page."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tickgate.risk.limits import Limits, parse, usd_text

Row = dict[str, Any]

ACCOUNT_FIELDS = ("max_quantity", "max_value", "rate", "burst", "max_long", "max_short")
POSITION_FIELDS = ("max_long", "max_short")
AMOUNTS = ("max_value", "collar")
"""Fields of decimal text in USD; the others are whole numbers."""


def account_rows(limits: Limits) -> list[Row]:
    """One row an account: the limits of its orders and its default position limit."""
    return [
        {
            "id": name,
            "max_quantity": account.max_quantity,
            "max_value": usd_text(account.max_value),
            "rate": account.rate,
            "burst": account.burst,
            "max_long": account.default.max_long,
            "max_short": account.default.max_short,
        }
        for name, account in sorted(limits.accounts.items())
    ]


def position_rows(limits: Limits) -> list[Row]:
    """One row for each position limit that differs from its account's default."""
    return [
        {
            "id": f"{name} {symbol}",
            "account": name,
            "symbol": symbol,
            "max_long": limit.max_long,
            "max_short": limit.max_short,
        }
        for name, account in sorted(limits.accounts.items())
        for symbol, limit in sorted(account.positions.items())
    ]


def symbol_rows(limits: Limits) -> list[Row]:
    """One row a symbol: its price collar."""
    return [
        {"id": symbol, "collar": usd_text(collar)}
        for symbol, collar in sorted(limits.collars.items())
    ]


def from_rows(accounts: Sequence[Row], positions: Sequence[Row], symbols: Sequence[Row]) -> Limits:
    """The limits that the rows say. Raises LimitsError naming the cell that is wrong."""
    return parse("\n".join(_toml(accounts, positions, symbols)))


def changes(before: Limits, after: Limits) -> list[tuple[str, str, str]]:
    """What differs, as (key, before, after); a key that is absent on one side shows a dash."""
    old, new = dict(_flat(before)), dict(_flat(after))
    return [
        (key, old.get(key, "–"), new.get(key, "–"))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def _flat(limits: Limits) -> Iterator[tuple[str, str]]:
    for row in account_rows(limits):
        for field in ACCOUNT_FIELDS:
            yield f"{row['id']}: {field}", str(row[field])
    for row in position_rows(limits):
        for field in POSITION_FIELDS:
            yield f"{row['account']} in {row['symbol']}: {field}", str(row[field])
    for row in symbol_rows(limits):
        yield f"{row['id']}: collar", str(row["collar"])


def _toml(
    accounts: Sequence[Row], positions: Sequence[Row], symbols: Sequence[Row]
) -> Iterator[str]:
    for row in accounts:
        yield f"[accounts.{json.dumps(row['id'])}]"
        yield from _lines(row, ACCOUNT_FIELDS)
    for row in positions:
        path = f"{json.dumps(row['account'])}.positions.{json.dumps(row['symbol'])}"
        yield f"[accounts.{path}]"
        yield from _lines(row, POSITION_FIELDS)
    for row in symbols:
        yield f"[symbols.{json.dumps(row['id'])}]"
        yield from _lines(row, ("collar",))


def _lines(row: Mapping[str, Any], fields: Sequence[str]) -> Iterator[str]:
    for field in fields:
        text = str(row.get(field, "")).replace(",", "").strip()
        plain = field not in AMOUNTS and text.isascii() and text.isdigit()
        yield f"{field} = {int(text) if plain else json.dumps(text)}"
