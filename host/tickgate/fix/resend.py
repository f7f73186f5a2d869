"""The two halves of gap recovery: what we miss from the counterparty, and what it asks us for."""

from collections import deque
from itertools import islice
from typing import Final

from tickgate.fix import tags
from tickgate.fix.codec import FixMessage, encode, parse, timestamp_to_text
from tickgate.fix.store import MessageStore

_REBUILT: Final = frozenset(
    (
        tags.BEGIN_STRING,
        tags.BODY_LENGTH,
        tags.MSG_TYPE,
        tags.SENDER_COMP_ID,
        tags.TARGET_COMP_ID,
        tags.MSG_SEQ_NUM,
        tags.POSS_DUP_FLAG,
        tags.SENDING_TIME,
        tags.ORIG_SENDING_TIME,
        tags.CHECK_SUM,
    )
)


class Gap:
    """Inbound messages that are missing, and the later ones held until these have come.

    A gap is asked for in pieces of ``chunk`` messages. At most ``hold_limit`` later messages are
    held; what doesn't fit is dropped and asked for again when its turn comes.
    """

    def __init__(self, chunk: int, hold_limit: int) -> None:
        self._chunk = chunk
        self._hold_limit = hold_limit
        self._end = 0
        self._asked = 0
        self._held: dict[int, FixMessage | None] = {}

    @property
    def open(self) -> bool:
        """Messages are missing and have been asked for."""
        return self._end > 0

    def clear(self) -> None:
        """Forget the gap and all held messages."""
        self._end = self._asked = 0
        self._held.clear()

    def early(self, seq: int, message: FixMessage | None) -> None:
        """Hold a message that came before its turn; None when only its number still counts."""
        if len(self._held) < self._hold_limit:
            self._held.setdefault(seq, message)

    def holds(self, seq: int) -> bool:
        """The message with this number is held."""
        return seq in self._held

    def take(self, seq: int) -> FixMessage | None:
        """Give a held message back."""
        return self._held.pop(seq)

    def request(self, expected: int, seen: int | None = None) -> tuple[int, int] | None:
        """Range to ask for now, both ends included; None when nothing (more) is to be asked.

        ``expected`` is the next number wanted; ``seen`` one that came before its turn.
        """
        if not self.open:
            if seen is None or seen <= expected:
                return None
            self._end, self._asked = seen - 1, expected - 1
        if expected > self._end:
            self._end = self._asked = 0
            self._held = {seq: message for seq, message in self._held.items() if seq > expected}
            return None
        if expected <= self._asked:
            return None
        self._asked = min(self._end, expected + self._chunk - 1)
        return expected, self._asked


class Replay:
    """Outbound messages asked for again, given out a few at a time.

    Administrative messages, and any that the store doesn't have, become gap fills.
    """

    RANGES_MAX: Final = 16

    def __init__(self, begin_string: str, sender: str, target: str, store: MessageStore) -> None:
        self._begin_string = begin_string
        self._sender = sender
        self._target = target
        self._store = store
        self._ranges: deque[tuple[int, int]] = deque()

    @property
    def pending(self) -> bool:
        """Some messages are still to be sent again."""
        return bool(self._ranges)

    def clear(self) -> None:
        """Forget what was asked for."""
        self._ranges.clear()

    def ask(self, begin: int, end: int) -> bool:
        """Queue a range, both ends included; False when too many are queued already."""
        if len(self._ranges) >= self.RANGES_MAX:
            return False
        self._ranges.append((begin, end))
        return True

    def take(self, limit: int, now_ns: int) -> tuple[list[bytes], int]:
        """Messages to send now and how many of them are resends; at most ``limit`` of those."""
        out: list[bytes] = []
        resent = 0
        while self._ranges and resent < limit:
            cursor, end = self._ranges[0]
            room = limit - resent
            kept = list(islice(self._store.range(cursor, end), room))
            for seq, raw in kept:
                if seq > cursor:
                    out.append(self._gap_fill(cursor, seq, now_ns))
                out.append(self._again(raw, now_ns))
                cursor = seq + 1
            resent += len(kept)
            if len(kept) == room and cursor <= end:
                self._ranges[0] = (cursor, end)
                continue
            if cursor <= end:
                out.append(self._gap_fill(cursor, end + 1, now_ns))
            self._ranges.popleft()
        return out, resent

    def _gap_fill(self, seq: int, new_seq: int, now_ns: int) -> bytes:
        now = timestamp_to_text(now_ns)
        head = self._header(tags.SEQUENCE_RESET, seq, now, now)
        body = [(tags.GAP_FILL_FLAG, "Y"), (tags.NEW_SEQ_NO, str(new_seq))]
        return encode(self._begin_string, head + body)

    def _again(self, raw: bytes, now_ns: int) -> bytes:
        message = parse(raw)
        head = self._header(
            message.msg_type,
            message.integer(tags.MSG_SEQ_NUM),
            timestamp_to_text(now_ns),
            message.text(tags.SENDING_TIME),
        )
        body = [field for field in message.fields if field[0] not in _REBUILT]
        return encode(self._begin_string, head + body)

    def _header(self, msg_type: str, seq: int, now: str, sent: str) -> list[tuple[int, str]]:
        return [
            (tags.MSG_TYPE, msg_type),
            (tags.SENDER_COMP_ID, self._sender),
            (tags.TARGET_COMP_ID, self._target),
            (tags.MSG_SEQ_NUM, str(seq)),
            (tags.POSS_DUP_FLAG, "Y"),
            (tags.SENDING_TIME, now),
            (tags.ORIG_SENDING_TIME, sent),
        ]
