"""What one field of a wire format can be: integers, space-padded text, ASCII digits.

A kind knows its width on the wire, its :mod:`struct` code and how to turn the packed value into
the host's value and back. The aliases at the end (`U32`, `Alpha8`, ...) are what message classes
use as annotations: to a type checker they are `int` and `str`, to :mod:`tickgate.protocols.wire`
they carry the kind.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

_PADDING = b" \x00"


class WireError(ValueError):
    """Bytes that are no message, or a value that fits no field: what is required, what was."""


class UnknownMessage(WireError):
    """A message type this format does not have; its length is known only from the frame."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a field on the wire.

    `name` is the word the tables use, `length` the width in bytes, `code` the struct code (big
    endian). `to_wire` and `from_wire` convert between the host's value and what struct packs;
    None where struct needs no help. Both raise an ordinary exception on a bad value: the message
    then calls :meth:`check_value` or :meth:`check_wire` to say what was wrong.
    """

    name: str
    length: int
    code: str
    to_wire: Callable[[Any], Any] | None = None
    from_wire: Callable[[Any], Any] | None = None
    signed: bool = False
    is_text: bool = False
    decimals: int = 0

    def pack(self, where: str, value: Any) -> bytes:
        """Bytes of one value by itself. Raises WireError naming `where` if it does not fit."""
        self.check_value(where, value)
        return struct.pack(f">{self.code}", self.to_wire(value) if self.to_wire else value)

    def unpack(self, where: str, raw: bytes) -> Any:
        """Value of a field by itself. Raises WireError naming `where` if it is none."""
        if len(raw) != self.length:
            raise WireError(f"{where} is {self.length} bytes long, was {len(raw)}")
        (value,) = struct.unpack(f">{self.code}", raw)
        self.check_wire(where, value)
        return self.from_wire(value) if self.from_wire else value

    def check_value(self, where: str, value: object) -> None:
        """Raise WireError naming `where` unless `value` can be encoded."""
        raise NotImplementedError

    def check_wire(self, where: str, raw: object) -> None:
        """Raise WireError naming `where` unless the packed value `raw` can be decoded."""


@dataclass(frozen=True, slots=True)
class Integer(Kind):
    """A big-endian integer; `decimals` of its digits are the fraction of a price."""

    def check_value(self, where: str, value: object) -> None:
        """Require an int in the range of the field."""
        bits = 8 * self.length
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if self.signed else (0, (1 << bits) - 1)
        if not isinstance(value, int) or not low <= value <= high:
            raise WireError(f"{where} must be an integer in {low} .. {high}, not {value!r}")


@dataclass(frozen=True, slots=True)
class Text(Kind):
    """ASCII text. A one-byte char is kept as it is; longer text loses its padding on decode."""

    def check_value(self, where: str, value: object) -> None:
        """Require ASCII that fits the field: exactly one character in a char."""
        required = "one ASCII character" if self.name == "char" else f"ASCII <= {self.length} bytes"
        fits = isinstance(value, str) and value.isascii() and len(value) <= self.length
        if not fits or (self.name == "char" and value == ""):
            raise WireError(f"{where} must be {required}, not {value!r}")

    def check_wire(self, where: str, raw: object) -> None:
        """Require ASCII bytes."""
        if not isinstance(raw, bytes) or not raw.isascii():
            raise WireError(f"{where} must be ASCII, was {raw!r}")


@dataclass(frozen=True, slots=True)
class Digits(Kind):
    """An unsigned number written as ASCII digits, right justified; the host's value is an int."""

    def check_value(self, where: str, value: object) -> None:
        """Require a number of no more digits than the field has bytes."""
        if not isinstance(value, int) or not 0 <= value < 10**self.length:
            raise WireError(f"{where} must be a number of <= {self.length} digits, not {value!r}")

    def check_wire(self, where: str, raw: object) -> None:
        """Require digits, padded on either side."""
        if not isinstance(raw, bytes) or not raw.strip(_PADDING).isdigit():
            raise WireError(f"{where} must be ASCII digits, was {raw!r}")


def _unsigned(name: str, length: int, decimals: int = 0) -> Integer:
    code = {1: "B", 2: "H", 4: "I", 8: "Q"}.get(length)
    if code is not None:
        return Integer(name, length, code, decimals=decimals)
    return Integer(  # struct has no code for 6 bytes
        name,
        length,
        f"{length}s",
        to_wire=lambda value: value.to_bytes(length, "big"),
        from_wire=lambda raw: int.from_bytes(raw, "big"),
    )


def _sized(value: str, length: int) -> bytes:
    raw = value.encode("ascii")
    if len(raw) > length:
        raise ValueError("too long")
    return raw


def _char_to_wire(value: str) -> bytes:
    raw = value.encode("ascii")
    if len(raw) != 1:
        raise ValueError("not one character")
    return raw


def _alpha(length: int, *, right: bool = False) -> Text:
    if right:
        return Text(
            "alpha, right justified",
            length,
            f"{length}s",
            to_wire=lambda value: _sized(value, length).rjust(length),
            from_wire=lambda raw: raw.strip(_PADDING).decode("ascii"),
            is_text=True,
        )
    return Text(
        "alpha",
        length,
        f"{length}s",
        to_wire=lambda value: _sized(value, length).ljust(length),
        from_wire=lambda raw: raw.rstrip(_PADDING).decode("ascii"),
        is_text=True,
    )


def _digits(length: int) -> Digits:
    def to_wire(value: int) -> bytes:
        if value < 0:
            raise ValueError("negative")
        return _sized(f"{value:d}", length).rjust(length)

    def from_wire(raw: bytes) -> int:
        text = raw.strip(_PADDING)
        if not text.isdigit():  # int() alone would take a sign and underscores
            raise ValueError("not digits")
        return int(text)

    return Digits("digits", length, f"{length}s", to_wire, from_wire, is_text=True)


CHAR = Text("char", 1, "1s", _char_to_wire, lambda raw: raw.decode("ascii"), is_text=True)

U8 = Annotated[int, _unsigned("u8", 1)]
U16 = Annotated[int, _unsigned("u16", 2)]
U32 = Annotated[int, _unsigned("u32", 4)]
U48 = Annotated[int, _unsigned("u48", 6)]
U64 = Annotated[int, _unsigned("u64", 8)]
I32 = Annotated[int, Integer("i32", 4, "i", signed=True)]
Price4 = Annotated[int, _unsigned("price4", 4, decimals=4)]
"""ITCH price: u32 in 1/10000 USD."""
Price8 = Annotated[int, _unsigned("price8", 8, decimals=8)]
"""ITCH circuit breaker level: u64 in 1/100000000 USD."""
Price = Annotated[int, _unsigned("price", 8, decimals=4)]
"""OUCH 5.0 price: u64 in 1/10000 USD."""
SignedPrice = Annotated[int, Integer("i32 price", 4, "i", signed=True, decimals=4)]
"""OUCH 5.0 peg offset: i32 in 1/10000 USD."""
Char = Annotated[str, CHAR]
Alpha2 = Annotated[str, _alpha(2)]
Alpha4 = Annotated[str, _alpha(4)]
Alpha6 = Annotated[str, _alpha(6)]
Alpha8 = Annotated[str, _alpha(8)]
Alpha10 = Annotated[str, _alpha(10)]
Alpha14 = Annotated[str, _alpha(14)]
AlphaRight10 = Annotated[str, _alpha(10, right=True)]
"""Right justified; padding on either side is taken off."""
Digits20 = Annotated[int, _digits(20)]


def kind_of(alias: Any) -> Kind:
    """Kind carried by an annotation like `U32`, also inside a ClassVar; TypeError if none."""
    for candidate in (alias, *getattr(alias, "__args__", ())):
        for item in getattr(candidate, "__metadata__", ()):
            if isinstance(item, Kind):
                return item
    raise TypeError(f"a wire field must be annotated with a kind like U32, not {alias!r}")
