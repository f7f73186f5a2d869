"""The host's message classes as gateware: where each field is, and its value in host order.

A message is held with the first byte of the wire in bits 7:0. Integers travel with their most
significant byte first, so a field has to be turned round before it means a number; text is turned
round the same way, which puts its first character into the most significant byte, so that text
compares like ``code(cls, name, "AAPL")`` and in alphabetical order. Everything here is wiring: no
logic, no latency.

Names, offsets and widths come from ``FIELDS`` of the classes in :mod:`tickgate.protocols`, and from
nowhere else.
"""

from amaranth import Cat, Const, Value
from amaranth.lib.data import StructLayout

__all__ = ["assemble", "be", "code", "fields", "wire_layout"]


def be(value):
    """Reverse the bytes of ``value``: a big-endian field into a number, or back.

    Raises ValueError unless the width is a multiple of 8.
    """
    value = Value.cast(value)
    if len(value) % 8:
        raise ValueError(f"value must be whole bytes, not {len(value)} bits")
    return Cat(value[at:at + 8] for at in reversed(range(0, len(value), 8)))


def wire_layout(cls):
    """Return the layout of the fixed part of a message, with the host's field names.

    Every member is unsigned and in wire order; :func:`be` gives its value. The size is
    ``8 * cls.LENGTH`` bits.
    """
    return StructLayout({field.name: 8 * field.length for field in cls.FIELDS})


def fields(cls, value):
    """Return each field of a message as a value in host order, by name.

    ``value`` holds the message from bit 0 and may be longer (an appendage, the rest of a buffer).
    A signed field comes as a signed value. The type of the message is not looked at.

    Raises ValueError when ``value`` is shorter than the message.
    """
    value = Value.cast(value)
    if len(value) < 8 * cls.LENGTH:
        raise ValueError(
            f"{cls.__name__} needs {8 * cls.LENGTH} bits, not a value of {len(value)}"
        )
    result = {}
    for field in cls.FIELDS:
        part = be(value[8 * field.offset:8 * (field.offset + field.length)])
        result[field.name] = part.as_signed() if field.kind.signed else part
    return result


def code(cls, name, value):
    """Return the number that field ``name`` has in :func:`fields` when the host encodes ``value``.

    For signed fields it is the unsigned number of the same bits.

    Raises KeyError for a field the message has not, WireError for a value that does not fit (an
    Amaranth constant would wrap in silence).
    """
    field = {field.name: field for field in cls.FIELDS}[name]
    return int.from_bytes(field.kind.pack(f"{cls.__name__}.{name}", value), "big")


def assemble(cls, **values):
    """Return the bits of a message, first byte in bits 7:0, from its fields in host order.

    Fields that the class fixes (its type) are filled in. Any other is given either as an Amaranth
    value, which is extended to the width of the field, or as a constant of the host's kind (an
    ``int`` or ``str``).

    Raises TypeError when a field is missing or unknown, ValueError when a value is wider than its
    field, WireError when a constant does not fit.
    """
    varying = {field.name for field in cls.FIELDS if not field.is_constant}
    if varying != set(values):
        wrong = ", ".join(sorted(varying ^ set(values)))
        raise TypeError(f"{cls.__name__} must be given exactly its fields; check {wrong}")
    parts = []
    for field in cls.FIELDS:
        value = values.get(field.name, getattr(cls, field.name))
        bits = 8 * field.length
        if isinstance(value, (int, str)):
            value = Const(code(cls, field.name, value), bits)
        value = Value.cast(value)
        if len(value) > bits:
            raise ValueError(
                f"{cls.__name__}.{field.name} is {bits} bits wide, not {len(value)}"
            )
        sign = value[-1] if value.shape().signed else Const(0, 1)
        parts.append(be(Cat(value, sign.replicate(bits - len(value)))))
    return Cat(parts)
