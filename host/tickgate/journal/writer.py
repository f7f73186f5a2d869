"""The journal's single writer: lock, recovery, append, roll to the next segment.

Durability, by name:

``memory``  An entry is in the page cache when ``append`` returns. The death of the process, also
            by SIGKILL, loses nothing; a power cut may lose what the kernel had not yet written.
``batch``   As ``memory``, and ``commit`` (called once per turn of the engine's loop, before
            effects leave) returns only when everything appended is on the disk.

A spare segment is made ahead of need. When the disk has no room for one, ``full`` says so while
the current segment still takes entries: the engine then refuses new orders but can still journal
fills and cancels.
"""

import errno
import fcntl
import mmap
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from tickgate.journal.format import (
    SEGMENT_HEADER_BYTES,
    Entry,
    JournalError,
    JournalFull,
    JournalLocked,
    SegmentHeader,
    pack_entry,
    pack_segment_header,
    padded,
    segment_path,
)
from tickgate.journal.reader import Repair, Scan, read, segments

Durability = Literal["memory", "batch"]
SEGMENT_BYTES = 16 << 20
"""Size of a new segment unless the caller wants another."""

_SPARE = "spare"


def _allocate(descriptor: int, size: int) -> None:
    os.posix_fallocate(descriptor, 0, size)


class Journal:
    """The writer of the journal in one directory. Use as a context manager or call ``close``.

    ``repair`` tells what was cut off at the end when it was opened, ``next_sequence`` the number
    of the next entry, ``full`` why there is no spare segment (None: there is one).
    """

    def __init__(
        self,
        directory: Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        durability: Durability = "memory",
        allocate: Callable[[int, int], None] = _allocate,
    ) -> None:
        """Lock and open the journal, making it when it is not there; a torn tail is cut off.

        Raises JournalLocked when another process writes it, JournalCorrupt when it is damaged
        before its end, JournalFull when there is no room for a first segment.
        """
        if segment_bytes % mmap.PAGESIZE or segment_bytes < mmap.PAGESIZE:
            raise JournalError(
                f"segment_bytes must be a multiple of {mmap.PAGESIZE}, not {segment_bytes!r}"
            )
        self.directory = directory
        self.durability = durability
        self.full: str | None = None
        self.next_sequence = 1
        self._number = self._offset = self._synced = self._size = 0
        self.repair: Repair | None = None
        self._segment_bytes = segment_bytes
        self._allocate = allocate
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(directory)
        self._map: mmap.mmap | None = None
        try:
            self._open_last()
            self.prepare()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def entries(self) -> Iterator[Entry]:
        """Every entry so far, oldest first."""
        return read(self.directory)

    def append(self, kind: int, payload: bytes, time_ns: int) -> int:
        """Add an entry and return its sequence number.

        Raises JournalFull when neither this segment nor a next one has room (nothing is written
        then).
        """
        size = padded(len(payload))
        if self._offset + size > self._size:
            self._roll(size)
        sequence = self.next_sequence
        raw = pack_entry(sequence, kind, time_ns, payload)
        data, at = self._data, self._offset
        # The magic goes last: a reader or a restart sees the entry whole or not at all.
        data[at + 4 : at + size] = raw[4:]
        data[at : at + 4] = raw[:4]
        self._offset = at + size
        self.next_sequence = sequence + 1
        return sequence

    def commit(self) -> None:
        """With durability ``batch``: return when all entries are on the disk. Otherwise nothing."""
        if self.durability == "batch" and self._synced < self._offset:
            start = self._synced & ~(mmap.PAGESIZE - 1)
            self._data.flush(start, self._offset - start)
            self._synced = self._offset

    def prepare(self) -> None:
        """Make the spare segment when there is none; sets ``full`` when the disk has no room."""
        spare = self.directory / _SPARE
        if spare.exists():
            return
        try:
            self._make(spare)
            self.full = None
        except JournalFull as error:
            self.full = str(error)

    def close(self) -> None:
        """Write out and let go of the lock. The journal cannot be used afterwards."""
        if self._map is not None:
            self.commit()
            self._map.close()
            self._map = None
        os.close(self._lock)

    @property
    def _data(self) -> mmap.mmap:
        if self._map is None:
            raise JournalError(f"the journal in {self.directory} is closed")
        return self._map

    def _open_last(self) -> None:
        # A spare left half made, or made for another size, is not worth keeping.
        (self.directory / _SPARE).unlink(missing_ok=True)
        paths = segments(self.directory)
        if not paths:
            self._start(1)
            return
        sequence = None
        for path in paths:
            scan = Scan(path, sequence)
            for _ in scan:
                pass
            end = scan.end(torn_allowed=path == paths[-1])
            sequence = end.sequence
        self._map_segment(paths[-1], scan.header.size)
        self._number = scan.header.number
        self._offset = self._synced = end.offset
        self.next_sequence = end.sequence
        self.repair = end.repair
        if end.repair is not None:
            self._data[end.offset : end.offset + end.repair.count] = bytes(end.repair.count)
            self._data.flush()

    def _roll(self, size: int) -> None:
        if SEGMENT_HEADER_BYTES + size > self._segment_bytes:
            raise JournalError(
                f"an entry must fit a segment of {self._segment_bytes} bytes, was {size} bytes"
            )
        self.prepare()
        if not (self.directory / _SPARE).exists():
            raise JournalFull(self.full or "no spare segment")
        self.commit()
        self._data.close()
        self._start(self._number + 1)
        self.prepare()

    def _start(self, number: int) -> None:
        """Turn the spare (made now for the first segment) into segment ``number``."""
        spare = self.directory / _SPARE
        if not spare.exists():
            self._make(spare)
        header = SegmentHeader(number, self._segment_bytes, self.next_sequence, time.time_ns())
        with spare.open("r+b") as file:
            file.write(pack_segment_header(header))
            file.flush()
            os.fsync(file.fileno())
        path = segment_path(self.directory, number)
        spare.rename(path)
        _sync_directory(self.directory)
        self._map_segment(path, self._segment_bytes)
        self._number = number
        self._offset = self._synced = SEGMENT_HEADER_BYTES

    def _make(self, path: Path) -> None:
        try:
            with path.open("wb") as file:
                self._allocate(file.fileno(), self._segment_bytes)
        except OSError as error:
            path.unlink(missing_ok=True)
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise JournalError(f"journal in {self.directory}: {error}") from error
            raise JournalFull(
                f"the disk of {self.directory} has no room for a segment of "
                f"{self._segment_bytes} bytes: {error.strerror}; free some space"
            ) from error

    def _map_segment(self, path: Path, size: int) -> None:
        with path.open("r+b") as file:
            # A cut-off file (copied by hand, say) gets its full size back before it is mapped.
            if os.fstat(file.fileno()).st_size < size:
                self._allocate(file.fileno(), size)
            self._map = mmap.mmap(file.fileno(), size)
        self._size = size


def _lock(directory: Path) -> int:
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise JournalLocked(f"another process writes the journal in {directory}") from None
    return descriptor


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
