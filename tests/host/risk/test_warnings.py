"""Warnings stand from the percentage that was uploaded until use is five points below it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.risk.exposure import ExposureBook
from tickgate.risk.limits import NO_LIMITS, parse
from tickgate.risk.warnings import (
    HYSTERESIS,
    LimitUse,
    Scope,
    StandingWarnings,
    limit_uses,
    scopes,
)

from tests.host.risk.strategies import GOOD, percents

ALPHA = GOOD[GOOD.index("[accounts.ALPHA]") : GOOD.index("[accounts.ALPHA.positions")]
LIMITS = parse(f"{GOOD}{ALPHA.replace('ALPHA', 'BETA')}[warnings]\npercent = [80, 95]\n")
amounts = st.integers(-(2**63), 2**63)
limits = st.integers(0, 2**63)


@pytest.mark.parametrize(
    ("used", "most", "reached"),
    [
        (799, 1000, ()),
        (800, 1000, (80,)),
        (801, 1000, (80,)),
        (949, 1000, (80,)),
        (950, 1000, (80, 95)),
        (5000, 1000, (80, 95)),
        (0, 1000, ()),
        (-5000, 1000, ()),
        (0, 0, ()),
        (1, 0, (80, 95)),
        (-1, 0, ()),
        (1, 1, (80, 95)),
        (2, 3, ()),
        (4 * 10**18 - 1, 5 * 10**18, ()),
        (4 * 10**18, 5 * 10**18, (80,)),
    ],
)
def test_a_level_is_reached_at_its_percentage(used, most, reached):
    assert LimitUse("max_value", used, most).levels((80, 95), ()) == reached


@pytest.mark.parametrize(
    ("used", "standing"), [(751, (80,)), (750, (80,)), (749, ()), (900, (80, 95)), (899, (80,))]
)
def test_a_level_is_over_below_its_percentage_less_five(used, standing):
    assert LimitUse("max_value", used, 1000).levels((80, 95), (80, 95)) == standing


@pytest.mark.parametrize(("used", "standing"), [(1, (3,)), (0, ()), (-1, ())])
def test_a_level_of_five_or_less_is_over_when_nothing_is_used(used, standing):
    assert LimitUse("max_value", used, 1000).levels((3,), (3,)) == standing


@given(amounts, limits, percents)
def test_a_new_level_stands_exactly_when_its_percentage_is_used(used, most, wanted):
    levels = LimitUse("x", used, most).levels(wanted, ())
    assert levels == tuple(p for p in wanted if used > 0 and used * 100 >= most * p)


@given(limits, percents, st.data())
def test_levels_follow_use_without_flapping(most, wanted, data):
    """Held against the plain words, for any way that use goes."""
    near = [most * p // 100 + d for p in range(0, 120, 5) for d in (-1, 0, 1)]
    way = data.draw(st.lists(st.sampled_from(near) | amounts, max_size=30))
    levels: tuple[int, ...] = ()
    for used in way:
        before, levels = levels, LimitUse("x", used, most).levels(wanted, levels)
        assert list(levels) == sorted(levels)
        for percent in wanted:
            share, at = used * 100, most * percent
            if used > 0 and share >= at:
                assert percent in levels
            elif used <= 0 or share < at - most * HYSTERESIS:
                assert percent not in levels
            else:
                assert (percent in levels) == (percent in before)


@given(amounts, limits, percents, percents)
def test_percentages_that_are_no_longer_wanted_do_not_stand(used, most, wanted, before):
    assert set(LimitUse("x", used, most).levels(wanted, before)) <= set(wanted)


def uses(book: ExposureBook, *scope: str) -> dict[str, tuple[int, int]]:
    """Used and limit, by limit."""
    return {use.limit: (use.used, use.most) for use in limit_uses(Scope(*scope), LIMITS, book)}


def filled_book() -> ExposureBook:
    """ALPHA bought for 3 USD and BETA sold for 5, of two accounts with limits and one without."""
    book = ExposureBook()
    for account, side, value in (("ALPHA", "B", 3), ("BETA", "T", 5), ("GONE", "B", 7)):
        book.trade(account, side, value)
        book.hold(account, "AAPL", value if side == "B" else -value)
    book.uses["ALPHA"].orders = 2
    book.uses["ALPHA"].open_buy_value = 100
    book.uses["ALPHA"].open_quantity = 10
    book.held["ALPHA", "AAPL"].open_buy.value = 10
    book.uses["ALPHA"].day_quantity, book.uses["ALPHA"].day_value = 13, 103
    book.throttles.rejects["ALPHA"] = 2
    book.throttles.executions["MAKER"] = 3
    return book


def test_use_of_each_scope():
    book = filled_book()
    assert uses(book, "account", "ALPHA") == {
        "max_orders": (2, 500),
        "max_open_quantity": (10, 200_000_000_000),
        "max_open_value": (100, 50_000_000_000),
        "max_day_quantity": (13, 2_000_000),
        "max_day_value": (103, 900_000_000_000),
        "gross_credit": (103, 100_000_000_000),
        "net_credit": (103, 40_000_000_000),
        "max_rejects": (2, 5),
    }
    assert uses(book, "account", "BETA")["net_credit"] == (5, 40_000_000_000)
    assert uses(book, "position", "ALPHA", "AAPL") == {"max_long": (13, 500), "max_short": (-3, 0)}
    short = uses(book, "position", "BETA", "AAPL")
    assert short == {"max_long": (-5, 20_000), "max_short": (5, 10)}
    shared = {"gross_credit": 108, "net_credit": 98}
    assert uses(book, "group", "DESK") == {
        name: (used, most)
        for (name, used), most in zip(
            shared.items(), (100_000_000_000, 10_000_000_000), strict=True
        )
    }
    assert {k: v[0] for k, v in uses(book, "clearing_firm", "CLEAR").items()} == shared
    everybody = {"gross_credit": 115, "net_credit": 105}
    assert {k: v[0] for k, v in uses(book, "firm").items()} == everybody
    assert uses(book, "strategy", "MAKER") == {"max_executions": (3, 300)}


@pytest.mark.parametrize(
    "scope",
    [("account", "GONE"), ("position", "GONE", "AAPL"), ("group", "GONE"),
     ("clearing_firm", "GONE"), ("strategy", "GONE")],
)  # fmt: skip
def test_without_limits_there_is_nothing_to_warn_of(scope):
    assert uses(filled_book(), *scope) == {}


def test_scopes_are_those_with_limits():
    assert list(scopes(LIMITS, filled_book())) == [
        Scope("firm"),
        Scope("clearing_firm", "CLEAR"),
        Scope("group", "DESK"),
        Scope("strategy", "MAKER"),
        Scope("account", "ALPHA"),
        Scope("account", "BETA"),
        Scope("position", "ALPHA", "AAPL"),
        Scope("position", "BETA", "AAPL"),
    ]


def tell(standing, scope, wanted, book):
    """Tell what is to be told; returns it as limit, percentage and whether it is over."""
    found = standing.changes(scope, wanted, book)
    for use, percent, over in found:
        standing.tell(scope, use.limit, percent, over)
    return [(use.limit, percent, over) for use, percent, over in found]


def test_levels_are_told_once_each_way():
    book, standing, scope = filled_book(), StandingWarnings(), Scope("account", "ALPHA")
    assert tell(standing, scope, LIMITS, book) == []
    assert standing.levels == {}
    book.uses["ALPHA"].orders = 480
    both = [("max_orders", 80, False), ("max_orders", 95, False)]
    assert tell(standing, scope, LIMITS, book) == both
    assert tell(standing, scope, LIMITS, book) == []
    assert list(standing.now(LIMITS, book)) == [(scope, LimitUse("max_orders", 480, 500), 95)]
    book.uses["ALPHA"].orders = 440
    assert tell(standing, scope, LIMITS, book) == [("max_orders", 95, True)]
    assert list(standing.now(LIMITS, book)) == [(scope, LimitUse("max_orders", 440, 500), 80)]
    book.uses["ALPHA"].orders = 374
    assert tell(standing, scope, LIMITS, book) == [("max_orders", 80, True)]
    assert standing.levels == {}


@pytest.mark.parametrize("gone", [NO_LIMITS, parse(GOOD), parse(GOOD.replace("ALPHA", "OTHER"))])
def test_levels_end_with_the_limits_that_wanted_them(gone):
    book, standing, scope = filled_book(), StandingWarnings(), Scope("account", "ALPHA")
    book.uses["ALPHA"].orders = 450
    tell(standing, scope, LIMITS, book)
    assert list(standing.scopes(gone, book)) == [scope]
    assert tell(standing, scope, gone, book) == [("max_orders", 80, True)]
    assert list(standing.scopes(gone, book)) == []


def test_what_stands_of_limits_that_are_gone_is_not_shown():
    book, standing, scope = filled_book(), StandingWarnings(), Scope("account", "ALPHA")
    standing.tell(scope, "max_orders", 80, over=False)
    assert list(standing.now(NO_LIMITS, book)) == []
    there = list(standing.scopes(LIMITS, book))
    assert there[0] == scope
    assert sorted(there) == sorted(scopes(LIMITS, book))
