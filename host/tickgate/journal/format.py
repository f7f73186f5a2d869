"""The bytes of a journal: segment files of 64-byte aligned, checksummed, numbered entries.

A segment starts with a 64-byte header: magic ``TGJSEG01``, its number (u32), its size in bytes
(u32), the sequence number of its first entry (u64), its time of creation (u64, UTC ns), zeros, and
a CRC-32 (u32) of the 60 bytes before. Entries follow, each padded with zeros to a multiple of 64
bytes:

====== ===== ============================================================
offset bytes field
====== ===== ============================================================
0      4     magic ``TGJE``; stored last, so that an entry is there whole or not at all
4      4     length of the payload in bytes
8      2     type of the entry (its meaning belongs to the writer)
10     2     zero
12     4     CRC-32 of bytes 0 to 11 and 16 to 31 and the payload
16     8     sequence number, 1 for the first entry of a journal, no gaps
24     8     time, UTC ns
32     n     payload
====== ===== ============================================================

All integers are little-endian. Sequence numbers run on from segment to segment; the last segment
is the one with no successor. A segment is named ``<number, 8 digits>.journal``.
"""

import mmap
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

ALIGN = 64
HEADER_BYTES = 32
SEGMENT_HEADER_BYTES = 64
ENTRY_MAGIC = b"TGJE"
SEGMENT_MAGIC = b"TGJSEG01"
SUFFIX = ".journal"

Bytes = bytes | memoryview | mmap.mmap
_ENTRY = struct.Struct("<4sIHHIQQ")
_SEGMENT = struct.Struct("<8sIIQQ28sI")


class JournalError(Exception):
    """A journal that cannot be used as asked; the message says which, why and what helps."""


class JournalCorrupt(JournalError):
    """Bytes that are neither an entry nor the journal's end: names the segment and the offset."""

    def __init__(self, segment: Path, offset: int, why: str) -> None:
        super().__init__(f"journal segment {segment} is corrupt at offset {offset}: {why}")
        self.segment = segment
        self.offset = offset


class JournalFull(JournalError):
    """The disk has no room for the next segment; nothing was written."""


class JournalLocked(JournalError):
    """Another process writes this journal."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: ``sequence`` counts from 1, ``type`` and ``payload`` are the writer's."""

    sequence: int
    type: int
    time_ns: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """The first 64 bytes of a segment."""

    number: int
    size: int
    first_sequence: int
    created_ns: int


def segment_path(directory: Path, number: int) -> Path:
    """Where segment ``number`` of the journal in ``directory`` is."""
    return directory / f"{number:08d}{SUFFIX}"


def padded(payload_bytes: int) -> int:
    """Bytes that an entry with a payload of ``payload_bytes`` takes in a segment."""
    return -(-(HEADER_BYTES + payload_bytes) // ALIGN) * ALIGN


def pack_entry(sequence: int, kind: int, time_ns: int, payload: bytes) -> bytes:
    """The bytes of an entry, padded."""
    head = _ENTRY.pack(ENTRY_MAGIC, len(payload), kind, 0, 0, sequence, time_ns)
    crc = _crc(head, payload)
    head = _ENTRY.pack(ENTRY_MAGIC, len(payload), kind, 0, crc, sequence, time_ns)
    return (head + payload).ljust(padded(len(payload)), b"\0")


def unpack_entry(data: Bytes, offset: int, end: int) -> Entry | str:
    """The entry at ``offset`` of a segment that ends at ``end``, or why there is none."""
    if offset + HEADER_BYTES > end:
        return "no room for an entry"
    head = bytes(data[offset : offset + HEADER_BYTES])
    magic, length, kind, zero, crc, sequence, time_ns = _ENTRY.unpack(head)
    if magic != ENTRY_MAGIC:
        return "no entry magic"
    if zero or offset + padded(length) > end:
        return f"length {length} does not fit the segment"
    payload = bytes(data[offset + HEADER_BYTES : offset + HEADER_BYTES + length])
    if _crc(head, payload) != crc:
        return "checksum mismatch"
    return Entry(sequence, kind, time_ns, payload)


def pack_segment_header(header: SegmentHeader) -> bytes:
    """The 64 bytes that start a segment."""
    fields = (header.number, header.size, header.first_sequence, header.created_ns)
    raw = _SEGMENT.pack(SEGMENT_MAGIC, *fields, b"", 0)
    return raw[:-4] + zlib.crc32(raw[:-4]).to_bytes(4, "little")


def unpack_segment_header(path: Path, data: Bytes) -> SegmentHeader:
    """Decode a segment's header; raises JournalCorrupt naming ``path`` when it is not one."""
    raw = bytes(data[:SEGMENT_HEADER_BYTES])
    if len(raw) < SEGMENT_HEADER_BYTES:
        raise JournalCorrupt(path, 0, f"the header is {SEGMENT_HEADER_BYTES} bytes, was {len(raw)}")
    magic, number, size, first_sequence, created_ns, _, crc = _SEGMENT.unpack(raw)
    if magic != SEGMENT_MAGIC:
        raise JournalCorrupt(path, 0, "no segment magic")
    if crc != zlib.crc32(raw[:-4]):
        raise JournalCorrupt(path, 0, "checksum of the segment header does not match")
    return SegmentHeader(number, size, first_sequence, created_ns)


def _crc(head: bytes, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(head[16:], zlib.crc32(head[:12])))
