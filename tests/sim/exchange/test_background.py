"""The background flow over virtual time."""

from collections import Counter
from typing import Any

import pytest
from tickgate_sim.exchange.background import BackgroundFlow, FlowMix
from tickgate_sim.exchange.events import HOUSE, Executed
from tickgate_sim.exchange.instruments import Instrument
from tickgate_sim.exchange.matching import MatchingEngine, NewOrder

MINUTE = 60 * 10**9


def run(make_day: Any, seconds: int, **settings: Any) -> Any:
    day = make_day(**{"messages_per_second": 300, "orders_per_side": 20, **settings})
    day.open()
    for _ in range(seconds):
        day.now += 10**9
        day.exchange.advance(day.now)
    return day


def test_the_same_seed_gives_the_same_feed(make_day: Any) -> None:
    first = run(make_day, 5, seed=7).messages
    assert run(make_day, 5, seed=7).messages == first
    assert run(make_day, 5, seed=8).messages != first


def test_how_often_it_is_run_does_not_matter(make_day: Any) -> None:
    often = make_day(messages_per_second=300, orders_per_side=20)
    often.open()
    for _ in range(500):
        often.now += 10**7
        often.exchange.advance(often.now)
    assert often.messages == run(make_day, 5).messages


@pytest.mark.parametrize("rate", [50, 1000])
def test_the_mean_rate_is_the_one_asked_for(make_day: Any, rate: int) -> None:
    day = run(make_day, 0, messages_per_second=rate)
    opening = day.exchange.stream.next_sequence
    seconds = 20_000 // rate
    day.now += seconds * 10**9
    day.exchange.advance(day.now)
    assert 18_000 < day.exchange.stream.next_sequence - opening < 22_000


def test_books_stay_two_sided_moving_and_bounded(make_day: Any) -> None:
    day = make_day(messages_per_second=2000, orders_per_side=20)
    day.open()
    engine = day.exchange.engine
    tops, one_sided, samples = set(), 0, 0
    for _ in range(120):
        day.now += 10**8
        day.exchange.advance(day.now)
        assert engine.live_count < 3 * 2 * 20 * 2
        for symbol, book in engine.books.items():
            bid, ask = book.bids.top(), book.asks.top()
            samples += 1
            one_sided += bid is None or ask is None
            tops.add((symbol, bid, ask))
            reference = engine.market.instruments[symbol].price
            for order in book:
                assert reference * 7 // 10 < order.price < reference * 13 // 10
    assert one_sided < samples // 100
    assert len(tops) > 100
    kinds = {chr(message[0]) for message in day.messages}
    assert kinds >= set("AFEDUP")


def test_a_swept_book_fills_again(make_day: Any, enter: Any) -> None:
    day = run(make_day, 1)
    for number, side in enumerate("BS", start=1):
        day.send("ALICE", enter(number, side, 999_999, 0x7FFF_FFFF))
    book = day.exchange.engine.books["AAPL"]
    assert (book.bids.top(), book.asks.top()) == (None, None)
    day.now += 10 * 10**9
    day.exchange.advance(day.now)
    assert book.bids.top() is not None
    assert book.asks.top() is not None


def test_a_halted_symbol_is_left_alone(make_day: Any) -> None:
    day = run(make_day, 1, symbols=(("AAPL", 100_0000, 100), ("MSFT", 400_0000, 100)))
    day.exchange.halt("AAPL", day.now)
    seen = len(day.messages)
    day.now += 5 * 10**9
    day.exchange.advance(day.now)
    after = day.messages[seen:]
    assert len(after) > 100
    assert {int.from_bytes(message[1:3], "big") for message in after} == {2}


def test_a_halt_of_everything_is_survived(make_day: Any) -> None:
    day = run(make_day, 1, symbols=(("AAPL", 100_0000, 100),))
    day.exchange.halt("AAPL", day.now)
    seen = len(day.messages)
    day.now += 10**9
    day.exchange.advance(day.now)
    assert len(day.messages) == seen
    day.exchange.resume("AAPL", day.now)
    day.now += 10**9
    day.exchange.advance(day.now)
    assert len(day.messages) > seen + 10


def test_no_flow_before_the_open_or_after_the_close(make_day: Any) -> None:
    day = make_day(messages_per_second=300, orders_per_side=20)
    assert day.exchange.advance(day.now + MINUTE) is None
    assert day.messages == []
    day.open()
    day.exchange.close(day.now)
    seen = len(day.messages)
    assert day.exchange.advance(day.now + MINUTE) is None
    assert len(day.messages) == seen
    assert day.exchange.engine.live_count == 0


def test_without_a_rate_there_is_only_the_opening_book(make_day: Any) -> None:
    day = run(make_day, 5, messages_per_second=0, orders_per_side=3)
    kinds = [chr(message[0]) for message in day.messages]
    assert kinds.count("S") == 3
    assert set(kinds) - set("SRHY") <= set("AF")
    assert day.exchange.engine.live_count == 3 * 2 * 3


def test_a_backlog_is_left_out(make_day: Any) -> None:
    day = run(make_day, 0)
    seen = len(day.messages)
    day.exchange.advance(day.now + 60 * MINUTE, backlog=10**9)
    assert len(day.messages) - seen < 600


def test_it_knows_its_orders_as_the_engine_does() -> None:
    item = Instrument(symbol="AAPL", locate=1, price=100_0000)
    engine = MatchingEngine([item])
    flow = BackgroundFlow([item], seed=5, messages_per_second=1, orders_per_side=6)
    engine.open(0)
    flow.observe(flow.build(engine, 0, item))
    partly_executed = 0
    for now in range(1, 1500):
        flow.observe(flow.act(engine, now))
        if now % 7 == 0:
            order = NewOrder(
                owner="A",
                token=now,
                symbol="AAPL",
                side="BS"[now % 2],
                quantity=60,
                price=0x7FFF_FFFF,
            )
            flow.observe(engine.enter(now, order))
        populations = {side: flow.population("AAPL", side) for side in "BS"}
        live = list(engine.live_orders(HOUSE))
        assert len(populations["B"]) + len(populations["S"]) == len(live)
        for order in live:
            assert populations[order.side].executed(order.token) == order.executed
            assert populations[order.side].open(order.token) == order.open
            partly_executed += order.executed > 0
    assert partly_executed > 100


def test_a_passive_house_trades_only_when_it_takes() -> None:
    item = Instrument(symbol="AAPL", locate=1, price=100_0000)
    counts = {}
    for passive in (False, True):
        mix = FlowMix(replace=20, take=0, reduce=5, improved_ppm=0, passive=passive)
        engine = MatchingEngine([item])
        flow = BackgroundFlow([item], seed=5, messages_per_second=1, orders_per_side=20, mix=mix)
        engine.open(0)
        flow.observe(flow.build(engine, 0, item))
        kinds: Counter[str] = Counter()
        for now in range(5000):
            events = flow.act(engine, now)
            flow.observe(events)
            kinds.update(type(event).__name__ for event in events)
        counts[passive] = kinds
        assert kinds["BookReduced"] > 50
    assert counts[False]["Executed"] > 100
    assert counts[True]["Executed"] == 0


def test_an_improved_order_gives_its_aggressor_half_a_tick() -> None:
    engine = MatchingEngine([Instrument(symbol="AAPL", locate=1, price=100_0000)])
    engine.open(0)
    terms = {"owner": "A", "symbol": "AAPL", "quantity": 100, "price": 100_0000}
    engine.enter(0, NewOrder(**terms, token=1, side="S", improvement=50))
    (trade,) = [
        event
        for event in engine.enter(0, NewOrder(**terms, token=2, side="B"))
        if isinstance(event, Executed)
    ]
    assert (trade.price, trade.improved) == (99_9950, True)
    engine.enter(0, NewOrder(**terms, token=3, side="B", improvement=50))
    (trade,) = [
        event
        for event in engine.enter(0, NewOrder(**terms, token=4, side="S"))
        if isinstance(event, Executed)
    ]
    assert (trade.price, trade.improved) == (100_0050, True)
