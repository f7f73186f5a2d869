"""Books on the host, against one that is reckoned anew from all open orders each time."""

import random
import struct

import pytest
from tickgate.marketdata.orderbook import Level, OrderBooks

AAPL, MSFT, OTHER = 1, 2, 3
NAMES = {AAPL: b"AAPL    ", MSFT: b"MSFT    ", OTHER: b"OTHER   "}


def head(kind: bytes, locate: int, at: int = 0) -> bytes:
    return kind + struct.pack(">HH", locate, 0) + at.to_bytes(6, "big")


def add(reference, locate, side, shares, price, *, mpid=False, at=0):
    body = struct.pack(">Q1sI8sI", reference, side, shares, NAMES[locate], price)
    return head(b"F" if mpid else b"A", locate, at) + body + (b"MPID" if mpid else b"")


def execute(reference, locate, shares, *, price=None):
    body = struct.pack(">QIQ", reference, shares, 7)
    if price is None:
        return head(b"E", locate) + body
    return head(b"C", locate) + body + b"Y" + struct.pack(">I", price)


def cancel(reference, locate, shares):
    return head(b"X", locate) + struct.pack(">QI", reference, shares)


def delete(reference, locate):
    return head(b"D", locate) + struct.pack(">Q", reference)


def replace(old, new, locate, shares, price):
    return head(b"U", locate) + struct.pack(">QQII", old, new, shares, price)


@pytest.fixture
def books():
    return OrderBooks(["AAPL", "MSFT"])


def feed(books, *messages):
    return [books.apply(message, number, 50) for number, message in enumerate(messages, 1)]


def test_orders_add_up_by_price(books):
    changed = feed(
        books,
        add(1, AAPL, b"B", 100, 10_000, at=77),
        add(2, AAPL, b"B", 50, 10_000, mpid=True),
        add(3, AAPL, b"B", 10, 10_100),
        add(4, AAPL, b"S", 30, 10_200),
        add(5, OTHER, b"S", 30, 10_200),
    )
    book = books.books["AAPL"]
    assert changed == [book, book, book, book, None]
    assert (book.best_bid, book.best_ask) == (Level(10_100, 10, 1), Level(10_200, 30, 1))
    assert book.levels(5) == ([(10_100, 10, 1), (10_000, 150, 2)], [(10_200, 30, 1)])
    assert book.levels(1)[0] == [(10_100, 10, 1)]
    assert (book.sequence, book.time_ns) == (4, 50)
    assert books.books["MSFT"].best_bid is None
    assert not books.counters


def test_executions_cancels_deletes_and_replaces(books):
    feed(
        books,
        add(1, MSFT, b"S", 100, 500, at=9),
        execute(1, MSFT, 30),
        execute(1, MSFT, 20, price=499),
        cancel(1, MSFT, 10),
    )
    book = books.books["MSFT"]
    assert book.best_ask == (500, 40, 1)
    feed(books, replace(1, 2, MSFT, 5, 510))
    assert book.levels(5) == ([], [(510, 5, 1)])
    feed(books, execute(2, MSFT, 5))
    assert book.best_ask is None
    feed(books, add(3, MSFT, b"B", 5, 400), delete(3, MSFT))
    assert book.best_bid is None
    assert not books.counters


def test_what_does_not_fit_is_counted_and_changes_nothing(books):
    feed(
        books,
        add(1, AAPL, b"B", 100, 10_000),
        add(1, AAPL, b"B", 50, 10_000),
        delete(9, AAPL),
        delete(9, OTHER),
        replace(8, 9, AAPL, 1, 1),
        b"A" + bytes(3),
        b"?" + bytes(10),
    )
    assert books.books["AAPL"].levels(5) == ([(10_000, 100, 1)], [])
    assert books.counters == {"reference used twice": 1, "unknown reference": 2, "malformed": 2}
    feed(books, execute(1, AAPL, 101))
    assert books.books["AAPL"].best_bid is None
    assert books.counters["too many shares"] == 1


def test_clear_empties_and_forgets(books):
    feed(books, add(1, AAPL, b"B", 100, 10_000))
    books.clear()
    assert books.books["AAPL"].levels(5) == ([], [])
    assert books.books["AAPL"].sequence == 0
    feed(books, delete(1, AAPL))
    assert books.counters["unknown reference"] == 0  # the locate is as yet nobody's


@pytest.mark.parametrize("seed", range(8))
def test_it_equals_the_sum_of_open_orders(books, seed):
    rng = random.Random(seed)
    orders: dict[int, list] = {}  # locate, side, price, shares
    last = 0
    for number in range(1, 600):
        kind = rng.choice("AAAFECXDU")
        reference = rng.choice(list(orders)) if orders else 0
        if kind in "AF" or not orders:
            last += 1
            order = [rng.choice((AAPL, MSFT, OTHER)), rng.choice((b"B", b"S")),
                     rng.randrange(100, 120), rng.randrange(1, 50)]  # fmt: skip
            orders[last] = order
            message = add(last, order[0], order[1], order[3], order[2], mpid=kind == "F")
        elif kind in "ECX":
            order = orders[reference]
            shares = rng.randrange(1, order[3] + 1)
            order[3] -= shares
            price = None if kind == "E" else 111
            message = (
                cancel(reference, order[0], shares)
                if kind == "X"
                else execute(reference, order[0], shares, price=price)
            )
            if not order[3]:
                del orders[reference]
        elif kind == "D":
            message = delete(reference, orders.pop(reference)[0])
        else:
            last += 1
            order = orders.pop(reference)
            orders[last] = [*order[:2], rng.randrange(100, 120), rng.randrange(1, 50)]
            message = replace(reference, last, order[0], orders[last][3], orders[last][2])
        books.apply(message, number, 0)
        for locate, name in ((AAPL, "AAPL"), (MSFT, "MSFT")):
            for side, reverse in ((b"B", True), (b"S", False)):
                prices = {o[2] for o in orders.values() if o[:2] == [locate, side]}
                want = []
                for price in sorted(prices, reverse=reverse):
                    there = [o[3] for o in orders.values() if o[:3] == [locate, side, price]]
                    want.append((price, sum(there), len(there)))
                levels = books.books[name].levels(100)
                assert levels[0 if reverse else 1] == want
    assert not books.counters
