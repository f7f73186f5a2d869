"""Reading a journal from its first entry to its end, and finding out what its end is.

The end is the first place of the last segment that holds no entry and has no entry after it. Bytes
there that are not zero are a torn tail: an entry whose writing was cut off. A place without an
entry that has entries after it, or a segment that ends before the sequence number where its
successor starts, is corruption, and is named, never skipped.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tickgate.journal.format import (
    ALIGN,
    ENTRY_MAGIC,
    SEGMENT_HEADER_BYTES,
    SUFFIX,
    Entry,
    JournalCorrupt,
    SegmentHeader,
    padded,
    unpack_entry,
    unpack_segment_header,
)


@dataclass(frozen=True, slots=True)
class Repair:
    """A torn tail: ``count`` bytes from ``offset`` of ``segment`` that were no whole entry."""

    segment: Path
    offset: int
    count: int
    why: str

    def __str__(self) -> str:
        where = f"{self.segment} at offset {self.offset}"
        return f"torn tail in {where}, {self.count} bytes: {self.why}"


@dataclass(frozen=True, slots=True)
class End:
    """Where the next entry goes: offset in the last segment, its number, the repair due."""

    offset: int
    sequence: int
    repair: Repair | None


def segments(directory: Path) -> list[Path]:
    """Segment files of the journal in ``directory``, oldest first; raises on a missing one."""
    paths = sorted(path for path in directory.glob(f"*{SUFFIX}") if path.stem.isdigit())
    for before, after in pairwise(paths):
        if int(after.stem) != int(before.stem) + 1:
            why = f"the segment before it is missing (found {before.name})"
            raise JournalCorrupt(after, 0, why)
    return paths


def read(directory: Path) -> Iterator[Entry]:
    """Every entry of the journal in ``directory``, oldest first; changes nothing.

    Raises JournalCorrupt when the journal is damaged anywhere but at its very end.
    """
    sequence = None
    paths = segments(directory)
    for index, path in enumerate(paths):
        scan = Scan(path, sequence)
        yield from scan
        last = index == len(paths) - 1
        end = scan.end(torn_allowed=last)
        sequence = end.sequence


class Scan:
    """Iterates over the entries of one segment; afterwards ``end`` tells how it stopped."""

    def __init__(self, path: Path, sequence: int | None) -> None:
        """Open ``path``; its first entry must be number ``sequence`` (None: any)."""
        self._path = path
        self._data = path.read_bytes() if path.stat().st_size < ALIGN else _view(path)
        self.header: SegmentHeader = unpack_segment_header(path, self._data)
        if sequence is not None and self.header.first_sequence != sequence:
            raise JournalCorrupt(
                path,
                0,
                f"it starts at entry {self.header.first_sequence}, but the segment before it ends "
                f"before entry {sequence}",
            )
        self._next = self.header.first_sequence
        self._offset = SEGMENT_HEADER_BYTES
        self._why = ""

    def __iter__(self) -> Iterator[Entry]:
        end = min(len(self._data), self.header.size)
        while True:
            entry = unpack_entry(self._data, self._offset, end)
            if isinstance(entry, str):
                self._why = entry
                return
            if entry.sequence != self._next:
                self._why = f"entry {self._next} was expected, found {entry.sequence}"
                return
            self._next += 1
            self._offset += padded(len(entry.payload))
            yield entry

    def end(self, *, torn_allowed: bool) -> End:
        """Where the entries stopped. Raises JournalCorrupt unless that is a rightful end.

        A torn tail is rightful in the last segment only (``torn_allowed``): in an earlier one,
        every byte after the entries must be zero, because its successor was started after its last
        entry.
        """
        rest = bytes(self._data[self._offset :])
        used = len(rest.rstrip(b"\0"))
        if used == 0:
            return End(self._offset, self._next, None)
        later = self._later_entry(rest)
        if later is not None:
            raise JournalCorrupt(
                self._path, self._offset, f"{self._why}; entries follow at offset {later}"
            )
        if not torn_allowed:
            raise JournalCorrupt(self._path, self._offset, f"{self._why}; a segment follows")
        repair = Repair(self._path, self._offset, used, self._why)
        return End(self._offset, self._next, repair)

    def _later_entry(self, rest: bytes) -> int | None:
        """Offset of a whole entry after the stop that belongs to this journal, or None."""
        at = rest.find(ENTRY_MAGIC, 1)
        while at >= 0:
            if at % ALIGN == 0:
                entry = unpack_entry(rest, at, len(rest))
                if not isinstance(entry, str) and entry.sequence > self._next:
                    return self._offset + at
            at = rest.find(ENTRY_MAGIC, at + 1)
        return None


def _view(path: Path) -> memoryview:
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
