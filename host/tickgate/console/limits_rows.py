"""Limits as rows of the grids, and back: pure functions for the page."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tickgate.console.text import owner
from tickgate.risk.fields import (
    ACCOUNT_FIELDS,
    FIRM_FIELDS,
    POSITION_FIELDS,
    SESSION_FIELDS,
    STRATEGY_FIELDS,
    SYMBOL_FIELDS,
    LimitField,
    value_of,
)
from tickgate.risk.limits import Limits, LimitsError, parse

Row = dict[str, Any]


def account_rows(limits: Limits) -> list[Row]:
    """One row an account: the limits of its orders and its own position limit."""
    return _by_name(limits.accounts, ACCOUNT_FIELDS)


def position_rows(limits: Limits) -> list[Row]:
    """One row for each position limit that differs from its account's own."""
    return [
        {
            "id": f"{name} {symbol}",
            "account": name,
            "symbol": symbol,
            **_cells(limit, POSITION_FIELDS),
        }
        for name, account in sorted(limits.accounts.items())
        for symbol, limit in sorted(account.positions.items())
    ]


def symbol_rows(limits: Limits) -> list[Row]:
    """One row a symbol."""
    return _by_name(limits.symbols, SYMBOL_FIELDS)


def credit_rows(limits: Limits) -> list[Row]:
    """One row for the firm, each clearing firm and each group; ``id`` is its table in the file."""
    return [
        {"id": "firm", "whose": owner("firm", ""), **_cells(limits.firm, FIRM_FIELDS)},
        *(
            {
                "id": f"{table}.{json.dumps(name)}",
                "whose": owner(kind, name),
                **_cells(credit, FIRM_FIELDS),
            }
            for table, kind, rows in (
                ("clearing_firms", "clearing_firm", limits.clearing_firms),
                ("groups", "group", limits.groups),
            )
            for name, credit in sorted(rows.items())
        ),
    ]


def session_rows(limits: Limits) -> list[Row]:
    """One row a FIX session."""
    return _by_name(limits.sessions, SESSION_FIELDS)


def strategy_rows(limits: Limits) -> list[Row]:
    """One row a strategy."""
    return _by_name(limits.strategies, STRATEGY_FIELDS)


def from_rows(
    accounts: Sequence[Row],
    positions: Sequence[Row],
    symbols: Sequence[Row],
    credit: Sequence[Row],
    sessions: Sequence[Row],
    strategies: Sequence[Row],
    warnings: str,
) -> Limits:
    """The limits that the rows say, and the text of the percentages of warnings.

    Raises LimitsError naming the cell that is wrong.
    """
    rows = _toml(accounts, positions, symbols, credit, sessions, strategies)
    lines = [*rows, *_warnings(warnings)]
    try:
        return parse("\n".join(lines))
    except LimitsError as error:
        raise LimitsError(error.reason, error.path) from None  # a grid has no lines


def _by_name(records: Mapping[str, object], fields: Sequence[LimitField]) -> list[Row]:
    return [{"id": name, **_cells(record, fields)} for name, record in sorted(records.items())]


def _cells(record: object, fields: Sequence[LimitField]) -> Row:
    return {field.name: field.cell(value_of(record, field)) for field in fields}


def _toml(
    accounts: Sequence[Row],
    positions: Sequence[Row],
    symbols: Sequence[Row],
    credit: Sequence[Row],
    sessions: Sequence[Row],
    strategies: Sequence[Row],
) -> Iterator[str]:
    for row in credit:
        yield f"[{row['id']}]"
        yield from _lines(row, FIRM_FIELDS)
    for row in sessions:
        yield f"[sessions.{json.dumps(row['id'])}]"
        yield from _lines(row, SESSION_FIELDS)
    for row in strategies:
        yield f"[strategies.{json.dumps(row['id'])}]"
        yield from _lines(row, STRATEGY_FIELDS)
    for row in accounts:
        yield f"[accounts.{json.dumps(row['id'])}]"
        yield from _lines(row, ACCOUNT_FIELDS)
    for row in positions:
        path = f"{json.dumps(row['account'])}.positions.{json.dumps(row['symbol'])}"
        yield f"[accounts.{path}]"
        yield from _lines(row, POSITION_FIELDS)
    for row in symbols:
        yield f"[symbols.{json.dumps(row['id'])}]"
        yield from _lines(row, SYMBOL_FIELDS)


def _warnings(percents: str) -> Iterator[str]:
    """Text that is no whole number stays text, for the parser to name."""
    texts = [text.strip() for text in percents.split(",") if text.strip()]
    items = (str(int(x)) if x.isascii() and x.isdigit() else json.dumps(x) for x in texts)
    yield "[warnings]"
    yield f"percent = [{', '.join(items)}]"


def _lines(row: Row, fields: Sequence[LimitField]) -> Iterator[str]:
    for field in fields:
        cell = row.get(field.name)
        if field.is_number and field.optional and cell in (None, ""):
            continue
        yield f"{field.name} = {field.cell_toml(cell)}"
