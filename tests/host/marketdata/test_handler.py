"""Subscriptions: what is delivered, what is merged, and that nobody can hurt anybody else."""

import pytest
from tickgate.marketdata import handler as handler_module
from tickgate.marketdata.handler import (
    DepthUpdate,
    Kind,
    MarketDataError,
    MarketDataHandler,
)
from tickgate.records.codec import to_slot
from tickgate.records.messages import BookDepth, FeedEvent, OrderRequest, TopOfBook

from tests.host.marketdata.feed_model import add_message
from tests.host.marketdata.test_stream import records


class Clock:
    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def market(clock):
    return MarketDataHandler(["AAPL", "TEST"], depth=True, full=True, clock_ns=clock)


def top(market, symbol=0, bid=100, **more):
    return market.on_market(to_slot(TopOfBook(symbol=symbol, bid=bid, ask=200, **more), 1))


def message(market, number, data):
    for record in records(number, data):
        market.on_message(to_slot(record, 1))


def test_the_present_state_comes_first_and_then_changes(market):
    seen = []
    top(market, bid=1)
    market.subscribe("AAPL", Kind.TOP, seen.append)
    assert not market.dispatch()
    top(market, bid=2)
    market.dispatch()
    market.dispatch()
    assert [(u.top.bid, u.snapshot, u.merged) for u in seen] == [(1, True, 0), (2, False, 0)]
    assert market.top_of_book("AAPL").bid == 2
    assert market.top_of_book("TEST") is None


def test_nothing_comes_while_nothing_is_known_or_after_the_end(market):
    seen = []
    subscription = market.subscribe("AAPL", Kind.TOP, seen.append)
    market.dispatch()
    assert seen == []
    top(market)
    market.unsubscribe(subscription)
    market.dispatch()
    top(market)
    market.dispatch()
    market.unsubscribe(subscription)
    assert seen == []


def test_only_the_newest_is_delivered_and_what_was_merged_is_counted(market):
    seen = []
    subscription = market.subscribe("AAPL", Kind.TOP, seen.append)
    top(market, bid=1)
    market.dispatch()
    for bid in range(2, 7):
        top(market, bid=bid, merged=10)
    market.dispatch()
    assert [(u.top.bid, u.merged) for u in seen] == [(1, 0), (6, 54)]
    assert subscription.merged == 4
    assert market.view.merged == 50


def test_subscribers_of_other_symbols_and_kinds_hear_nothing(market):
    seen = []
    market.subscribe("TEST", Kind.TOP, seen.append)
    market.subscribe("AAPL", Kind.DEPTH, seen.append)
    top(market, symbol=0)
    market.dispatch()
    assert seen == []


def test_what_cannot_be_subscribed_to_is_said():
    market = MarketDataHandler(["AAPL"])
    with pytest.raises(MarketDataError, match="'IBM' is none of the symbols tracked"):
        market.subscribe("IBM", Kind.TOP, print)
    for kind in (Kind.DEPTH, Kind.FULL):
        with pytest.raises(MarketDataError, match="not set to send"):
            market.subscribe("AAPL", kind, print)
    assert market.order_book("AAPL") is None


def test_depth_is_told_when_its_three_records_are_there(market):
    seen = []
    market.subscribe("AAPL", Kind.DEPTH, seen.append)
    rows = [
        BookDepth(symbol=0, first_level=0, message=9, bid_a=50, bid_size_a=5, bid_orders_a=1,
                  bid_b=49, bid_size_b=4, bid_orders_b=2, ask_a=60, ask_size_a=7, ask_orders_a=3),
        BookDepth(symbol=0, first_level=2, message=9, bid_a=48, bid_size_a=3, bid_orders_a=1),
        BookDepth(symbol=0, first_level=4, message=9, flags=0),
    ]  # fmt: skip
    for row in rows[:2]:
        market.on_market(to_slot(row, 1))
    market.dispatch()
    assert seen == []
    market.on_market(to_slot(rows[2], 1))
    market.dispatch()
    bids, asks = ((50, 5, 1), (49, 4, 2), (48, 3, 1)), ((60, 7, 3),)
    assert seen == [DepthUpdate("AAPL", bids, asks, False, 9, 0, True)]
    assert market.snapshot("AAPL")[1].bids == bids


def test_rows_that_do_not_belong_together_are_dropped_and_counted(market):
    first = BookDepth(symbol=0, first_level=0, message=9)
    for row in (first, first._replace(first_level=2), first._replace(first_level=4, message=10)):
        market.on_market(to_slot(row, 1))
    assert market.depth("AAPL") is None
    assert market.counters["depth records out of place"] == 1
    market.on_market(to_slot(first._replace(symbol=2), 1))
    assert market.view.unknown == 1


def test_the_full_book_is_told_of_and_when_it_is_lost(market):
    seen = []
    market.subscribe("TEST", Kind.FULL, seen.append)
    market.dispatch()
    message(market, 1, add_message(1))
    market.dispatch()
    message(market, 2, add_message(2))
    market.dispatch()
    assert market.order_book("TEST").best_bid == (10_000, 200, 2)
    message(market, 9, add_message(3))
    market.dispatch()
    assert market.order_book("TEST") is None
    assert [(u.sequence, u.valid) for u in seen] == [(0, False), (1, True), (2, True), (0, False)]


def test_events_and_resumes_reach_the_stream(market):
    market.on_event(FeedEvent(kind="N"))
    message(market, 1, add_message(1))
    market.on_event(FeedEvent(kind="N"))
    message(market, 2, add_message(2))
    assert market.order_book("TEST") is None
    market.on_resumed(1, 0, 7)
    message(market, 7, add_message(3))
    assert market.order_book("TEST").best_bid == (10_000, 100, 1)


def test_records_that_cannot_be_read_are_counted_and_end_trust(market):
    message(market, 1, add_message(1))
    market.on_message(bytes(64))
    assert market.order_book("TEST") is None
    assert market.on_market(b"short") is None
    assert market.on_market(to_slot(OrderRequest(), 1)) is None
    assert market.counters["bad records"] == 2


def test_a_callback_that_raises_hurts_nobody_and_is_ended(market):
    seen = []

    def bad(_update):
        raise RuntimeError("no")

    subscription = market.subscribe("AAPL", Kind.TOP, bad)
    market.subscribe("AAPL", Kind.TOP, seen.append)
    for bid in range(1, 6):
        top(market, bid=bid)
        market.dispatch()
    assert [update.top.bid for update in seen] == [1, 2, 3, 4, 5]
    assert subscription.delivered == handler_module.MAX_STRIKES
    assert "RuntimeError: no" in subscription.failed
    assert market.counters["callbacks that raised"] == handler_module.MAX_STRIKES
    assert market.counters["subscriptions ended"] == 1


def test_a_slow_callback_ends_the_turn_and_then_itself(market, clock):
    seen = []

    def slow(_update):
        clock.ns += handler_module.SLOW_NS + 1

    subscription = market.subscribe("AAPL", Kind.TOP, slow)
    market.subscribe("AAPL", Kind.TOP, seen.append)
    top(market, bid=1)
    assert market.dispatch(), "the other one waits for the next turn"
    assert seen == []
    assert not market.dispatch()
    assert len(seen) == 1
    for bid in range(2, 5):
        top(market, bid=bid)
        while market.dispatch():
            pass
    assert "took longer" in subscription.failed
    assert [update.top.bid for update in seen] == [1, 2, 3, 4]
    assert market.counters["callbacks that were slow"] == handler_module.MAX_STRIKES


def test_a_failure_now_and_then_is_forgiven(market):
    calls = []

    def sometimes(update):
        calls.append(update)
        if len(calls) % 2:
            raise ValueError("again")

    subscription = market.subscribe("AAPL", Kind.TOP, sometimes)
    for bid in range(1, 11):
        top(market, bid=bid)
        market.dispatch()
    assert len(calls) == 10
    assert subscription.failed == ""


def test_a_callback_may_subscribe_and_unsubscribe(market):
    seen = []

    def once(update):
        seen.append(update)
        market.unsubscribe(subscription)
        market.subscribe("AAPL", Kind.TOP, seen.append)

    subscription = market.subscribe("AAPL", Kind.TOP, once)
    top(market, bid=1)
    while market.dispatch():
        pass
    assert len(seen) == 2
    assert seen[1].snapshot
