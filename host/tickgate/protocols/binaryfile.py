"""BinaryFILE 1.00: messages in a file, each after its length as a big-endian u16.

A length of 0 marks the end of the session. A file that stops without it, between two messages, is
a slice of a longer recording.

Source: Nasdaq "BinaryFILE 1.00".
"""

from collections.abc import Iterable, Iterator
from os import PathLike
from typing import BinaryIO, TypeAlias

from tickgate.protocols.kinds import WireError

Source: TypeAlias = str | PathLike[str] | BinaryIO

_END = b"\x00\x00"


def read(source: Source, *, require_end: bool = False) -> Iterator[bytes]:
    """Yield each message of a file, up to the end-of-session marker or the end of the file.

    `source` is a path or a file opened in binary mode, which is left open. With `require_end`, a
    file without the marker is refused after its last message.

    Raises WireError naming the offset if the file is cut inside a message, or if bytes follow
    the marker (as they do in recordings that have 0 for every length).
    """
    if isinstance(source, (str, PathLike)):
        with open(source, "rb") as file:
            yield from _messages(file, require_end)
    else:
        yield from _messages(source, require_end)


def _messages(file: BinaryIO, require_end: bool) -> Iterator[bytes]:
    offset = 0
    while prefix := _read_fully(file, 2):
        if len(prefix) < 2:
            raise WireError(
                f"BinaryFILE is cut at offset {offset}: a length is 2 bytes long, was 1"
            )
        length = int.from_bytes(prefix, "big")
        if length == 0:
            if file.read(1):
                raise WireError(f"BinaryFILE must end with its marker at offset {offset}")
            return
        message = _read_fully(file, length)
        if len(message) < length:
            raise WireError(
                f"BinaryFILE is cut at offset {offset}: "
                f"the message is {length} bytes long, was {len(message)}"
            )
        yield message
        offset += 2 + length
    if require_end:
        raise WireError(f"BinaryFILE has no end-of-session marker at offset {offset}")


def _read_fully(file: BinaryIO, length: int) -> bytes:
    """`length` bytes, fewer only at the end of the file, even if the file is unbuffered."""
    data = file.read(length)
    while data and len(data) < length:
        more = file.read(length - len(data))
        if not more:
            break
        data += more
    return data


def write(target: Source, messages: Iterable[bytes], *, end: bool = True) -> int:
    """Write messages, then (unless `end` is False) the end-of-session marker; return their count.

    Raises WireError naming the message that has no bytes or more than 65535.
    """
    if isinstance(target, (str, PathLike)):
        with open(target, "wb") as file:
            return _write(file, messages, end)
    return _write(target, messages, end)


def _write(file: BinaryIO, messages: Iterable[bytes], end: bool) -> int:
    count = 0
    for message in messages:
        if not 1 <= len(message) <= 0xFFFF:
            raise WireError(f"message {count} must be 1 .. 65535 bytes long, was {len(message)}")
        file.write(len(message).to_bytes(2, "big") + message)
        count += 1
    if end:
        file.write(_END)
    return count
