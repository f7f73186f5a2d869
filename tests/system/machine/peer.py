"""A FIX 4.4 client for tests: synchronous, one message at a time, and able to misbehave.

It shares only the codec with the gateway. ``send_raw`` puts any bytes on the wire; everything else
is a well-behaved client that answers TestRequests and fills gaps.
"""

import socket
import time
from collections.abc import Callable, Sequence

from tickgate.fix import orders, tags
from tickgate.fix.codec import (
    FixMessage,
    FrameReader,
    encode,
    parse,
    price_to_text,
    timestamp_to_text,
)

Fields = Sequence[tuple[int, str | bytes | int]]

ANSWER_S = 10.0
"""Longest wait for an answer: far above what a busy machine needs."""


class PeerError(AssertionError):
    """The gateway did not do what a FIX acceptor must do."""


class Peer:
    """One session. Keeps its sequence numbers over any number of connections."""

    def __init__(self, port: int, comp_id: str, account: str, password: str) -> None:
        self.comp_id = comp_id
        self.account = account
        self.next_out = 1
        self.next_in = 1
        self.received: list[FixMessage] = []
        """All messages that came in their turn, of every connection."""
        self.closed = True
        """The gateway closed the connection."""
        self._port = port
        self._password = password
        self._socket: socket.socket | None = None
        self._frames = FrameReader()
        self._ids = 0
        self._sent: dict[int, tuple[str, Fields]] = {}

    def __enter__(self) -> "Peer":
        self.log_on()
        return self

    def __exit__(self, *_: object) -> None:
        self.log_out()

    # ---- session ----

    def connect(self) -> None:
        """Open a connection and say nothing."""
        self.drop()
        self._socket = socket.create_connection(("127.0.0.1", self._port), ANSWER_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._frames = FrameReader()
        self.closed = False

    def log_on(self) -> None:
        """Connect and log on; what was missed meanwhile comes before this returns."""
        self.connect()
        seen = len(self.received)
        self.send(
            tags.LOGON,
            [(tags.ENCRYPT_METHOD, 0), (tags.HEART_BT_INT, 30), (tags.PASSWORD, self._password)],
        )
        self.wait(lambda: any(m.msg_type == tags.LOGON for m in self.received[seen:]), "a Logon")

    def log_out(self) -> None:
        """Log out and wait for the answer, if still connected."""
        if not self.closed:
            self.send(tags.LOGOUT, [])
            self.wait(lambda: self.closed, "the end of the connection")
        self.drop()

    def drop(self) -> None:
        """Close the connection without a word."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self.closed = True

    def send(self, msg_type: str, fields: Fields, sequence: int | None = None) -> int:
        """Send a message; its MsgSeqNum, the next one unless another is given."""
        number = self.next_out if sequence is None else sequence
        if sequence is None and msg_type not in tags.ADMIN_TYPES:
            self._sent[number] = msg_type, list(fields)
        self.send_raw(self.frame(msg_type, fields, number))
        if sequence is None:
            self.next_out += 1
        return number

    def frame(self, msg_type: str, fields: Fields, sequence: int, **identity: str) -> bytes:
        """A whole message. ``identity`` may give another ``sender`` or ``target``."""
        header: list[tuple[int, str | bytes | int]] = [
            (tags.MSG_TYPE, msg_type),
            (tags.SENDER_COMP_ID, identity.get("sender", self.comp_id)),
            (tags.TARGET_COMP_ID, identity.get("target", "TICKGATE")),
            (tags.MSG_SEQ_NUM, sequence),
            (tags.SENDING_TIME, timestamp_to_text(time.time_ns())),
        ]
        return encode("FIX.4.4", [*header, *fields])

    def send_raw(self, data: bytes) -> None:
        """Put bytes on the wire."""
        assert self._socket is not None, "connect first"
        self._socket.sendall(data)

    # ---- orders ----

    def new_id(self) -> str:
        """A ClOrdID that this session has not used."""
        self._ids += 1
        return f"{self.comp_id}-{self._ids}"

    def order_fields(
        self, cl_ord_id: str, symbol: str, side: str, quantity: int | str, price: int
    ) -> list[tuple[int, str | bytes | int]]:
        """Fields that orders and replaces have; price in 1/10000 USD."""
        return [
            (tags.CL_ORD_ID, cl_ord_id),
            (tags.ACCOUNT, self.account),
            (tags.SYMBOL, symbol),
            (tags.SIDE, side),
            (tags.ORDER_QTY, quantity),
            (tags.ORD_TYPE, orders.LIMIT),
            (tags.PRICE, price_to_text(price)),
            (tags.TRANSACT_TIME, timestamp_to_text(time.time_ns())),
        ]

    def enter(
        self, symbol: str, side: str, quantity: int | str, price: int, tif: str = orders.DAY
    ) -> str:
        """Send a new limit order; its ClOrdID."""
        cl_ord_id = self.new_id()
        fields = self.order_fields(cl_ord_id, symbol, side, quantity, price)
        self.send(tags.NEW_ORDER_SINGLE, [*fields, (tags.TIME_IN_FORCE, tif)])
        return cl_ord_id

    def replace(self, original: str, symbol: str, side: str, quantity: int, price: int) -> str:
        """Ask to change a live order; the request's ClOrdID."""
        cl_ord_id = self.new_id()
        fields = self.order_fields(cl_ord_id, symbol, side, quantity, price)
        self.send(tags.ORDER_CANCEL_REPLACE_REQUEST, [(tags.ORIG_CL_ORD_ID, original), *fields])
        return cl_ord_id

    def cancel(self, original: str, symbol: str, side: str) -> str:
        """Ask to cancel a live order; the request's ClOrdID."""
        cl_ord_id = self.new_id()
        self.send(
            tags.ORDER_CANCEL_REQUEST,
            [
                (tags.ORIG_CL_ORD_ID, original),
                (tags.CL_ORD_ID, cl_ord_id),
                (tags.SYMBOL, symbol),
                (tags.SIDE, side),
                (tags.TRANSACT_TIME, timestamp_to_text(time.time_ns())),
            ],
        )
        return cl_ord_id

    def answer(self, cl_ord_id: str, *statuses: str) -> FixMessage:
        """Wait for a report or cancel reject for this ClOrdID, of these OrdStatus if any given."""

        def found() -> FixMessage | None:
            for message in self.received:
                if message.msg_type not in (tags.EXECUTION_REPORT, tags.ORDER_CANCEL_REJECT):
                    continue
                status = message.get(tags.ORD_STATUS)
                if message.get(tags.CL_ORD_ID) == cl_ord_id and (
                    not statuses or status in statuses
                ):
                    return message
            return None

        self.wait(lambda: found() is not None, f"an answer {statuses or ''} for {cl_ord_id}")
        message = found()
        assert message is not None
        return message

    def message(self, msg_type: str, since: int) -> FixMessage:
        """Wait for a message of a type among those received after the first ``since``."""

        def found() -> FixMessage | None:
            return next((m for m in self.received[since:] if m.msg_type == msg_type), None)

        self.wait(lambda: found() is not None, f"a message of type {msg_type}")
        message = found()
        assert message is not None
        return message

    # ---- receiving ----

    def wait(self, done: Callable[[], bool], what: str, timeout_s: float = ANSWER_S) -> None:
        """Receive until ``done``. Raises PeerError when the time or the connection is over."""
        deadline = time.monotonic() + timeout_s
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                raise PeerError(f"{self.comp_id}: {what} did not come in {timeout_s} s")
            if self.closed:
                raise PeerError(f"{self.comp_id}: the gateway closed before {what}")
            self._receive(left)

    def _receive(self, timeout_s: float) -> None:
        assert self._socket is not None
        self._socket.settimeout(timeout_s)
        try:
            data = self._socket.recv(65_536)
        except TimeoutError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self.closed = True
            return
        for frame in self._frames.feed(data):
            if not isinstance(frame, bytes):
                raise PeerError(f"the gateway sent no FIX: {frame}")
            self._on_message(parse(frame))

    def _on_message(self, message: FixMessage) -> None:
        number = message.integer(tags.MSG_SEQ_NUM)
        kind = message.msg_type
        if kind == tags.RESEND_REQUEST:
            self._resend(message.integer(tags.BEGIN_SEQ_NO), message.integer(tags.END_SEQ_NO))
        if kind == tags.SEQUENCE_RESET and number == self.next_in:
            self.next_in = message.integer(tags.NEW_SEQ_NO)
            return
        if number > self.next_in:
            if kind == tags.LOGON:  # keep the answer; ask for what was missed, this one too
                self.received.append(message)
            ask = [(tags.BEGIN_SEQ_NO, self.next_in), (tags.END_SEQ_NO, 0)]
            self.send(tags.RESEND_REQUEST, ask)
            return
        if number < self.next_in:
            return  # a duplicate
        self.next_in += 1
        self.received.append(message)
        if kind == tags.TEST_REQUEST:
            self.send(tags.HEARTBEAT, [(tags.TEST_REQ_ID, message.text(tags.TEST_REQ_ID))])

    def _resend(self, begin: int, end: int) -> None:
        last = self.next_out - 1
        for number in range(begin, (min(end, last) if end else last) + 1):
            now = timestamp_to_text(time.time_ns())
            again = [(tags.POSS_DUP_FLAG, "Y"), (tags.ORIG_SENDING_TIME, now)]
            filler = [(tags.GAP_FILL_FLAG, "Y"), (tags.NEW_SEQ_NO, str(number + 1))]
            msg_type, fields = self._sent.get(number, (tags.SEQUENCE_RESET, filler))
            self.send_raw(self.frame(msg_type, [*again, *fields], number))
