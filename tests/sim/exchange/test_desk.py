"""The OUCH desk: send a message, compare all that comes back."""

from typing import Any

import pytest
from tickgate.protocols import ouch50
from tickgate.protocols.ouch50 import Option, Tag


def accepted(day: Any, reference: int, order: ouch50.EnterOrder) -> ouch50.OrderAccepted:
    return ouch50.OrderAccepted(
        timestamp=day.now,
        user_ref_num=order.user_ref_num,
        side=order.side,
        quantity=order.quantity,
        symbol=order.symbol,
        price=order.price,
        time_in_force=order.time_in_force,
        display=order.display,
        order_reference_number=reference,
        capacity=order.capacity,
        intermarket_sweep_eligibility=order.intermarket_sweep_eligibility,
        cross_type=order.cross_type,
        order_state="L",
        clordid=order.clordid,
    )


def rejected(day: Any, number: int, reason: int, clordid: str = "") -> ouch50.Rejected:
    return ouch50.Rejected(
        timestamp=day.now, user_ref_num=number, reason=reason, clordid=clordid, appendage=None
    )


def canceled(day: Any, number: int, quantity: int, reason: str) -> ouch50.OrderCanceled:
    return ouch50.OrderCanceled(
        timestamp=day.now, user_ref_num=number, quantity=quantity, reason=reason, appendage=None
    )


def executed(
    day: Any, number: int, quantity: int, price: int, flag: str, match: int
) -> ouch50.OrderExecuted:
    return ouch50.OrderExecuted(
        timestamp=day.now,
        user_ref_num=number,
        quantity=quantity,
        price=price,
        liquidity_flag=flag,
        match_number=match,
    )


def test_the_day_starts_and_ends_on_every_port(make_day: Any) -> None:
    day = make_day()
    day.exchange.open(day.now)
    start = ouch50.SystemEvent(timestamp=day.now, event_code="S")
    assert day.replies("ALICE") == [start]
    assert day.replies("BOB") == [start]
    day.exchange.open(day.now)
    assert day.replies("ALICE") == []


def test_a_trade_is_told_to_both_sides(day: Any, enter: Any) -> None:
    resting = enter(1, "S", 100, 100_0000)
    assert day.ask("ALICE", resting) == [accepted(day, 1, resting)]
    taking = enter(1, "B", 40, 100_0100)
    assert day.ask("BOB", taking) == [
        accepted(day, 2, taking),
        executed(day, 1, 40, 100_0000, "R", 1),
    ]
    assert day.replies("ALICE") == [executed(day, 1, 40, 100_0000, "A", 1)]


def test_a_hidden_order_adds_hidden_liquidity(day: Any, enter: Any) -> None:
    day.ask("ALICE", enter(1, "S", 100, 100_0000, display="N"))
    day.ask("BOB", enter(1, "B", 100, 100_0000))
    assert day.replies("ALICE") == [executed(day, 1, 100, 100_0000, "J", 1)]


def test_an_ioc_remainder_is_cancelled(day: Any, enter: Any) -> None:
    order = enter(1, "B", 100, 100_0000, time_in_force="3")
    assert day.ask("ALICE", order) == [accepted(day, 1, order), canceled(day, 1, 100, "I")]


def test_repeated_and_lower_numbers_are_ignored(day: Any, enter: Any, replace: Any) -> None:
    day.ask("ALICE", enter(5, "B", 100, 99_0000))
    assert day.ask("ALICE", enter(5, "B", 100, 99_0000)) == []
    assert day.ask("ALICE", enter(4, "B", 100, 99_0000)) == []
    assert day.ask("ALICE", replace(5, 5, 100, 98_0000)) == []
    assert day.ask("ALICE", enter(0, "B", 100, 99_0000)) == []
    assert day.exchange.ports["ALICE"].ignored == {"old_user_ref_num": 4}
    assert [order.token for order in day.exchange.engine.live_orders("ALICE")] == [5]


def test_a_rejected_number_is_used_up(day: Any, enter: Any) -> None:
    bad = enter(3, "B", 100, 99_0000, symbol="NONE")
    assert day.ask("ALICE", bad) == [rejected(day, 3, 23, "C3")]
    assert day.ask("ALICE", enter(3, "B", 100, 99_0000)) == []


def test_numbers_are_counted_per_channel(day: Any, enter: Any) -> None:
    channel = (Option(Tag.USER_REF_IDX, 7),)
    day.ask("ALICE", enter(9, "B", 100, 99_0000))
    order = enter(1, "B", 50, 98_0000, appendage=channel)
    assert [message.appendage for message in day.ask("ALICE", order)] == [channel]
    query = ouch50.AccountQuery(appendage=channel)
    assert day.ask("ALICE", query) == [
        ouch50.AccountQueryResponse(timestamp=day.now, next_user_ref_num=2, appendage=channel)
    ]
    cancel = ouch50.CancelOrder(user_ref_num=1, quantity=0, appendage=channel)
    assert day.ask("ALICE", cancel) == [
        ouch50.OrderCanceled(
            timestamp=day.now, user_ref_num=1, quantity=50, reason="U", appendage=channel
        )
    ]


def test_a_query_tells_the_next_number(day: Any, enter: Any) -> None:
    day.ask("ALICE", enter(41, "B", 100, 99_0000))
    assert day.ask("ALICE", ouch50.AccountQuery(appendage=None)) == [
        ouch50.AccountQueryResponse(timestamp=day.now, next_user_ref_num=42, appendage=None)
    ]


def test_a_replace_keeps_what_it_inherits(day: Any, enter: Any, replace: Any) -> None:
    day.ask("ALICE", enter(1, "T", 100, 101_0000, capacity="P"))
    assert day.ask("ALICE", replace(1, 2, 60, 102_0000)) == [
        ouch50.OrderReplaced(
            timestamp=day.now,
            orig_user_ref_num=1,
            user_ref_num=2,
            side="T",
            quantity=60,
            symbol="AAPL",
            price=102_0000,
            time_in_force="0",
            display="Y",
            order_reference_number=2,
            capacity="P",
            intermarket_sweep_eligibility="N",
            cross_type="N",
            order_state="L",
            clordid="C2",
        )
    ]


def test_a_replace_of_a_dead_order_is_silent(day: Any, enter: Any, replace: Any) -> None:
    day.ask("ALICE", enter(1, "B", 100, 99_0000))
    day.ask("ALICE", ouch50.CancelOrder(user_ref_num=1, quantity=0))
    assert day.ask("ALICE", replace(1, 2, 100, 99_0000)) == []
    assert day.ask("ALICE", replace(77, 78, 100, 99_0000)) == []
    assert day.exchange.ports["ALICE"].ignored == {"replace_not_live": 2}


def test_a_rejected_replace_leaves_the_original(day: Any, enter: Any, replace: Any) -> None:
    day.ask("ALICE", enter(1, "B", 100, 99_0000))
    assert day.ask("ALICE", replace(1, 2, 100, 0)) == [rejected(day, 2, 29, "C2")]
    assert day.ask("ALICE", ouch50.CancelOrder(user_ref_num=1, quantity=0, appendage=None)) == [
        canceled(day, 1, 100, "U")
    ]


def test_one_port_cannot_touch_the_orders_of_another(day: Any, enter: Any, replace: Any) -> None:
    day.ask("ALICE", enter(1, "B", 100, 99_0000))
    assert day.ask("BOB", ouch50.CancelOrder(user_ref_num=1, quantity=0)) == []
    assert day.ask("BOB", replace(1, 2, 10, 99_0000)) == []
    assert day.replies("ALICE") == []


def test_a_modify_is_answered(day: Any, enter: Any) -> None:
    day.ask("ALICE", enter(1, "S", 100, 101_0000))
    modify = ouch50.ModifyOrder(user_ref_num=1, side="T", quantity=70, appendage=None)
    assert day.ask("ALICE", modify) == [
        ouch50.OrderModified(
            timestamp=day.now, user_ref_num=1, side="T", quantity=70, appendage=None
        )
    ]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"symbol": "NONE"}, 23),
        ({"side": "Z"}, 9),
        ({"quantity": 0}, 19),
        ({"quantity": 1_000_000}, 19),
        ({"price": 0}, 29),
        ({"price": 99_0001}, 29),
        ({"price": 2**63}, 29),
        ({"display": "?"}, 3),
        ({"time_in_force": "6"}, 15),
        ({"capacity": "?"}, 15),
        ({"cross_type": "O"}, 20),
        ({"appendage": (Option(Tag.MIN_QTY, 100),)}, 13),
        ({"appendage": (Option(Tag.MAX_FLOOR, 100),)}, 4),
        ({"appendage": (Option(Tag.PRICE_TYPE, "M"),)}, 17),
        ({"appendage": (Option(Tag.PEG_OFFSET, -100),)}, 17),
        ({"appendage": (Option(Tag.POST_ONLY, "P"),)}, 15),
        ({"appendage": (Option(Tag.ROUTE, "SCAN"),)}, 22),
        ({"appendage": (Option(Tag.FIRM, "ELSE"),)}, 12),
    ],
)
def test_what_cannot_be_honoured_is_rejected(
    day: Any, enter: Any, fields: dict[str, Any], reason: int
) -> None:
    order = enter(1, **{"side": "B", "quantity": 100, "price": 99_0000, **fields})
    assert day.ask("ALICE", order) == [rejected(day, 1, reason, "C1")]


def test_options_that_change_nothing_are_accepted(day: Any, enter: Any) -> None:
    neutral = (
        Option(Tag.FIRM, "ALFA"),
        Option(Tag.MIN_QTY, 0),
        Option(Tag.PRICE_TYPE, "L"),
        Option(Tag.POST_ONLY, "N"),
        Option(Tag.CUSTOMER_TYPE, "N"),
        Option(200, b"future"),
    )
    order = enter(1, "B", 100, 99_0000, appendage=neutral)
    assert day.ask("ALICE", order) == [accepted(day, 1, order)]


def test_a_halted_symbol_takes_no_orders(day: Any, enter: Any) -> None:
    day.exchange.halt("AAPL", day.now)
    assert day.ask("ALICE", enter(1, "B", 100, 99_0000)) == [rejected(day, 1, 7, "C1")]
    day.exchange.resume("AAPL", day.now)
    order = enter(2, "B", 100, 99_0000)
    assert day.ask("ALICE", order) == [accepted(day, 1, order)]


def test_before_the_open_orders_are_refused(make_day: Any, enter: Any) -> None:
    day = make_day()
    assert day.ask("ALICE", enter(1, "B", 100, 99_0000)) == [rejected(day, 1, 2, "C1")]


def test_the_end_of_the_day_cancels_and_says_so(day: Any, enter: Any) -> None:
    day.ask("ALICE", enter(1, "B", 100, 99_0000))
    day.exchange.close(day.now)
    assert day.replies("ALICE") == [
        canceled(day, 1, 100, "E"),
        ouch50.SystemEvent(timestamp=day.now, event_code="E"),
    ]
    day.exchange.close(day.now)
    assert day.replies("ALICE") == []


def test_a_mass_cancel_by_symbol_side_and_group(day: Any, enter: Any) -> None:
    group = (Option(Tag.GROUP_ID, 5),)
    day.ask("ALICE", enter(1, "B", 100, 99_0000))
    day.ask("ALICE", enter(2, "B", 100, 399_0000, symbol="MSFT"))
    day.ask("ALICE", enter(3, "S", 100, 101_0000))
    day.ask("ALICE", enter(4, "B", 100, 98_0000, appendage=group))
    day.ask("BOB", enter(1, "B", 100, 97_0000))

    def mass(symbol: str, *options: Option) -> tuple[ouch50.MassCancel, ouch50.OuchMessage]:
        request = ouch50.MassCancel(user_ref_num=50, firm="ALFA", symbol=symbol, appendage=options)
        return request, ouch50.MassCancelResponse(
            timestamp=day.now + 1000, user_ref_num=50, firm="ALFA", symbol=symbol, appendage=options
        )

    request, response = mass("AAPL", Option(Tag.SIDE, "S"))
    assert day.ask("ALICE", request) == [response, canceled(day, 3, 100, "U")]
    request, response = mass("", Option(Tag.GROUP_ID, 5))
    assert day.ask("ALICE", request) == [response, canceled(day, 4, 100, "U")]
    request, response = mass("MSFT")
    assert day.ask("ALICE", request) == [response, canceled(day, 2, 100, "U")]
    request, response = mass("")
    assert day.ask("ALICE", request) == [response, canceled(day, 1, 100, "U")]
    assert [order.token for order in day.exchange.engine.live_orders("BOB")] == [1]


def test_a_mass_cancel_for_another_firm_or_symbol_is_rejected(day: Any, enter: Any) -> None:
    day.ask("ALICE", enter(1, "B", 100, 99_0000))
    for firm, symbol, reason in (("BETA", "", 12), ("ALFA", "NONE", 23)):
        request = ouch50.MassCancel(user_ref_num=50, firm=firm, symbol=symbol)
        assert day.ask("ALICE", request) == [rejected(day, 50, reason)]


def test_order_entry_can_be_disabled_and_enabled(day: Any, enter: Any, replace: Any) -> None:
    day.ask("ALICE", enter(1, "B", 100, 99_0000))
    disable = ouch50.DisableOrderEntry(user_ref_num=60, firm="ALFA")
    assert day.ask("ALICE", disable) == [
        ouch50.DisableOrderEntryResponse(timestamp=day.now, user_ref_num=60, firm="ALFA")
    ]
    assert day.ask("ALICE", enter(2, "B", 100, 99_0000)) == [rejected(day, 2, 12, "C2")]
    assert day.ask("ALICE", replace(1, 3, 100, 98_0000)) == [rejected(day, 3, 12, "C3")]
    cancel = ouch50.CancelOrder(user_ref_num=1, quantity=0)
    assert day.ask("ALICE", cancel) == [canceled(day, 1, 100, "U")]
    enable = ouch50.EnableOrderEntry(user_ref_num=61, firm="ALFA")
    assert day.ask("ALICE", enable) == [
        ouch50.EnableOrderEntryResponse(timestamp=day.now, user_ref_num=61, firm="ALFA")
    ]
    order = enter(4, "B", 100, 99_0000)
    assert day.ask("ALICE", order) == [accepted(day, 2, order)]
    other = ouch50.DisableOrderEntry(user_ref_num=62, firm="BETA")
    assert day.ask("ALICE", other) == [rejected(day, 62, 12)]


def test_bad_messages_are_counted_and_nothing_else(day: Any, enter: Any) -> None:
    good = enter(1, "B", 100, 99_0000).encode()
    for bad in (b"", good[:-1], good[:20], good + b"\x00", b"X", b"O" * 47):
        assert day.ask("ALICE", bad) == []
    assert day.ask("ALICE", b"?whatever") == []
    assert day.exchange.ports["ALICE"].ignored == {"malformed": 6, "unknown_type": 1}
    assert len(day.ask("ALICE", good)) == 1


def test_cancel_on_disconnect_is_for_those_who_asked(day: Any, enter: Any) -> None:
    for user in ("ALICE", "BOB"):
        day.ask(user, enter(1, "B", 100, 99_0000))
        day.exchange.disconnected(day.exchange.ports[user], day.now)
    assert day.replies("ALICE") == []
    assert day.replies("BOB") == [canceled(day, 1, 100, "Z")]


def test_the_records_agree_with_what_the_clients_were_told(day: Any, enter: Any) -> None:
    day.send("ALICE", enter(1, "S", 100, 100_0000))
    day.send("ALICE", enter(2, "T", 50, 100_0100, display="N"))
    day.send("BOB", enter(1, "B", 120, 100_0100))
    day.send("BOB", enter(2, "B", 10, 399_0000, symbol="MSFT"))
    day.send("ALICE", enter(3, "S", 10, 398_0000, symbol="MSFT"))
    alice, bob = day.exchange.records.book("ALICE"), day.exchange.records.book("BOB")
    assert dict(alice.positions) == {"AAPL": -120, "MSFT": -10}
    assert dict(bob.positions) == {"AAPL": 120, "MSFT": 10}
    assert alice.cash == 100 * 100_0000 + 20 * 100_0100 + 10 * 399_0000
    assert bob.cash == -alice.cash
    assert [
        (fill.match_number, fill.token, fill.side, fill.quantity, fill.price, fill.liquidity)
        for fill in alice.fills
    ] == [
        (1, 1, "S", 100, 100_0000, "A"),
        (2, 2, "T", 20, 100_0100, "J"),
        (3, 3, "S", 10, 399_0000, "R"),
    ]
    told = [
        (message.match_number, message.user_ref_num, message.quantity, message.price)
        for message in day.replies("BOB")
        if isinstance(message, ouch50.OrderExecuted)
    ]
    assert told == [(f.match_number, f.token, f.quantity, f.price) for f in bob.fills]
    arrivals = day.exchange.ports["ALICE"].arrivals["O"]
    assert (arrivals.count, arrivals.last) == (3, day.now)
