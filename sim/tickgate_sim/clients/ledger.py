"""A trader's own record of its orders, fills, position and cash, from the reports it receives.

It is kept apart from the engine's, so that the two can be compared. Prices and cash are 1/10000
USD, quantities shares, latencies ns.
"""

from collections import Counter
from dataclasses import dataclass, field

from tickgate.fix import tags
from tickgate.fix.codec import FixMessage

_FINAL_STATUSES = frozenset("2348C")  # filled, done for day, cancelled, rejected, expired
_TRADE, _TRADE_CANCEL = "F", "H"
_NEW, _REPLACED, _REJECTED = "0", "5", "8"
_BUY = "1"


@dataclass(slots=True)
class OrderRecord:
    """One ClOrdID: a new order, or a change of one."""

    cl_ord_id: str
    kind: str
    """MsgType it was sent as: D, F or G."""
    symbol: str
    side: str
    quantity: int
    price: int
    orig_cl_ord_id: str | None = None
    rests: bool = True
    """It may rest at the venue; False for an immediate-or-cancel order."""
    leaves: int = 0
    answered: bool = False
    live: bool = False
    """The order rests at the venue under this id."""
    pending_change: bool = False
    """A cancel or replace of this order waits for its answer."""
    sent_ns: int = 0


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution."""

    exec_id: str
    cl_ord_id: str
    symbol: str
    signed_quantity: int
    price: int


@dataclass(slots=True)
class Ledger:
    """All that a trader knows about its own trading."""

    orders: dict[str, OrderRecord] = field(default_factory=dict)
    fills: dict[str, Fill] = field(default_factory=dict)
    """By ExecID; a busted fill is taken out."""
    positions: Counter[str] = field(default_factory=Counter)
    cash: int = 0
    last_price: dict[str, int] = field(default_factory=dict)
    acked: int = 0
    rejects: Counter[str] = field(default_factory=Counter)
    """Refusals by the name of the check, or by their text where no check is named."""
    latencies_ns: list[int] = field(default_factory=list)
    """New order to its first report."""
    duplicates: int = 0
    """Reports whose ExecID was known."""
    unknown: int = 0
    """Reports about orders that this trader did not send."""
    _selling: list[OrderRecord] = field(default_factory=list)
    """Orders to sell that may still trade, and some that no longer do."""
    _exec_ids: set[str] = field(default_factory=set)
    _by_seq: dict[int, str] = field(default_factory=dict)

    def sent(self, record: OrderRecord, seq: int, now_ns: int) -> None:
        """Note a message that went out with a MsgSeqNum."""
        record.sent_ns = now_ns
        self.orders[record.cl_ord_id] = record
        self._by_seq[seq] = record.cl_ord_id
        if record.orig_cl_ord_id is not None:
            self.orders[record.orig_cl_ord_id].pending_change = True
        if record.kind != tags.ORDER_CANCEL_REQUEST and record.side != _BUY:
            self._selling.append(record)

    def live_orders(self) -> list[OrderRecord]:
        """Orders that rest at the venue, oldest first."""
        return [order for order in self.orders.values() if order.live]

    def unsold(self, symbol: str) -> int:
        """Shares held that no order is selling, below 0 when short. Replacements count fully."""
        self._selling = [order for order in self._selling if order.leaves]
        selling = sum(order.leaves for order in self._selling if order.symbol == symbol)
        return self.positions[symbol] - selling

    def unanswered(self) -> list[str]:
        """ClOrdIDs that no report has named yet."""
        return [order.cl_ord_id for order in self.orders.values() if not order.answered]

    def count(self, kind: str) -> int:
        """Messages of a type that were sent."""
        return sum(order.kind == kind for order in self.orders.values())

    def on_message(self, message: FixMessage, poss_dup: bool, now_ns: int) -> None:
        """Take a report or a refusal."""
        if message.msg_type == tags.EXECUTION_REPORT:
            self._on_report(message, poss_dup, now_ns)
        elif message.msg_type == tags.ORDER_CANCEL_REJECT:
            self._refused(message.text(tags.CL_ORD_ID), message.get(tags.TEXT))
        elif message.msg_type in (tags.REJECT, tags.BUSINESS_MESSAGE_REJECT):
            seq = message.integer(tags.REF_SEQ_NUM)
            self._refused(self._by_seq.get(seq, ""), message.get(tags.TEXT))

    def _on_report(self, message: FixMessage, poss_dup: bool, now_ns: int) -> None:
        exec_id = message.text(tags.EXEC_ID)
        if exec_id in self._exec_ids:
            self.duplicates += 1
            return
        self._exec_ids.add(exec_id)
        exec_type = message.text(tags.EXEC_TYPE)
        if exec_type == _TRADE:
            self._on_fill(exec_id, message)
        elif exec_type == _TRADE_CANCEL:
            self._on_bust(message)
        order = self.orders.get(message.get(tags.CL_ORD_ID) or "")
        if order is None:
            self.unknown += 1
            return
        if not order.answered:
            order.answered = True
            if order.kind == tags.NEW_ORDER_SINGLE and not poss_dup:
                self.latencies_ns.append(now_ns - order.sent_ns)
        if exec_type == _REJECTED:
            self._refused(order.cl_ord_id, message.get(tags.TEXT))
            return
        if exec_type in (_NEW, _REPLACED):
            self.acked += 1
        self._follow(order, message)

    def _follow(self, order: OrderRecord, message: FixMessage) -> None:
        """Bring the record of the order, and of the one it took the place of, up to date."""
        status = message.text(tags.ORD_STATUS)
        exec_type = message.text(tags.EXEC_TYPE)
        original = self.orders.get(order.orig_cl_ord_id or "")
        if original is not None and (exec_type == _REPLACED or status in _FINAL_STATUSES):
            original.live = original.pending_change = False
            original.leaves = 0
        final = status in _FINAL_STATUSES
        order.leaves = message.quantity(tags.LEAVES_QTY)
        rests = order.rests and order.kind != tags.ORDER_CANCEL_REQUEST
        order.live = rests and not final and order.leaves > 0
        if final:
            order.pending_change = False

    def _on_fill(self, exec_id: str, message: FixMessage) -> None:
        symbol = message.text(tags.SYMBOL)
        quantity, price = message.quantity(tags.LAST_QTY), message.price(tags.LAST_PX)
        signed = quantity if message.text(tags.SIDE) == _BUY else -quantity
        cl_ord_id = message.get(tags.CL_ORD_ID) or ""
        self.fills[exec_id] = Fill(exec_id, cl_ord_id, symbol, signed, price)
        self.positions[symbol] += signed
        self.cash -= signed * price
        self.last_price[symbol] = price

    def _on_bust(self, message: FixMessage) -> None:
        fill = self.fills.pop(message.get(tags.EXEC_REF_ID) or "", None)
        if fill is not None:
            self.positions[fill.symbol] -= fill.signed_quantity
            self.cash += fill.signed_quantity * fill.price

    def _refused(self, cl_ord_id: str, text: str | None) -> None:
        self.rejects[check_name(text)] += 1
        order = self.orders.get(cl_ord_id)
        if order is None:
            self.unknown += 1
            return
        order.answered = True
        order.live = False
        order.leaves = 0
        original = self.orders.get(order.orig_cl_ord_id or "")
        if original is not None:
            original.pending_change = False


def check_name(text: str | None) -> str:
    """Name of the gate's check in a refusal's text ("RISK max_quantity: ..."), or the text."""
    if text is None:
        return "no text"
    if text.startswith("RISK "):
        return text.removeprefix("RISK ").partition(":")[0]
    return text
