"""The snapshot: what it says is what the feed said, and the feed goes on from it exactly."""

import random
import struct
from typing import Any

import pytest
from tickgate.protocols import glimpse50, itch50
from tickgate_sim.exchange.status import StatusBoard


class Shadow:
    """Orders as a reader of the bytes sees them: [locate, side, shares, price, attribution]."""

    def __init__(self) -> None:
        self.orders: dict[int, list[Any]] = {}

    def take(self, message: bytes) -> None:
        locate = int.from_bytes(message[1:3], "big")
        reference = int.from_bytes(message[11:19], "big")
        match message[:1]:
            case b"A" | b"F":
                side, shares, _, price = struct.unpack_from(">cI8sI", message, 19)
                assert reference not in self.orders
                self.orders[reference] = [locate, side, shares, price, message[36:]]
            case b"E" | b"C" | b"X":
                self.orders[reference][2] -= int.from_bytes(message[19:23], "big")
                if self.orders[reference][2] == 0:
                    del self.orders[reference]
            case b"D":
                del self.orders[reference]
            case b"U":
                new, shares, price = struct.unpack_from(">QII", message, 19)
                locate, side, _, _, attribution = self.orders.pop(reference)
                self.orders[new] = [locate, side, shares, price, attribution]


def busy(make_day: Any, **settings: Any) -> Any:
    day = make_day(**{"messages_per_second": 2000, "orders_per_side": 15, **settings})
    day.open()
    return day


@pytest.mark.parametrize("seed", range(3))
def test_a_snapshot_at_any_time_and_the_feed_from_there_give_the_book(
    make_day: Any, seed: int
) -> None:
    day, rng = busy(make_day, seed=seed), random.Random(seed)
    followers: list[tuple[Shadow, int]] = []
    truth, seen = Shadow(), 0
    for _ in range(40):
        day.now += rng.randrange(50_000_000)
        day.exchange.advance(day.now)
        stored = day.exchange.stream.messages
        for message in stored[seen:]:
            truth.take(message)
        seen = len(stored)
        *state, end = day.exchange.snapshot()
        shadow = Shadow()
        for message in state:
            shadow.take(message)
        assert shadow.orders == truth.orders
        followers.append((shadow, glimpse50.decode(end).sequence_number))
        assert followers[-1][1] == seen + 1
    for shadow, sequence in followers:
        for message in day.exchange.stream.messages[sequence - 1 :]:
            shadow.take(message)
        assert shadow.orders == truth.orders


def test_orders_come_by_symbol_and_the_next_to_trade_first(make_day: Any) -> None:
    day = busy(make_day)
    day.now += 3 * 10**9
    day.exchange.advance(day.now)
    adds = [item for item in day.exchange.snapshot() if item[:1] in b"AF"]
    keys = []
    for item in adds:
        order = itch50.decode(item)
        is_buy = order.buy_sell_indicator == "B"
        rank = -order.price if is_buy else order.price
        keys.append((order.stock_locate, not is_buy, rank))
    assert keys == sorted(keys)
    assert {key[:2] for key in keys} == {(n, side) for n in (1, 2, 3) for side in (False, True)}
    position = {item: at for at, item in enumerate(order_references(day))}
    last = -1
    for item in adds:
        at = position[int.from_bytes(item[11:19], "big")]
        assert at > last, "the queue's own order within a price"
        last = at


def order_references(day: Any) -> list[int]:
    return [
        order.reference
        for book in day.exchange.engine.books.values()
        for order in book
        if order.displayed
    ]


def test_hidden_orders_and_partial_fills(day: Any, enter: Any) -> None:
    day.send("ALICE", enter(1, "B", 300, 99_0000))
    day.send("ALICE", enter(2, "B", 500, 99_5000, display="N"))
    day.send("ALICE", enter(3, "B", 200, 99_5000, display="A"))
    day.send("BOB", enter(1, "S", 50, 99_5000))
    adds = [itch50.decode(item) for item in day.exchange.snapshot() if item[:1] in b"AF"]
    assert [(type(item).TYPE, item.shares, item.price) for item in adds] == [
        ("F", 150, 99_5000),
        ("A", 300, 99_0000),
    ]
    assert adds[0].attribution == "ALFA"
    assert {item.timestamp for item in adds} == {day.now}


def test_status_is_what_the_feed_said_last(day: Any) -> None:
    exchange = day.exchange
    exchange.notice("Y", "MSFT", {"reg_sho_action": "1"}, day.now)
    exchange.notice("Y", "MSFT", {"reg_sho_action": "2"}, day.now + 5)
    exchange.notice("h", "AAPL", {"market_code": "B", "operational_halt_action": "H"}, day.now)
    exchange.notice("h", "AAPL", {"market_code": "Q", "operational_halt_action": "H"}, day.now)
    exchange.notice("h", "AAPL", {"market_code": "Q", "operational_halt_action": "T"}, day.now)
    exchange.notice("W", "", {"breached_level": "1"}, day.now)
    exchange.notice("B", "AAPL", {"match_number": 1}, day.now)
    exchange.halt("PENY", day.now, "T1")
    *state, end = exchange.snapshot()
    assert set(state) <= set(exchange.stream.messages), "as they were sent"
    kinds = "".join(chr(item[0]) for item in state)
    assert kinds == "SSS" + "RRR" + "W" + "HHH" + "YYY" + "hh"
    assert b"".join(item[11:12] for item in state[:3]) == b"OSQ"
    assert [item[19:20] for item in state if item[:1] == b"H"] == [b"T", b"T", b"H"]
    assert [item[19:20] for item in state if item[:1] == b"Y"] == [b"0", b"2", b"0"]
    assert [item[19:21] for item in state if item[:1] == b"h"] == [b"BH", b"QT"]
    assert end == b"G" + b"%20d" % exchange.stream.next_sequence


def test_before_the_day_there_is_only_the_end(make_day: Any) -> None:
    assert make_day().exchange.snapshot() == [b"G" + b"1".rjust(20)]


def test_after_the_day_there_are_no_orders(make_day: Any) -> None:
    day = busy(make_day)
    day.exchange.close(day.now)
    kinds = {item[:1] for item in day.exchange.snapshot()}
    assert kinds == {b"S", b"R", b"H", b"Y", b"G"}


def test_the_board_keeps_no_order_and_no_trade() -> None:
    board = StatusBoard()
    board.note([kind.encode() + bytes(39) for kind in "AFECXDUPQBI"])
    assert board.in_force() == []


@pytest.mark.parametrize(
    ("kind", "symbol", "values", "fault"),
    [
        ("A", "AAPL", {}, "kind must be one of"),
        ("S", "", {"event_code": "C"}, "kind must be one of"),
        ("YL", "AAPL", {}, "kind must be one of"),
        ("", "AAPL", {}, "kind must be one of"),
        ("Y", "AAPL", {}, r"RegShoRestriction lacks \['reg_sho_action'\]"),
        ("Y", "AAPL", {"reg_sho_action": "1", "shares": 1}, r"does not have \['shares'\]"),
        ("Y", "AAPL", {"reg_sho_action": 1}, "reg_sho_action must be one ASCII character"),
        ("B", "AAPL", {"match_number": -1}, "match_number must be an integer in 0"),
        ("Y", "NONE", {"reg_sho_action": "1"}, "symbol must be one that trades here"),
    ],
)
def test_a_notice_that_is_none_changes_nothing(
    day: Any, kind: str, symbol: str, values: Any, fault: str
) -> None:
    before, sent = day.exchange.snapshot(), len(day.packets)
    with pytest.raises(ValueError, match=fault):
        day.exchange.notice(kind, symbol, values, day.now)
    assert day.exchange.snapshot() == before
    assert len(day.packets) == sent
