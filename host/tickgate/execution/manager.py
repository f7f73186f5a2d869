"""All orders: what clients ask for, checked, numbered and remembered.

The venue's side is in ``venue.VenueSide``, which this class extends: together they are the one
owner of orders. Nothing here reads a clock or a random number: the same calls give the same
effects.
"""

from dataclasses import dataclass

from tickgate.execution.effects import CancelRefused, Effect, Execution, Submit
from tickgate.execution.model import Chain, Order
from tickgate.execution.table import TABLE, Event, State
from tickgate.execution.venue import VenueSide

DAY, IOC = "0", "3"
MARKET, LIMIT = "1", "2"
MAX_U32 = (1 << 32) - 1

TOO_LATE, UNKNOWN, PENDING, DUPLICATE, OTHER = 0, 1, 3, 6, 99
"""CxlRejReason (102)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client wants an order to be. ``price`` is the limit to send, market orders' too."""

    cl_ord_id: str
    quantity: int
    price: int
    order_type: str
    time_in_force: str


class OrderManager(VenueSide):
    """Takes client requests; idempotent by session and ClOrdID."""

    def enter(
        self,
        session: str,
        account: str,
        symbol: str,
        side: str,
        wanted: Wanted,
        capacity: str = "A",
        strategy: str = "",
    ) -> list[Effect]:
        """Take a new order that the host finds nothing wrong with. ``capacity`` is OUCH's."""
        token = self.next_token
        self.next_token += 1
        chain = Chain(f"TG{token}", session, account, symbol, side, capacity, strategy)
        order = self._order(token, chain, wanted, None)
        order.open = wanted.quantity
        return [self._submit("O", order, 0)]

    def refuse(
        self,
        session: str,
        account: str,
        symbol: str,
        side: str,
        wanted: Wanted,
        reason: int,
        text: str,
    ) -> list[Effect]:
        """Answer a new order that does not go to the gate. Its ClOrdID is used up all the same."""
        self.ids.setdefault((session, wanted.cl_ord_id), 0)
        return [
            Execution(
                session=session,
                token=0,
                exec_id=self._exec_id(),
                exec_type="8",
                ord_status="8",
                order_id="NONE",
                cl_ord_id=wanted.cl_ord_id,
                orig_cl_ord_id="",
                account=account,
                symbol=symbol,
                side=side,
                order_type=wanted.order_type,
                time_in_force=wanted.time_in_force,
                quantity=wanted.quantity,
                price=wanted.price,
                leaves=0,
                cum=0,
                average_price=0,
                time_ns=self.now_ns,
                reject_reason=reason,
                text=text,
            )
        ]

    def known(self, session: str, cl_ord_id: str) -> bool:
        """Whether the session used this ClOrdID before."""
        return (session, cl_ord_id) in self.ids

    def repeat(self, session: str, cl_ord_id: str) -> list[Effect]:
        """Answer a request that the client may have sent before: how its order stands."""
        order = self.find(session, cl_ord_id)
        return [] if order is None else [self._report(order, "I", text="this order is known")]

    def cancel(self, session: str, cl_ord_id: str, orig_cl_ord_id: str) -> list[Effect]:
        """Take a client's request to cancel."""
        order = self.find(session, orig_cl_ord_id)
        if order is not None and order.state is State.PENDING_NEW and order.original is not None:
            order = order.original  # the one that is at the venue; its cancel covers both
        refusal = self._refusal(session, cl_ord_id, order, Event.ASK_CANCEL)
        self.ids.setdefault((session, cl_ord_id), 0)
        if refusal is not None or order is None:
            return [self._refuse_request(session, cl_ord_id, orig_cl_ord_id, order, "1", refusal)]
        order.chain.cancel = (cl_ord_id, orig_cl_ord_id)
        return self._start_cancel(order)

    def replace(
        self,
        session: str,
        orig_cl_ord_id: str,
        symbol: str,
        side: str,
        wanted: Wanted,
        strategy: str | None = None,
    ) -> list[Effect]:
        """Take a client's request to replace; ``wanted.quantity`` is the chain's total.

        ``strategy`` is None when the client names none.
        """
        order = self.find(session, orig_cl_ord_id)
        refusal = self._refusal(session, wanted.cl_ord_id, order, Event.ASK_REPLACE)
        if refusal is None and order is not None:
            refusal = _unfit(order, symbol, side, wanted, strategy)
        if refusal is not None or order is None:
            self.ids.setdefault((session, wanted.cl_ord_id), 0)
            return [
                self._refuse_request(
                    session, wanted.cl_ord_id, orig_cl_ord_id, order, "2", refusal
                )
            ]
        token = self.next_token
        self.next_token += 1
        replacement = self._order(token, order.chain, wanted, order)
        replacement.open = wanted.quantity - order.chain.cum
        order.replacement = replacement
        self._take(order, Event.ASK_REPLACE)
        return [self._submit("U", replacement, order.token)]

    def refuse_request(
        self, session: str, cl_ord_id: str, orig_cl_ord_id: str, response_to: str, text: str
    ) -> list[Effect]:
        """Answer a cancel ("1") or replace ("2") that cannot be tried now."""
        self.ids.setdefault((session, cl_ord_id), 0)
        order = self.find(session, orig_cl_ord_id)
        return [
            self._refuse_request(
                session, cl_ord_id, orig_cl_ord_id, order, response_to, (OTHER, text)
            )
        ]

    def mass_cancel(self, orders: list[Order]) -> list[Effect]:
        """Ask the venue to cancel these, for the operator; clients hear of it when it is done."""
        effects: list[Effect] = []
        for order in orders:
            if order.original is not None and not order.accepted:
                continue  # goes with the one that it replaces
            if TABLE[order.state, Event.ASK_CANCEL].expected:
                effects += self._start_cancel(order)
            elif order.state is State.PENDING_CANCEL:
                effects.append(self._submit("X", order, 0))
        return effects

    def _start_cancel(self, order: Order) -> list[Effect]:
        effects: list[Effect] = [self._submit("X", order, 0)]
        if order.replacement is not None:
            # Whichever of the two is at the venue when the cancels come is cancelled.
            effects.append(self._submit("X", order.replacement, 0))
        self._take(order, Event.ASK_CANCEL)
        return effects

    def _order(self, token: int, chain: Chain, wanted: Wanted, original: Order | None) -> Order:
        order = Order(
            token=token,
            chain=chain,
            cl_ord_id=wanted.cl_ord_id,
            original=original,
            quantity=wanted.quantity,
            price=wanted.price,
            order_type=wanted.order_type,
            time_in_force=wanted.time_in_force,
            created_ns=self.now_ns,
            open=0,
            updated_ns=self.now_ns,
        )
        self.orders[token] = order
        self.open[token] = order
        self.touched[token] = order
        self.ids[chain.session, wanted.cl_ord_id] = token
        return order

    def find(self, session: str, cl_ord_id: str) -> Order | None:
        """The order that the session knows by this ClOrdID."""
        return self.orders.get(self.ids.get((session, cl_ord_id), 0))

    def _refusal(
        self, session: str, cl_ord_id: str, order: Order | None, event: Event
    ) -> tuple[int, str] | None:
        if self.known(session, cl_ord_id):
            return DUPLICATE, f"ClOrdID {cl_ord_id} was used before"
        if order is None:
            return UNKNOWN, "no such order"
        if TABLE[order.state, event].expected:
            return None
        if not order.live:
            return TOO_LATE, f"too late: the order is {order.state.value}"
        return PENDING, f"the order is {order.state.value}"

    def _refuse_request(
        self,
        session: str,
        cl_ord_id: str,
        orig_cl_ord_id: str,
        order: Order | None,
        response_to: str,
        refusal: tuple[int, str] | None,
    ) -> CancelRefused:
        reason, text = refusal or (UNKNOWN, "no such order")
        return self._cancel_refused(
            order, session, cl_ord_id, orig_cl_ord_id, response_to, reason, text
        )

    @staticmethod
    def _submit(action: str, order: Order, original: int) -> Submit:
        cancel = action == "X"
        return Submit(
            action=action,
            token=order.token,
            original=original,
            session=order.chain.session,
            account=order.chain.account,
            symbol=order.chain.symbol,
            side=order.chain.side,
            quantity=0 if cancel else order.quantity,
            price=0 if cancel else order.price,
            time_in_force=order.time_in_force,
            capacity=order.chain.capacity,
            strategy=order.chain.strategy,
        )


def _unfit(
    order: Order, symbol: str, side: str, wanted: Wanted, strategy: str | None
) -> tuple[int, str] | None:
    chain = order.chain
    if symbol != chain.symbol or side != chain.side:
        return OTHER, "Symbol and Side must be those of the order"
    if strategy not in (None, chain.strategy):
        return OTHER, "TargetStrategy (847) must be that of the order"
    if wanted.order_type != LIMIT:
        return OTHER, "OrdType must be 2 (limit) in a replace"
    if wanted.time_in_force not in (DAY, IOC):
        return OTHER, "TimeInForce must be 0 (day) or 3 (immediate or cancel)"
    if wanted.price > MAX_U32:
        return OTHER, f"Price must be at most {MAX_U32} in 1/10000 USD"
    if wanted.quantity <= chain.cum:
        return OTHER, f"OrderQty must be above the {chain.cum} shares executed"
    return None
