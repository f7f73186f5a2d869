"""What differs between limits is listed by field, with the way that it goes."""

import pytest
from hypothesis import given
from tickgate.cli import build
from tickgate.risk.changes import changes
from tickgate.risk.limits import NO_LIMITS, Limits, parse
from typer.testing import CliRunner

from tests.host.risk.strategies import GOOD, limits


@given(limits, limits)
def test_changes_are_empty_only_for_equal_limits(one: Limits, other: Limits) -> None:
    assert (changes(one, other) == []) == (one == other)
    back = {"loosened": "tightened", "tightened": "loosened"}
    there, again = changes(one, other), changes(other, one)
    assert [(c.key, c.before, c.after, back.get(c.effect, c.effect)) for c in there] == [
        (c.key, c.after, c.before, c.effect) for c in again
    ]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("rate = 100", "rate = 101", "ALPHA: rate: 100 → 101 (loosened)"),
        ("duplicate_window = 0", "duplicate_window = 7",
         "ALPHA: duplicate_window: 0 → 7 (tightened)"),
        ("[sessions.C1]\nrate = 65535", "[sessions.C1]\nrate = 1",
         "session C1: rate: 65535 → 1 (tightened)"),
        ('"250000.00"', '"1.00"', "ALPHA: max_value: 250000.00 → 1.00 (tightened)"),
        ('"day", "buy"', '"day"', "ALPHA: permissions: buy, short, day → short, day (tightened)"),
        ('"day", "buy"', '"day", "sell"',
         "ALPHA: permissions: buy, short, day → sell, short, day (changed)"),
        ('["MSFT"]', '"all"', "ALPHA: symbols: MSFT → all (loosened)"),
        ('["MSFT"]', "[]", "ALPHA: symbols: MSFT → none (tightened)"),
        ('["short", "buy"]', "[]", "ALPHA in AAPL: restricted: buy, short → none (loosened)"),
        ('tick = "0.01"', 'tick = "0.005"', "AAPL: tick: 0.01 → 0.005 (loosened)"),
        ('"window", "national"', '"window"',
         "MSFT: waived: national, window → window (tightened)"),
        ("max_reference_age = 250", "max_reference_age = 251",
         "MSFT: max_reference_age: 250 → 251 (loosened)"),
        ("lot = 100", "lot = 10", "AAPL: lot: 100 → 10 (loosened)"),
        ("lot = 100", "lot = 40", "AAPL: lot: 100 → 40 (changed)"),
        ('"20000000.00"', '"1.00"', "the firm: gross_credit: 20000000.00 → 1.00 (tightened)"),
        ('"1000000.00"', '"2.00"', "group DESK: net_credit: 1000000.00 → 2.00 (tightened)"),
        ('"15000000.00"', '"16000000.00"',
         "clearing firm CLEAR: gross_credit: 15000000.00 → 16000000.00 (loosened)"),
    ],
)  # fmt: skip
def test_each_change_says_which_way_it_goes(old: str, new: str, line: str) -> None:
    assert old in GOOD
    found = changes(parse(GOOD), parse(GOOD.replace(old, new, 1)))
    assert [str(change) for change in found] == [line]


def test_buying_power_that_is_not_set_is_no_limit() -> None:
    given_ = GOOD.replace("max_long = 20000", 'buying_power = "9"\nmax_long = 20000', 1)
    there = changes(parse(GOOD), parse(given_))
    assert [str(change) for change in there] == [
        "ALPHA: buying_power: none → 9.00 (tightened)"
    ]
    assert [change.effect for change in changes(parse(given_), parse(GOOD))] == ["loosened"]


def test_other_warnings_are_a_change_that_lets_the_same_orders_pass() -> None:
    some, more = (parse(f"{GOOD}[warnings]\npercent = {x}") for x in ([80], [80, 95]))
    assert [str(x) for x in changes(some, more)] == ["warnings: percent: 80 → 80, 95"]
    assert [str(x) for x in changes(some, parse(GOOD))] == ["warnings: percent: 80 → none"]


def test_a_position_that_is_not_set_is_the_accounts() -> None:
    section = GOOD[GOOD.index("[accounts.ALPHA.pos") : GOOD.index("[symbols.AAPL]")]
    found = changes(parse(GOOD), parse(GOOD.replace(section, "")))
    assert [str(change) for change in found] == [
        "ALPHA in AAPL: max_long: 500 → – (loosened)",
        "ALPHA in AAPL: max_short: 0 → – (loosened)",
        "ALPHA in AAPL: locates: 1000 → –",
        "ALPHA in AAPL: restricted: buy, short → – (loosened)",
    ]
    same = GOOD.replace("max_short = 0", "max_short = 10")
    found = changes(parse(same), parse(same.replace(section.replace("= 0", "= 10"), "")))
    assert [change.effect for change in found] == ["loosened", "", "", "loosened"]


def test_what_is_new_loosens_and_what_is_gone_tightens() -> None:
    there = changes(NO_LIMITS, parse(GOOD))
    assert {change.effect for change in there} == {"loosened"}
    assert {change.effect for change in changes(parse(GOOD), NO_LIMITS)} == {"tightened"}


def test_the_command_line_checks_shows_and_compares(tmp_path) -> None:
    app, runner = build(), CliRunner()
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(GOOD)
    bad.write_text("\n\n[accounts.X]")
    checked = runner.invoke(app, ["limits", "check", str(good)])
    assert checked.exit_code == 0
    assert "1 accounts, 2 symbols" in checked.output
    assert runner.invoke(app, ["limits", "show", str(good)]).output == parse(GOOD).text()
    refused = runner.invoke(app, ["limits", "check", str(bad)])
    assert refused.exit_code == 1
    assert f"{bad}: line 3: accounts.X.max_quantity is missing" in refused.output

    other = tmp_path / "other.toml"
    other.write_text(GOOD.replace("rate = 100", "rate = 99"))
    same = runner.invoke(app, ["limits", "diff", str(good), str(good)])
    assert (same.exit_code, same.output) == (0, "")
    differs = runner.invoke(app, ["limits", "diff", str(good), str(other)])
    assert (differs.exit_code, differs.output) == (1, "ALPHA: rate: 100 → 99 (tightened)\n")
    assert runner.invoke(app, ["limits", "diff", str(good), str(bad)]).exit_code == 2
