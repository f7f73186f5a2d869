"""Nasdaq OUCH 5.0: order entry messages, both directions, with their appendage of options.

Prices are integers in 1/10000 USD, times nanoseconds since local midnight of the exchange. The
same type letter means different things in the two directions, so there are two tables and two
decoders. The rules of the session (who may send what, which UserRefNum is next) do not belong here.

Source: "OUCH 5.0 Order Entry Specification", 2025-07.
"""

from tickgate.protocols.ouch50.base import OuchMessage
from tickgate.protocols.ouch50.codes import CANCEL_REASONS, LIQUIDITY_FLAGS, REJECT_REASONS
from tickgate.protocols.ouch50.inbound import (
    INBOUND,
    MAX_PRICE,
    MAX_QUANTITY,
    AccountQuery,
    CancelOrder,
    DisableOrderEntry,
    EnableOrderEntry,
    EnterOrder,
    InboundMessage,
    MassCancel,
    ModifyOrder,
    ReplaceOrder,
    decode_inbound,
)
from tickgate.protocols.ouch50.options import OPTIONS, Option, OptionType, Tag
from tickgate.protocols.ouch50.outbound import (
    OUTBOUND,
    AccountQueryResponse,
    AiqCanceled,
    BrokenTrade,
    CancelPending,
    CancelReject,
    DisableOrderEntryResponse,
    EnableOrderEntryResponse,
    MassCancelResponse,
    OrderAccepted,
    OrderCanceled,
    OrderExecuted,
    OrderModified,
    OrderPriorityUpdate,
    OrderReplaced,
    OrderRestated,
    OutboundMessage,
    Rejected,
    SystemEvent,
    decode_outbound,
)

__all__ = [
    "CANCEL_REASONS",
    "INBOUND",
    "LIQUIDITY_FLAGS",
    "MAX_PRICE",
    "MAX_QUANTITY",
    "OPTIONS",
    "OUTBOUND",
    "REJECT_REASONS",
    "AccountQuery",
    "AccountQueryResponse",
    "AiqCanceled",
    "BrokenTrade",
    "CancelOrder",
    "CancelPending",
    "CancelReject",
    "DisableOrderEntry",
    "DisableOrderEntryResponse",
    "EnableOrderEntry",
    "EnableOrderEntryResponse",
    "EnterOrder",
    "InboundMessage",
    "MassCancel",
    "MassCancelResponse",
    "ModifyOrder",
    "Option",
    "OptionType",
    "OrderAccepted",
    "OrderCanceled",
    "OrderExecuted",
    "OrderModified",
    "OrderPriorityUpdate",
    "OrderReplaced",
    "OrderRestated",
    "OuchMessage",
    "OutboundMessage",
    "Rejected",
    "ReplaceOrder",
    "SystemEvent",
    "Tag",
    "decode_inbound",
    "decode_outbound",
]
