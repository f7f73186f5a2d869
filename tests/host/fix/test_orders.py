"""Order messages as typed values, and the reports that answer them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tickgate.fix.codec import FixMessage, encode, parse
from tickgate.fix.fix44 import FIX44
from tickgate.fix.orders import (
    ALGO_ID_MAX,
    NewOrderSingle,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    execution_report,
    order_cancel_reject,
    parse_order,
)
from tickgate.fix.values import FieldError, SessionRejectReason

BASE: dict[int, str] = {
    11: "order-1", 1: "ACC", 55: "AAPL", 54: "1", 38: "100", 40: "2", 44: "10.25", 59: "3",
    60: "20231114-22:13:20.123", 58: "note",
}  # fmt: skip
NOW = 1_700_000_000_123_000_000


def order(msg_type: str = "D", **changes: str | None) -> FixMessage:
    fields = BASE | {int(tag[1:]): value for tag, value in changes.items()}
    given = [(tag, value) for tag, value in fields.items() if value is not None]
    return parse(encode("FIX.4.4", [(35, msg_type), *given]))


def test_new_order() -> None:
    assert parse_order(order()) == NewOrderSingle(
        "order-1", "ACC", "AAPL", "1", 100, "2", 102_500, "3", NOW, "note"
    )


def test_new_order_with_what_may_be_left_out() -> None:
    left_out = order(t1=None, t59=None, t58=None, t40="1", t44=None)
    assert parse_order(left_out) == NewOrderSingle(
        "order-1", None, "AAPL", "1", 100, "1", None, "0", NOW, None
    )


def test_new_order_with_the_tags_of_regulation() -> None:
    tagged = parse_order(order(t528="P", t114="N", t847="1001"))
    assert isinstance(tagged, NewOrderSingle)
    assert (tagged.capacity, tagged.locate, tagged.algo_id) == ("P", "N", 1001)


@given(st.integers(-(1 << 40), 1 << 40) | st.text("0123456789+-. a", min_size=1))
@example(0)
@example(1)
@example(ALGO_ID_MAX)
@example(ALGO_ID_MAX + 1)
def test_a_strategy_is_a_number_that_an_algo_id_can_be_or_it_is_refused(value) -> None:
    text = str(value)
    good = text.isdigit() and 1 <= int(text) <= ALGO_ID_MAX
    for msg_type, more in (("D", {}), ("G", {"t41": "order-0"})):
        message = order(msg_type, t847=text, **more)
        if good:
            assert parse_order(message).algo_id == int(text)
            continue
        with pytest.raises(FieldError) as caught:
            parse_order(message)
        assert caught.value.tag == 847


def test_cancel() -> None:
    request = order("F", t41="order-0", t40=None, t44=None, t59=None)
    assert parse_order(request) == OrderCancelRequest(
        "order-1", "order-0", "ACC", "AAPL", "1", 100, NOW, "note"
    )
    no_quantity = parse_order(order("F", t41="order-0", t38=None))
    assert no_quantity.order_qty is None


def test_replace() -> None:
    assert parse_order(order("G", t41="order-0")) == OrderCancelReplaceRequest(
        "order-1", "order-0", "ACC", "AAPL", "1", 100, "2", 102_500, "3", NOW, "note"
    )


@pytest.mark.parametrize("side", ["1", "2", "5", "6"])
@pytest.mark.parametrize("time_in_force", ["0", "3", "4", "5"])
def test_sides_and_times_in_force(side: str, time_in_force: str) -> None:
    got = parse_order(order(t54=side, t59=time_in_force))
    assert (got.side, got.time_in_force) == (side, time_in_force)


@pytest.mark.parametrize(
    ("changes", "tag", "reason"),
    [
        ({"t11": "x" * 65}, 11, SessionRejectReason.VALUE_INCORRECT),
        ({"t11": None}, 11, SessionRejectReason.REQUIRED_TAG_MISSING),
        ({"t1": "x" * 33}, 1, SessionRejectReason.VALUE_INCORRECT),
        ({"t55": "x" * 33}, 55, SessionRejectReason.VALUE_INCORRECT),
        ({"t58": "x" * 513}, 58, SessionRejectReason.VALUE_INCORRECT),
        ({"t54": "3"}, 54, SessionRejectReason.VALUE_INCORRECT),
        ({"t38": "ten"}, 38, SessionRejectReason.INCORRECT_FORMAT),
        ({"t38": "-5"}, 38, SessionRejectReason.INCORRECT_FORMAT),
        ({"t38": "1.5"}, 38, SessionRejectReason.INCORRECT_FORMAT),
        ({"t38": "0"}, 38, SessionRejectReason.VALUE_INCORRECT),
        ({"t38": "4294967296"}, 38, SessionRejectReason.VALUE_INCORRECT),
        ({"t38": None}, 38, SessionRejectReason.REQUIRED_TAG_MISSING),
        ({"t40": "3"}, 40, SessionRejectReason.VALUE_INCORRECT),
        ({"t40": "1"}, 44, SessionRejectReason.VALUE_INCORRECT),
        ({"t44": None}, 44, SessionRejectReason.REQUIRED_TAG_MISSING),
        ({"t44": "-1"}, 44, SessionRejectReason.VALUE_INCORRECT),
        ({"t44": "0"}, 44, SessionRejectReason.VALUE_INCORRECT),
        ({"t44": "1.00001"}, 44, SessionRejectReason.VALUE_INCORRECT),
        ({"t59": "1"}, 59, SessionRejectReason.VALUE_INCORRECT),
        ({"t60": "now"}, 60, SessionRejectReason.INCORRECT_FORMAT),
    ],
)
@pytest.mark.parametrize("msg_type", ["D", "G"])
def test_refused(
    msg_type: str, changes: dict[str, str | None], tag: int, reason: SessionRejectReason
) -> None:
    with pytest.raises(FieldError) as caught:
        parse_order(order(msg_type, t41="order-0", **changes))
    assert (caught.value.tag, caught.value.reason) == (tag, reason)


def test_longest_id_passes() -> None:
    assert parse_order(order(t11="x" * 64)).cl_ord_id == "x" * 64


def test_other_message_is_no_order() -> None:
    with pytest.raises(FieldError, match="MsgType"):
        parse_order(order("8"))


def test_execution_report() -> None:
    msg_type, fields = execution_report(
        order_id="7", exec_id="e1", exec_type="F", ord_status="1", symbol="AAPL", side="1",
        order_qty=100, leaves_qty=60, cum_qty=40, transact_time_ns=NOW, avg_px=102_500,
        cl_ord_id="order-1", account="ACC", ord_type="2", price=102_500, time_in_force="0",
        last_qty=40, last_px=102_475, text="",
    )  # fmt: skip
    assert msg_type == "8"
    assert dict(fields) == {
        37: "7", 11: "order-1", 17: "e1", 150: "F", 39: "1", 1: "ACC", 55: "AAPL", 54: "1",
        38: 100, 40: "2", 44: "10.25", 59: "0", 32: 40, 31: "10.2475", 151: 60, 14: 40,
        6: "10.25", 60: "20231114-22:13:20.123",
    }  # fmt: skip


def test_order_cancel_reject() -> None:
    msg_type, fields = order_cancel_reject(
        order_id="NONE", cl_ord_id="c", orig_cl_ord_id="o", ord_status="8", response_to="1",
        transact_time_ns=NOW, cxl_rej_reason=1, text="unknown order",
    )  # fmt: skip
    assert msg_type == "9"
    assert dict(fields) == {
        37: "NONE", 11: "c", 41: "o", 39: "8", 434: "1", 102: 1, 58: "unknown order",
        60: "20231114-22:13:20.123",
    }  # fmt: skip


def test_every_tag_of_the_table_is_declared() -> None:
    for definition in FIX44.messages.values():
        assert set(definition.required) <= definition.allowed
        assert definition.allowed <= set(FIX44.fields)
        assert definition.msg_type in FIX44.known_types
    assert FIX44.header | FIX44.trailer <= set(FIX44.fields)
