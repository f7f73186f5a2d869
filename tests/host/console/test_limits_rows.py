"""Limits go through the grids' rows unchanged, and a wrong cell is named."""

from typing import Any

import pytest
from hypothesis import given
from tickgate.console import limits_rows
from tickgate.risk.limits import Limits, LimitsError, parse
from tickgate.risk.reader import percents_text

from tests.host.risk.strategies import GOOD, limits


def grids(some: Limits) -> list[Any]:
    return [
        limits_rows.account_rows(some),
        limits_rows.position_rows(some),
        limits_rows.symbol_rows(some),
        limits_rows.credit_rows(some),
        limits_rows.session_rows(some),
        limits_rows.strategy_rows(some),
        percents_text(some.warnings),
    ]


@given(limits)
def test_rows_lose_nothing(some: Limits) -> None:
    assert limits_rows.from_rows(*grids(some)) == some


@pytest.mark.parametrize(
    ("grid", "field", "cell", "message"),
    [
        (0, "max_value", "x", r"^accounts\.ALPHA\.max_value must be an amount"),
        (0, "max_orders", None, r"^accounts\.ALPHA\.max_orders must be a whole number"),
        (0, "permissions", "buy, bye", r"^accounts\.ALPHA\.permissions cannot have 'bye'"),
        (1, "restricted", "everything", r"positions\.AAPL\.restricted cannot have 'everything'"),
        (2, "tick", "0.02", r"^symbols\.AAPL\.tick must be one of"),
        (2, "lot", "7", r"^symbols\.AAPL\.lot must be one of"),
        (3, "net_credit", "", r"^firm\.net_credit must be an amount"),
        (5, "algo_id", "0", r"^strategies\.MAKER\.algo_id must be 1 or more"),
        (5, "max_executions", "", r"^strategies\.MAKER\.max_executions must be a whole number"),
    ],
)
def test_a_wrong_cell_is_named(grid: int, field: str, cell: object, message: str) -> None:
    rows = grids(parse(GOOD))
    rows[grid][0][field] = cell
    with pytest.raises(LimitsError, match=message):
        limits_rows.from_rows(*rows)


def test_cells_are_read_as_people_write_them() -> None:
    rows = grids(parse(GOOD))
    rows[0][0] |= {
        "max_quantity": "1,000",
        "max_value": "10,000.50",
        "symbols": " AAPL,MSFT ",
        "permissions": "",
    }
    alpha = limits_rows.from_rows(*rows).accounts["ALPHA"]
    assert alpha.numbers["max_quantity"] == 1000
    assert alpha.numbers["max_value"] == 100_005_000
    assert alpha.symbols == ("AAPL", "MSFT")
    assert alpha.permissions == ()
    rows[0][0]["symbols"] = "all"
    assert limits_rows.from_rows(*rows).accounts["ALPHA"].symbols is None


@pytest.mark.parametrize(("text", "percents"), [("", ()), (" 80,95 ", (80, 95)), ("80,", (80,))])
def test_percentages_of_warnings_are_read_as_people_write_them(text, percents) -> None:
    rows = grids(parse(GOOD))
    assert limits_rows.from_rows(*rows[:-1], text).warnings == percents


@pytest.mark.parametrize("text", ["95, 80", "x", "80 95", "0", "-1", '"]', "80]\n[accounts.A"])
def test_wrong_percentages_of_warnings_are_named(text) -> None:
    rows = grids(parse(GOOD))
    with pytest.raises(LimitsError, match=r"^warnings\.percent must be a list of at most 4 whole"):
        limits_rows.from_rows(*rows[:-1], text)
