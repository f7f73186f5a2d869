"""What all OUCH 5.0 messages share: the type byte in front and the appendage behind."""

import dataclasses
from typing import ClassVar, Literal, Self, TypeAlias

from tickgate.protocols.ouch50.options import Option, decode_options, encode_options
from tickgate.protocols.wire import Buffer, Char, Message, WireError, constant

Tail: TypeAlias = Literal["always", "optional", "none"]


class OuchMessage(Message):
    """A fixed part as in `FIELDS`, then the appendage.

    `TAIL` tells whether the appendage (from its two length bytes on) is always there, may be left
    out, or does not exist. `TAGS` are the options the specification lists for the message; codecs
    do not enforce them. `LENGTH` is the fixed part.

    `appendage` is a tuple of options, `()` when there are none; None is the short form that ends
    before the length bytes, for messages whose tail is optional.
    """

    TAIL: ClassVar[Tail]
    TAGS: ClassVar[frozenset[int]]

    message_type: ClassVar[Char] = constant("type of the message")
    appendage: tuple[Option, ...] | None = dataclasses.field(default=())

    @classmethod
    def _configure_format(cls, tail: Tail = "always", options: tuple[int, ...] = (28,)) -> None:
        cls.TAIL = tail
        cls.TAGS = frozenset(options if tail != "none" else ())

    def option(self, tag: int) -> int | str | bytes | None:
        """Value of the first option with this tag; None if the message has none."""
        return next((o.value for o in self.appendage or () if o.tag == tag), None)

    def encode(self) -> bytes:
        """Bytes of this message.

        Raises WireError naming the field or option whose value does not fit, or if the appendage
        is not one that this message may have.
        """
        fixed = self._pack(self._CONSTANTS)
        if self.appendage is None:
            if self.TAIL != "optional":
                raise WireError(f"{type(self).__name__}.appendage must be a tuple, not None")
            return fixed
        if self.TAIL == "none":
            if self.appendage:
                raise WireError(f"{type(self).__name__} has no appendage, not {self.appendage!r}")
            return fixed
        return fixed + encode_options(self.appendage)

    @classmethod
    def decode(cls, data: Buffer) -> Self:
        """Message in `data`, which must be exactly one of this class.

        Raises WireError if a length, the type, a text field or an option is wrong.
        """
        name, fixed = cls.__name__, cls.LENGTH
        if len(data) == fixed and cls.TAIL != "always":
            message = cls._unpack(data, cls._CONSTANTS)
            object.__setattr__(message, "appendage", () if cls.TAIL == "none" else None)
            return message
        if cls.TAIL == "none":
            raise WireError(f"{name} is {fixed} bytes long, was {len(data)}")
        if len(data) < fixed + 2:
            raise WireError(f"{name} is at least {fixed + 2} bytes long, was {len(data)}")
        length = fixed + 2 + int.from_bytes(data[fixed : fixed + 2], "big")
        if len(data) != length:
            raise WireError(f"{name} with this appendage is {length} bytes long, was {len(data)}")
        message = cls._unpack(data, cls._CONSTANTS)
        object.__setattr__(message, "appendage", decode_options(name, data[fixed + 2 :]))
        return message
