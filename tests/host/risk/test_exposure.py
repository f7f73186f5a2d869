"""What the host counts of a replacement that the venue has not confirmed: as the gate does."""

import pytest
from tickgate.execution.model import Chain, Fill, Order
from tickgate.execution.table import State
from tickgate.risk.exposure import ExposureBook, Reserved, reserved


def order(token: int, chain: Chain, quantity: int, price: int, **more) -> Order:
    return Order(
        token, chain, str(token), more.pop("original", None), quantity, price, "2", "0", 0,
        more.pop("open", quantity), **more,
    )  # fmt: skip


@pytest.fixture
def old() -> Order:
    chain = Chain("1", "C1", "ALPHA", "AAPL", "B")
    chain.fills = {(1, 1): Fill("1", 1, 20, 10), (1, 2): Fill("2", 1, 10, 10, broken=True)}
    return order(1, chain, 100, 10, open=70, accepted=True, passed=True, state=State.NEW)


@pytest.mark.parametrize(
    ("quantity", "price", "kept"),
    [
        (100, 10, Reserved(0, 0)),
        (90, 10, Reserved(0, 0)),
        (130, 10, Reserved(30, 300)),
        (100, 12, Reserved(0, 200)),
        (90, 12, Reserved(0, 80)),
        (50, 12, Reserved(0, 0)),
        (100, 9, Reserved(0, 0)),
        (130, 9, Reserved(30, 1170)),
    ],
)
def test_a_replacement_counts_what_it_may_trade_beyond_its_order(old, quantity, price, kept):
    """Executed shares belong to the quantity of the chain, broken ones too."""
    assert reserved(old) == Reserved(70, 700, 1)
    new = order(2, old.chain, quantity, price, original=old)
    assert reserved(new) == kept
    new.state = State.REJECTED
    assert reserved(new) == Reserved()


def test_what_an_order_loses_its_replacement_may_trade(old):
    book = ExposureBook()
    new = order(2, old.chain, 110, 10, original=old, passed=True)
    old.replacement = new
    book.follow(old)
    held, use = book.pair("ALPHA", "AAPL"), book.use("ALPHA")
    assert (held.open_buy.worst, use.orders, use.open_value) == (80, 1, 800)
    old.open -= 25  # cancelled by the venue
    book.follow(old)
    assert (held.open_buy.worst, use.orders, use.open_value) == (80, 1, 800)
    old.open, old.state, old.replacement = 0, State.REPLACED, None
    new.accepted, new.open = True, 80
    book.follow(old)
    book.follow(new)
    assert (held.open_buy.worst, use.orders, use.open_value) == (80, 1, 800)
    new.open = 0
    book.follow(new)
    assert (held.open_buy.worst, use.orders, use.open_value) == (0, 0, 0)
    assert (use.day_quantity, use.day_value) == (0, 0)  # neither was told to have been asked for
