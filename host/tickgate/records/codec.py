"""Pack and unpack ring records: slots of 64 bytes to the classes of ``messages`` and back.

Text fields are ``str`` here: one character for ``char``, without trailing spaces for the longer
ones. Bytes that are no ASCII survive a round trip as Latin-1: a reader never fails on a text.
``data`` fields are ``bytes`` of their whole width.
"""

import struct

from tickgate.records.messages import CLASSES, RECORD_OF, AnyRecord
from tickgate.records.schema import (
    BLOCK_BYTES,
    BODY_BYTES,
    BY_TEMPLATE,
    HEADER_BYTES,
    SCHEMA_ID,
    SCHEMA_VERSION,
    SLOT_BYTES,
    WIDTHS,
    Record,
)

__all__ = ["RecordError", "pack", "ring_sequence", "slot", "to_slot", "unpack"]

_CODES = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i32": "i"}
_HEADER = struct.Struct("<HHHH")
_SEQUENCE = struct.Struct("<Q")


class RecordError(ValueError):
    """Bytes that are no ring record, or a value that fits no field: what is required, what was."""


class _Layout:
    """What the codec needs to know of one record, worked out once."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.header = _HEADER.pack(BLOCK_BYTES, record.template, SCHEMA_ID, SCHEMA_VERSION)
        self.names = tuple(field.name for field in record.fields)
        self.packer = struct.Struct(
            "<" + "".join(_CODES.get(f.kind) or f"{WIDTHS[f.kind]}s" for f in record.fields)
        )
        self.texts = tuple(
            (i, WIDTHS[f.kind]) for i, f in enumerate(record.fields) if f.kind.startswith("char")
        )
        self.bytes = tuple(
            (i, WIDTHS[f.kind]) for i, f in enumerate(record.fields) if f.kind.startswith("data")
        )
        self.make = CLASSES[record.template]._make

    def pack(self, values: list[object]) -> bytes:
        for index, width in self.texts:
            values[index] = self._text(index, width, values[index])
        for index, width in self.bytes:
            values[index] = self._data(index, width, values[index])
        try:
            return self.packer.pack(*values)
        except struct.error:
            raise RecordError(self._complaint(values)) from None

    def unpack(self, data: bytes | bytearray | memoryview) -> AnyRecord:
        values = list(self.packer.unpack_from(data, HEADER_BYTES))
        for index, width in self.texts:
            text = values[index].decode("latin-1")
            values[index] = text if width == 1 else text.rstrip(" ")
        return self.make(values)

    def _text(self, index: int, width: int, value: object) -> bytes:
        where = f"{self.record.name}.{self.names[index]}"
        if not isinstance(value, str):
            raise RecordError(f"{where} must be text, not {value!r}")
        if len(value) > width or (width == 1 and not value):
            need = "one character" if width == 1 else f"at most {width} characters"
            raise RecordError(f"{where} must be {need}, not {value!r}")
        try:
            return value.encode("latin-1").ljust(width)
        except UnicodeEncodeError:
            raise RecordError(f"{where} must be Latin-1 text, not {value!r}") from None

    def _data(self, index: int, width: int, value: object) -> bytes:
        if not isinstance(value, bytes) or len(value) > width:
            where = f"{self.record.name}.{self.names[index]}"
            raise RecordError(f"{where} must be at most {width} bytes, not {value!r}")
        return value.ljust(width, b"\0")

    def _complaint(self, values: list[object]) -> str:
        """Name the first value that does not fit."""
        for field, value in zip(self.record.fields, values, strict=True):
            if field.kind.startswith(("char", "data")):
                continue
            try:
                struct.pack("<" + _CODES[field.kind], value)
            except struct.error:
                return f"{self.record.name}.{field.name} must be a {field.kind}, not {value!r}"
        raise AssertionError(f"{self.record.name}: every field packs alone")


_LAYOUTS = {record.template: _Layout(record) for record in BY_TEMPLATE.values()}


def pack(record: Record, **fields: int | str | bytes) -> bytes:
    """Return the 48-byte body of ``record``; reserved fields are zero and need not be given.

    Raises RecordError for a field that is missing, unknown or does not fit.
    """
    layout = _LAYOUTS[record.template]
    values: list[object] = []
    for name in layout.names:
        if name in fields:
            values.append(fields.pop(name))
        elif name.startswith("reserved"):
            values.append(0)
        else:
            raise RecordError(f"{record.name} needs a value for {name}")
    if fields:
        raise RecordError(f"{record.name} has no field {', '.join(sorted(fields))}")
    return layout.pack(values)


def slot(record: Record, body: bytes, ring_sequence: int) -> bytes:
    """Return a whole slot: header, ``body`` as made by :func:`pack`, and ``ring_sequence``."""
    if len(body) != BODY_BYTES:
        raise RecordError(f"a body is {BODY_BYTES} bytes long, was {len(body)}")
    if not 0 <= ring_sequence < 1 << 64:
        raise RecordError(f"ring_sequence must be a u64, not {ring_sequence!r}")
    return _LAYOUTS[record.template].header + body + _SEQUENCE.pack(ring_sequence)


def to_slot(message: AnyRecord, ring_sequence: int) -> bytes:
    """Return the slot of a record object. Raises RecordError for a value that does not fit."""
    layout = _LAYOUTS[RECORD_OF[type(message)].template]
    return slot(layout.record, layout.pack(list(message)), ring_sequence)


def ring_sequence(data: bytes | bytearray | memoryview) -> int:
    """Return the ring sequence of a slot: 0 in a slot that was never written."""
    return int.from_bytes(data[SLOT_BYTES - 8 : SLOT_BYTES], "little")


def unpack(data: bytes | bytearray | memoryview) -> tuple[Record, AnyRecord]:
    """Return the declaration and the record object of one slot.

    Raises RecordError when ``data`` is not 64 bytes long or its header is not one of this schema.
    """
    if len(data) != SLOT_BYTES:
        raise RecordError(f"a slot is {SLOT_BYTES} bytes long, was {len(data)}")
    block, template, schema, version = _HEADER.unpack_from(data)
    if schema != SCHEMA_ID or version != SCHEMA_VERSION or block != BLOCK_BYTES:
        raise RecordError(
            f"a slot's header must have block length {BLOCK_BYTES}, schema {SCHEMA_ID:#x}, "
            f"version {SCHEMA_VERSION}; it had {block}, {schema:#x}, {version}"
        )
    layout = _LAYOUTS.get(template)
    if layout is None:
        raise RecordError(f"the template must be one of {sorted(_LAYOUTS)}, was {template}")
    return layout.record, layout.unpack(data)
