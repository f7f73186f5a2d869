"""Matching engine: act, then compare the whole event list."""

import pytest
from tickgate_sim.exchange.events import (
    Accepted,
    BookAdded,
    BookDeleted,
    BookReduced,
    BookReplaced,
    Canceled,
    Event,
    Executed,
    MarketEvent,
    Modified,
    Party,
    Rejected,
    RejectReason,
    Replaced,
    TradingState,
)
from tickgate_sim.exchange.instruments import Instrument, tick
from tickgate_sim.exchange.market import UnknownSymbolError
from tickgate_sim.exchange.matching import MatchingEngine, NewOrder

T = 1_000
"""Time of the command under test; preparations happen at 0."""


@pytest.fixture
def engine() -> MatchingEngine:
    engine = MatchingEngine(
        [
            Instrument(symbol="AAPL", locate=1, price=100_0000),
            Instrument(symbol="PENY", locate=2, price=5000),
        ]
    )
    engine.open(0)
    return engine


def enter(
    engine: MatchingEngine,
    owner: str,
    token: int,
    side: str,
    quantity: int,
    price: int,
    *,
    now: int = 0,
    symbol: str = "AAPL",
    tif: str = "0",
    display: str = "Y",
    mpid: str = "",
    group: int = 0,
) -> list[Event]:
    return engine.enter(
        now,
        NewOrder(
            owner=owner,
            token=token,
            symbol=symbol,
            side=side,
            quantity=quantity,
            price=price,
            time_in_force=tif,
            display=display,
            mpid=mpid,
            group=group,
        ),
    )


def resting(engine: MatchingEngine, symbol: str = "AAPL") -> list[tuple[str, int, str, int, int]]:
    return [
        (order.owner, order.token, order.side, order.open, order.price)
        for order in engine.books[symbol]
    ]


def test_the_day_opens_with_the_state_of_each_symbol() -> None:
    engine = MatchingEngine([Instrument(symbol="AAPL", locate=1, price=100_0000)])
    assert engine.open(T) == [
        MarketEvent(T, "O"),
        TradingState(T, "AAPL", "T", ""),
        MarketEvent(T, "S"),
        MarketEvent(T, "Q"),
    ]


def test_a_limit_order_rests(engine: MatchingEngine) -> None:
    assert enter(engine, "A", 1, "B", 100, 99_0000, now=T) == [
        Accepted(T, "A", 1, 1, "AAPL", "B", 100, 99_0000, "0", "Y"),
        BookAdded(T, 1, "AAPL", "B", 100, 99_0000, ""),
    ]


def test_an_attributable_order_shows_its_firm(engine: MatchingEngine) -> None:
    assert enter(engine, "A", 1, "T", 100, 99_0000, now=T, display="A", mpid="FIRM") == [
        Accepted(T, "A", 1, 1, "AAPL", "T", 100, 99_0000, "0", "A"),
        BookAdded(T, 1, "AAPL", "S", 100, 99_0000, "FIRM"),
    ]


def test_an_aggressor_trades_at_resting_prices_best_first_and_rests_the_rest(
    engine: MatchingEngine,
) -> None:
    enter(engine, "A", 1, "S", 100, 100_0200)
    enter(engine, "A", 2, "S", 100, 100_0100)
    enter(engine, "B", 1, "S", 50, 100_0100)
    assert enter(engine, "C", 7, "B", 300, 100_0200, now=T) == [
        Accepted(T, "C", 7, 4, "AAPL", "B", 300, 100_0200, "0", "Y"),
        Executed(T, 1, "AAPL", 100, 100_0100, Party("A", 2, 2, "S"), Party("C", 7, 4, "B"), True),
        Executed(T, 2, "AAPL", 50, 100_0100, Party("B", 1, 3, "S"), Party("C", 7, 4, "B"), True),
        Executed(T, 3, "AAPL", 100, 100_0200, Party("A", 1, 1, "S"), Party("C", 7, 4, "B"), True),
        BookAdded(T, 4, "AAPL", "B", 50, 100_0200, ""),
    ]
    assert resting(engine) == [("C", 7, "B", 50, 100_0200)]


def test_a_partly_executed_resting_order_keeps_its_place(engine: MatchingEngine) -> None:
    enter(engine, "A", 1, "B", 100, 99_0000)
    enter(engine, "B", 1, "B", 100, 99_0000)
    assert enter(engine, "C", 1, "S", 30, 99_0000, now=T) == [
        Accepted(T, "C", 1, 3, "AAPL", "S", 30, 99_0000, "0", "Y"),
        Executed(T, 1, "AAPL", 30, 99_0000, Party("A", 1, 1, "B"), Party("C", 1, 3, "S"), True),
    ]
    assert resting(engine) == [("A", 1, "B", 70, 99_0000), ("B", 1, "B", 100, 99_0000)]


def test_an_ioc_order_is_cancelled_where_it_does_not_match(engine: MatchingEngine) -> None:
    enter(engine, "A", 1, "S", 40, 100_0000)
    assert enter(engine, "B", 1, "B", 100, 100_0000, now=T, tif="3") == [
        Accepted(T, "B", 1, 2, "AAPL", "B", 100, 100_0000, "3", "Y"),
        Executed(T, 1, "AAPL", 40, 100_0000, Party("A", 1, 1, "S"), Party("B", 1, 2, "B"), True),
        Canceled(T, "B", 1, 60, "I"),
    ]
    assert resting(engine) == []


@pytest.mark.parametrize("price", [0x7FFF_FFFF, 200_000_0000, 2**64 - 1])
@pytest.mark.parametrize(("side", "opposite"), [("B", "S"), ("S", "B")])
def test_a_market_order_takes_any_price_and_never_rests(
    engine: MatchingEngine, price: int, side: str, opposite: str
) -> None:
    enter(engine, "A", 1, opposite, 40, 123_4500)
    assert enter(engine, "B", 1, side, 100, price, now=T) == [
        Accepted(T, "B", 1, 2, "AAPL", side, 100, price, "0", "Y"),
        Executed(
            T, 1, "AAPL", 40, 123_4500, Party("A", 1, 1, opposite), Party("B", 1, 2, side), True
        ),
        Canceled(T, "B", 1, 60, "I"),
    ]


def test_hidden_orders_trade_after_displayed_ones_of_their_price(engine: MatchingEngine) -> None:
    assert enter(engine, "A", 1, "S", 10, 100_0000, display="N") == [
        Accepted(0, "A", 1, 1, "AAPL", "S", 10, 100_0000, "0", "N"),
    ]
    enter(engine, "B", 1, "S", 10, 100_0000)
    assert enter(engine, "C", 1, "B", 20, 100_0000, now=T)[1:] == [
        Executed(T, 1, "AAPL", 10, 100_0000, Party("B", 1, 2, "S"), Party("C", 1, 3, "B"), True),
        Executed(T, 2, "AAPL", 10, 100_0000, Party("A", 1, 1, "S"), Party("C", 1, 3, "B"), False),
    ]


def test_an_owner_may_trade_with_itself(engine: MatchingEngine) -> None:
    enter(engine, "A", 1, "S", 10, 100_0000)
    assert enter(engine, "A", 2, "B", 10, 100_0000, now=T)[1:] == [
        Executed(T, 1, "AAPL", 10, 100_0000, Party("A", 1, 1, "S"), Party("A", 2, 2, "B"), True),
    ]


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"symbol": "NONE"}, RejectReason.INVALID_SYMBOL),
        ({"side": "X"}, RejectReason.INVALID_SIDE),
        ({"quantity": 0}, RejectReason.INVALID_QUANTITY),
        ({"quantity": 1_000_000}, RejectReason.INVALID_QUANTITY),
        ({"price": 0}, RejectReason.INVALID_PRICE),
        ({"price": 100_0050}, RejectReason.INVALID_PRICE),
        ({"price": 200_000_0000 - 1}, RejectReason.INVALID_PRICE),
        ({"price": 200_000_0000 + 100}, RejectReason.INVALID_PRICE),
        ({"display": "Q"}, RejectReason.INVALID_DISPLAY),
        ({"tif": "6"}, RejectReason.OTHER),
    ],
)
def test_bad_terms_are_rejected_with_their_reason(
    engine: MatchingEngine, terms: dict[str, object], reason: RejectReason
) -> None:
    good = {"side": "B", "quantity": 100, "price": 100_0000}
    arguments: dict[str, object] = {**good, **terms}
    assert enter(engine, "A", 1, now=T, **arguments) == [Rejected(T, "A", 1, reason)]
    assert engine.live_count == 0


def test_prices_below_a_dollar_have_a_fine_tick(engine: MatchingEngine) -> None:
    assert enter(engine, "A", 1, "B", 100, 9999, symbol="PENY", now=T)[1:] == [
        BookAdded(T, 1, "PENY", "B", 100, 9999, "")
    ]
    assert [tick(price) for price in (1, 9999, 10_000, 10_001)] == [1, 1, 100, 100]
    assert enter(engine, "A", 2, "B", 100, 10_001, symbol="PENY", now=T) == [
        Rejected(T, "A", 2, RejectReason.INVALID_PRICE)
    ]


def test_orders_are_refused_before_the_open_and_after_the_close(engine: MatchingEngine) -> None:
    enter(engine, "A", 1, "B", 100, 99_0000)
    enter(engine, "A", 2, "S", 100, 101_0000, display="N")
    assert engine.close(T) == [
        MarketEvent(T, "M"),
        Canceled(T, "A", 1, 100, "E"),
        BookDeleted(T, 1, "AAPL"),
        Canceled(T, "A", 2, 100, "E"),
        MarketEvent(T, "E"),
        MarketEvent(T, "C"),
    ]
    closed = RejectReason.DESTINATION_CLOSED
    assert enter(engine, "A", 3, "B", 100, 99_0000, now=T) == [Rejected(T, "A", 3, closed)]
    unopened = MatchingEngine([Instrument(symbol="AAPL", locate=1, price=100_0000)])
    assert enter(unopened, "A", 3, "B", 100, 99_0000, now=T) == [Rejected(T, "A", 3, closed)]


def test_a_halt_refuses_orders_and_replaces_but_not_cancels(engine: MatchingEngine) -> None:
    enter(engine, "A", 1, "B", 100, 99_0000)
    assert engine.market.halt(T, "AAPL", "T1") == [TradingState(T, "AAPL", "H", "T1")]
    assert engine.market.halt(T, "AAPL") == []
    assert enter(engine, "A", 2, "B", 100, 99_0000, now=T) == [
        Rejected(T, "A", 2, RejectReason.HALTED)
    ]
    assert engine.replace(T, "A", 1, 3, quantity=50, price=99_0000) == [
        Rejected(T, "A", 3, RejectReason.HALTED)
    ]
    assert enter(engine, "A", 4, "B", 100, 5000, now=T, symbol="PENY")[1:] == [
        BookAdded(T, 2, "PENY", "B", 100, 5000, "")
    ]
    assert engine.cancel(T, "A", 1) == [Canceled(T, "A", 1, 100, "U"), BookDeleted(T, 1, "AAPL")]
    assert engine.market.resume(T, "AAPL") == [TradingState(T, "AAPL", "T", "")]
    assert engine.market.resume(T, "AAPL") == []
    assert enter(engine, "A", 5, "B", 100, 99_0000, now=T)[1:] == [
        BookAdded(T, 3, "AAPL", "B", 100, 99_0000, "")
    ]


def test_halting_an_unknown_symbol_says_so(engine: MatchingEngine) -> None:
    with pytest.raises(UnknownSymbolError, match="'NONE'"):
        engine.market.halt(T, "NONE")
    with pytest.raises(UnknownSymbolError, match="'NONE'"):
        engine.market.resume(T, "NONE")


def test_a_partial_cancel_names_the_new_total_and_keeps_priority(engine: MatchingEngine) -> None:
    enter(engine, "A", 1, "B", 100, 99_0000)
    enter(engine, "B", 1, "B", 100, 99_0000)
    enter(engine, "C", 1, "S", 30, 99_0000)
    assert engine.cancel(T, "A", 1, 50) == [
        Canceled(T, "A", 1, 50, "U"),
        BookReduced(T, 1, "AAPL", 50),
    ]
    assert resting(engine) == [("A", 1, "B", 20, 99_0000), ("B", 1, "B", 100, 99_0000)]
    assert engine.cancel(T, "A", 1, 30) == [
        Canceled(T, "A", 1, 20, "U"),
        BookDeleted(T, 1, "AAPL"),
    ]


def test_superfluous_commands_are_silent_and_counted(engine: MatchingEngine) -> None:
    enter(engine, "A", 1, "B", 100, 99_0000)
    assert engine.cancel(T, "A", 9) == []
    assert engine.cancel(T, "B", 1) == []
    assert engine.cancel(T, "A", 1, 100) == []
    assert engine.replace(T, "A", 9, 10, quantity=1, price=99_0000) == []
    assert engine.modify(T, "A", 9, "B", 1) == []
    assert engine.modify(T, "A", 1, "B", 101) == []
    assert engine.modify(T, "A", 1, "S", 50) == []
    assert engine.modify(T, "A", 1, "x", 50) == []
    assert engine.ignored == {
        "cancel_not_live": 2,
        "cancel_takes_nothing_off": 1,
        "replace_not_live": 1,
        "modify_not_live": 1,
        "modify_grows": 1,
        "modify_changes_side": 2,
    }
    assert resting(engine) == [("A", 1, "B", 100, 99_0000)]


def test_a_replace_goes_to_the_back_of_the_queue(engine: MatchingEngine) -> None:
    enter(engine, "A", 1, "B", 100, 99_0000)
    enter(engine, "B", 1, "B", 100, 99_0000)
    assert engine.replace(T, "A", 1, 2, quantity=100, price=99_0000) == [
        Replaced(T, "A", 1, 2, 3, "AAPL", "B", 100, 99_0000, "0", "Y"),
        BookReplaced(T, 1, 3, "AAPL", 100, 99_0000),
    ]
    assert resting(engine) == [("B", 1, "B", 100, 99_0000), ("A", 2, "B", 100, 99_0000)]
    assert engine.cancel(T, "A", 1) == []


def test_the_size_of_a_replace_counts_what_its_chain_executed(engine: MatchingEngine) -> None:
    enter(engine, "A", 1, "B", 100, 99_0000)
    enter(engine, "B", 1, "S", 30, 99_0000)
    assert engine.replace(T, "A", 1, 2, quantity=150, price=98_0000) == [
        Replaced(T, "A", 1, 2, 3, "AAPL", "B", 120, 98_0000, "0", "Y"),
        BookReplaced(T, 1, 3, "AAPL", 120, 98_0000),
    ]
    assert engine.replace(T, "A", 2, 3, quantity=130, price=98_0000)[0] == Replaced(
        T, "A", 2, 3, 4, "AAPL", "B", 100, 98_0000, "0", "Y"
    )
    assert engine.cancel(T, "A", 3, 40) == [
        Canceled(T, "A", 3, 90, "U"),
        BookReduced(T, 4, "AAPL", 90),
    ]
    assert engine.replace(T, "A", 3, 4, quantity=30, price=98_0000) == [
        Canceled(T, "A", 3, 10, "U"),
        BookDeleted(T, 4, "AAPL"),
    ]


def test_a_rejected_replace_leaves_the_original_alone(engine: MatchingEngine) -> None:
    enter(engine, "A", 1, "B", 100, 99_0000)
    assert engine.replace(T, "A", 1, 2, quantity=100, price=99_0001) == [
        Rejected(T, "A", 2, RejectReason.INVALID_PRICE)
    ]
    assert resting(engine) == [("A", 1, "B", 100, 99_0000)]


def test_a_replace_that_crosses_trades(engine: MatchingEngine) -> None:
    enter(engine, "A", 1, "B", 100, 99_0000)
    enter(engine, "B", 1, "S", 40, 100_0000)
    assert engine.replace(T, "A", 1, 2, quantity=100, price=100_0000) == [
        Replaced(T, "A", 1, 2, 3, "AAPL", "B", 100, 100_0000, "0", "Y"),
        BookDeleted(T, 1, "AAPL"),
        Executed(T, 1, "AAPL", 40, 100_0000, Party("B", 1, 2, "S"), Party("A", 2, 3, "B"), True),
        BookAdded(T, 3, "AAPL", "B", 60, 100_0000, ""),
    ]


def test_a_replace_with_an_ioc_never_rests(engine: MatchingEngine) -> None:
    enter(engine, "A", 1, "B", 100, 99_0000)
    assert engine.replace(T, "A", 1, 2, quantity=100, price=99_5000, time_in_force="3") == [
        Replaced(T, "A", 1, 2, 2, "AAPL", "B", 100, 99_5000, "3", "Y"),
        BookDeleted(T, 1, "AAPL"),
        Canceled(T, "A", 2, 100, "I"),
    ]


def test_a_replace_that_changes_what_the_feed_shows_is_a_delete_and_an_add(
    engine: MatchingEngine,
) -> None:
    enter(engine, "A", 1, "B", 100, 99_0000, mpid="FIRM")
    assert engine.replace(T, "A", 1, 2, quantity=100, price=99_0000, display="N")[1:] == [
        BookDeleted(T, 1, "AAPL"),
    ]
    assert engine.replace(T, "A", 2, 3, quantity=100, price=99_0000, display="Y")[1:] == [
        BookAdded(T, 3, "AAPL", "B", 100, 99_0000, ""),
    ]
    assert engine.replace(T, "A", 3, 4, quantity=100, price=99_0000, display="A")[1:] == [
        BookDeleted(T, 3, "AAPL"),
        BookAdded(T, 4, "AAPL", "B", 100, 99_0000, "FIRM"),
    ]


def test_a_modify_keeps_priority(engine: MatchingEngine) -> None:
    enter(engine, "A", 1, "S", 100, 101_0000)
    enter(engine, "B", 1, "S", 100, 101_0000)
    assert engine.modify(T, "A", 1, "T", 60) == [
        Modified(T, "A", 1, "T", 60),
        BookReduced(T, 1, "AAPL", 40),
    ]
    assert engine.modify(T, "A", 1, "E", 60) == [Modified(T, "A", 1, "E", 60)]
    assert resting(engine) == [("A", 1, "E", 60, 101_0000), ("B", 1, "S", 100, 101_0000)]
    assert engine.modify(T, "A", 1, "E", 0) == [
        Canceled(T, "A", 1, 60, "U"),
        BookDeleted(T, 1, "AAPL"),
    ]


def test_a_mass_cancel_takes_what_is_wanted_oldest_first(engine: MatchingEngine) -> None:
    enter(engine, "A", 1, "B", 100, 99_0000, group=7)
    enter(engine, "B", 1, "B", 100, 99_0000, group=7)
    enter(engine, "A", 2, "S", 100, 101_0000)
    enter(engine, "A", 3, "B", 100, 98_0000, display="N", group=7)
    assert engine.cancel_where(T, "A", "S", lambda order: order.group == 7) == [
        Canceled(T, "A", 1, 100, "S"),
        BookDeleted(T, 1, "AAPL"),
        Canceled(T, "A", 3, 100, "S"),
    ]
    assert resting(engine) == [("B", 1, "B", 100, 99_0000), ("A", 2, "S", 100, 101_0000)]


def test_a_live_token_cannot_be_entered_twice(engine: MatchingEngine) -> None:
    enter(engine, "A", 1, "B", 100, 99_0000)
    with pytest.raises(ValueError, match="token 1 of 'A' is already live"):
        enter(engine, "A", 1, "B", 100, 99_0000)
