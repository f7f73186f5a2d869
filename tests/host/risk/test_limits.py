"""Limits: a wrong value is refused by line and key; right ones reach the image."""

from dataclasses import replace
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.risk import docs, image, limits, reader
from tickgate.risk.compile import RowNames, compile_image
from tickgate.risk.fields import (
    ACCOUNT_FIELDS,
    CLEARING_FIRM_FIELDS,
    FIRM_FIELDS,
    GROUP_FIELDS,
    POSITION_FIELDS,
    SESSION_FIELDS,
    SYMBOL_FIELDS,
)
from tickgate.risk.image import (
    ACCOUNT,
    CLEARING_FIRM,
    ENTITLED,
    FIRM,
    GROUP,
    POSITION,
    SESSION,
    STRATEGY,
    SYMBOL,
    TABLES,
    TableSizes,
    rows,
)
from tickgate.risk.limits import NO_LIMITS, LimitsError, load, parse

from tests.host.risk.strategies import GOOD
from tests.host.risk.strategies import limits as any_limits

NAMES = RowNames(["ALPHA"], ["AAPL", "MSFT"], ["DESK"], ["CLEAR"], ["C1"], ["MAKER"])
SIZES = TableSizes(accounts=1, symbols=2, groups=1, clearing_firms=1)
"""Of a card that has just the room for the good limits."""


def test_a_good_file_is_read():
    good = parse(GOOD)
    alpha = good.accounts["ALPHA"]
    assert alpha.numbers["max_value"] == 2_500_000_000
    assert alpha.permissions == ("buy", "short", "day")
    assert alpha.position("AAPL").numbers == {
        "max_long": 500,
        "max_short": 0,
        "locates": 1000,
    }
    assert alpha.position("AAPL").restricted == ("buy", "short")
    assert alpha.position("MSFT").numbers == {
        "max_long": 20000,
        "max_short": 10,
        "locates": 1000,
    }
    assert [alpha.entitled(symbol) for symbol in ("AAPL", "MSFT")] == [False, True]
    collars = {name: symbol.numbers["collar"] for name, symbol in good.symbols.items()}
    assert collars == {"AAPL": 15_000, "MSFT": 20_000}
    assert (good.symbols["MSFT"].tick, good.symbols["AAPL"].lot) == (50, 100)
    assert good.symbols["MSFT"].restricted == ("sell",)
    assert good.firm.numbers["net_credit"] == 9 * 10**18
    everything = parse(GOOD.replace('["MSFT"]', '"all"')).accounts["ALPHA"]
    assert everything.entitled("ANY")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("max_quantity = 5000", "max_quantity = -1", "6: .*max_quantity must be a whole number, 0"),
        ("max_quantity = 5000", "max_quantity = 1.5", "max_quantity must be a whole number"),
        ("max_quantity = 5000", "max_quantity = true", "max_quantity must be a whole number"),
        ('"250000.00"', "250000.0", "line 7: accounts.ALPHA.max_value must be an amount in USD as"),
        ('"250000.00"', '"1.00001"', "with at most 4 decimals"),
        ('"250000.00"', '"-5"', "max_value must be an amount"),
        ("rate = 100", "rate = 65536", "rate must be a whole number, 0 to 65535, not 65536"),
        ("max_short = 10", "max_short = 2147483648", "line 21: accounts.ALPHA.max_short must be"),
        ("max_short = 0", "max_shrt = 0", "line 26: accounts.ALPHA.positions.AAPL.max_shrt is not"),
        ("[accounts.ALPHA.positions.AAPL]", "[accounts.ALPHA.positions.TOOLONGXX]", "24: .*no nam"),
        ('collar = "1.5"', 'collar = "1.5"\nreference = "2"', "29: symbols.AAPL: give either"),
        ('collar = "1.5"', "", "line 29: symbols.AAPL.collar is missing"),
        ('collar = "1.5"', 'collar = "429497"', "line 30: symbols.AAPL.collar must be at most"),
        ('reference = "400.00"', "", "line 37: symbols.MSFT.reference is missing"),
        ("[symbols.AAPL]", "[symbol.AAPL]", "line 29: symbol is not a limit; known here: accounts"),
        ("[firm]", "[firma]", "line 47: firma is not a limit"),
        ("net_credit = \"9", "net_limit = \"9", "line 49: firm.net_limit is not a limit"),
        ('"900000000000000.00"', '"999999999999999"', "firm.net_credit must be at most 9223"),
        ('["day", "buy", "short"]', '"buy"', "line 4: .*permissions must be a list of texts"),
        ('["day", "buy", "short"]', "[1]", "line 4: .*permissions must be a list of texts"),
        ('"buy", "short"]', '"bye"]', "line 4: .*permissions cannot have 'bye'; known: buy, sell,"),
        ('"buy", "short"]', '"day"]', "line 4: .*permissions has 'day' more than once"),
        ('["short", "buy"]', '["all"]', "line 28: .*restricted cannot have 'all'; known: buy, sel"),
        ('["MSFT"]', '["A,B"]', "line 5: .*symbols must be \"all\" or a list .* cannot have 'A,B'"),
        ('["MSFT"]', '["all"]', "line 5: accounts.ALPHA.symbols .*cannot have 'all'"),
        ('["MSFT"]', "5", "line 5: accounts.ALPHA.symbols must be a list"),
        ('tick = "0.01"', 'tick = "0.002"', "31: .*tick must be one of 0.0001, 0.005, 0.01, not 0"),
        ("lot = 100", "lot = 50", "line 32: symbols.AAPL.lot must be one of 1, 10, 40, 100, not"),
        ('window_collar = "2.5"', "", "line 29: symbols.AAPL.window_collar is missing"),
        ("max_reference_age = 1000", "", "line 29: symbols.AAPL.max_reference_age is missing"),
        ("max_reference_age = 1000", "max_reference_age = -1", "36: .*a whole number, 0 to 42949"),
        ("max_reference_age = 250", "", "line 37: symbols.MSFT.max_reference_age is missing"),
        ('"window", "national"', '"national"', "line 37: symbols.MSFT.window_collar is missing"),
        ('"window", "national"', '"all"', "line 46: .*waived cannot have 'all'; known: national"),
        ("algo_id = 1001", "", "strategies.MAKER.algo_id is missing"),
        ("algo_id = 1001", "algo_id = 0", "strategies.MAKER.algo_id must be 1 or more"),
        ("algo_id = 1001", "algo_id = 4294967296", "a whole number, 0 to 4294967295, not 429496"),
        ("max_executions = 300", "max_executions = 1\n[strategies.X]\nalgo_id = 1001\n"
         "max_executions = 2", "strategies.X.algo_id is that of MAKER, 1001, too"),
        ("max_executions = 300", "", "strategies.MAKER.max_executions is missing"),
        ("max_rejects = 5", "", "accounts.ALPHA.max_rejects is missing"),
        ("[accounts.ALPHA]", "[accounts.ALPHA", "not valid TOML: .*line 1"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old, new, message):
    assert old in GOOD
    with pytest.raises(LimitsError, match=message):
        parse(GOOD.replace(old, new, 1))


def required():
    """Each line that a file must have, and the key that is missing without it."""
    tables = {"accounts.ALPHA": ACCOUNT_FIELDS, "accounts.ALPHA.positions.AAPL": POSITION_FIELDS}
    tables |= {"symbols.AAPL": SYMBOL_FIELDS, "firm": FIRM_FIELDS}
    tables |= {"groups.DESK": GROUP_FIELDS, "clearing_firms.CLEAR": CLEARING_FIRM_FIELDS}
    tables |= {"sessions.C1": SESSION_FIELDS}
    for table, fields in tables.items():
        yield from ((table, field.name) for field in fields if not field.optional)


@pytest.mark.parametrize(("table", "key"), list(required()))
def test_no_key_can_be_left_out(table, key):
    lines = GOOD.splitlines()
    header = lines.index(f"[{table}]")
    at = next(n for n in range(header, len(lines)) if lines[n].startswith(f"{key} = "))
    with pytest.raises(LimitsError) as caught:
        parse("\n".join([*lines[:at], *lines[at + 1 :]]))
    assert str(caught.value).startswith(f"line {header + 1}: {table}.{key} is missing")


def test_the_firm_must_be_there():
    with pytest.raises(LimitsError, match="line 1: firm is missing"):
        parse(GOOD.replace("[firm]", "[groups.OTHER]"))


@pytest.mark.parametrize("key", ["group", "clearing_firm"])
def test_what_an_account_belongs_to_must_be_there(key):
    name = {"group": "DESK", "clearing_firm": "CLEAR"}[key]
    line = f'{key} = "{name}"'
    for wrong, message in (
        (f'{key} = "OTHER"', rf"{key} must be one of \[{key}s\]: {name}, not 'OTHER'"),
        (f"{key} = 5", "must be a name"),
        (f'{key} = ""', "must be a name"),
    ):
        with pytest.raises(LimitsError, match=f"line [23]: .*{message}"):
            parse(GOOD.replace(line, wrong, 1))
    with pytest.raises(LimitsError, match=r"of .*: none, not"):
        parse(GOOD[: GOOD.index("[groups.DESK]")])


def test_a_table_that_is_none_is_named():
    with pytest.raises(LimitsError, match="line 3: accounts must be a table, not 5"):
        parse("\n# nothing\naccounts = 5")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(LimitsError, match=r"limits\.toml"):
        load(tmp_path / "limits.toml")


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ('a = 1\n[b."c.d"]\ne.f = 2', ("b", "c.d", "e", "f"), 3),
        ('a = 1\n[b."c.d"]\ne.f = 2', ("b", "c.d", "x"), 2),
        ("[b.c]\n[b]\nx = 1", ("b", "y"), 2),
        ("b = {c = 1}", ("b", "c"), 1),
        ("x = [\n'a',\n]\ny = 1", ("y",), 4),
        ("x = '''\na.\"\n= 3\n'''\ny = 1", ("z",), 1),
    ],
)
def test_the_line_of_a_key(text, path, line):
    assert reader.line_of(text, path) == line


@given(any_limits)
def test_the_canonical_text_reads_back_as_the_same_limits(some):
    again = parse(some.text())
    assert again == some
    assert (again.text(), again.hash()) == (some.text(), some.hash())


def test_no_limits_are_limits():
    assert parse(NO_LIMITS.text()) == NO_LIMITS


def test_the_examples_of_the_module_and_the_page_are_one_valid_file():
    page = (docs.FOLDER / "limits.md").read_text()
    example = parse(page.partition("```toml\n")[2].partition("```")[0])
    assert example.accounts
    text = limits.__doc__.partition("::\n")[2].partition("\nWhat is not set")[0]
    assert parse(dedent(text)) == example


def test_the_pages_are_what_the_declarations_say():
    assert docs.stale() == []


def test_each_limit_has_its_check_and_a_stale_page_is_named(tmp_path, capsys):
    for scope, _, fields in docs.TABLES:
        for field in fields:
            assert docs.check_of(scope, field)
    (tmp_path / "limits.md").write_text(f"x {docs.BEGIN} y {docs.END} z")
    assert docs.main(["--check", "--folder", str(tmp_path)]) == 1
    assert "checks.md is stale" in capsys.readouterr().err
    assert docs.main(["--folder", str(tmp_path)]) == 0
    assert docs.main(["--check", "--folder", str(tmp_path)]) == 0
    text = (tmp_path / "limits.md").read_text()
    assert text.startswith("x ")
    assert text.endswith(" z")
    (tmp_path / "limits.md").write_text("nothing")
    with pytest.raises(ValueError, match="no place for the table"):
        docs.pages(tmp_path)


def test_the_image_has_each_value_at_its_address():
    owners = ["A", "DESK"], ["A", "B", "CLEAR"]
    names = RowNames(["BETA", "ALPHA"], ["MSFT", "AAPL"], *owners, ["X", "C1"], ["Y", "MAKER"])
    compiled = compile_image(parse(GOOD), names, TableSizes(4, 8, 2, 3))
    words = compiled.words

    def field(table, row, name):
        where = next(field for field in table.fields if field.name == name)
        place = [table.address(row, where.word + word) for word in range(where.words)]
        return sum(words[address] << 32 * n for n, address in enumerate(place))

    for given_field in ACCOUNT_FIELDS:
        if given_field.name in parse(GOOD).accounts["ALPHA"].numbers and not given_field.choices:
            table, row = (ACCOUNT, 1)
            if given_field.name in ("max_long", "max_short", "locates"):
                table, row = (POSITION, 1 * 8 + 0)
            value = parse(GOOD).accounts["ALPHA"].numbers[given_field.name]
            assert field(table, row, given_field.name) == value, given_field.name
    assert field(ACCOUNT, 1, "max_open_quantity") == 200_000_000_000
    assert field(ACCOUNT, 1, "enabled") == 1
    assert field(ACCOUNT, 1, "permissions") == 0b001_0101
    assert [field(SYMBOL, 0, f.name) for f in SYMBOL.fields] == [
        1, 20_000, 0b101, 0, 0b010, 0, 250, 0b101, 65535, 65535,
    ]  # fmt: skip
    assert [field(SYMBOL, 1, f.name) for f in SYMBOL.fields] == [
        1, 15_000, 0b111, 0b10011, 0, 25_000, 1000, 0, 65535, 65535,
    ]  # fmt: skip
    assert [field(POSITION, 9, f.name) for f in POSITION.fields] == [500, 0, 0b101, 1000]
    assert [field(POSITION, 8, f.name) for f in POSITION.fields] == [20000, 10, ENTITLED, 1000]
    assert [field(FIRM, 0, f.name) for f in FIRM.fields] == [1, 200_000_000_000, 9 * 10**18]
    assert (field(ACCOUNT, 1, "group"), field(ACCOUNT, 1, "clearing_firm")) == (1, 2)
    assert [field(GROUP, 1, f.name) for f in GROUP.fields] == [1, 100_000_000_000, 10**10]
    assert [field(CLEARING_FIRM, 2, f.name) for f in CLEARING_FIRM.fields] == [
        1, 150_000_000_000, 3 * 10**10,
    ]  # fmt: skip
    unset = {ACCOUNT.address(0, 0), GROUP.address(0, 0), CLEARING_FIRM.address(1, 0)}
    unset |= {SESSION.address(0, 0), STRATEGY.address(0, 0)}
    assert unset.isdisjoint(words)
    assert [field(SESSION, 1, f.name) for f in SESSION.fields] == [1, 65535, 65535]
    assert [field(STRATEGY, 1, f.name) for f in STRATEGY.fields] == [1, 300]
    assert compiled.missing == ("account BETA", "session X", "strategy Y")


def test_a_session_that_is_not_configured_is_refused():
    with pytest.raises(LimitsError, match=r"sessions\.C1 is not configured"):
        compile_image(parse(GOOD), replace(NAMES, sessions=["C2"]), SIZES)
    with pytest.raises(LimitsError, match="room for 32 sessions, 33 are configured"):
        compile_image(parse(GOOD), replace(NAMES, sessions=[f"C{n}" for n in range(33)]), SIZES)


@given(any_limits)
def test_every_word_is_a_word_of_the_image(some):
    accounts, symbols = list(some.accounts), list(some.symbols)
    named = {name for account in some.accounts.values() for name in account.positions}
    named |= {name for account in some.accounts.values() for name in account.symbols or ()}
    symbols += sorted(named - set(symbols))
    names = RowNames(
        accounts, symbols, list(some.groups), list(some.clearing_firms),
        list(some.sessions), list(some.strategies),
    )  # fmt: skip
    sizes = TableSizes(4, 64, 4, 4)
    compiled = compile_image(some, names, sizes)
    known = {
        table.address(row, field.word + word)
        for table in TABLES
        for row in range(rows(table, sizes))
        for field in table.fields
        for word in range(field.words)
    }
    assert compiled.words.keys() <= known
    assert all(0 <= word < 1 << 32 for word in compiled.words.values())


def test_rows_of_a_table_do_not_overlap():
    for table in TABLES:
        words = [f.word + n for f in table.fields for n in range(f.words)]
        assert len(set(words)) == len(words)
        assert max(words) < table.row_words
    assert set(image.TICKS) == {1, 50, 100}


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
        compile_image(parse(GOOD), replace(NAMES, accounts=accounts, symbols=symbols), SIZES)


@pytest.mark.parametrize(
    ("groups", "clearing_firms", "message"),
    [
        (["OTHER"], ["CLEAR"], "groups.DESK is not configured in the engine; known: OTHER"),
        (["DESK"], [], "clearing_firms.CLEAR is not configured"),
        (["DESK", "B"], ["CLEAR"], "room for 1 groups, 2 are configured"),
        (["DESK"], ["CLEAR", "B"], "room for 1 clearing firms, 2 are configured"),
    ],
)
def test_owners_that_do_not_fit_are_refused(groups, clearing_firms, message):
    names = replace(NAMES, groups=groups, clearing_firms=clearing_firms)
    with pytest.raises(LimitsError, match=message):
        compile_image(parse(GOOD), names, SIZES)


def test_an_entitlement_to_an_unknown_symbol_is_refused():
    wrong = parse(GOOD.replace('["MSFT"]', '["MSFT", "GONE"]'))
    with pytest.raises(LimitsError, match=r"accounts\.ALPHA\.symbols\.GONE is not configured"):
        compile_image(wrong, NAMES, SIZES)


def test_what_goes_with_waived_references_may_be_left_out():
    bare = GOOD.replace('"window", "national"', '"window", "luld", "national"').replace(
        "max_reference_age = 250\n", ""
    )
    without = parse(bare)
    assert without.symbols["MSFT"].numbers == {
        "collar": 20_000, "rate": 65535, "burst": 65535,
    }  # fmt: skip
    assert without.symbols["MSFT"].waived == ("national", "luld", "window")
    assert parse(without.text()) == without
    words = compile_image(without, NAMES, SIZES).words
    assert [words[SYMBOL.address(1, word)] for word in (5, 6, 7)] == [0, 0, 0b111]


@given(st.integers(0, 2**63))
def test_usd_text_round_trips(value):
    assert reader.usd(reader.usd_text(value), 2**64) == value


def test_buying_power_may_be_left_out_and_is_no_word_of_the_image():
    given_ = GOOD.replace("max_long = 20000", 'buying_power = "12.5"\nmax_long = 20000', 1)
    good, without = parse(given_), parse(GOOD)
    assert good.accounts["ALPHA"].numbers["buying_power"] == 125_000
    assert "buying_power" not in without.accounts["ALPHA"].numbers
    assert parse(good.text()) == good
    assert parse(without.text()) == without
    assert good.hash() != without.hash()
    images = [compile_image(x, NAMES, SIZES) for x in (good, without)]
    assert images[0] == images[1]
    with pytest.raises(LimitsError, match=r"line 20: .*buying_power must be an amount"):
        parse(given_.replace('"12.5"', "12"))


@pytest.mark.parametrize("text", ["", "[warnings]\n", "[warnings]\npercent = []\n"])
def test_warnings_may_be_left_out(text):
    assert parse(GOOD + text) == parse(GOOD)
    assert "warnings" not in parse(GOOD + text).text()


def test_warnings_are_no_word_of_the_image():
    warned, without = parse(f"{GOOD}[warnings]\npercent = [1, 80, 95, 100]"), parse(GOOD)
    assert warned.warnings == (1, 80, 95, 100)
    assert "[warnings]\npercent = [1, 80, 95, 100]\n" in warned.text()
    assert parse(warned.text()) == warned
    assert warned.hash() != without.hash()
    images = [compile_image(some, NAMES, SIZES) for some in (warned, without)]
    assert images[0] == images[1]


@pytest.mark.parametrize(
    "percents", ["0", "[0]", "[101]", "[80, 80]", "[95, 80]", "[1, 2, 3, 4, 5]", "[80.5]",
                 "[true]", '["80"]']
)  # fmt: skip
def test_percentages_that_can_not_be_are_named_with_their_line(percents):
    line = len(GOOD.splitlines()) + 2
    wanted = rf"^line {line}: warnings\.percent must be a list of at most 4 whole numbers, 1 to 100"
    with pytest.raises(LimitsError, match=wanted):
        parse(f"{GOOD}[warnings]\npercent = {percents}")
    with pytest.raises(LimitsError, match=rf"^line {line}: warnings.percents is not a limit"):
        parse(f"{GOOD}[warnings]\npercents = {percents}")
