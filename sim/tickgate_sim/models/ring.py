"""Golden models of the host's end of a ring, and of what conflation may do to market data."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tickgate.records import codec
from tickgate.records.messages import AnyRecord, TopOfBook

__all__ = ["HostRing", "RingError", "check_conflation"]

_SLOT = 64


class RingError(AssertionError):
    """The card did to a ring what it must not."""


@dataclass
class HostRing:
    """The memory of a ring that the card writes, and the host that reads it.

    Slots that the host has not consumed must not be written again, and each slot must carry the
    sequence that follows the last.
    """

    base: int
    log2: int
    head: int = 0
    written: int = 0
    slots: dict[int, bytes] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Slots of the ring."""
        return 1 << self.log2

    def covers(self, address: int) -> bool:
        """Whether ``address`` is in the ring's memory."""
        return self.base <= address < self.base + self.size * _SLOT

    def write(self, address: int, data: bytes) -> None:
        """Take a write by the card. Raises RingError for one that breaks the ring's rules."""
        index = self.written % self.size
        if len(data) != _SLOT or address != self.base + index * _SLOT:
            raise RingError(
                f"slot {self.written} must be {_SLOT} bytes at {self.base + index * _SLOT:#x}, "
                f"was {len(data)} at {address:#x}"
            )
        if self.written - self.head >= self.size:
            raise RingError(f"slot {self.written} overwrites one that was not consumed")
        if codec.ring_sequence(data) != self.written + 1:
            raise RingError(
                f"slot {self.written} must have sequence {self.written + 1}, "
                f"not {codec.ring_sequence(data)}"
            )
        self.slots[index] = data
        self.written += 1

    def consume(self, limit: int | None = None) -> list[AnyRecord]:
        """Return the records that wait, at most ``limit``, and move the head past them."""
        end = self.written if limit is None else min(self.written, self.head + limit)
        records = [codec.unpack(self.slots[n % self.size])[1] for n in range(self.head, end)]
        self.head = end
        return records


def check_conflation(updates: Sequence[TopOfBook], written: Sequence[TopOfBook]) -> int:
    """Check what the market-data ring made of ``updates`` when nothing waits any more.

    For each symbol the records written must be updates in their order, each must count those that
    it replaced, and the last must be the last update. Returns how many updates were merged.
    Raises RingError otherwise.
    """
    merged = 0
    for symbol in {update.symbol for update in updates} | {record.symbol for record in written}:
        wanted = [update for update in updates if update.symbol == symbol]
        at = 0
        for record in (record for record in written if record.symbol == symbol):
            at += record.merged + 1
            if at > len(wanted) or wanted[at - 1] != record._replace(merged=0):
                raise RingError(f"symbol {symbol}: {record} is not update {at} of {len(wanted)}")
            merged += record.merged
        if at != len(wanted):
            raise RingError(f"symbol {symbol}: {len(wanted) - at} updates were lost")
    return merged
