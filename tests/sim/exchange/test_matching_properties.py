"""Properties of the matching engine, against a slow matcher that shares nothing with it."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tickgate_sim.exchange.events import (
    Accepted,
    Canceled,
    Event,
    Executed,
    Modified,
    Rejected,
    Replaced,
)
from tickgate_sim.exchange.instruments import Instrument
from tickgate_sim.exchange.matching import MatchingEngine, NewOrder

MARKET = 0x7FFF_FFFF
owners = st.sampled_from(["A", "B", ""])
tokens = st.integers(1, 12)
prices = st.sampled_from([MARKET, *range(99_0000, 101_0100, 100)])
near = st.integers(99_9600, 100_0400).map(lambda price: price - price % 100)
quantities = st.integers(0, 60)
times_in_force = st.sampled_from(["0", "0", "0", "3"])
displays = st.sampled_from(["Y", "Y", "A", "N"])

commands = st.lists(
    st.one_of(
        st.tuples(
            st.just("enter"),
            owners,
            st.sampled_from("BST"),
            quantities,
            st.one_of(near, near, prices),
            times_in_force,
            displays,
        ),
        st.tuples(st.just("replace"), owners, tokens, quantities, near, times_in_force, displays),
        st.tuples(st.just("cancel"), owners, tokens, quantities),
        st.tuples(st.just("modify"), owners, tokens, st.sampled_from("BST"), quantities),
        st.tuples(st.just("mass"), owners),
    ),
    max_size=60,
)


def play(engine: MatchingEngine, script: list[tuple[Any, ...]]) -> list[list[Event]]:
    """The events of each command; tokens of one owner never repeat."""
    fresh: Counter[str] = Counter()
    out: list[list[Event]] = [engine.open(0)]
    for now, (kind, owner, *rest) in enumerate(script, start=1):
        match kind:
            case "enter":
                side, quantity, price, tif, display = rest
                fresh[owner] += 1
                out.append(
                    engine.enter(
                        now,
                        NewOrder(
                            owner=owner,
                            token=fresh[owner],
                            symbol="AAPL",
                            side=side,
                            quantity=quantity,
                            price=price,
                            time_in_force=tif,
                            display=display,
                            mpid="FIRM",
                        ),
                    )
                )
            case "replace":
                orig, quantity, price, tif, display = rest
                fresh[owner] += 1
                out.append(
                    engine.replace(
                        now,
                        owner,
                        orig,
                        fresh[owner],
                        quantity=quantity,
                        price=price,
                        time_in_force=tif,
                        display=display,
                    )
                )
            case "cancel":
                out.append(engine.cancel(now, owner, *rest))
            case "modify":
                out.append(engine.modify(now, owner, *rest))
            case "mass":
                out.append(engine.cancel_where(now, owner, "S", lambda order: True))
    return out


def new_engine() -> MatchingEngine:
    return MatchingEngine([Instrument(symbol="AAPL", locate=1, price=100_0000)])


@dataclass
class Slow:
    """One order of the slow matcher."""

    reference: int
    buy: bool
    price: int
    hidden: bool
    open: int


def slow_matches(lists: list[list[Event]]) -> list[tuple[int, int, int, int]]:
    """(resting, aggressor, quantity, price) of every match that price-time priority demands.

    Takes from the engine's events only what the owners asked for: never who matched with whom.
    """
    book: list[Slow] = []
    by_token: dict[tuple[str, int], Slow] = {}
    matches: list[tuple[int, int, int, int]] = []
    for events in lists:
        for event in events:
            match event:
                case Accepted() | Replaced():
                    if isinstance(event, Replaced):
                        old = by_token.pop((event.owner, event.orig_token))
                        book.remove(old)
                    order = Slow(
                        event.reference,
                        event.side == "B",
                        event.price,
                        event.display == "N",
                        event.quantity,
                    )
                    by_token[event.owner, event.token] = order
                    contra = sorted(
                        (
                            other
                            for other in book
                            if other.open
                            and other.buy != order.buy
                            and (
                                order.price == MARKET
                                or (other.price <= order.price) == order.buy
                                or other.price == order.price
                            )
                        ),
                        key=lambda other: (
                            other.price if order.buy else -other.price,
                            other.hidden,
                            other.reference,
                        ),
                    )
                    for other in contra:
                        quantity = min(order.open, other.open)
                        if quantity:
                            order.open -= quantity
                            other.open -= quantity
                            matches.append(
                                (other.reference, order.reference, quantity, other.price)
                            )
                    book.append(order)
                case Canceled():
                    by_token[event.owner, event.token].open -= event.quantity
                case Modified():
                    by_token[event.owner, event.token].open = event.quantity
    return matches


@settings(max_examples=300)
@given(commands)
def test_matches_are_those_of_price_time_priority(script: list[tuple[Any, ...]]) -> None:
    lists = play(new_engine(), script)
    assert [
        (event.resting.reference, event.aggressor.reference, event.quantity, event.price)
        for events in lists
        for event in events
        if isinstance(event, Executed)
    ] == slow_matches(lists)


@settings(max_examples=200)
@given(commands)
def test_no_share_is_lost_or_made(script: list[tuple[Any, ...]]) -> None:
    engine = new_engine()
    lists = play(engine, script)
    outstanding: dict[tuple[str, int], int] = {}
    for event in (event for events in lists for event in events):
        match event:
            case Accepted():
                outstanding[event.owner, event.token] = event.quantity
            case Replaced():
                del outstanding[event.owner, event.orig_token]
                outstanding[event.owner, event.token] = event.quantity
            case Executed():
                for party in (event.resting, event.aggressor):
                    outstanding[party.owner, party.token] -= event.quantity
            case Canceled():
                outstanding[event.owner, event.token] -= event.quantity
            case Modified():
                outstanding[event.owner, event.token] = event.quantity
    live = {
        (order.owner, order.token): order.open
        for owner in ("A", "B", "")
        for order in engine.live_orders(owner)
    }
    assert {key: shares for key, shares in outstanding.items() if shares} == live
    assert {(order.owner, order.token): order.open for order in engine.books["AAPL"]} == live
    assert min(live.values(), default=1) > 0


@settings(max_examples=100)
@given(commands)
def test_the_same_commands_give_the_same_events(script: list[tuple[Any, ...]]) -> None:
    assert play(new_engine(), script) == play(new_engine(), script)


@settings(max_examples=100)
@given(commands)
def test_a_refused_order_changes_nothing_else(script: list[tuple[Any, ...]]) -> None:
    for events in play(new_engine(), script):
        if any(isinstance(event, Rejected) for event in events):
            assert len(events) == 1


@settings(max_examples=100)
@given(commands)
def test_the_book_is_never_crossed_or_locked(script: list[tuple[Any, ...]]) -> None:
    engine = new_engine()
    for length in range(len(script), 0, -10):
        engine = new_engine()
        play(engine, script[:length])
        bids = [order.price for order in engine.books["AAPL"].bids]
        asks = [order.price for order in engine.books["AAPL"].asks]
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        assert not bids or not asks or bids[0] < asks[0]
