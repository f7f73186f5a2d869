"""The feed: order of the day, exact bytes, and books rebuilt from it by three other programs."""

import datetime
import random
import struct
from pathlib import Path
from typing import Any

import pytest
from itch_book import Feed
from itchcpp.book import BookManager
from tickgate.protocols import ouch50
from tickgate_sim.exchange.events import (
    BookAdded,
    BookDeleted,
    BookReduced,
    BookReplaced,
    Executed,
    Modified,
    Notice,
    Party,
    TradingState,
)
from tickgate_sim.exchange.feed import FeedPublisher
from tickgate_sim.exchange.instruments import Instrument

T = 0x0102_0304_0506
HEADER = bytes.fromhex("0007 0000 010203040506".replace(" ", ""))


def publish(*events: Any) -> list[bytes]:
    return FeedPublisher([Instrument(symbol="AAPL", locate=7, price=100_0000)]).messages(events)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            BookAdded(T, 258, "AAPL", "B", 100, 99_0000, ""),
            b"A" + HEADER + struct.pack(">QcI8sI", 258, b"B", 100, b"AAPL    ", 99_0000),
        ),
        (
            BookAdded(T, 258, "AAPL", "S", 100, 99_0000, "ABC"),
            b"F" + HEADER + struct.pack(">QcI8sI", 258, b"S", 100, b"AAPL    ", 99_0000) + b"ABC ",
        ),
        (BookReduced(T, 258, "AAPL", 30), b"X" + HEADER + struct.pack(">QI", 258, 30)),
        (BookDeleted(T, 258, "AAPL"), b"D" + HEADER + struct.pack(">Q", 258)),
        (
            BookReplaced(T, 258, 259, "AAPL", 30, 98_0000),
            b"U" + HEADER + struct.pack(">QQII", 258, 259, 30, 98_0000),
        ),
        (
            Executed(
                T, 5, "AAPL", 30, 99_0000, Party("A", 1, 258, "B"), Party("B", 1, 9, "S"), True
            ),
            b"E" + HEADER + struct.pack(">QIQ", 258, 30, 5),
        ),
        (
            Executed(
                T,
                5,
                "AAPL",
                30,
                99_0050,
                Party("A", 1, 258, "B"),
                Party("B", 1, 9, "S"),
                True,
                True,
            ),
            b"C" + HEADER + struct.pack(">QIQcI", 258, 30, 5, b"Y", 99_0050),
        ),
        (
            Notice(T, "AAPL", "h", {"market_code": "Q", "operational_halt_action": "H"}),
            b"h" + HEADER + b"AAPL    QH",
        ),
        (
            Notice(T, "", "W", {"breached_level": "3"}),
            b"W\0\0" + HEADER[2:] + b"3",
        ),
        (
            Executed(
                T, 5, "AAPL", 30, 99_0000, Party("A", 1, 258, "B"), Party("B", 1, 9, "S"), False
            ),
            b"P" + HEADER + struct.pack(">QcI8sIQ", 0, b"B", 30, b"AAPL    ", 99_0000, 5),
        ),
        (TradingState(T, "AAPL", "H", "T1"), b"H" + HEADER + b"AAPL    H T1  "),
    ],
)
def test_bytes_of_each_event(event: Any, message: bytes) -> None:
    assert publish(event) == [message]


def test_what_only_owners_may_know_is_not_published() -> None:
    assert publish(Modified(T, "A", 1, "S", 50)) == []


def test_the_order_of_the_day(make_day: Any) -> None:
    day = make_day(orders_per_side=1, symbols=(("AAPL", 100_0000, 100), ("MSFT", 400_0000, 10)))
    day.open()
    day.exchange.close(day.now)
    kinds = [
        chr(message[0]) + (chr(message[11]) if message[:1] == b"S" else "")
        for message in day.messages
    ]
    assert kinds[:9] == ["SO", "R", "R", "H", "H", "Y", "Y", "SS", "SQ"]
    adds = [kind for kind in kinds if kind in "AF"]
    assert kinds[9:] == [*adds, "SM", *["D"] * len(adds), "SE", "SC"]
    directory = [message for message in day.messages if message[:1] == b"R"]
    assert [(m[1:3], m[11:19], m[21:25]) for m in directory] == [
        (b"\x00\x01", b"AAPL    ", b"\x00\x00\x00\x64"),
        (b"\x00\x02", b"MSFT    ", b"\x00\x00\x00\x0a"),
    ]


class Rebuild:
    """A book for each locate from raw ITCH bytes; fails on any message that does not fit."""

    def __init__(self) -> None:
        self.orders: dict[int, list[Any]] = {}  # reference: [locate, side, shares, price]
        self.last_time = 0

    def take(self, message: bytes) -> None:
        locate, _, high, low = struct.unpack_from(">HHHI", message, 1)
        time = high << 32 | low
        assert time >= self.last_time
        self.last_time = time
        match message[:1]:
            case b"A" | b"F":
                reference, side, shares, _, price = struct.unpack_from(">QcI8sI", message, 11)
                assert reference not in self.orders
                assert shares > 0
                self.orders[reference] = [locate, side.decode(), shares, price]
            case b"E" | b"X":
                reference, shares = struct.unpack_from(">QI", message, 11)
                self._take_off(locate, reference, shares)
            case b"D":
                (reference,) = struct.unpack_from(">Q", message, 11)
                assert self.orders.pop(reference)[0] == locate
            case b"U":
                old, new, shares, price = struct.unpack_from(">QQII", message, 11)
                _, side, _, _ = self.orders.pop(old)
                self.orders[new] = [locate, side, shares, price]

    def _take_off(self, locate: int, reference: int, shares: int) -> None:
        order = self.orders[reference]
        assert order[0] == locate
        assert 0 < shares <= order[2]
        order[2] -= shares
        if not order[2]:
            del self.orders[reference]


def displayed(day: Any) -> dict[int, list[Any]]:
    engine = day.exchange.engine
    return {
        order.reference: [
            engine.market.instruments[symbol].locate,
            "B" if order.side == "B" else "S",
            order.open,
            order.price,
        ]
        for symbol, book in engine.books.items()
        for order in book
        if order.displayed
    }


def random_message(
    rng: random.Random, number: int, live: list[Any], enter: Any, replace: Any
) -> Any:
    price = 100_0000 + 100 * rng.randint(-8, 8)
    order = rng.choice(live) if live and rng.randrange(4) else None
    earlier = order.token if order else rng.randint(1, number)
    shape = {"display": rng.choice("YYYAN"), "time_in_force": rng.choice("0003")}
    match rng.randrange(12):
        case 0 | 1 | 2 | 3 | 4:
            return enter(number, rng.choice("BSTE"), rng.randint(1, 900), price, **shape)
        case 5 | 6:
            return replace(earlier, number, rng.randint(1, 900), price, **shape)
        case 7 | 8:
            return ouch50.CancelOrder(user_ref_num=earlier, quantity=rng.randint(0, 900))
        case 9 | 10:
            return ouch50.ModifyOrder(
                user_ref_num=earlier, side=rng.choice("BSTE"), quantity=rng.randint(0, 300)
            )
        case _:
            return ouch50.MassCancel(user_ref_num=number, firm="ALFA", symbol="AAPL")


def busy_day(make_day: Any, enter: Any, replace: Any, seed: int, messages: int) -> Any:
    """A day of background flow with two clients that send at random; yields after each step."""
    rng = random.Random(seed)
    day = make_day(seed=seed, messages_per_second=2000, orders_per_side=8)
    day.open()
    yield day
    for number in range(1, messages + 1):
        user = rng.choice(["ALICE", "BOB"])
        live = list(day.exchange.engine.live_orders(user))
        day.send(user, random_message(rng, number, live, enter, replace))
        yield day
        day.now += rng.randint(0, 3_000_000)
        day.exchange.advance(day.now)
        yield day


@pytest.mark.parametrize("seed", range(4))
def test_the_rebuilt_book_is_the_engines_after_every_step(
    make_day: Any, enter: Any, replace: Any, seed: int
) -> None:
    rebuild, seen = Rebuild(), 0
    for day in busy_day(make_day, enter, replace, seed, 150):
        stored = day.exchange.stream.messages
        for message in stored[seen:]:
            rebuild.take(message)
        seen = len(stored)
        assert rebuild.orders == displayed(day)
    assert day.messages == stored
    assert {chr(message[0]) for message in stored} >= set("AFEXDUP")


def test_itchcpp_and_itch_book_build_the_same_top(
    make_day: Any, enter: Any, replace: Any, tmp_path: Path
) -> None:
    *_, day = busy_day(make_day, enter, replace, 11, 400)
    engine = day.exchange.engine
    # BinaryFILE: a two-byte length before each message, a length of 0 at the end.
    raw = b"".join(struct.pack(">H", len(message)) + message for message in day.messages)
    (tmp_path / "day.itch").write_bytes(raw + b"\x00\x00")

    manager = BookManager()
    for symbol in engine.books:
        manager.track_symbol(symbol)
    manager.process_stream(raw)
    feed = Feed(str(tmp_path / "day.itch"), date=datetime.date(2026, 1, 5), price_type="fixed")
    last: dict[int, tuple[int, ...]] = {}
    for batch in feed.batches(("bbo",)):
        rows = [
            batch.bbo[name].tolist() for name in ("locate", "bid_px", "bid_sz", "ask_px", "ask_sz")
        ]
        last.update({locate: tuple(row) for locate, *row in zip(*rows, strict=True)})

    for symbol, book in engine.books.items():
        bid, ask = book.bids.top(), book.asks.top()
        assert bid is not None
        assert ask is not None
        bbo = manager.book_for_symbol(symbol).bbo()
        assert (round(bbo.bid_price * 10_000), bbo.bid_shares) == bid
        assert (round(bbo.ask_price * 10_000), bbo.ask_shares) == ask
        locate = engine.market.instruments[symbol].locate
        assert last[locate] == (*bid, *ask)
    assert feed.stats is not None
    doubts = ("unknown", "malformed", "missing_ref", "dup_ref", "rejected", "clamped")
    assert {name: feed.stats[name] for name in (*doubts, "crossed_books")} == dict.fromkeys(
        (*doubts, "crossed_books"), 0
    )
