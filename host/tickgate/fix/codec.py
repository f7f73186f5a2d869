"""Tag=value encoding: build messages, find them in a byte stream, read their fields.

Text is taken as Latin-1, one character a byte, so that any byte survives a round trip.
Source: FIX 4.4 Volume 2, "FIX Message Format and Delivery" (message format, data integrity).
"""

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from tickgate.fix import tags, values
from tickgate.fix.values import (
    FieldError,
    SessionRejectReason,
    price_to_int,
    price_to_text,
    quantity_to_int,
    timestamp_to_ns,
    timestamp_to_text,
)

__all__ = [
    "DEFAULT_MAX_MESSAGE",
    "FieldError",
    "FixMessage",
    "FrameReader",
    "Garbled",
    "SessionRejectReason",
    "checksum",
    "encode",
    "parse",
    "price_to_int",
    "price_to_text",
    "quantity_to_int",
    "timestamp_to_ns",
    "timestamp_to_text",
]

DEFAULT_MAX_MESSAGE: Final = 16_384
"""Largest BodyLength taken, in bytes, unless the reader is told another."""

_BEGIN: Final = b"8=FIX"
_BEGIN_STRING_MAX: Final = 16
_LENGTH_DIGITS_MAX: Final = 7
_TRAILER: Final = 7  # "10=nnn" and SOH
_DATA_FIELD: Final = {
    "90": "91",
    "95": "96",
    "212": "213",
    "348": "349",
    "350": "351",
    "354": "355",
}
"""Length tag -> the data tag after it, whose value may hold the separator itself."""


def checksum(data: bytes) -> int:
    """Sum of the bytes modulo 256, CheckSum (10)."""
    # Adler-32's low half is the sum modulo 65521, which 256 bytes (at most 65280) can't reach.
    total = 0
    for start in range(0, len(data), 256):
        total += zlib.adler32(data[start : start + 256], 0) & 0xFFFF
    return total & 0xFF


def encode(begin_string: str, fields: Sequence[tuple[int, str | bytes | int]]) -> bytes:
    """Build one message from its fields, MsgType (35) first; adds tags 8, 9 and 10.

    A character outside Latin-1 becomes "?". Raises ValueError on an empty value, on one that
    holds the separator (in a field that is no data field), and when MsgType isn't first.
    """
    if not fields or fields[0][0] != tags.MSG_TYPE:
        raise ValueError("MsgType (35) must be the first field")
    parts = bytearray()
    for tag, value in fields:
        raw = value if isinstance(value, bytes) else str(value).encode("latin-1", "replace")
        if not raw:
            raise ValueError(f"field {tag} must have a value")
        if b"\x01" in raw and str(tag) not in _DATA_FIELD.values():
            raise ValueError(f"field {tag} must not hold the separator (SOH)")
        parts += b"%d=%b\x01" % (tag, raw)
    message = b"8=%b\x019=%d\x01%b" % (begin_string.encode("ascii"), len(parts), bytes(parts))
    return message + b"10=%03d\x01" % checksum(message)


@dataclass(frozen=True, slots=True)
class Garbled:
    """Bytes of the stream that are no message; FIX says to ignore them.

    ``reason`` is one of ``no_begin``, ``bad_header``, ``too_long``, ``bad_length``,
    ``bad_checksum``, ``bad_order`` (MsgType isn't the third field).
    """

    reason: str
    text: str


class FrameReader:
    """Find messages in a byte stream, however it is cut into pieces.

    A message comes out only when 8, 9 and 35 lead it, its body is as long as BodyLength says and
    its checksum is right. After anything else the reader gives one Garbled and goes on at the next
    ``8=FIX``. It never holds more than one message of ``max_message`` bytes and its frame.
    """

    def __init__(self, max_message: int = DEFAULT_MAX_MESSAGE) -> None:
        self._max_message = max_message
        self._buffer = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | Garbled]:
        """Take the next bytes of the stream; give the messages now complete, in order."""
        self._buffer += data
        found: list[bytes | Garbled] = []
        while (item := self._next()) is not None:
            found.append(item)
        return found

    def _next(self) -> bytes | Garbled | None:
        buffer = self._buffer
        if self._skipping and not self._skip():
            return None
        if not buffer.startswith(_BEGIN[: len(buffer)]):
            return self._garbled("no_begin", "bytes outside a message", 0)
        if len(buffer) < len(_BEGIN):
            return None
        limit = 2 + _BEGIN_STRING_MAX + 1
        after_begin = buffer.find(b"\x01", 0, limit) + 1
        if not after_begin:
            if len(buffer) < limit:
                return None
            return self._garbled("bad_header", "BeginString (8) has no end")
        head = bytes(buffer[after_begin : after_begin + 2])
        if head != b"9="[: len(head)]:
            return self._garbled("bad_header", "BodyLength (9) must be the second field")
        digits = after_begin + 2
        body = buffer.find(b"\x01", digits, digits + _LENGTH_DIGITS_MAX + 1) + 1
        if not body:
            if len(buffer) < digits + _LENGTH_DIGITS_MAX + 1:
                return None
            return self._garbled("bad_header", "BodyLength (9) has no end")
        length_text = bytes(buffer[digits : body - 1])
        if not length_text.isdigit():
            return self._garbled("bad_header", "BodyLength (9) must be a number")
        length = int(length_text)
        if length > self._max_message:
            return self._garbled(
                "too_long",
                f"message body is {length} bytes long, must be at most {self._max_message}",
            )
        end = body + length + _TRAILER
        if len(buffer) < end:
            return None
        return self._complete(body, end)

    def _complete(self, body: int, end: int) -> bytes | Garbled:
        raw = bytes(self._buffer[:end])
        trailer = raw[-_TRAILER:]
        ends_well = raw[-_TRAILER - 1 : -_TRAILER] == b"\x01" and trailer.endswith(b"\x01")
        if not (ends_well and trailer.startswith(b"10=") and trailer[3:6].isdigit()):
            return self._garbled("bad_length", "BodyLength (9) does not lead to CheckSum (10)")
        del self._buffer[:end]
        if checksum(raw[:-_TRAILER]) != int(trailer[3:6]):
            return Garbled("bad_checksum", "CheckSum (10) is wrong")
        if not raw.startswith(b"35=", body):
            return Garbled("bad_order", "MsgType (35) must be the third field")
        return raw

    def _garbled(self, reason: str, text: str, drop: int = len(_BEGIN)) -> Garbled:
        # Only the failed start is dropped: a message may begin inside what looked like a body.
        del self._buffer[:drop]
        self._skipping = True
        return Garbled(reason, text)

    def _skip(self) -> bool:
        """Drop bytes up to the next possible start; False when more bytes are needed."""
        start = self._buffer.find(_BEGIN)
        if start < 0:
            keep = len(_BEGIN) - 1
            while keep and not self._buffer.endswith(_BEGIN[:keep]):
                keep -= 1
            del self._buffer[: len(self._buffer) - keep]
            return False
        del self._buffer[:start]
        self._skipping = False
        return True


class FixMessage:
    """One received message: its fields in order, and getters that check what they give."""

    __slots__ = ("_first", "defect", "fields", "msg_type", "raw")

    def __init__(
        self, raw: bytes, fields: list[tuple[int, str]], defect: FieldError | None
    ) -> None:
        self.raw = raw
        self.fields = fields
        """Every field in wire order, tags 8, 9 and 10 included."""
        self.defect = defect
        """The first field that isn't ``tag=value`` at all, which ``fields`` leaves out."""
        self._first: dict[int, str] = {}
        for tag, value in fields:
            self._first.setdefault(tag, value)
        self.msg_type = self._first.get(tags.MSG_TYPE, "")

    def __contains__(self, tag: int) -> bool:
        return tag in self._first

    def __repr__(self) -> str:
        return f"FixMessage({self.raw.decode('latin-1').replace(chr(1), '|')!r})"

    def get(self, tag: int) -> str | None:
        """Text of the tag's first appearance, or None."""
        return self._first.get(tag)

    def text(self, tag: int, max_length: int | None = None) -> str:
        """Text of a field that must be there, at most ``max_length`` characters long."""
        value = self._first.get(tag)
        if value is None:
            raise FieldError(
                tag, SessionRejectReason.REQUIRED_TAG_MISSING, f"required tag {tag} is missing"
            )
        if max_length is not None and len(value) > max_length:
            raise FieldError(
                tag,
                SessionRejectReason.VALUE_INCORRECT,
                f"{tag} must have at most {max_length} characters, not {len(value)}",
            )
        return value

    def choice(self, tag: int, allowed: Collection[str]) -> str:
        """Text of a required field that must be one of ``allowed``."""
        value = self.text(tag)
        if value not in allowed:
            raise FieldError(
                tag,
                SessionRejectReason.VALUE_INCORRECT,
                f"{tag} must be one of {', '.join(sorted(allowed))}",
            )
        return value

    def integer(self, tag: int) -> int:
        """Value of a required integer field."""
        return values.integer(self.text(tag), tag)

    def quantity(self, tag: int) -> int:
        """Whole shares of a required quantity field, 0 or more."""
        return quantity_to_int(self.text(tag), tag)

    def price(self, tag: int) -> int:
        """Price of a required field in 1/10000 USD, 0 or more."""
        return price_to_int(self.text(tag), tag)

    def timestamp_ns(self, tag: int) -> int:
        """Time of a required UTCTimestamp field, ns since 1970."""
        return timestamp_to_ns(self.text(tag), tag)

    def flag(self, tag: int) -> bool:
        """Value of an optional Y/N field, False when absent."""
        return tag in self._first and self.choice(tag, "YN") == "Y"


def parse(raw: bytes) -> FixMessage:
    """Split one framed message into fields.

    Never raises on content: what isn't ``tag=value`` is left out and named in ``defect``.
    """
    fields: list[tuple[int, str]] = []
    defect: FieldError | None = None
    parts = raw.decode("latin-1").split("\x01")
    index, last = 0, len(parts) - 1  # the part after the last separator is empty
    data_tag, data_length = "", 0
    while index < last:
        tag_text, equals, value = parts[index].partition("=")
        index += 1
        if data_tag == tag_text:
            while len(value) < data_length and index < last:
                value += "\x01" + parts[index]
                index += 1
        data_tag = _DATA_FIELD.get(tag_text, "")
        if data_tag:
            data_length = int(value) if value.isascii() and value.isdigit() else 0
        if equals and value and _is_tag(tag_text):
            fields.append((int(tag_text), value))
        elif defect is None:
            defect = _field_defect(tag_text, equals)
    return FixMessage(raw, fields, defect)


def _is_tag(text: str) -> bool:
    return text.isascii() and text.isdigit() and text[0] != "0" and len(text) <= 9


def _field_defect(tag_text: str, equals: str) -> FieldError:
    if not _is_tag(tag_text):
        return FieldError(
            None, SessionRejectReason.INVALID_TAG_NUMBER, f"invalid tag number {tag_text[:20]!r}"
        )
    tag = int(tag_text)
    if equals:
        return FieldError(tag, SessionRejectReason.TAG_WITHOUT_VALUE, f"tag {tag} has no value")
    return FieldError(tag, SessionRejectReason.INCORRECT_FORMAT, f"tag {tag} has no '='")
