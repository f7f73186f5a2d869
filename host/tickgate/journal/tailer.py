"""Following a journal from another process while its writer writes."""

import mmap
from pathlib import Path

from tickgate.journal.format import (
    SEGMENT_HEADER_BYTES,
    Entry,
    JournalCorrupt,
    padded,
    segment_path,
    unpack_entry,
    unpack_segment_header,
)
from tickgate.journal.reader import segments


class Tailer:
    """Reads the entries of a journal as they come; cannot slow or change the writer.

    Starts at the oldest entry. ``sequence`` is the number of the next entry.
    """

    def __init__(self, directory: Path) -> None:
        """Follow the journal in ``directory``, which need not be there yet."""
        self._directory = directory
        self._map: mmap.mmap | None = None
        self._path = directory
        self._number = 0
        self._offset = 0
        self._end = 0
        self.sequence = 1

    def poll(self, limit: int = 10_000) -> list[Entry]:
        """Entries written since the last call, at most ``limit``; an empty list when there are
        none.

        Raises JournalCorrupt when the journal is damaged or was replaced by another.
        """
        found: list[Entry] = []
        while len(found) < limit:
            if self._map is None and not self._open_first():
                break
            entry = self._entry()
            if entry is not None:
                found.append(entry)
            elif not self._open_next():
                break
        return found

    def close(self) -> None:
        """Let go of the segment."""
        if self._map is not None:
            self._map.close()
            self._map = None

    def _entry(self) -> Entry | None:
        assert self._map is not None
        entry = unpack_entry(self._map, self._offset, self._end)
        if isinstance(entry, str):
            return None
        if entry.sequence != self.sequence:
            raise JournalCorrupt(
                self._path,
                self._offset,
                f"entry {self.sequence} was expected, found {entry.sequence}",
            )
        self._offset += padded(len(entry.payload))
        self.sequence += 1
        return entry

    def _open_first(self) -> bool:
        paths = segments(self._directory) if self._directory.is_dir() else []
        if not paths:
            return False
        self._open(paths[0], None)
        return True

    def _open_next(self) -> bool:
        path = segment_path(self._directory, self._number + 1)
        if not path.exists():
            return False
        # The writer ends a segment before it starts the next: look once more before moving on.
        if isinstance(unpack_entry(self._map or b"", self._offset, self._end), Entry):
            return True
        self._open(path, self.sequence)
        return True

    def _open(self, path: Path, sequence: int | None) -> None:
        with path.open("rb") as file:
            view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        header = unpack_segment_header(path, view)
        if sequence is not None and header.first_sequence != sequence:
            raise JournalCorrupt(
                path, 0, f"it starts at entry {header.first_sequence}, expected {sequence}"
            )
        self.close()
        self._map = view
        self._path = path
        self._number = header.number
        self._offset = SEGMENT_HEADER_BYTES
        self._end = header.size
        self.sequence = header.first_sequence
