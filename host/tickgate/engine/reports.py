"""From the state machine's effects to FIX messages."""

from collections.abc import Collection

from tickgate.engine.inputs import CancelOrder, NewOrder, ReplaceOrder
from tickgate.execution.effects import CancelRefused, Execution
from tickgate.fix import orders as fix
from tickgate.fix.outputs import AppMessage
from tickgate.risk.order import CAPACITIES

_TO_OUCH = {fix.BUY: "B", fix.SELL: "S", fix.SELL_SHORT: "T", fix.SELL_SHORT_EXEMPT: "E"}
_TO_FIX = {ouch: side for side, ouch in _TO_OUCH.items()}


def to_fix(effect: Execution | CancelRefused) -> tuple[str, fix.ReportFields]:
    """MsgType and fields of the message that tells a client, for ``Session.send``."""
    if isinstance(effect, CancelRefused):
        return fix.order_cancel_reject(
            order_id=effect.order_id,
            cl_ord_id=effect.cl_ord_id,
            orig_cl_ord_id=effect.orig_cl_ord_id,
            ord_status=effect.ord_status,
            response_to=effect.response_to,
            transact_time_ns=effect.time_ns,
            cxl_rej_reason=effect.reason,
            text=effect.text,
        )
    traded = bool(effect.last_quantity)
    return fix.execution_report(
        order_id=effect.order_id,
        exec_id=effect.exec_id,
        exec_type=effect.exec_type,
        ord_status=effect.ord_status,
        symbol=effect.symbol,
        side=_TO_FIX[effect.side],
        order_qty=effect.quantity,
        leaves_qty=effect.leaves,
        cum_qty=effect.cum,
        transact_time_ns=effect.time_ns,
        avg_px=effect.average_price,
        cl_ord_id=effect.cl_ord_id,
        orig_cl_ord_id=effect.orig_cl_ord_id or None,
        account=effect.account,
        ord_type=effect.order_type,
        price=effect.price or None,
        time_in_force=effect.time_in_force,
        last_qty=effect.last_quantity if traded else None,
        last_px=effect.last_price if traded else None,
        ord_rej_reason=effect.reject_reason,
        exec_ref_id=effect.exec_ref_id or None,
        text=effect.text[: fix.TEXT_MAX] or None,
    )


def from_fix(
    session: str, account: str, app: AppMessage, required: Collection[str] = ()
) -> NewOrder | CancelOrder | ReplaceOrder:
    """The input that an order message is. Raises FieldError, for ``Session.reject``.

    ``account`` is the session's, taken where the message names none. ``required`` are the tags of
    ``tickgate.engine.config.TAGS`` that an order must have.
    """
    message = fix.parse_order(app.message)
    repeated = app.poss_dup or app.poss_resend
    if isinstance(message, fix.OrderCancelRequest):
        return CancelOrder(session, message.cl_ord_id, message.orig_cl_ord_id, repeated)
    price = message.price or 0
    if isinstance(message, fix.NewOrderSingle):
        return NewOrder(
            session=session,
            cl_ord_id=message.cl_ord_id,
            account=message.account or account,
            symbol=message.symbol,
            side=_TO_OUCH[message.side],
            quantity=message.order_qty,
            order_type=message.ord_type,
            price=price,
            time_in_force=message.time_in_force,
            repeated=repeated,
            capacity=_capacity(message.capacity, "capacity" in required),
            locate=_locate(message, "locate" in required),
            algo_id=message.algo_id,
        )
    return ReplaceOrder(
        session=session,
        cl_ord_id=message.cl_ord_id,
        orig_cl_ord_id=message.orig_cl_ord_id,
        symbol=message.symbol,
        side=_TO_OUCH[message.side],
        quantity=message.order_qty,
        order_type=message.ord_type,
        price=price,
        time_in_force=message.time_in_force,
        repeated=repeated,
        algo_id=message.algo_id,
    )



def _capacity(given: str | None, required: bool) -> str:
    """OUCH capacity; agency when the client need not say, empty when what it said is none."""
    if given is None:
        return "" if required else "A"
    return given if given in CAPACITIES else ""


def _locate(order: fix.NewOrderSingle, required: bool) -> str | None:
    """LocateReqd of a short sale, None where it does not count."""
    if order.side not in (fix.SELL_SHORT, fix.SELL_SHORT_EXEMPT):
        return None
    return "" if order.locate is None and required else order.locate
