"""OUCH 5.0 messages from the venue to the client."""

from tickgate.protocols.ouch50.base import OuchMessage
from tickgate.protocols.wire import (
    U16,
    U32,
    U64,
    Alpha4,
    Alpha8,
    Alpha14,
    Buffer,
    Char,
    Price,
    by_type,
    decode_by_type,
    field,
)


class OutboundMessage(OuchMessage):
    """A message that the venue sends, in a Sequenced Data packet."""

    timestamp: U64 = field("nanoseconds since local midnight")


class SystemEvent(OutboundMessage, type="S", tail="none"):
    """System Event.

    No appendage.
    """

    event_code: Char = field("S start of day, E end of day")


class OrderAccepted(
    OutboundMessage,
    type="A",
    options=(2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 24, 25, 28),
):
    """Order Accepted."""

    user_ref_num: U32 = field("as entered")
    side: Char = field("B buy, S sell, T sell short, E sell short exempt")
    quantity: U32 = field("accepted shares")
    symbol: Alpha8 = field("stock symbol, space padded")
    price: Price = field("accepted price, may be better than entered")
    time_in_force: Char = field(
        "0 day, 3 IOC, 5 GTX (extended hours), 6 GTT (needs ExpireTime), E after hours"
    )
    display: Char = field("Y, N, A, Z conformant")
    order_reference_number: U64 = field("exchange order id of the day")
    capacity: Char = field("as entered")
    intermarket_sweep_eligibility: Char = field("Y ISO eligible, N not")
    cross_type: Char = field("as entered")
    order_state: Char = field(
        "L live, D dead (accepted and cancelled at once; nothing more follows)"
    )
    clordid: Alpha14 = field("customer order id, free text, not checked for uniqueness")


class OrderReplaced(OutboundMessage, type="U", options=(2, 3, 5, 6, 12, 15, 16, 17, 18, 28)):
    """Order Replaced."""

    orig_user_ref_num: U32 = field("replaced order")
    user_ref_num: U32 = field("replacement")
    side: Char = field("B buy, S sell, T sell short, E sell short exempt")
    quantity: U32 = field("shares outstanding after the replace")
    symbol: Alpha8 = field("stock symbol, space padded")
    price: Price = field("accepted price")
    time_in_force: Char = field(
        "0 day, 3 IOC, 5 GTX (extended hours), 6 GTT (needs ExpireTime), E after hours"
    )
    display: Char = field("Y, N, A, Z")
    order_reference_number: U64 = field("new exchange order id")
    capacity: Char = field("as entered")
    intermarket_sweep_eligibility: Char = field("Y ISO eligible, N not")
    cross_type: Char = field("as entered")
    order_state: Char = field("L live, D dead")
    clordid: Alpha14 = field("customer order id, free text, not checked for uniqueness")


class OrderCanceled(OutboundMessage, type="C", tail="optional"):
    """Order Canceled.

    Part of the order may still be live.
    """

    user_ref_num: U32 = field("order reduced or cancelled")
    quantity: U32 = field("shares taken off by this message (incremental)")
    reason: Char = field("code of CANCEL_REASONS")


class AiqCanceled(OutboundMessage, type="D", tail="optional"):
    """AIQ Canceled.

    An older reading of the format has no aiq_strategy byte (31 bytes instead of 32).
    """

    user_ref_num: U32 = field("order reduced")
    decrement_shares: U32 = field("shares taken off (incremental)")
    reason: Char = field("always Q")
    quantity_prevented_from_trading: U32 = field("shares that would have traded")
    execution_price: Price = field("price it would have traded at")
    liquidity_flag: Char = field("flag it would have got")
    aiq_strategy: Char = field("self-match strategy applied")


class OrderExecuted(OutboundMessage, type="E"):
    """Order Executed.

    Appendage length is always there.
    """

    user_ref_num: U32 = field("order executed")
    quantity: U32 = field("shares of this fill (incremental)")
    price: Price = field("fill price")
    liquidity_flag: Char = field("code of LIQUIDITY_FLAGS")
    match_number: U64 = field("trade id shared by both sides")


class BrokenTrade(OutboundMessage, type="B", tail="optional"):
    """Broken Trade."""

    user_ref_num: U32 = field("order whose fill is broken")
    match_number: U64 = field("match number of the fill")
    reason: Char = field("E erroneous, C consent, S supervisory, X external")
    clordid: Alpha14 = field("customer order id, free text, not checked for uniqueness")


class Rejected(OutboundMessage, type="J", tail="optional"):
    """Rejected.

    Reason is a 2-byte number, not a letter as in 4.2.
    """

    user_ref_num: U32 = field("order or replacement rejected; the id is used up")
    reason: U16 = field("code of REJECT_REASONS")
    clordid: Alpha14 = field("customer order id, free text, not checked for uniqueness")


class CancelPending(OutboundMessage, type="P", tail="optional"):
    """Cancel Pending."""

    user_ref_num: U32 = field("cross order whose cancel waits for the cross")


class CancelReject(OutboundMessage, type="I", tail="optional"):
    """Cancel Reject."""

    user_ref_num: U32 = field("cross order whose partial cancel was refused")


class OrderPriorityUpdate(OutboundMessage, type="T", tail="optional"):
    """Order Priority Update."""

    user_ref_num: U32 = field("order that lost or got priority")
    price: Price = field("limit price")
    display: Char = field("new display")
    order_reference_number: U64 = field("new exchange order id")


class OrderModified(OutboundMessage, type="M", tail="optional", options=(25, 26, 28)):
    """Order Modified."""

    user_ref_num: U32 = field("order modified")
    side: Char = field("B buy, S sell, T sell short, E sell short exempt")
    quantity: U32 = field("shares outstanding")


class OrderRestated(OutboundMessage, type="R", options=(1, 22, 23, 28)):
    """Order Restated.

    Appendage length is always there.
    """

    user_ref_num: U32 = field("order restated")
    reason: Char = field("R refresh of a reserve display, P display price update")


class MassCancelResponse(OutboundMessage, type="X", options=(24, 27, 28)):
    """Mass Cancel Response.

    Added 2023-12.
    """

    user_ref_num: U32 = field("request id")
    firm: Alpha4 = field("firm id, upper case")
    symbol: Alpha8 = field("as requested")


class DisableOrderEntryResponse(OutboundMessage, type="G"):
    """Disable Order Entry Response.

    Added 2023-12.
    """

    user_ref_num: U32 = field("request id")
    firm: Alpha4 = field("firm id, upper case")


class EnableOrderEntryResponse(OutboundMessage, type="K"):
    """Enable Order Entry Response.

    Added 2023-12.
    """

    user_ref_num: U32 = field("request id")
    firm: Alpha4 = field("firm id, upper case")


class AccountQueryResponse(OutboundMessage, type="Q", tail="optional"):
    """Account Query Response."""

    next_user_ref_num: U32 = field("next usable id")


OUTBOUND: dict[str, type[OutboundMessage]] = by_type(
    SystemEvent,
    OrderAccepted,
    OrderReplaced,
    OrderCanceled,
    AiqCanceled,
    OrderExecuted,
    BrokenTrade,
    Rejected,
    CancelPending,
    CancelReject,
    OrderPriorityUpdate,
    OrderModified,
    OrderRestated,
    MassCancelResponse,
    DisableOrderEntryResponse,
    EnableOrderEntryResponse,
    AccountQueryResponse,
)
"""Class of each message type that the venue sends."""

_BY_BYTE = {ord(key): message for key, message in OUTBOUND.items()}


def decode_outbound(data: Buffer) -> OutboundMessage:
    """Message from the venue. Raises UnknownMessage for an unknown type, else WireError."""
    return decode_by_type("OUCH 5.0 outbound", _BY_BYTE, data)
