"""Fixed-layout messages: a class declaration is the table, everything else derives from it.

    class OrderDelete(ItchMessage, type="D"):
        \"""Order Delete. ...\"""

        order_reference_number: U64 = field("day-unique id of the order")

gives a frozen, slotted, keyword-only dataclass with `encode()` and `decode()`, and the table
itself as `FIELDS` (host-side docs and the gateware's layouts are made from it). Offsets are not
written down: fields follow each other in order of declaration, header fields first.
"""

import dataclasses
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, ClassVar, Self, TypeAlias, TypeVar, dataclass_transform, get_type_hints

from tickgate.protocols.kinds import (
    CHAR,
    I32,
    U8,
    U16,
    U32,
    U48,
    U64,
    Alpha2,
    Alpha4,
    Alpha6,
    Alpha8,
    Alpha10,
    Alpha14,
    AlphaRight10,
    Char,
    Digits20,
    Kind,
    Price,
    Price4,
    Price8,
    SignedPrice,
    UnknownMessage,
    WireError,
    kind_of,
)

__all__ = [
    "CHAR",
    "I32",
    "U8",
    "U16",
    "U32",
    "U48",
    "U64",
    "Alpha2",
    "Alpha4",
    "Alpha6",
    "Alpha8",
    "Alpha10",
    "Alpha14",
    "AlphaRight10",
    "Buffer",
    "Char",
    "Digits20",
    "Field",
    "Kind",
    "Message",
    "Price",
    "Price4",
    "Price8",
    "SignedPrice",
    "UnknownMessage",
    "WireError",
    "by_type",
    "constant",
    "decode_by_type",
    "field",
    "kind_of",
]

Buffer: TypeAlias = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a message table: `length` bytes at `offset` from the start of the message.

    `is_constant` tells that the class fixes the value (its type): it is no attribute to be given.
    """

    name: str
    offset: int
    length: int
    kind: Kind
    doc: str
    is_constant: bool = False


@dataclass(frozen=True, slots=True)
class _Declared:
    doc: str
    value: Callable[[type["Message"]], int | str] | None = None  # set for constants


def field(doc: str) -> Any:
    """Declare a field of a message; `doc` says what its value means, with units and codes."""
    return _Declared(doc)


def constant(doc: str, value: Callable[[type["Message"]], int | str] | None = None) -> Any:
    """Declare a header field that the class fixes: its TYPE, or what `value(cls)` gives.

    Annotate it as ClassVar, before the fields that vary; decode() requires the value.
    """
    return _Declared(doc, value or (lambda cls: cls.TYPE))


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda message: tuple(getattr(message, name) for name in names)


@dataclass_transform(
    kw_only_default=True, frozen_default=True, field_specifiers=(field, dataclasses.field)
)
class MessageMeta(type):
    """Turns a class of annotated fields into a message with a codec."""

    def __new__(
        mcs,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        type: str = "",
        **options: Any,
    ) -> Any:
        """Create the class. `options` are the class keywords that only its format has."""
        if "__slots__" in namespace:  # the second creation, by dataclass(slots=True)
            return super().__new__(mcs, name, bases, namespace)
        declared = {k: v for k, v in namespace.items() if isinstance(v, _Declared)}
        plain = {k: v for k, v in namespace.items() if k not in declared}
        cls: Any = super().__new__(mcs, name, bases, plain)
        cls = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        hints = get_type_hints(cls, include_extras=True)
        own = [(key, kind_of(hints[key]), spec) for key, spec in declared.items()]
        cls._configure([*getattr(cls, "_DECLARED", []), *own], type)
        cls._configure_format(**options)
        return cls


class Message(metaclass=MessageMeta):
    """A message with a fixed layout (formats with a variable tail add it in a subclass).

    Class attributes: `TYPE` the type character ("" if the format has none), `LENGTH` the bytes
    of the fixed part, `FIELDS` the table including the header. Instances are immutable.
    Values are not checked when a message is made, but by :meth:`encode`.
    """

    TYPE: ClassVar[str]
    LENGTH: ClassVar[int]
    FIELDS: ClassVar[tuple[Field, ...]]

    _DECLARED: ClassVar[list[tuple[str, Kind, _Declared]]]
    _STRUCT: ClassVar[struct.Struct]
    _CONSTANTS: ClassVar[tuple[Any, ...]]  # as struct packs them
    _GET: ClassVar[Callable[[Any], tuple[Any, ...]]]
    _SET: ClassVar[tuple[Callable[[Any, Any], None], ...]]
    _TO_WIRE: ClassVar[tuple[tuple[int, Callable[[Any], Any]], ...]]
    _FROM_WIRE: ClassVar[tuple[tuple[int, Callable[[Any], Any]], ...]]

    @classmethod
    def _configure(cls, declared: list[tuple[str, Kind, _Declared]], type: str) -> None:
        """Derive table and codec from the declarations; the metaclass calls it once a class."""
        cls.TYPE = type
        cls._DECLARED = declared
        rows, offset = [], 0
        for name, kind, spec in declared:
            rows.append(Field(name, offset, kind.length, kind, spec.doc, spec.value is not None))
            offset += kind.length
        cls.FIELDS, cls.LENGTH = tuple(rows), offset
        cls._STRUCT = struct.Struct(">" + "".join(row.kind.code for row in rows))

        fixed = [(name, kind, spec.value(cls)) for name, kind, spec in declared if spec.value]
        for name, _, value in fixed:
            setattr(cls, name, value)
        cls._CONSTANTS = tuple(
            kind.to_wire(value) if kind.to_wire and value != "" else value
            for _, kind, value in fixed
        )
        varying = rows[len(fixed) :]
        if any(spec.value for _, _, spec in declared[len(fixed) :]):
            raise TypeError(f"{cls.__name__}: constants must be declared before the other fields")
        cls._GET = _getter(tuple(row.name for row in varying))
        cls._SET = tuple(getattr(cls, row.name).__set__ for row in varying)
        kinds = [row.kind for row in varying]
        cls._TO_WIRE = tuple((i, k.to_wire) for i, k in enumerate(kinds) if k.to_wire)
        cls._FROM_WIRE = tuple((i, k.from_wire) for i, k in enumerate(kinds) if k.from_wire)

    @classmethod
    def _configure_format(cls) -> None:
        """Take the class keywords of a format; one with keywords overrides this to accept them."""

    def encode(self) -> bytes:
        """Bytes of this message.

        Raises WireError naming the field whose value does not fit.
        """
        return self._pack(self._CONSTANTS)

    @classmethod
    def decode(cls, data: Buffer) -> Self:
        """Message in `data`, which must be exactly one of this class.

        Raises WireError if the length, the type or a text field is wrong.
        """
        if len(data) != cls.LENGTH:
            raise WireError(f"{cls.__name__} is {cls.LENGTH} bytes long, was {len(data)}")
        return cls._unpack(data, cls._CONSTANTS)

    def _pack(self, constants: tuple[Any, ...]) -> bytes:
        try:
            values = list(type(self)._GET(self))
            for index, convert in self._TO_WIRE:
                values[index] = convert(values[index])
            return self._STRUCT.pack(*constants, *values)
        except (struct.error, ValueError, OverflowError, TypeError, AttributeError):
            for row in self.FIELDS[len(constants) :]:
                where = f"{type(self).__name__}.{row.name}"
                row.kind.check_value(where, getattr(self, row.name))
            raise

    @classmethod
    def _unpack(cls, data: Buffer, constants: tuple[Any, ...]) -> Self:
        """Message whose fixed part starts `data`, with the given header constants."""
        values = list(cls._STRUCT.unpack_from(data))
        fixed = len(constants)
        if tuple(values[:fixed]) != constants:
            cls._refuse(values, constants)
        del values[:fixed]
        try:
            for index, convert in cls._FROM_WIRE:
                values[index] = convert(values[index])
        except ValueError:
            for row, raw in zip(cls.FIELDS[fixed:], values, strict=True):
                if isinstance(raw, bytes):
                    row.kind.check_wire(f"{cls.__name__}.{row.name}", raw)
            raise
        message = object.__new__(cls)
        for set_value, value in zip(cls._SET, values, strict=True):
            set_value(message, value)
        return message

    @classmethod
    def _refuse(cls, values: list[Any], constants: tuple[Any, ...]) -> None:
        for row, value, required in zip(cls.FIELDS, values, constants, strict=False):
            if value != required:
                raise WireError(f"{cls.__name__}.{row.name} must be {required!r}, was {value!r}")


M = TypeVar("M", bound=Message)


def by_type(*messages: type[M]) -> dict[str, type[M]]:
    """Table from TYPE to message class; TypeError if two classes claim the same type."""
    table = {message.TYPE: message for message in messages}
    if len(table) != len(messages):
        raise TypeError("two messages of one table have the same type")
    return table


def decode_by_type(name: str, table: Mapping[int, type[M]], data: Buffer) -> M:
    """Message of the class that `table` has for the first byte of `data`.

    Raises UnknownMessage if it has none, WireError if there is no byte or the class refuses it;
    `name` says in the error which format was tried.
    """
    if not data:
        raise WireError(f"a message of {name} is at least 1 byte long, was 0")
    message = table.get(data[0])
    if message is None:
        raise UnknownMessage(f"{name} has no message type {bytes(data[:1])!r} ({len(data)} bytes)")
    return message.decode(data)
