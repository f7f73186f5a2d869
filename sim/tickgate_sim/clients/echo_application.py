"""Answers to orders without an exchange: each order rests, an IOC fills, a large one is refused."""

from dataclasses import dataclass, field

from tickgate.fix import orders
from tickgate.fix.orders import (
    NewOrderSingle,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    ReportFields,
    parse_order,
)
from tickgate.fix.outputs import AppMessage

Reply = tuple[str, ReportFields]


@dataclass(slots=True)
class _Order:
    order_id: str
    request: NewOrderSingle | OrderCancelReplaceRequest
    cum_qty: int = 0
    status: str = "0"

    @property
    def leaves_qty(self) -> int:
        return self.request.order_qty - self.cum_qty if self.status in ("0", "1", "5") else 0


@dataclass(slots=True)
class EchoApplication:
    """The stand-in's order handling, one book of orders for each client.

    An order above ``max_quantity`` is refused with the text of the gate's check. An order received
    again, marked PossDup or PossResend, is not answered twice.
    """

    max_quantity: int = 10_000
    seen: dict[str, list[str]] = field(default_factory=dict)
    """ClOrdIDs by client in the order of their arrival."""
    duplicates: int = 0
    _orders: dict[tuple[str, str], _Order] = field(default_factory=dict)
    _reports: int = 0

    def on_message(self, client: str, received: AppMessage, now_ns: int) -> list[Reply]:
        """Replies to one message; raises FieldError when it can't be read."""
        request = parse_order(received.message)
        seen = self.seen.setdefault(client, [])
        if request.cl_ord_id in seen and (received.poss_dup or received.poss_resend):
            self.duplicates += 1
            return []
        seen.append(request.cl_ord_id)
        if isinstance(request, NewOrderSingle):
            return self._enter(client, request, now_ns)
        order = self._orders.get((client, request.orig_cl_ord_id))
        if order is None or not order.leaves_qty:
            return [_cancel_reject(order, request, now_ns)]
        self._orders[client, request.cl_ord_id] = order
        if isinstance(request, OrderCancelRequest):
            order.status = "4"
            return [self._report(order, "4", request, now_ns)]
        order.request = request
        if order.cum_qty >= request.order_qty:
            order.status = "4"
        return [self._report(order, "5", request, now_ns)]

    def positions(self, client: str) -> dict[str, int]:
        """Shares that a client has by symbol, short ones negative."""
        totals: dict[str, int] = {}
        orders_of_client = {
            order.order_id: order for (owner, _), order in self._orders.items() if owner == client
        }
        for order in orders_of_client.values():
            signed = order.cum_qty if order.request.side == orders.BUY else -order.cum_qty
            totals[order.request.symbol] = totals.get(order.request.symbol, 0) + signed
        return totals

    def _enter(self, client: str, request: NewOrderSingle, now_ns: int) -> list[Reply]:
        order = _Order(str(len(self._orders) + 1), request)
        self._orders[client, request.cl_ord_id] = order
        if request.order_qty > self.max_quantity:
            order.status = "8"
            text = f"RISK max_quantity: quantity must be at most {self.max_quantity}"
            return [self._report(order, "8", request, now_ns, text=text)]
        new = self._report(order, "0", request, now_ns)
        if request.time_in_force != orders.IMMEDIATE_OR_CANCEL or request.price is None:
            return [new]
        order.cum_qty, order.status = request.order_qty, "2"
        return [new, self._report(order, "F", request, now_ns, last_qty=request.order_qty)]

    def _report(
        self,
        order: _Order,
        exec_type: str,
        request: orders.OrderMessage,
        now_ns: int,
        last_qty: int | None = None,
        text: str | None = None,
    ) -> Reply:
        self._reports += 1
        price = order.request.price
        return orders.execution_report(
            order_id=order.order_id,
            exec_id=f"E{self._reports}",
            exec_type=exec_type,
            ord_status=order.status,
            cl_ord_id=request.cl_ord_id,
            orig_cl_ord_id=None if isinstance(request, NewOrderSingle) else request.orig_cl_ord_id,
            account=order.request.account,
            symbol=order.request.symbol,
            side=order.request.side,
            order_qty=order.request.order_qty,
            ord_type=order.request.ord_type,
            price=price,
            leaves_qty=order.leaves_qty,
            cum_qty=order.cum_qty,
            avg_px=price or 0 if order.cum_qty else 0,
            last_qty=last_qty,
            last_px=price if last_qty else None,
            ord_rej_reason=99 if exec_type == "8" else None,
            transact_time_ns=now_ns,
            text=text,
        )


def _cancel_reject(
    order: _Order | None, request: OrderCancelRequest | OrderCancelReplaceRequest, now_ns: int
) -> Reply:
    return orders.order_cancel_reject(
        order_id=order.order_id if order else "NONE",
        cl_ord_id=request.cl_ord_id,
        orig_cl_ord_id=request.orig_cl_ord_id,
        ord_status=order.status if order else "8",
        response_to="1" if isinstance(request, OrderCancelRequest) else "2",
        cxl_rej_reason=0 if order else 1,
        transact_time_ns=now_ns,
        text="too late to change" if order else "unknown order",
    )
