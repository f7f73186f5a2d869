"""Limits go through the grids' rows unchanged, and each change is listed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.console import limits_rows
from tickgate.risk.limits import AccountLimits, Limits, LimitsError, PositionLimit

shares = st.integers(0, 2**31 - 1)
names = st.text("ABCDEFGHIJ0123456789", min_size=1, max_size=8)
positions = st.builds(PositionLimit, shares, shares)
accounts = st.builds(
    AccountLimits,
    max_quantity=st.integers(0, 2**32 - 1),
    max_value=st.integers(0, 10**19 - 1),
    rate=st.integers(0, 65535),
    burst=st.integers(0, 65535),
    default=positions,
    positions=st.dictionaries(names, positions, max_size=3),
)
limits = st.builds(
    Limits,
    st.dictionaries(names, accounts, max_size=4),
    st.dictionaries(names, st.integers(0, 2**32 - 1), max_size=4),
)


@given(limits)
def test_rows_lose_nothing(some: Limits) -> None:
    again = limits_rows.from_rows(
        limits_rows.account_rows(some),
        limits_rows.position_rows(some),
        limits_rows.symbol_rows(some),
    )
    assert again == some
    assert limits_rows.changes(some, again) == []


@given(limits, limits)
def test_changes_are_empty_only_for_equal_limits(one: Limits, other: Limits) -> None:
    assert (limits_rows.changes(one, other) == []) == (one == other)


def test_a_wrong_cell_is_named() -> None:
    row = {
        "id": "F1",
        "max_quantity": "1,000",
        "max_value": "x",
        "rate": 1,
        "burst": 1,
        "max_long": 0,
        "max_short": 0,
    }
    with pytest.raises(LimitsError, match=r"accounts\.F1\.max_value"):
        limits_rows.from_rows([row], [], [])
    good = limits_rows.from_rows([{**row, "max_value": "10,000.50"}], [], [])
    assert good.accounts["F1"].max_quantity == 1000
    assert good.accounts["F1"].max_value == 100_005_000
