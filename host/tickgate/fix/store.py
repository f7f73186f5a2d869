"""What a FIX session must remember between connections: two sequence numbers, and what it sent.

``MemoryStore`` forgets with the process; ``FileStore`` (see ``filestore``) survives it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Protocol

from tickgate.fix.filestore import FileStore, StoreError

__all__ = ["FileStore", "MemoryStore", "MessageStore", "StoreError"]


class MessageStore(Protocol):
    """State of one session. Both numbers start at 1."""

    @property
    def next_sender_seq(self) -> int:
        """MsgSeqNum of the next message that we send."""

    @next_sender_seq.setter
    def next_sender_seq(self, value: int) -> None: ...

    @property
    def next_target_seq(self) -> int:
        """MsgSeqNum that the counterparty's next message must have."""

    @next_target_seq.setter
    def next_target_seq(self, value: int) -> None: ...

    def save(self, seq: int, raw: bytes) -> None:
        """Keep an application message for a resend, and set ``next_sender_seq`` to ``seq + 1``.

        One step, so that a message and its number can't come apart; ``seq`` must rise.
        """

    def range(self, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Kept messages numbered ``begin`` to ``end``, both included, in rising order."""

    def reset(self, now_ns: int) -> None:
        """Forget all messages and set both numbers to 1."""


class MemoryStore:
    """A MessageStore for tests, and for clients that reset at each logon."""

    def __init__(self) -> None:
        self.next_sender_seq = 1
        self.next_target_seq = 1
        self._seqs: list[int] = []
        self._raws: list[bytes] = []

    def save(self, seq: int, raw: bytes) -> None:
        """Keep one sent application message."""
        self._seqs.append(seq)
        self._raws.append(raw)
        self.next_sender_seq = seq + 1

    def range(self, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Kept messages of a range, in rising order."""
        first, last = bisect_left(self._seqs, begin), bisect_right(self._seqs, end)
        return zip(self._seqs[first:last], self._raws[first:last], strict=True)

    def reset(self, now_ns: int) -> None:
        """Start again from 1."""
        self.next_sender_seq = self.next_target_seq = 1
        self._seqs.clear()
        self._raws.clear()
