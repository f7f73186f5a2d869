"""A small FIX 4.4 initiator over asyncio, with session logic of its own.

It shares the codec with the acceptor and nothing else of the session layer, so that a mistake there
isn't made twice. It reconnects by itself and keeps its numbers, and so outlives a gateway that
restarts: what it sent meanwhile is asked for by the gateway, what it missed it asks for.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tickgate.fix import tags
from tickgate.fix.codec import FixMessage, FrameReader, Garbled, encode, parse, timestamp_to_text
from tickgate.fix.store import MemoryStore, MessageStore

Fields = Sequence[tuple[int, str | bytes | int]]

_TICK_S = 0.1
_LOGOUT_WAIT_S = 3.0


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """Who the client is and how often it speaks."""

    sender_comp_id: str
    """Ours."""
    target_comp_id: str
    """The gateway's."""
    password: str | None = field(default=None, repr=False)
    heartbeat_s: int = 5
    reconnect_s: float = 0.2
    begin_string: str = "FIX.4.4"


@dataclass(slots=True)
class ClientCounters:
    """Events of the client's session."""

    logons: int = 0
    disconnects: int = 0
    garbled: int = 0
    resend_requests_in: int = 0
    resend_requests_out: int = 0
    resent: int = 0
    duplicates_in: int = 0


class FixClient:
    """One session. ``on_message(message, poss_dup)`` gets application messages and Rejects."""

    def __init__(
        self,
        config: ClientConfig,
        on_message: Callable[[FixMessage, bool], None],
        store: MessageStore | None = None,
    ) -> None:
        self.config = config
        self.store: MessageStore = store or MemoryStore()
        self.counters = ClientCounters()
        self.logged_on = asyncio.Event()
        self.logouts: list[str] = []
        """Texts of the gateway's Logouts."""
        self._on_message = on_message
        self._writer: asyncio.StreamWriter | None = None
        self._last_in_ns = self._last_out_ns = 0
        self._asked_to = 0
        self._over = False
        self._stopping = False
        self._stopped = asyncio.Event()

    def send(self, msg_type: str, fields: Fields) -> int:
        """Number, keep and send an application message; its MsgSeqNum.

        While logged off it is kept, and goes out when the gateway asks for it after the next Logon.
        """
        return self._transmit(msg_type, fields, keep=True)

    async def run(self, host: str, port: int) -> None:
        """Stay connected until ``stop``."""
        while not self._stopping:
            try:
                reader, self._writer = await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(self.config.reconnect_s)
                continue
            try:
                await self._converse(reader)
            except ConnectionError:
                pass  # like an end of stream: the numbers say what was lost
            finally:
                self.logged_on.clear()
                self.counters.disconnects += 1
                self._writer.close()
                self._writer = None
            if not self._stopping:
                await asyncio.sleep(self.config.reconnect_s)
        self._stopped.set()

    async def stop(self) -> None:
        """Log out, wait for the answer (3 s at most), and make ``run`` return."""
        if self.logged_on.is_set():
            self._transmit(tags.LOGOUT, [])
        else:
            self._over = True
        self._stopping = True
        try:
            await asyncio.wait_for(self._stopped.wait(), _LOGOUT_WAIT_S)
        except TimeoutError:
            self._over = True
            await self._stopped.wait()

    async def _converse(self, reader: asyncio.StreamReader) -> None:
        frames = FrameReader()
        self._over = False
        self._asked_to = 0
        self._last_in_ns = time.monotonic_ns()
        logon: list[tuple[int, str | int]] = [
            (tags.ENCRYPT_METHOD, 0),
            (tags.HEART_BT_INT, self.config.heartbeat_s),
        ]
        if self.config.password is not None:
            logon.append((tags.PASSWORD, self.config.password))
        self._transmit(tags.LOGON, logon)
        while not self._over:
            try:
                data = await asyncio.wait_for(reader.read(65_536), _TICK_S)
            except TimeoutError:
                self._on_tick()
                continue
            if not data:
                return
            self._last_in_ns = time.monotonic_ns()
            for frame in frames.feed(data):
                if isinstance(frame, Garbled):
                    self.counters.garbled += 1
                elif not self._over:
                    self._receive(parse(frame))
            self._on_tick()

    def _on_tick(self) -> None:
        interval_ns = self.config.heartbeat_s * 1_000_000_000
        now = time.monotonic_ns()
        if now - self._last_in_ns > 3 * interval_ns:
            self._over = True
        elif self.logged_on.is_set() and now - self._last_out_ns >= interval_ns:
            self._transmit(tags.HEARTBEAT, [])

    def _receive(self, message: FixMessage) -> None:
        seq = message.integer(tags.MSG_SEQ_NUM)
        expected = self.store.next_target_seq
        poss_dup = message.flag(tags.POSS_DUP_FLAG)
        kind = message.msg_type
        if kind == tags.SEQUENCE_RESET and not message.flag(tags.GAP_FILL_FLAG):
            self.store.next_target_seq = max(expected, message.integer(tags.NEW_SEQ_NO))
            return
        if kind == tags.LOGOUT:
            self._on_logout(message, seq)
            return
        if kind == tags.LOGON:
            if message.flag(tags.RESET_SEQ_NUM_FLAG):
                self.store.next_target_seq = expected = 1
            self.counters.logons += 1
            self.logged_on.set()
        if kind == tags.RESEND_REQUEST and seq >= expected:
            self._resend(message.integer(tags.BEGIN_SEQ_NO), message.integer(tags.END_SEQ_NO))
        if seq > expected:
            self._ask(expected, seq)
        elif seq < expected:
            self.counters.duplicates_in += 1
            if not poss_dup:
                self.logouts.append(f"gateway's MsgSeqNum is {seq}, must be {expected}")
                self._over = True
        elif kind == tags.SEQUENCE_RESET:
            self.store.next_target_seq = message.integer(tags.NEW_SEQ_NO)
        else:
            self.store.next_target_seq = seq + 1
            self._process(message, poss_dup)

    def _process(self, message: FixMessage, poss_dup: bool) -> None:
        if message.msg_type == tags.TEST_REQUEST:
            echo = [(tags.TEST_REQ_ID, message.text(tags.TEST_REQ_ID))]
            self._transmit(tags.HEARTBEAT, echo)
        elif message.msg_type not in tags.ADMIN_TYPES or message.msg_type == tags.REJECT:
            self._on_message(message, poss_dup)

    def _on_logout(self, message: FixMessage, seq: int) -> None:
        if seq == self.store.next_target_seq:
            self.store.next_target_seq = seq + 1
        self.logouts.append(message.get(tags.TEXT) or "")
        if not self._stopping and self.logged_on.is_set():
            self._transmit(tags.LOGOUT, [])
        self._over = True

    def _ask(self, expected: int, seen: int) -> None:
        # Later messages are dropped, not held: "to infinity" brings them too.
        if expected > self._asked_to:
            self._asked_to = seen
            self.counters.resend_requests_out += 1
            fields = [(tags.BEGIN_SEQ_NO, expected), (tags.END_SEQ_NO, 0)]
            self._transmit(tags.RESEND_REQUEST, fields)

    def _resend(self, begin: int, end: int) -> None:
        self.counters.resend_requests_in += 1
        last = self.store.next_sender_seq - 1
        end = min(end, last) if end else last
        cursor = begin
        for seq, raw in list(self.store.range(begin, end)):
            self._gap_fill(cursor, seq)
            sent = parse(raw)
            header = (8, 9, 10, 35, 34, 49, 56, 52)
            body = [item for item in sent.fields if item[0] not in header]
            original = (tags.ORIG_SENDING_TIME, sent.text(tags.SENDING_TIME))
            marked = [(tags.POSS_DUP_FLAG, "Y"), original, *body]
            self._write(self._encode(sent.msg_type, seq, marked))
            self.counters.resent += 1
            cursor = seq + 1
        self._gap_fill(cursor, end + 1)

    def _gap_fill(self, seq: int, new_seq: int) -> None:
        if new_seq > seq:
            now = timestamp_to_text(time.time_ns())
            fields = [(tags.POSS_DUP_FLAG, "Y"), (tags.ORIG_SENDING_TIME, now)]
            fields += [(tags.GAP_FILL_FLAG, "Y"), (tags.NEW_SEQ_NO, str(new_seq))]
            self._write(self._encode(tags.SEQUENCE_RESET, seq, fields))

    def _transmit(self, msg_type: str, fields: Fields, *, keep: bool = False) -> int:
        seq = self.store.next_sender_seq
        raw = self._encode(msg_type, seq, fields)
        if keep:
            self.store.save(seq, raw)
        else:
            self.store.next_sender_seq = seq + 1
        if self.logged_on.is_set() or msg_type == tags.LOGON:
            self._write(raw)
        return seq

    def _encode(self, msg_type: str, seq: int, fields: Fields) -> bytes:
        header: list[tuple[int, str | bytes | int]] = [
            (tags.MSG_TYPE, msg_type),
            (tags.SENDER_COMP_ID, self.config.sender_comp_id),
            (tags.TARGET_COMP_ID, self.config.target_comp_id),
            (tags.MSG_SEQ_NUM, seq),
            (tags.SENDING_TIME, timestamp_to_text(time.time_ns())),
        ]
        return encode(self.config.begin_string, [*header, *fields])

    def _write(self, raw: bytes) -> None:
        if self._writer is not None:
            self._writer.write(raw)
            self._last_out_ns = time.monotonic_ns()
