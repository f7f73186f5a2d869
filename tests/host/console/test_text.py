"""How figures are written."""

import pytest
from tickgate.console import text


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "–"), (1_893_100, "189.31"), (1, "0.0001"), (12_345_678_900, "1,234,567.89")],
)
def test_price(value: int, shown: str) -> None:
    assert text.price(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0.00"), (50, "0.00"), (150, "0.02"), (151, "0.02"), (-123_4500, "-123.45"), (-1, "0.00")],
)
def test_money_rounds_half_to_even(value: int, shown: str) -> None:
    assert text.money(value) == shown


def test_times() -> None:
    assert text.clock(0) == "–"
    assert text.clock(1_700_000_000_123_456_789) == "22:13:20.123"
    shown = [text.duration(ns) for ns in (9_999, 10_000, 12_345_678, 12_345_678_901)]
    assert shown == ["9,999 ns", "10 µs", "12 ms", "12 s"]


def feed_row(**more):
    row = {"started": True, "stale": False, "missing": 0, "problem": "", "recovery": "idle"}
    return {**row, **more}


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        ([], "–"),
        ([feed_row()], "in order"),
        ([feed_row(started=False, stale=True)], "silent"),
        (
            [feed_row(), feed_row(stale=True, recovery="re-request", missing=1_700)],
            "not in order: re-request, 1,700 missing",
        ),
        ([feed_row(stale=True, problem="no server")], "not in order: no server"),
    ],
)
def test_the_feed_in_a_few_words(rows, shown) -> None:
    assert text.feed(rows) == shown


def test_a_drift_has_a_row_for_each_value_that_differs() -> None:
    drift = {
        "account": "A",
        "symbol": "X",
        "host_position": 1_000,
        "host_open_buy": 5,
        "host_open_sell": 7,
        "card_position": 999,
        "card_open_buy": 5,
        "card_open_sell": 1_008,
    }
    assert text.drift_rows([drift]) == [
        {"id": "A X: position", "host": "1,000", "card": "999", "more": "-1"},
        {"id": "A X: open sells", "host": "7", "card": "1,008", "more": "1,001"},
    ]


def test_the_comparison_in_a_sentence() -> None:
    state = {
        "on": True,
        "pairs": 3,
        "counters": {"rounds": 1_200, "equal": 3_590, "traffic": 10},
        "round_ns": 55_000_000,
        "told": 2,
        "drifts": [],
    }
    assert text.exposure(state) == (
        "3 accounts and symbols; 1,200 rounds, the last in 55 ms; samples: 3,590 equal, "
        "0 different, 10 traffic; drifts: 0 now, 2 in all."
    )
    assert "switched off" in text.exposure({**state, "on": False})


def test_a_warning_says_whose_limit_it_is_and_in_what() -> None:
    def row(scope, name, symbol, limit):
        more = {"used": 41_000_000, "most": 50_000_000, "percent": 80}
        return {"scope": scope, "name": name, "symbol": symbol, "limit": limit, **more}

    rows = text.warning_rows(
        [
            row("firm", "", "", "gross_credit"),
            row("clearing_firm", "CLEAR", "", "net_credit"),
            row("group", "DESK", "", "net_credit"),
            row("account", "ALPHA", "", "max_orders"),
            row("position", "ALPHA", "AAPL", "max_long"),
        ]
    )
    assert [(row["scope"], row["limit"], row["used"]) for row in rows] == [
        ("the firm", "Gross credit", "4,100.00"),
        ("clearing firm CLEAR", "Net credit", "4,100.00"),
        ("group DESK", "Net credit", "4,100.00"),
        ("ALPHA", "Max working orders", "41,000,000"),
        ("ALPHA in AAPL", "Max long", "41,000,000"),
    ]
    assert {(row["most"], row["percent"]) for row in rows} == {
        ("5,000.00", "80 %"), ("50,000,000", "80 %")
    }  # fmt: skip
    assert len({row["id"] for row in rows}) == len(rows)


def test_throttles_that_refuse_come_first_and_those_without_limits_not():
    rows = [
        {"scope": "account", "name": "FUND1", "counted": 1, "most": 20},
        {"scope": "strategy", "name": "NONE", "counted": 0, "most": 0},
        {"scope": "strategy", "name": "MAKER", "counted": 5000, "most": 5000},
    ]
    shown = text.throttle_rows(rows)
    assert [(row["whose"], row["counted"], row["most"], row["state"]) for row in shown] == [
        ("strategy MAKER", "5,000", "5,000", "STOPPED"),
        ("account FUND1", "1", "20", "not reached"),
    ]
    assert [row["limit"] for row in shown] == ["Max executions", "Max rejects in a row"]
