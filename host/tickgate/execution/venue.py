"""All orders: what the gate and the venue say about them.

Each method answers one event with effects. An event that the state table does not expect changes
what it must (a fill is always booked) and is counted in ``anomalies`` by state and event.
"""

import dataclasses
from collections import Counter

from tickgate.execution.effects import CancelRefused, Effect, Execution, Filled, ord_status
from tickgate.execution.model import Fill, Order
from tickgate.execution.table import Event, State


class VenueSide:
    """Orders by token, and the answers of gate and venue.

    The owner calls ``begin`` before each input: its journal sequence number makes ExecIDs unique,
    and the same again on replay.
    """

    def __init__(self) -> None:
        self.next_token = 1
        self.orders: dict[int, Order] = {}
        self.open: dict[int, Order] = {}
        """Those that may still execute."""
        self.touched: dict[int, Order] = {}
        """Those that the last input may have changed."""
        self.ids: dict[tuple[str, str], int] = {}
        """Token by session and ClOrdID; 0 for a request that made no order."""
        self.anomalies: Counter[str] = Counter()
        self.fills = 0
        self.now_ns = 0
        self._sequence = 0
        self._reports = 0

    def begin(self, sequence: int, now_ns: int) -> None:
        """Start to handle journal entry ``sequence``, taken in at ``now_ns``."""
        self._sequence = sequence
        self._reports = 0
        self.touched = {}
        self.now_ns = now_ns

    def on_passed(self, token: int, action: str) -> list[Effect]:
        """The gate let a request through."""
        order = self._known(token, "decision")
        if order is not None and action != "X":
            order.passed = True
            self._take(order, Event.PASS)
        return []

    def on_refused(self, token: int, action: str, reason: int, text: str) -> list[Effect]:
        """A request did not leave: the gate refused it, or it never got there."""
        order = self._known(token, "decision")
        if order is None:
            return []
        if action == "X":
            if order.state is not State.PENDING_CANCEL:
                return []
            self._take(order, Event.REQUEST_REFUSED)
            return self._answer_cancel(order, 99, text)
        if not order.live:
            return []
        order.text = text
        self._take(order, Event.REFUSE)
        if order.original is not None:
            return self._drop_replacement(order, 99, text)
        return [*self._answer_cancel(order, 0, text), self._report(order, "8", reason=reason)]

    def on_accepted(self, token: int, quantity: int, price: int, dead: bool) -> list[Effect]:
        """The venue accepted an order, perhaps for less or at a better price."""
        order = self._known(token, "accepted")
        if order is None:
            return []
        if order.accepted:
            self._count(order, "accepted")
            return []
        revived = order.state is State.REJECTED
        order.accepted = order.passed = True
        order.quantity = order.open = quantity
        order.price = price or order.price
        self._take(order, Event.ACCEPT_DEAD if dead else Event.ACCEPT)
        text = "the venue has this order after all" if revived else ""
        effects: list[Effect] = [self._report(order, "0", text=text)]
        if dead:
            order.open = 0
            effects += self._close(order, "accepted and cancelled at once by the venue")
        return effects

    def on_replaced(
        self, token: int, original: int, quantity: int, price: int, dead: bool
    ) -> list[Effect]:
        """A replacement took its original's place with ``quantity`` shares open."""
        order = self._known(token, "replaced")
        if order is None:
            return []
        if order.accepted or order.original is None or order.original.token != original:
            self._count(order, "replaced")
            return []
        old, chain = order.original, order.chain
        cancelling = old.state is State.PENDING_CANCEL
        old.open = 0
        self._take(old, Event.REPLACE)
        old.replacement = None
        order.accepted = order.passed = True
        order.price = price or order.price
        order.open = quantity
        order.quantity = chain.cum + quantity
        self._take(order, Event.ACCEPT)
        effects: list[Effect] = [self._report(order, "5", original=old.cl_ord_id)]
        if dead or quantity == 0:
            order.open = 0
            self._take(order, Event.CANCEL)
            effects += self._close(order, "the venue cancelled the replaced order")
        elif cancelling:
            # Its cancel was sent behind the replace, for whichever would be live.
            self._take(order, Event.ASK_CANCEL)
        return effects

    def on_executed(self, token: int, quantity: int, price: int, match: int) -> list[Effect]:
        """The venue filled some of an order; always booked, whatever its state."""
        order = self._known(token, "executed")
        if order is None:
            return []
        chain, key = order.chain, (token, match)
        if key in chain.fills:
            self._count(order, "executed twice")
            return []
        if quantity > order.open:
            self._count(order, "overfill")
        order.accepted = order.passed = True
        order.open = max(0, order.open - quantity)
        chain.cum += quantity
        chain.value += quantity * price
        self._take(order, Event.FILL if order.open else Event.FILL_LAST)
        exec_id = self._exec_id()
        chain.fills[key] = Fill(exec_id, token, quantity, price)
        self.fills += 1
        report = self._report(order, "F", exec_id=exec_id, last=(quantity, price))
        return [
            Filled(chain.account, chain.symbol, chain.side, quantity, price, key),
            report,
            *self._after_end(order),
        ]

    def on_canceled(self, token: int, quantity: int, reason: str) -> list[Effect]:
        """The venue took ``quantity`` shares off an order."""
        order = self._known(token, "canceled")
        if order is None:
            return []
        order.open = max(0, order.open - quantity)
        if order.open:
            self._take(order, Event.REDUCE)
            order.quantity = order.chain.cum + order.open
            return [self._report(order, "D", text=f"the venue reduced it: {reason}")]
        self._take(order, Event.CANCEL)
        return self._close(order, reason)

    def on_venue_rejected(self, token: int, text: str) -> list[Effect]:
        """The venue rejected an order or a replacement."""
        order = self._known(token, "rejected")
        if order is None:
            return []
        if not order.live or order.accepted:
            self._count(order, "rejected")
            return []
        order.text = text
        self._take(order, Event.VENUE_REJECT)
        if order.original is not None:
            return self._drop_replacement(order, 99, text)
        return [*self._answer_cancel(order, 0, text), self._report(order, "8", reason=99)]

    def on_broken(self, token: int, match: int, reason: str) -> list[Effect]:
        """The venue broke a trade: the fill is taken back."""
        order = self._known(token, "broken")
        if order is None:
            return []
        chain, key = order.chain, (token, match)
        fill = chain.fills.get(key)
        if fill is None or fill.broken:
            self._count(order, "broken")
            return []
        fill.broken = True
        chain.cum -= fill.quantity
        chain.value -= fill.quantity * fill.price
        self._take(order, Event.BREAK)
        return [
            Filled(chain.account, chain.symbol, chain.side, fill.quantity, fill.price, key, True),
            self._report(
                order,
                "H",
                last=(fill.quantity, fill.price),
                reference=fill.exec_id,
                text=f"trade broken by the venue: {reason}",
            ),
        ]

    def on_gone(self, token: int, text: str) -> list[Effect]:
        """An order that is known not to be at the venue any more, with no word from the venue."""
        order = self.open.get(token)
        if order is None:
            return []
        if not order.accepted:
            return self.on_refused(token, "O", 99, text)
        order.open = 0
        self._take(order, Event.CANCEL)
        return self._close(order, text)

    def _known(self, token: int, what: str) -> Order | None:
        order = self.orders.get(token)
        if order is None:
            self.anomalies[f"unknown token: {what}"] += 1
            # Whoever used this number, the venue will not take it or a lower one again.
            self.next_token = max(self.next_token, token + 1)
        return order

    def _take(self, order: Order, event: Event) -> None:
        if not order.take(event):
            self._count(order, event.name.lower())
        order.updated_ns = self.now_ns
        self.touched[order.token] = order
        if order.live:
            self.open[order.token] = order
        else:
            self.open.pop(order.token, None)

    def _count(self, order: Order, what: str) -> None:
        self.anomalies[f"{order.state.value}: {what}"] += 1

    def _close(self, order: Order, text: str) -> list[Effect]:
        """Report a cancelled order, as the answer to the client's cancel when there is one."""
        order.text = text
        chain = order.chain
        (answers, original), chain.cancel = chain.cancel or ("", ""), None
        report = self._report(order, "4", answers=answers, original=original, text=text)
        return [report, *self._after_end(order)]

    def _after_end(self, order: Order) -> list[Effect]:
        """Refuse what still waits for an order that is no longer live."""
        if order.live:
            return []
        effects: list[Effect] = []
        text = f"too late: the order is {order.state.value}"
        replacement = order.replacement
        if replacement is not None and replacement.live:
            self._take(replacement, Event.REFUSE)
            effects += self._drop_replacement(replacement, 0, text)
        return effects + self._answer_cancel(order, 0, text)

    def _answer_cancel(self, order: Order, reason: int, text: str) -> list[Effect]:
        chain = order.chain
        if chain.cancel is None:
            return []
        (asked, original), chain.cancel = chain.cancel, None
        return [self._cancel_refused(order, chain.session, asked, original, "1", reason, text)]

    def _drop_replacement(self, replacement: Order, reason: int, text: str) -> list[Effect]:
        """A replacement that will not happen: its original goes on, if it lives."""
        replacement.open = 0
        old = replacement.original
        if old is None:
            return []
        if old.replacement is replacement:
            old.replacement = None
            if old.state is State.PENDING_REPLACE:
                self._take(old, Event.REQUEST_REFUSED)
        asked, session = replacement.cl_ord_id, old.chain.session
        refused = self._cancel_refused(old, session, asked, old.cl_ord_id, "2", reason, text)
        return [dataclasses.replace(refused, token=replacement.token)]

    def _exec_id(self) -> str:
        self._reports += 1
        return f"{self._sequence}-{self._reports}"

    def _cancel_refused(
        self,
        order: Order | None,
        session: str,
        cl_ord_id: str,
        orig_cl_ord_id: str,
        response_to: str,
        reason: int,
        text: str,
    ) -> CancelRefused:
        return CancelRefused(
            session=session,
            token=order.token if order else 0,
            order_id=order.chain.order_id if order else "NONE",
            cl_ord_id=cl_ord_id,
            orig_cl_ord_id=orig_cl_ord_id,
            ord_status=ord_status(order) if order else "8",
            response_to=response_to,
            reason=reason,
            text=text,
            time_ns=self.now_ns,
        )

    def _report(
        self,
        order: Order,
        exec_type: str,
        *,
        exec_id: str = "",
        answers: str = "",
        original: str = "",
        last: tuple[int, int] = (0, 0),
        reason: int | None = None,
        reference: str = "",
        text: str = "",
    ) -> Execution:
        chain = order.chain
        return Execution(
            session=chain.session,
            token=order.token,
            exec_id=exec_id or self._exec_id(),
            exec_type=exec_type,
            ord_status=ord_status(order),
            order_id=chain.order_id,
            cl_ord_id=answers or order.cl_ord_id,
            orig_cl_ord_id=original,
            account=chain.account,
            symbol=chain.symbol,
            side=chain.side,
            order_type=order.order_type,
            time_in_force=order.time_in_force,
            quantity=order.quantity,
            price=order.price,
            leaves=order.leaves,
            cum=chain.cum,
            average_price=chain.average_price,
            time_ns=self.now_ns,
            last_quantity=last[0],
            last_price=last[1],
            reject_reason=reason,
            exec_ref_id=reference,
            text=text or order.text,
        )
