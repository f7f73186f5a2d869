"""Rings in shared memory: one that the host writes, and two that the card writes.

Counts run free from the moment a ring was enabled; slot ``n`` carries ``ring_sequence == n + 1``,
stored last. Source: ``tickgate.records.schema``.
"""

import struct

from tickgate.card.errors import CardError
from tickgate.records.schema import (
    BLOCK_BYTES,
    BODY_BYTES,
    ORDER_REQUEST,
    SCHEMA_ID,
    SCHEMA_VERSION,
    SEQUENCE_OFFSET,
    SLOT_BYTES,
)

__all__ = ["OrderRing", "RecordRing", "widen"]

_SEQUENCE = struct.Struct("<Q")
_HEADER = struct.pack("<HHHH", BLOCK_BYTES, ORDER_REQUEST.template, SCHEMA_ID, SCHEMA_VERSION)


def widen(ring: memoryview, count: int) -> int:
    """Return a ring's 64-bit count from a register's 32 bits and the slot before it.

    That slot carries the whole count as its ring_sequence; where it does not fit (nothing written
    yet), the count is what the register says.
    """
    slots = len(ring) // SLOT_BYTES
    at = (count - 1) % slots * SLOT_BYTES + SEQUENCE_OFFSET
    sequence: int = _SEQUENCE.unpack_from(ring, at)[0]
    return sequence if sequence & 0xFFFF_FFFF == count and sequence else count


class OrderRing:
    """Order requests from host to card. ``ring`` is its memory, a power of two of slots.

    ``tail`` counts the slots written, ``head`` those that the card is known to have taken.
    """

    def __init__(self, ring: memoryview, tail: int = 0, head: int = 0) -> None:
        self._ring = ring
        self.slots = len(ring) // SLOT_BYTES
        self.tail = tail
        self.head = head

    @property
    def full(self) -> bool:
        """Whether no slot is known to be free."""
        return self.tail - self.head >= self.slots

    def put(self, body: bytes) -> None:
        """Write one request. The caller has seen that the ring is not full."""
        if len(body) != BODY_BYTES:
            raise ValueError(f"a record's body is {BODY_BYTES} bytes long, was {len(body)}")
        at = self.tail % self.slots * SLOT_BYTES
        self._ring[at : at + SEQUENCE_OFFSET] = _HEADER + body
        self.tail += 1
        _SEQUENCE.pack_into(self._ring, at + SEQUENCE_OFFSET, self.tail)

    def taken(self, head: int) -> None:
        """Note the low 32 bits of the card's count of slots taken."""
        self.head = self.tail - ((self.tail - head) & 0xFFFF_FFFF)


class RecordRing:
    """Records from card to host. ``read`` counts the slots handed out, ``consumed`` those given
    back.

    A slot given back may be overwritten as soon as the card is told (``reported``).
    """

    def __init__(self, ring: memoryview, count: int = 0) -> None:
        self._ring = ring
        self.slots = len(ring) // SLOT_BYTES
        self.read = self.consumed = self.reported = count
        self.report_every = max(1, self.slots // 8)

    def poll(self, limit: int) -> list[bytes]:
        """Return up to ``limit`` new slots, each once, in order.

        Raises CardError when the card overwrote a slot that was not given back.
        """
        found = []
        ring, read = self._ring, self.read
        for _ in range(limit):
            at = read % self.slots * SLOT_BYTES
            sequence = _SEQUENCE.unpack_from(ring, at + SEQUENCE_OFFSET)[0]
            if sequence != read + 1:
                if sequence > read + 1:
                    raise CardError(f"slot {read} was overwritten by {sequence - 1} while in use")
                break
            found.append(bytes(ring[at : at + SLOT_BYTES]))
            read += 1
        self.read = read
        return found

    def consume(self, slots: int) -> None:
        """Give back the oldest ``slots`` that were handed out."""
        if not 0 <= slots <= self.read - self.consumed:
            raise ValueError(
                f"{self.read - self.consumed} slots are handed out, {slots} cannot be given back"
            )
        self.consumed += slots

    @property
    def report_due(self) -> bool:
        """Whether so much was consumed that the card should be told."""
        return self.consumed - self.reported >= self.report_every

    def skip_to(self, count: int) -> None:
        """Pass over slots below ``count``, which an earlier host has dealt with."""
        if count > self.consumed:
            self.read = self.consumed = count
