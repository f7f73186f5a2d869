"""ITCH 5.0 files: BinaryFILE, plain or gzipped, read in blocks of whole messages, and scanned once
before a replay."""

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tickgate.protocols.itch50 import MESSAGES

__all__ = ["MAX_MESSAGE", "Block", "Contents", "SourceError", "blocks", "messages", "scan"]

MAX_MESSAGE = 1450
"""Longest message that a MoldUDP64 packet in one frame can hold."""
_PREFIX = 2
_READ_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_LENGTH = np.zeros(256, np.int64)
"""Length of the messages of a type; 0 = no such type."""
for _letter, _message in MESSAGES.items():
    _LENGTH[ord(_letter)] = _message.LENGTH
_STOCK_AT = {ord("R"): 11, ord("A"): 24, ord("F"): 24}
"""Messages that name a stock and make its locate known, and where the name is."""
_SIDE_AT, _SIDES = 19, (ord("B"), ord("S"))
"""Where an added order has its side, and what it can be."""


class SourceError(Exception):
    """The file is no ITCH 5.0 recording that can be replayed: which message, what was wrong."""


@dataclass(frozen=True)
class Block:
    """Whole messages as they are in the file, each behind its length.

    ``starts`` and ``lengths`` are of the messages themselves, without the length before them; the
    first is message number ``first`` of the file, counted from 1.
    """

    data: bytes
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    first: int

    def __len__(self) -> int:
        return len(self.starts)


@dataclass
class Contents:
    """What a file has in it.

    ``types`` counts the messages by type letter that are well formed; ``unknown`` are of no type of
    ITCH 5.0, ``malformed`` have not the length of their type or an added order without a side.
    ``symbols`` are in the order in which they first come.
    """

    messages: int = 0
    types: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    malformed: int = 0
    symbols: dict[str, None] = field(default_factory=dict)


def blocks(path: Path) -> Iterator[Block]:
    """Yield a file in blocks of whole messages, up to its end or the end-of-session marker.

    Raises SourceError naming file, message and offset.
    """
    count, offset, rest = 0, 0, b""
    try:
        with _open(path) as file:
            while part := file.read1(_READ_BYTES):
                data = rest + part
                starts, end, problem = _split(data)
                if starts:
                    begins = np.array(starts, np.int64) + _PREFIX
                    ends = np.append(begins[1:] - _PREFIX, end)
                    yield Block(data[:end], begins, ends - begins, count + 1)
                count, offset, rest = count + len(starts), offset + end, data[end:]
                if problem == "end":
                    if len(rest) > _PREFIX or file.read1(1):
                        problem = f"BinaryFILE must end with its marker at offset {offset}"
                    else:
                        return
                if problem:
                    raise SourceError(f"{path}: at message {count + 1}: {problem}")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"{path}: after message {count}: bad gzip data: {error}") from error
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from error
    if rest:
        raise SourceError(
            f"{path}: at message {count + 1}: BinaryFILE is cut at offset {offset}: "
            f"{len(rest)} bytes are left of a message with its length"
        )


def _split(data: bytes) -> tuple[list[int], int, str]:
    """Where whole messages begin with their lengths, where the last ends, and what comes there:
    "end" for the marker, "" for part of a message, or what is wrong."""
    starts: list[int] = []
    at, size = 0, len(data) - 1
    while at < size:
        length = data[at] << 8 | data[at + 1]
        if not length:
            return starts, at, "end"
        if length > MAX_MESSAGE:
            return starts, at, (
                f"a message is at most {MAX_MESSAGE} bytes long here, was {length}"
            )
        if at + length >= size:  # that is at + 2 + length > len(data)
            break
        starts.append(at)
        at += _PREFIX + length
    return starts, at, ""


def messages(path: Path) -> Iterator[bytes]:
    """Yield each message of a file. Raises SourceError as `blocks` does."""
    for block in blocks(path):
        for start, length in zip(block.starts.tolist(), block.lengths.tolist(), strict=True):
            yield block.data[start : start + length]


def scan(path: Path) -> Contents:
    """Read a file through and say what is in it. Raises SourceError as `blocks` does."""
    contents = Contents()
    for block in blocks(path):
        data = np.frombuffer(block.data, np.uint8)
        letters = data[block.starts]
        known = _LENGTH[letters] != 0
        well = block.lengths == _LENGTH[letters]
        added = well & np.isin(letters, (ord("A"), ord("F")))
        well[added] = np.isin(data[block.starts[added] + _SIDE_AT], _SIDES)
        contents.messages += len(block)
        contents.unknown += int(np.count_nonzero(~known))
        contents.malformed += int(np.count_nonzero(known & ~well))
        for letter, count in enumerate(np.bincount(letters[well], minlength=256)):
            if count:
                contents.types[chr(letter)] += int(count)
        _name(contents, data, block.starts[well], letters[well])
    if not contents.messages:
        raise SourceError(f"{path}: the file has no messages")
    return contents


def _name(
    contents: Contents,
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    letters: NDArray[np.uint8],
) -> None:
    """Add the symbols that messages name."""
    offsets = np.zeros(256, np.int64)
    for letter, at in _STOCK_AT.items():
        offsets[letter] = at
    naming = offsets[letters] != 0
    where = starts[naming] + offsets[letters[naming]]
    names = np.ascontiguousarray(data[where[:, None] + np.arange(8)]).view("V8").ravel()
    found, firsts = np.unique(names.view("<u8"), return_index=True)
    for name in found[np.argsort(firsts)]:
        stock = int(name).to_bytes(8, "little").decode("latin-1").rstrip(" ")
        contents.symbols.setdefault(stock)


def _open(path: Path) -> BufferedIOBase:
    with path.open("rb") as file:
        zipped = file.read(2) == _GZIP_MAGIC
    return gzip.open(path, "rb") if zipped else path.open("rb")
