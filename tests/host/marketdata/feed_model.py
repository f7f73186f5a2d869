"""A feed, its servers and a card's window in plain Python, for tests of recovery.

Nothing here is shared with what is tested. A message adds or deletes one order; a book is the set
of orders that are open, so it is wrong as soon as one message is missing, doubled or misplaced.
"""

import random
import struct
from dataclasses import dataclass, field

from tickgate.card.status import FeedState

MASK = 0xFFFF_FFFF


def add_message(reference: int) -> bytes:
    """An ITCH Add Order of 36 bytes."""
    head = b"A" + bytes(10) + reference.to_bytes(8, "big")
    return head + b"B" + struct.pack(">I8sI", 100, b"TEST    ", 10_000)


def delete_message(reference: int) -> bytes:
    """An ITCH Order Delete of 19 bytes."""
    return b"D" + bytes(10) + reference.to_bytes(8, "big")


def reference(message: bytes) -> int:
    return int.from_bytes(message[11:19], "big")


def packet(session: str, sequence: int, messages: list[bytes]) -> bytes:
    head = session.ljust(10).encode() + struct.pack(">QH", sequence, len(messages))
    return head + b"".join(struct.pack(">H", len(m)) + m for m in messages)


def unpack(data: bytes) -> tuple[str, int, list[bytes]]:
    sequence, count = struct.unpack(">QH", data[10:20])
    at, messages = 20, []
    for _ in range(count):
        (size,) = struct.unpack(">H", data[at : at + 2])
        messages.append(data[at + 2 : at + 2 + size])
        at += 2 + size
    assert at == len(data)
    return data[:10].decode().strip(), sequence, messages


@dataclass
class Venue:
    """Sends messages of a session and keeps them all."""

    rng: random.Random
    session: str = "S1"
    messages: list[bytes] = field(default_factory=list)
    open: list[int] = field(default_factory=list)
    references: int = 0

    @property
    def next(self) -> int:
        return len(self.messages) + 1

    def publish(self, count: int) -> bytes:
        """A packet of new messages; a heartbeat when there are none."""
        first, batch = self.next, []
        for _ in range(count):
            if self.open and self.rng.random() < 0.45:
                gone = self.open.pop(self.rng.randrange(len(self.open)))
                batch.append(delete_message(gone))
            else:
                self.references += 1
                self.open.append(self.references)
                batch.append(add_message(self.references))
        self.messages += batch
        return packet(self.session, first, batch)

    def begin(self, session: str) -> None:
        """Another session: numbers begin again, the books are empty."""
        self.session, self.messages, self.open = session, [], []

    def book(self, expected: int) -> set[int]:
        """The orders open after all messages below a number."""
        book: set[int] = set()
        for message in self.messages[: expected - 1]:
            assert _fits(book, message)
        return book

    def snapshot(self) -> tuple[list[bytes], int]:
        return [add_message(order) for order in sorted(self.open)], self.next


def _fits(book: set[int], message: bytes) -> bool:
    """Apply a message; False when it adds an order twice or deletes one that is not there."""
    number, adds = reference(message), message[:1] == b"A"
    fits = (number in book) != adds
    if adds:
        book.add(number)
    else:
        book.discard(number)
    return fits


class Window:
    """The card: its window, books and the queue of packets from the host."""

    def __init__(self, size: int = 16, room: int = 40) -> None:
        self.size, self.room = size, room
        self.session = ""
        self.expected = self.highest = 1
        self.started = self.ended = self.gap = self.suspect = self.rebuilding = False
        self.unconfirmed = False
        self.kept: dict[int, bytes] = {}
        self.book: set[int] = set()
        self.wrong = False
        """A message did not fit the book it came to."""
        self.taken = self.packets = self.foreign = 0
        self.queue: list[tuple[bytes, bool]] = []
        self.forgetting = False
        self.delivered: list[tuple[int, bytes]] = []
        """What the message ring would have."""

    @property
    def missing(self) -> bool:
        return not self.rebuilding and self.highest > self.expected

    @property
    def stale(self) -> bool:
        return (
            not self.started or self.missing or self.gap or self.suspect or self.rebuilding
            or self.unconfirmed
        )  # fmt: skip

    def state(self) -> FeedState:
        return FeedState(
            session=self.session, expected=self.expected, highest=self.highest,
            injected=self.taken & MASK, packets=self.packets, foreign=self.foreign,
            started=self.started, missing=self.missing, gap_open=self.gap, suspect=self.suspect,
            rebuilding=self.rebuilding, ended=self.ended, stale=self.stale,
        )  # fmt: skip

    def line(self, data: bytes, *, bad: bool = False) -> None:
        """A packet of either line; ``bad``: its frame's check sequence is wrong."""
        session, sequence, messages = unpack(data)
        if self.started and session != self.session:
            if not (self.ended or self.forgetting):
                self.foreign += 1
                return
            self._adopt()
        self.session, self.started, self.forgetting, self.ended = session, True, False, False
        self.packets += 1
        self.unconfirmed = False
        self.highest = max(self.highest, sequence)
        used = False
        for number, message in enumerate(messages, sequence):
            self.highest = max(self.highest, number)
            used |= self._numbered(number, message)
        if bad and used:
            self.suspect = True
        self.gap = self.missing or self.gap

    def end(self) -> None:
        self.ended = True

    def _adopt(self) -> None:
        self.kept, self.book, self.wrong = {}, set(), False
        self.expected = self.highest = 1
        self.gap = self.suspect = self.rebuilding = False

    def _numbered(self, number: int, message: bytes) -> bool:
        if not 0 <= number - self.expected < self.size or number in self.kept:
            return False
        self.kept[number] = message
        while not self.rebuilding and self.expected in self.kept:
            self._deliver(self.expected, self.kept.pop(self.expected))
            self.expected += 1
        self.highest = max(self.highest, self.expected)
        if self.expected >= self.highest:
            self.gap = False
        return True

    def _deliver(self, number: int, message: bytes) -> None:
        self.wrong |= not _fits(self.book, message)
        self.delivered.append((number, message))

    def inject(self, data: bytes, snapshot: bool) -> bool:
        if len(self.queue) >= self.room:
            return False
        self.queue.append((data, snapshot))
        return True

    def work(self, packets: int) -> None:
        """Take some of what the host handed in."""
        for data, snapshot in self.queue[:packets]:
            session, sequence, messages = unpack(data)
            if session != self.session and not self.ended:
                continue
            for number, message in enumerate(messages, sequence):
                self.taken += 1
                if not snapshot:
                    self._numbered(number, message)
                elif self.rebuilding:
                    self._deliver(number, message)
        del self.queue[:packets]

    def rebuild(self) -> None:
        self.book, self.kept, self.wrong = set(), {}, False
        self.rebuilding, self.suspect = True, False
        self.expected = max(self.expected, self.highest)

    def resume(self, sequence: int) -> None:
        if not self.rebuilding:
            return
        self.rebuilding = self.gap = False
        self.unconfirmed = True
        self.expected = self.highest = sequence
        self.kept = {n: m for n, m in self.kept.items() if n >= sequence}
        while self.expected in self.kept:
            self._deliver(self.expected, self.kept.pop(self.expected))
            self.expected += 1
            self.highest = max(self.highest, self.expected)
