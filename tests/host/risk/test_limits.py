"""Limits: a wrong value is refused by the name of its key; right ones reach the image."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.risk import limits as model
from tickgate.risk.compile import compile_image
from tickgate.risk.limits import AccountLimits, Limits, LimitsError, PositionLimit, load, parse
from typer import Typer
from typer.testing import CliRunner

GOOD = """
[accounts.ALPHA]
max_quantity = 5000
max_value = "250000.00"
rate = 100
burst = 50
max_long = 20000
max_short = 10
[accounts.ALPHA.positions.AAPL]
max_long = 500
max_short = 0
[symbols.AAPL]
collar = "1.5"
[symbols.MSFT]
collar_bps = 50
reference = "400.00"
"""


def test_a_good_file_is_read():
    limits = parse(GOOD)
    alpha = limits.accounts["ALPHA"]
    assert alpha.max_value == 2_500_000_000
    assert alpha.position("AAPL") == PositionLimit(500, 0)
    assert alpha.position("MSFT") == PositionLimit(20000, 10)
    assert limits.collars == {"AAPL": 15_000, "MSFT": 20_000}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("max_quantity = 5000", "", "accounts.ALPHA.max_quantity is missing"),
        ("max_quantity = 5000", "max_quantity = -1", "max_quantity must be a whole number, 0 to"),
        ("max_quantity = 5000", "max_quantity = 1.5", "max_quantity must be a whole number"),
        ("max_quantity = 5000", "max_quantity = true", "max_quantity must be a whole number"),
        ('"250000.00"', "250000.0", "max_value must be an amount in USD as text"),
        ('"250000.00"', '"1.00001"', "with at most 4 decimals"),
        ('"250000.00"', '"-5"', "max_value must be an amount"),
        ("rate = 100", "rate = 65536", "rate must be a whole number, 0 to 65535, not 65536"),
        ("max_short = 10", "max_short = 2147483648", "ALPHA.max_short must be"),
        ("max_short = 0", "max_shrt = 0", "ALPHA.positions.AAPL.max_shrt is not a limit"),
        ("[accounts.ALPHA.positions.AAPL]", "[accounts.ALPHA.positions.TOOLONGXX]", "no name"),
        ('collar = "1.5"', 'collar = "1.5"\nreference = "2"', "symbols.AAPL: give either"),
        ('collar = "1.5"', 'collar = "429497"', "must be at most"),
        ('reference = "400.00"', "", "symbols.MSFT.reference is missing"),
        ("[symbols.AAPL]", "[symbol.AAPL]", "symbol is not a limit; known here: accounts, symbols"),
        ("[accounts.ALPHA]", "[accounts.ALPHA", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_named(old, new, message):
    assert old in GOOD
    with pytest.raises(LimitsError, match=message):
        parse(GOOD.replace(old, new, 1))


def test_a_table_that_is_none_is_named():
    with pytest.raises(LimitsError, match="accounts must be a table, not 5"):
        parse("accounts = 5")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(LimitsError, match=r"limits\.toml"):
        load(tmp_path / "limits.toml")


POSITIONS = st.builds(PositionLimit, st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8)
ACCOUNTS = st.builds(
    AccountLimits,
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**63),
    st.integers(0, 65535),
    st.integers(0, 65535),
    POSITIONS,
    st.dictionaries(NAMES, POSITIONS, max_size=3),
)
LIMITS = st.builds(
    Limits,
    st.dictionaries(NAMES, ACCOUNTS, max_size=3),
    st.dictionaries(NAMES, st.integers(0, 2**32 - 1), max_size=3),
)


@given(LIMITS)
def test_the_canonical_text_reads_back_as_the_same_limits(limits):
    again = parse(limits.text())
    assert again == limits
    assert (again.text(), again.hash()) == (limits.text(), limits.hash())


def test_the_image_has_each_value_at_its_address():
    image = compile_image(
        parse(GOOD), ["BETA", "ALPHA"], ["MSFT", "AAPL"], card_accounts=4, card_symbols=8
    )
    words = image.words
    row = [words[8 + word] for word in range(6)]
    assert row == [1, 5000, 2_500_000_000, 0, 100, 50]
    assert words[1 << 14] == 1
    assert words[1 << 14 | 1] == 20_000
    assert words[1 << 14 | 3] == 15_000
    assert words[2 << 14 | (1 * 8 + 1) * 2] == 500
    assert words[2 << 14 | (1 * 8 + 0) * 2 | 1] == 10
    assert 0 not in words
    assert image.missing == ("account BETA",)


def test_a_large_value_takes_both_words():
    text = GOOD.replace("250000.00", "1000000.0001")
    image = compile_image(
        parse(text), ["ALPHA"], ["MSFT", "AAPL"], card_accounts=1, card_symbols=2
    )
    assert image.words[2] | image.words[3] << 32 == 10_000_000_001


@pytest.mark.parametrize(
    ("accounts", "symbols", "message"),
    [
        (["BETA"], ["AAPL", "MSFT"], "accounts.ALPHA is not configured"),
        (["ALPHA"], ["AAPL"], "symbols.MSFT is not configured in the engine; known: AAPL"),
        (["ALPHA"], ["MSFT"], "symbols.AAPL is not configured"),
        (["ALPHA", "B"], ["AAPL", "MSFT"], "room for 1 accounts, 2 are configured"),
        (["ALPHA"], ["AAPL", "MSFT", "C"], "room for 2 symbols, 3 are configured"),
    ],
)
def test_what_does_not_fit_the_card_or_the_engine_is_refused(accounts, symbols, message):
    with pytest.raises(LimitsError, match=message):
        compile_image(parse(GOOD), accounts, symbols, card_accounts=1, card_symbols=2)


@given(st.integers(0, 2**63))
def test_usd_text_round_trips(value):
    assert model.usd(model.usd_text(value), "x") == value


def test_the_command_line_checks_and_shows(tmp_path):
    from tickgate.risk.cli import register

    app = Typer()
    register(app)
    runner = CliRunner()
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(GOOD)
    bad.write_text("[accounts.X]")
    checked = runner.invoke(app, ["limits", "check", str(good)])
    assert checked.exit_code == 0
    assert "1 accounts, 2 symbols" in checked.output
    assert runner.invoke(app, ["limits", "show", str(good)]).output == parse(GOOD).text()
    refused = runner.invoke(app, ["limits", "check", str(bad)])
    assert refused.exit_code == 1
    assert "accounts.X.max_quantity is missing" in refused.output
