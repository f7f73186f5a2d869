"""The published top of book: one 64-byte TopOfBook slot per symbol in a memory-mapped file.

The engine writes, any process reads. A slot's ``ring_sequence`` is its lock: it is 0 while the
slot is written and counts the updates of the symbol after that, so a reader that sees the same
number other than 0 before and after has a whole record. Right on processors that keep the order of
stores (x86).
"""

import mmap
from pathlib import Path

from tickgate.records.codec import ring_sequence, unpack
from tickgate.records.messages import TopOfBook
from tickgate.records.schema import SEQUENCE_OFFSET, SLOT_BYTES, TOP_OF_BOOK

_TRIES = 1000


class TobFile:
    """The writer: one per file, the engine."""

    def __init__(self, path: Path, symbols: int) -> None:
        """Make the file anew with ``symbols`` empty slots; readers of an old one keep it."""
        fresh = path.with_suffix(".new")
        fresh.write_bytes(bytes(symbols * SLOT_BYTES))
        fresh.rename(path)
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), symbols * SLOT_BYTES)
        self._updates = [0] * symbols

    def put(self, symbol: int, slot: bytes) -> None:
        """Publish a TopOfBook slot as it came from the card's ring."""
        at = symbol * SLOT_BYTES
        lock = at + SEQUENCE_OFFSET
        self._updates[symbol] += 1
        self._map[lock : lock + 8] = bytes(8)
        self._map[at:lock] = slot[:SEQUENCE_OFFSET]
        self._map[lock : lock + 8] = self._updates[symbol].to_bytes(8, "little")

    def close(self) -> None:
        """Unmap the file."""
        self._map.close()


class TobReader:
    """Reads a published top of book from any process."""

    def __init__(self, path: Path) -> None:
        """Map the file; raises FileNotFoundError when no engine published one."""
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.symbols = len(self._map) // SLOT_BYTES

    def get(self, symbol: int) -> TopOfBook | None:
        """Latest record of a symbol; None when there is none yet, or its writer died writing it."""
        at = symbol * SLOT_BYTES
        for _ in range(_TRIES):
            slot = self._map[at : at + SLOT_BYTES]
            sequence = ring_sequence(slot)
            again = ring_sequence(self._map[at : at + SLOT_BYTES])
            if sequence and sequence == again:
                record, value = unpack(slot)
                return value if record is TOP_OF_BOOK and isinstance(value, TopOfBook) else None
            if not any(slot):
                return None
        return None

    def close(self) -> None:
        """Unmap the file."""
        self._map.close()
