"""A message store in one append-only file that a crash at any byte can't spoil.

File: 8 bytes of magic, then records. A record is a 20-byte little-endian head (kind u8, three zero
bytes, value u64, body length u32, CRC-32 of these 16 bytes), the body, and the CRC-32 of the body
when there is one. A last record that is short or does not check, and zeros, are what a crash
leaves: they are cut off at open. Anything else that does not check is corruption and is named.
"""

import fcntl
import os
import struct
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_MAGIC: Final = b"TGFIXST1"
_HEAD: Final = struct.Struct("<B3xQI")
_CRC: Final = struct.Struct("<I")
_HEAD_BYTES: Final = _HEAD.size + _CRC.size

_SENDER, _TARGET, _MESSAGE, _RESET = 1, 2, 3, 4


class StoreError(RuntimeError):
    """The store can't be opened, read or written; the text says which file, where and why."""


class FileStore:
    """A MessageStore that survives the process.

    With ``autoflush`` each change is handed to the operating system at once and so outlives a
    SIGKILL. Without it changes gather until ``flush``: the owner flushes after it has journalled
    what it took in and before it lets out what it sends, so that a crash in between makes the
    counterparty send again rather than lose a message. ``sync`` also outlives a power cut.
    """

    def __init__(self, path: str | os.PathLike[str], *, autoflush: bool = True) -> None:
        """Open or create the file. Raises StoreError when it is in use, foreign or corrupt."""
        self.path = Path(path)
        self.repaired_bytes = 0
        """Bytes of a torn tail that were cut off at open."""
        self.reset_ns = 0
        """Time of the last reset, ns since 1970; 0 when there was none."""
        self._autoflush = autoflush
        self._buffer = bytearray()
        self._truncate = False
        self._clear()
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreError(f"{self.path}: another process has this store open") from None
            self._size = self._load()
        except BaseException:
            os.close(self._fd)
            raise

    def _clear(self) -> None:
        self._sender = self._target = 1
        self._seqs: list[int] = []
        self._places: list[tuple[int, int]] = []  # offset and length of each message's text

    def _load(self) -> int:
        data = self.path.read_bytes()
        if len(data) < len(_MAGIC) and _MAGIC.startswith(data):
            os.pwrite(self._fd, _MAGIC, 0)
            return len(_MAGIC)
        if not data.startswith(_MAGIC):
            raise StoreError(f"{self.path}: not a FIX message store (magic missing)")
        offset = len(_MAGIC)
        while offset < len(data):
            end = self._load_record(data, offset)
            if end is None:
                self.repaired_bytes = len(data) - offset
                os.ftruncate(self._fd, offset)
                break
            offset = end
        return offset

    def _load_record(self, data: bytes, offset: int) -> int | None:
        """Take one record in; its end, or None when the file was torn here."""
        head = data[offset : offset + _HEAD_BYTES]
        if len(head) < _HEAD_BYTES:
            return None
        (head_crc,) = _CRC.unpack_from(head, _HEAD.size)
        if zlib.crc32(head[: _HEAD.size]) != head_crc:
            if not any(data[offset + _HEAD_BYTES :]):
                return None
            raise StoreError(f"{self.path}: corrupt record head at byte {offset}")
        kind, value, length = _HEAD.unpack_from(head)
        body = offset + _HEAD_BYTES
        end = body + length + _CRC.size if length else body
        if end > len(data):
            return None
        if length and zlib.crc32(data[body : body + length]) != _CRC.unpack_from(data, end - 4)[0]:
            if end == len(data) or not any(data[end:]):
                return None
            raise StoreError(f"{self.path}: corrupt message {value} at byte {offset}")
        self._apply(kind, value, body, length)
        return end

    def _apply(self, kind: int, value: int, body: int, length: int) -> None:
        if kind == _SENDER:
            self._sender = value
        elif kind == _TARGET:
            self._target = value
        elif kind == _MESSAGE:
            self._seqs.append(value)
            self._places.append((body, length))
            self._sender = value + 1
        elif kind == _RESET:
            self._clear()
            self.reset_ns = value
        else:
            raise StoreError(f"{self.path}: unknown record kind {kind} at byte {body}")

    def _append(self, kind: int, value: int, text: bytes = b"") -> None:
        head = _HEAD.pack(kind, value, len(text))
        self._buffer += head + _CRC.pack(zlib.crc32(head))
        body = self._size + len(self._buffer)
        if text:
            self._buffer += text + _CRC.pack(zlib.crc32(text))
        self._apply(kind, value, body, len(text))
        if self._autoflush:
            self.flush()

    @property
    def next_sender_seq(self) -> int:
        """MsgSeqNum of the next message that we send."""
        return self._sender

    @next_sender_seq.setter
    def next_sender_seq(self, value: int) -> None:
        if value != self._sender:
            self._append(_SENDER, value)

    @property
    def next_target_seq(self) -> int:
        """MsgSeqNum that the counterparty's next message must have."""
        return self._target

    @next_target_seq.setter
    def next_target_seq(self, value: int) -> None:
        if value != self._target:
            self._append(_TARGET, value)

    def save(self, seq: int, raw: bytes) -> None:
        """Keep one sent application message; ``next_sender_seq`` becomes ``seq + 1``."""
        self._append(_MESSAGE, seq, raw)

    def range(self, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Kept messages of a range in rising order, read from the file as they are asked for."""
        first, last = bisect_left(self._seqs, begin), bisect_right(self._seqs, end)
        for seq, place in zip(self._seqs[first:last], self._places[first:last], strict=True):
            yield seq, self._read(*place)

    def _read(self, offset: int, length: int) -> bytes:
        if offset >= self._size:
            start = offset - self._size
            return bytes(self._buffer[start : start + length])
        text = os.pread(self._fd, length, offset)
        if len(text) < length:
            raise StoreError(f"{self.path}: message at byte {offset} is cut short")
        return text

    def reset(self, now_ns: int) -> None:
        """Start again from 1; the file shrinks to nothing at the next flush."""
        self._buffer.clear()
        self._truncate = True
        self._size = len(_MAGIC)
        self._append(_RESET, now_ns)

    def flush(self) -> None:
        """Hand all changes to the operating system.

        Raises StoreError when the disk refuses them; they are kept, and the next flush tries
        again.
        """
        if not self._buffer:
            return
        try:
            if self._truncate:
                os.ftruncate(self._fd, self._size)
                self._truncate = False
            written = os.pwrite(self._fd, self._buffer, self._size)
            if written < len(self._buffer):
                # The rest goes to the same place again at the next try, over what was written.
                raise OSError(f"{written} of {len(self._buffer)} bytes written")
        except OSError as error:
            raise StoreError(f"{self.path}: can't write: {error}") from error
        self._size += written
        self._buffer.clear()

    def sync(self) -> None:
        """Flush, and wait until the disk has it."""
        self.flush()
        os.fsync(self._fd)

    def close(self) -> None:
        """Flush and let go of the file; harmless when done before."""
        if self._fd < 0:
            return
        try:
            self.flush()
        finally:
            os.close(self._fd)
            self._fd = -1
