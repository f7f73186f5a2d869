"""ITCH 5.0 files: BinaryFILE, plain or gzipped, read message by message, and scanned once before a
replay."""

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from tickgate.protocols import binaryfile
from tickgate.protocols.itch50 import MESSAGES
from tickgate.protocols.kinds import WireError

__all__ = ["MAX_MESSAGE", "Contents", "SourceError", "messages", "scan"]

MAX_MESSAGE = 1450
"""Longest message that a MoldUDP64 packet in one frame can hold."""
_GZIP_MAGIC = b"\x1f\x8b"
_LENGTHS = {ord(letter): message.LENGTH for letter, message in MESSAGES.items()}
_STOCK_AT = {ord("R"): 11, ord("A"): 24, ord("F"): 24}
"""Messages that name a stock and make its locate known, and where the name is."""


class SourceError(Exception):
    """The file is no ITCH 5.0 recording that can be replayed: which message, what was wrong."""


@dataclass
class Contents:
    """What a file has in it.

    ``types`` counts the messages by type letter that have the length of their type; ``unknown`` and
    ``wrong_length`` count the others. ``symbols`` are in the order in which they first come.
    """

    messages: int = 0
    types: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    wrong_length: int = 0
    symbols: dict[str, None] = field(default_factory=dict)


def messages(path: Path) -> Iterator[bytes]:
    """Yield each message of a file. Raises SourceError naming file, message and offset."""
    count = 0
    try:
        with _open(path) as file:
            for message in binaryfile.read(file):
                count += 1
                if len(message) > MAX_MESSAGE:
                    raise WireError(
                        f"a message is at most {MAX_MESSAGE} bytes long here, was {len(message)}"
                    )
                yield message
    except WireError as error:
        raise SourceError(f"{path}: at message {count or 1}: {error}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"{path}: after message {count}: bad gzip data: {error}") from error
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from error


def scan(path: Path) -> Contents:
    """Read a file through and say what is in it. Raises SourceError as `messages` does."""
    contents = Contents()
    for message in messages(path):
        contents.messages += 1
        letter = message[0]
        length = _LENGTHS.get(letter)
        if length is None:
            contents.unknown += 1
        elif length != len(message):
            contents.wrong_length += 1
        else:
            contents.types[chr(letter)] += 1
            at = _STOCK_AT.get(letter)
            if at is not None:
                stock = message[at : at + 8].decode("latin-1").rstrip(" ")
                contents.symbols.setdefault(stock)
    if not contents.messages:
        raise SourceError(f"{path}: the file has no messages")
    return contents


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        zipped = file.read(2) == _GZIP_MAGIC
    return cast("BinaryIO", gzip.open(path, "rb")) if zipped else path.open("rb")
