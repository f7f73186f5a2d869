"""What the order state machine asks its owner to do, in the order in which it must be done."""

from dataclasses import dataclass

from tickgate.execution.model import Order
from tickgate.execution.table import State


@dataclass(frozen=True, slots=True)
class Submit:
    """Put a request on the card's order ring. ``action``: O enter, U replace, X cancel."""

    action: str
    token: int
    original: int
    """Replace: the token that ``token`` replaces; otherwise 0."""
    session: str
    account: str
    symbol: str
    side: str
    quantity: int
    price: int
    time_in_force: str
    capacity: str = "A"
    strategy: str = ""


@dataclass(frozen=True, slots=True)
class Execution:
    """Tell the client about its order (Execution Report)."""

    session: str
    token: int
    """0 when the order never got one."""
    exec_id: str
    exec_type: str
    """FIX ExecType: 0 new, 4 canceled, 5 replaced, 8 rejected, F trade, H trade cancel, I status,
    D restated."""
    ord_status: str
    order_id: str
    cl_ord_id: str
    orig_cl_ord_id: str
    account: str
    symbol: str
    side: str
    order_type: str
    time_in_force: str
    quantity: int
    price: int
    leaves: int
    cum: int
    average_price: int
    time_ns: int
    last_quantity: int = 0
    last_price: int = 0
    reject_reason: int | None = None
    exec_ref_id: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class CancelRefused:
    """Tell the client that its cancel or replace will not happen (Order Cancel Reject)."""

    session: str
    token: int
    order_id: str
    cl_ord_id: str
    orig_cl_ord_id: str
    ord_status: str
    response_to: str
    """1 cancel, 2 replace."""
    reason: int
    """FIX CxlRejReason: 0 too late, 1 unknown order, 3 already pending, 6 duplicate, 99 other."""
    text: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class Filled:
    """Book a fill (``broken``: take it back) in the positions."""

    account: str
    symbol: str
    side: str
    quantity: int
    price: int
    key: tuple[int, int]
    """Token and match number: names the fill for a later break."""
    broken: bool = False


Effect = Submit | Execution | CancelRefused | Filled

_STATUS = {
    State.PENDING_NEW: "A",
    State.NEW: "0",
    State.PARTIALLY_FILLED: "1",
    State.FILLED: "2",
    State.CANCELED: "4",
    State.REPLACED: "5",
    State.PENDING_CANCEL: "6",
    State.REJECTED: "8",
    State.PENDING_REPLACE: "E",
}


def ord_status(order: Order) -> str:
    """FIX OrdStatus (39) of an order."""
    return _STATUS[order.state]
