"""Order messages of FIX 4.4 as plain values, and the reports that answer them.

Prices are 1/10000 USD, quantities whole shares, times ns since 1970. What is a valid order to FIX
but nothing that this product can work (a stop order, a GTC) raises FieldError like any wrong
value; whether an order may go, and market orders in particular, is for the engine to say.
Source: FIX 4.4 Volume 4.
"""

from dataclasses import dataclass
from typing import Final

from tickgate.fix import tags
from tickgate.fix.codec import FixMessage
from tickgate.fix.values import (
    FieldError,
    SessionRejectReason,
    price_to_text,
    timestamp_to_text,
)

ReportFields = list[tuple[int, str | bytes | int]]

CL_ORD_ID_MAX: Final = 64
ACCOUNT_MAX: Final = 32
SYMBOL_MAX: Final = 32
TEXT_MAX: Final = 512
ORDER_QTY_MAX: Final = 2**32 - 1
ALGO_ID_MAX: Final = 2**32 - 1

BUY: Final = "1"
SELL: Final = "2"
SELL_SHORT: Final = "5"
SELL_SHORT_EXEMPT: Final = "6"
SIDES: Final = frozenset((BUY, SELL, SELL_SHORT, SELL_SHORT_EXEMPT))

MARKET: Final = "1"
LIMIT: Final = "2"
ORD_TYPES: Final = frozenset((MARKET, LIMIT))

DAY: Final = "0"
IMMEDIATE_OR_CANCEL: Final = "3"
FILL_OR_KILL: Final = "4"
GOOD_TILL_CROSSING: Final = "5"
TIMES_IN_FORCE: Final = frozenset((DAY, IMMEDIATE_OR_CANCEL, FILL_OR_KILL, GOOD_TILL_CROSSING))


@dataclass(frozen=True, slots=True)
class NewOrderSingle:
    """A new order (35=D). ``price`` is None for a market order, others when not given."""

    cl_ord_id: str
    account: str | None
    symbol: str
    side: str
    order_qty: int
    ord_type: str
    price: int | None
    time_in_force: str
    transact_time_ns: int
    text: str | None = None
    capacity: str | None = None
    """OrderCapacity: A agency, P principal, R riskless principal, or another of FIX."""
    locate: str | None = None
    """LocateReqd: N the client has located the shares, Y the broker is to."""
    algo_id: int | None = None
    """TargetStrategy: the algo id of the strategy that decided on the order."""

    @classmethod
    def from_message(cls, message: FixMessage) -> "NewOrderSingle":
        """Read the order; raises FieldError."""
        ord_type = message.choice(tags.ORD_TYPE, ORD_TYPES)
        return cls(
            cl_ord_id=message.text(tags.CL_ORD_ID, CL_ORD_ID_MAX),
            account=_optional(message, tags.ACCOUNT, ACCOUNT_MAX),
            symbol=message.text(tags.SYMBOL, SYMBOL_MAX),
            side=message.choice(tags.SIDE, SIDES),
            order_qty=_order_qty(message),
            ord_type=ord_type,
            price=_price(message, ord_type),
            time_in_force=_time_in_force(message),
            transact_time_ns=message.timestamp_ns(tags.TRANSACT_TIME),
            text=_optional(message, tags.TEXT, TEXT_MAX),
            capacity=_optional(message, tags.ORDER_CAPACITY, 1),
            locate=_optional(message, tags.LOCATE_REQD, 1),
            algo_id=_algo_id(message),
        )


@dataclass(frozen=True, slots=True)
class OrderCancelRequest:
    """A request to cancel what is left of an order (35=F).

    ``order_qty`` is the order's, as the client has it; None when not given.
    """

    cl_ord_id: str
    orig_cl_ord_id: str
    account: str | None
    symbol: str
    side: str
    order_qty: int | None
    transact_time_ns: int
    text: str | None = None

    @classmethod
    def from_message(cls, message: FixMessage) -> "OrderCancelRequest":
        """Read the request; raises FieldError."""
        return cls(
            cl_ord_id=message.text(tags.CL_ORD_ID, CL_ORD_ID_MAX),
            orig_cl_ord_id=message.text(tags.ORIG_CL_ORD_ID, CL_ORD_ID_MAX),
            account=_optional(message, tags.ACCOUNT, ACCOUNT_MAX),
            symbol=message.text(tags.SYMBOL, SYMBOL_MAX),
            side=message.choice(tags.SIDE, SIDES),
            order_qty=_order_qty(message) if tags.ORDER_QTY in message else None,
            transact_time_ns=message.timestamp_ns(tags.TRANSACT_TIME),
            text=_optional(message, tags.TEXT, TEXT_MAX),
        )


@dataclass(frozen=True, slots=True)
class OrderCancelReplaceRequest:
    """A request to change an order's quantity or price (35=G).

    ``order_qty`` is the new total, executed shares included; ``algo_id`` the order's, if given.
    """

    cl_ord_id: str
    orig_cl_ord_id: str
    account: str | None
    symbol: str
    side: str
    order_qty: int
    ord_type: str
    price: int | None
    time_in_force: str
    transact_time_ns: int
    text: str | None = None
    algo_id: int | None = None

    @classmethod
    def from_message(cls, message: FixMessage) -> "OrderCancelReplaceRequest":
        """Read the request; raises FieldError."""
        ord_type = message.choice(tags.ORD_TYPE, ORD_TYPES)
        return cls(
            cl_ord_id=message.text(tags.CL_ORD_ID, CL_ORD_ID_MAX),
            orig_cl_ord_id=message.text(tags.ORIG_CL_ORD_ID, CL_ORD_ID_MAX),
            account=_optional(message, tags.ACCOUNT, ACCOUNT_MAX),
            symbol=message.text(tags.SYMBOL, SYMBOL_MAX),
            side=message.choice(tags.SIDE, SIDES),
            order_qty=_order_qty(message),
            ord_type=ord_type,
            price=_price(message, ord_type),
            time_in_force=_time_in_force(message),
            transact_time_ns=message.timestamp_ns(tags.TRANSACT_TIME),
            text=_optional(message, tags.TEXT, TEXT_MAX),
            algo_id=_algo_id(message),
        )


OrderMessage = NewOrderSingle | OrderCancelRequest | OrderCancelReplaceRequest


def parse_order(message: FixMessage) -> OrderMessage:
    """Read any order message.

    Raises FieldError, to be answered with ``Session.reject``, on a wrong field or another MsgType.
    """
    if message.msg_type == tags.NEW_ORDER_SINGLE:
        return NewOrderSingle.from_message(message)
    if message.msg_type == tags.ORDER_CANCEL_REQUEST:
        return OrderCancelRequest.from_message(message)
    if message.msg_type == tags.ORDER_CANCEL_REPLACE_REQUEST:
        return OrderCancelReplaceRequest.from_message(message)
    raise FieldError(
        tags.MSG_TYPE, SessionRejectReason.INVALID_MSG_TYPE, "MsgType must be D, F or G"
    )


def execution_report(
    *,
    order_id: str,
    exec_id: str,
    exec_type: str,
    ord_status: str,
    symbol: str,
    side: str,
    order_qty: int,
    leaves_qty: int,
    cum_qty: int,
    transact_time_ns: int,
    avg_px: int = 0,
    cl_ord_id: str | None = None,
    orig_cl_ord_id: str | None = None,
    account: str | None = None,
    ord_type: str | None = None,
    price: int | None = None,
    time_in_force: str | None = None,
    last_qty: int | None = None,
    last_px: int | None = None,
    ord_rej_reason: int | None = None,
    exec_ref_id: str | None = None,
    text: str | None = None,
) -> tuple[str, ReportFields]:
    """Build an Execution Report: its MsgType and fields, for ``Session.send``."""
    return tags.EXECUTION_REPORT, _given(
        (tags.ORDER_ID, order_id),
        (tags.CL_ORD_ID, cl_ord_id),
        (tags.ORIG_CL_ORD_ID, orig_cl_ord_id),
        (tags.EXEC_ID, exec_id),
        (tags.EXEC_REF_ID, exec_ref_id),
        (tags.EXEC_TYPE, exec_type),
        (tags.ORD_STATUS, ord_status),
        (tags.ORD_REJ_REASON, ord_rej_reason),
        (tags.ACCOUNT, account),
        (tags.SYMBOL, symbol),
        (tags.SIDE, side),
        (tags.ORDER_QTY, order_qty),
        (tags.ORD_TYPE, ord_type),
        (tags.PRICE, _price_text(price)),
        (tags.TIME_IN_FORCE, time_in_force),
        (tags.LAST_QTY, last_qty),
        (tags.LAST_PX, _price_text(last_px)),
        (tags.LEAVES_QTY, leaves_qty),
        (tags.CUM_QTY, cum_qty),
        (tags.AVG_PX, price_to_text(avg_px)),
        (tags.TRANSACT_TIME, timestamp_to_text(transact_time_ns)),
        (tags.TEXT, text),
    )


def order_cancel_reject(
    *,
    order_id: str,
    cl_ord_id: str,
    orig_cl_ord_id: str,
    ord_status: str,
    response_to: str,
    transact_time_ns: int,
    cxl_rej_reason: int | None = None,
    account: str | None = None,
    text: str | None = None,
) -> tuple[str, ReportFields]:
    """Build an Order Cancel Reject. ``response_to`` is "1" for a cancel, "2" for a replace.

    ``order_id`` is "NONE" for an order that nobody knows.
    """
    return tags.ORDER_CANCEL_REJECT, _given(
        (tags.ORDER_ID, order_id),
        (tags.CL_ORD_ID, cl_ord_id),
        (tags.ORIG_CL_ORD_ID, orig_cl_ord_id),
        (tags.ORD_STATUS, ord_status),
        (tags.ACCOUNT, account),
        (tags.TRANSACT_TIME, timestamp_to_text(transact_time_ns)),
        (tags.CXL_REJ_RESPONSE_TO, response_to),
        (tags.CXL_REJ_REASON, cxl_rej_reason),
        (tags.TEXT, text),
    )


def _given(*pairs: tuple[int, str | int | None]) -> ReportFields:
    return [(tag, value) for tag, value in pairs if value is not None and value != ""]


def _price_text(price: int | None) -> str | None:
    return None if price is None else price_to_text(price)


def _optional(message: FixMessage, tag: int, max_length: int) -> str | None:
    return message.text(tag, max_length) if tag in message else None


def _order_qty(message: FixMessage) -> int:
    quantity = message.quantity(tags.ORDER_QTY)
    if not 0 < quantity <= ORDER_QTY_MAX:
        raise _wrong(tags.ORDER_QTY, f"OrderQty must be 1 to {ORDER_QTY_MAX}, not {quantity}")
    return quantity


def _algo_id(message: FixMessage) -> int | None:
    if tags.TARGET_STRATEGY not in message:
        return None
    algo_id = message.integer(tags.TARGET_STRATEGY)
    if not 0 < algo_id <= ALGO_ID_MAX:
        text = f"TargetStrategy must be 1 to {ALGO_ID_MAX}, not {algo_id}"
        raise _wrong(tags.TARGET_STRATEGY, text)
    return algo_id


def _price(message: FixMessage, ord_type: str) -> int | None:
    if ord_type == MARKET:
        if tags.PRICE in message:
            raise _wrong(tags.PRICE, "Price must not be given for a market order")
        return None
    price = message.price(tags.PRICE)
    if price == 0:
        raise _wrong(tags.PRICE, "Price must be above 0")
    return price


def _time_in_force(message: FixMessage) -> str:
    if tags.TIME_IN_FORCE not in message:
        return DAY
    return message.choice(tags.TIME_IN_FORCE, TIMES_IN_FORCE)


def _wrong(tag: int, text: str) -> FieldError:
    return FieldError(tag, SessionRejectReason.VALUE_INCORRECT, text)
