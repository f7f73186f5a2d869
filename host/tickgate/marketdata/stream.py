"""The message ring as books that are right or say that they are not: ``MessageStream``."""

from collections import Counter
from enum import StrEnum

from tickgate.marketdata.orderbook import OrderBook, OrderBooks
from tickgate.marketdata.recovery import SNAPSHOT_NUMBERS, SNAPSHOT_SPAN
from tickgate.records.messages import ItchMessage

__all__ = ["MessageStream", "StreamState"]

_FIRST_PART = 30
_KEPT = 50


class StreamState(StrEnum):
    """What is known of the books."""

    UNKNOWN = "no beginning was seen yet"
    SNAPSHOT = "a snapshot is under way"
    LIVE = "right"
    BROKEN = "messages are missing"


class MessageStream:
    """Joins the records of the message ring to messages, and applies them while none is missing.

    Books are right only in state LIVE. That begins with message 1 of a session, or with the message
    after a snapshot that recovery gave to the card; it ends with the first hole, since the card
    leaves messages out when the host is slow. Then the books are empty and stay so until the next
    session or snapshot: they are never wrong.
    """

    def __init__(self, symbols: list[str]) -> None:
        self.state = StreamState.UNKNOWN
        self.expected = 0
        """Number of the next message, while LIVE."""
        self.books = OrderBooks(symbols)
        self.counters: Counter[str] = Counter()
        self._half: ItchMessage | None = None
        self._attempt = self._seen = 0  # which snapshot it is, and its messages so far
        self._resumes: tuple[int, int, int] | None = None  # as told by on_resumed
        self._told = self._begun = 0  # sessions that events told of, and that were seen to begin

    def on_session(self) -> None:
        """The card told of a new session, before or after its first messages are read here."""
        self._told += 1

    def on_resumed(self, attempt: int, messages: int, sequence: int) -> None:
        """The card goes on from message ``sequence``, after a snapshot of so many messages.

        To be told before records of messages from there on are read.
        """
        self._resumes = attempt, messages, sequence
        self._look_whether_whole()

    def on_record(self, record: ItchMessage) -> OrderBook | None:
        """Take one record of the ring; the book that it changed, if it changed one."""
        half, self._half = self._half, None
        if record.part == 0 and record.length > _FIRST_PART:
            self._half = record
            return None
        if record.part == 0:
            data = record.data[: record.length]
        elif half is not None and half.sequence == record.sequence:
            data = (half.data + record.data)[: record.length]
        else:
            self._break("halves of messages alone")
            return None
        self.counters["messages"] += 1
        if not self._in_order(record.sequence):
            return None
        book = None
        if record.length <= _KEPT:  # no ITCH message is longer
            book = self.books.apply(data, record.sequence, record.time_ns)
        self._look_whether_whole()
        return book

    def lose(self) -> None:
        """A record could not be read."""
        self._half = None
        self._break("records that cannot be read")

    def _in_order(self, number: int) -> bool:
        """Whether a message is the next one of books that are known."""
        if number >= SNAPSHOT_NUMBERS:
            return self._of_snapshot(*divmod(number - SNAPSHOT_NUMBERS, SNAPSHOT_SPAN))
        if self._after_snapshot(number):
            return True
        if number == 1:
            self._begun = max(self._begun + 1, self._told)
            self._begin(1)
        elif self._begun < self._told:
            self._begun = self._told
            self._break("beginnings of sessions missing")
        if self.state is not StreamState.LIVE:
            self._break("snapshots without their end" if self._seen else "")
            return False
        if number != self.expected:
            self._break("holes")
            return False
        self.expected += 1
        return True

    def _of_snapshot(self, attempt: int, index: int) -> bool:
        if index == 0:
            self.books.clear()
            self.state, self._attempt, self._seen = StreamState.SNAPSHOT, attempt, 0
        if self.state is not StreamState.SNAPSHOT:
            self._break("holes in snapshots")
            return False
        if (attempt, index) != (self._attempt, self._seen):
            self._break("holes in snapshots")
            return False
        self._seen += 1
        return True

    def _look_whether_whole(self) -> None:
        """With the last message of a snapshot the books are right."""
        if self.state is StreamState.SNAPSHOT and self._resumes is not None:
            attempt, messages, sequence = self._resumes
            if (attempt, messages) == (self._attempt, self._seen):
                self._resumes = None
                self._begin(sequence, clear=False)

    def _after_snapshot(self, number: int) -> bool:
        """Whether it is the message with which the card went on after a snapshot of no message."""
        if self._resumes is None or number < self._resumes[2]:
            return False
        _, messages, sequence = self._resumes
        if self.state is StreamState.LIVE and number == self.expected and messages:
            return False  # of before the snapshot, which is yet to come
        self._resumes = None
        if number != sequence or messages:
            self._break("snapshots without their end")
            return False
        self.books.clear()
        self._begin(number, clear=False)
        self.expected += 1
        return True

    def _begin(self, number: int, *, clear: bool = True) -> None:
        if clear:
            self.books.clear()
            self._resumes = None
        self.state, self.expected, self._seen = StreamState.LIVE, number, 0

    def _break(self, cause: str) -> None:
        if cause and self.state in (StreamState.LIVE, StreamState.SNAPSHOT):
            self.counters[cause] += 1
            self.state = StreamState.BROKEN
            self.books.clear()
        self._seen = 0
