"""Ledgers: exact money whatever the method; broken trades leave no trace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.positions.book import PositionBook
from tickgate.positions.ledger import Ledger, Trade

FILLS = st.lists(
    st.tuples(st.integers(-5000, 5000).filter(bool), st.integers(1, 2_000_000_000)), max_size=40
)


def booked(method, fills):
    ledger = Ledger(method)
    for number, (quantity, price) in enumerate(fills):
        ledger.book(Trade((number, 0), quantity, price))
    return ledger


@given(st.sampled_from(["fifo", "average"]), FILLS, st.integers(0, 2_000_000_000))
def test_realised_and_unrealised_are_cash_and_value_exactly(method, fills, mark):
    ledger = booked(method, fills)
    position = sum(quantity for quantity, _ in fills)
    cash = -sum(quantity * price for quantity, price in fills)
    assert ledger.position == position
    assert ledger.cash == cash
    assert ledger.realised + ledger.unrealised(mark) == cash + position * mark


@given(FILLS)
def test_fifo_matches_a_share_by_share_model(fills):
    realised, lots = 0, []
    for quantity, price in fills:
        sign = 1 if quantity > 0 else -1
        for _ in range(min(abs(quantity), 60)):
            if lots and lots[0][0] != sign:
                opened_sign, opened = lots.pop(0)
                realised += (price - opened) * opened_sign
            else:
                lots.append((sign, price))
    capped = [(max(-60, min(60, quantity)), price) for quantity, price in fills]
    ledger = booked("fifo", capped)
    assert ledger.realised == realised
    assert ledger.cost == sum(sign * price for sign, price in lots)


@given(st.sampled_from(["fifo", "average"]), FILLS, st.data())
def test_a_broken_trade_leaves_no_trace(method, fills, data):
    if not fills:
        return
    broken = data.draw(st.integers(0, len(fills) - 1))
    ledger = booked(method, fills)
    ledger.unbook((broken, 0))
    clean = booked(method, fills[:broken] + fills[broken + 1 :])
    state = [(x.position, x.cost, x.cash, x.bought, x.sold) for x in (ledger, clean)]
    assert state[0] == state[1]


def test_fifo_and_average_split_the_same_profit_differently():
    fills = [(100, 10_0000), (100, 12_0000), (-100, 13_0000)]
    fifo, average = booked("fifo", fills), booked("average", fills)
    assert (fifo.realised, fifo.cost, fifo.average_price) == (300_0000, 1200_0000, 12_0000)
    assert (average.realised, average.cost, average.average_price) == (
        200_0000,
        1100_0000,
        11_0000,
    )


def test_a_fill_through_zero_closes_and_opens():
    ledger = booked("fifo", [(100, 10), (-150, 12)])
    assert (ledger.position, ledger.realised, ledger.cost) == (-50, 200, -600)
    assert ledger.average_price == 12
    assert ledger.unrealised(11) == 50


def test_a_fill_is_booked_once():
    ledger = booked("fifo", [(1, 1)])
    with pytest.raises(ValueError, match="booked once only"):
        ledger.book(Trade((0, 0), 1, 1))


def test_the_book_knows_sides_and_keeps_accounts_apart():
    book = PositionBook()
    book.book("A", "XYZ", "B", 10, 100, (1, 1))
    book.book("A", "XYZ", "T", 30, 100, (2, 2))
    book.book("B", "XYZ", "B", 5, 100, (3, 3))
    assert (book.position("A", "XYZ"), book.position("B", "XYZ")) == (-20, 5)
    assert book.position("A", "NONE") == 0
    book.unbook("A", "XYZ", (2, 2))
    assert book.position("A", "XYZ") == 10
    assert [(account, symbol) for account, symbol, _ in book.items()] == [
        ("A", "XYZ"),
        ("B", "XYZ"),
    ]
