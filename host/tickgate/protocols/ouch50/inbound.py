"""OUCH 5.0 messages from the client to the venue."""

from tickgate.protocols.ouch50.base import OuchMessage
from tickgate.protocols.wire import (
    U32,
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

MAX_PRICE = 1_999_999_900
"""Largest price of a limit order, in 1/10000 USD; more means a market order."""
MAX_QUANTITY = 999_999
"""Largest quantity of an order, in shares."""


class InboundMessage(OuchMessage):
    """A message that a client sends, in an Unsequenced Data packet."""


class EnterOrder(
    InboundMessage,
    type="O",
    options=(2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 15, 16, 17, 24, 25, 26, 28),
):
    """Enter Order.

    Duplicates and lower UserRefNum values are ignored as retransmissions.
    """

    user_ref_num: U32 = field(
        "order id; starts at 1, strictly increasing per port (or per UserRefIdx channel)"
    )
    side: Char = field("B buy, S sell, T sell short, E sell short exempt")
    quantity: U32 = field("1 .. 999999")
    symbol: Alpha8 = field("stock symbol, space padded")
    price: Price = field("limit price, 4 decimals")
    time_in_force: Char = field(
        "0 day, 3 IOC, 5 GTX (extended hours), 6 GTT (needs ExpireTime), E after hours"
    )
    display: Char = field("Y visible, N hidden, A attributable")
    capacity: Char = field("A agency, P principal, R riskless, O other")
    intermarket_sweep_eligibility: Char = field("Y ISO eligible, N not")
    cross_type: Char = field(
        "N continuous, O opening, C closing, H halt/IPO, S supplemental, R retail (BX), E "
        "extended life, A after-hours close"
    )
    clordid: Alpha14 = field("customer order id, free text, not checked for uniqueness")


class ReplaceOrder(
    InboundMessage,
    type="U",
    options=(3, 5, 6, 7, 9, 10, 11, 12, 13, 15, 16, 17, 25, 26, 27, 28),
):
    """Replace Order Request.

    Side, symbol, capacity, firm, group are inherited; tags not repeated keep the original value
    except 25 and 26.
    """

    orig_user_ref_num: U32 = field("order to be replaced")
    user_ref_num: U32 = field("new id")
    quantity: U32 = field("total liability of the chain: already executed plus wanted open shares")
    price: Price = field("new price")
    time_in_force: Char = field("0, 3, 5 or 6")
    display: Char = field("Y, N, A")
    intermarket_sweep_eligibility: Char = field("Y ISO eligible, N not")
    clordid: Alpha14 = field("customer order id, free text, not checked for uniqueness")


class CancelOrder(InboundMessage, type="X", tail="optional"):
    """Cancel Order Request.

    No ack other than Order Canceled; superfluous cancels are ignored silently.
    """

    user_ref_num: U32 = field("order to cancel or reduce")
    quantity: U32 = field(
        "new intended order size (total executable after the cancel); 0 cancels all"
    )


class ModifyOrder(InboundMessage, type="M", tail="optional", options=(25, 26, 28)):
    """Modify Order Request.

    Keeps time priority.
    """

    user_ref_num: U32 = field("order to modify")
    side: Char = field("only S<->E, S<->T, E<->T are allowed")
    quantity: U32 = field("new intended size, may not grow; 0 cancels")


class MassCancel(InboundMessage, type="C", options=(24, 27, 28)):
    """Mass Cancel Request.

    Added 2023-12; GroupID 0 = only orders without a group.
    """

    user_ref_num: U32 = field("request id")
    firm: Alpha4 = field("firm id, upper case")
    symbol: Alpha8 = field("space filled = all symbols")


class DisableOrderEntry(InboundMessage, type="D"):
    """Disable Order Entry Request.

    Added 2023-12.
    """

    user_ref_num: U32 = field("request id")
    firm: Alpha4 = field("firm id, upper case")


class EnableOrderEntry(InboundMessage, type="E"):
    """Enable Order Entry Request.

    Added 2023-12.
    """

    user_ref_num: U32 = field("request id")
    firm: Alpha4 = field("firm id, upper case")


class AccountQuery(InboundMessage, type="Q", tail="optional"):
    """Account Query Request.

    Asks for the next UserRefNum.
    """


INBOUND: dict[str, type[InboundMessage]] = by_type(
    EnterOrder,
    ReplaceOrder,
    CancelOrder,
    ModifyOrder,
    MassCancel,
    DisableOrderEntry,
    EnableOrderEntry,
    AccountQuery,
)
"""Class of each message type that clients send."""

_BY_BYTE = {ord(key): message for key, message in INBOUND.items()}


def decode_inbound(data: Buffer) -> InboundMessage:
    """Message from a client. Raises UnknownMessage for an unknown type, else WireError."""
    return decode_by_type("OUCH 5.0 inbound", _BY_BYTE, data)
