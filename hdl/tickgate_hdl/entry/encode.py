"""Bytes of the packets that the card sends to the venue, laid out by the wire tables."""

from amaranth.hdl import Cat, Const, Value
from amaranth.lib.data import StructLayout
from tickgate.protocols.ouch50.base import OuchMessage
from tickgate.protocols.ouch50.inbound import EnterOrder
from tickgate.protocols.soupbintcp import LENGTH_BYTES, UnsequencedData

__all__ = ["MAX_PACKET", "Packet", "packet_bytes"]

_APPENDAGE = Const(0, 16)
"""The length of an appendage that is not there."""

MAX_PACKET = UnsequencedData.LENGTH + EnterOrder.LENGTH + len(_APPENDAGE) // 8
"""Bytes of the longest packet."""

Packet = StructLayout({"data": 8 * MAX_PACKET, "length": range(MAX_PACKET + 1)})
"""A packet of ``length`` bytes, first byte in bits 7:0."""


def _field(row, value):
    if isinstance(value, str):
        value = Const(int.from_bytes(value.encode("ascii"), "little"), 8 * row.length)
    elif isinstance(value, int):
        value = Const(value, 8 * row.length)
    value = Value.cast(value)
    octets = [value[at:at + 8] for at in range(0, len(value), 8)]
    octets += [Const(0, 8)] * (row.length - len(octets))
    return Cat(*(octets if row.kind.is_text else reversed(octets)))


def _table(message, values):
    unknown = values.keys() - {row.name for row in message.FIELDS}
    if unknown:
        raise KeyError(f"{message.__name__} has no fields {sorted(unknown)}")
    return Cat(_field(row, values[row.name]) for row in message.FIELDS)


def packet_bytes(message, **values):
    """Return the bytes of a SoupBinTCP packet: a Value, first byte in bits 7:0.

    ``message`` is a packet class, or an OUCH class, which goes into Unsequenced Data with an
    empty appendage. Integers in ``values`` are plain numbers, text has character 0 in the low
    bits. Raises KeyError when a field is missing or unknown.
    """
    if issubclass(message, OuchMessage):
        body = Cat(_table(message, {"message_type": message.TYPE, **values}), _APPENDAGE)
        header = {
            "packet_length": UnsequencedData.LENGTH - LENGTH_BYTES + len(body) // 8,
            "packet_type": UnsequencedData.TYPE,
        }
        return Cat(_table(UnsequencedData, header), body)
    header = {"packet_length": message.LENGTH - LENGTH_BYTES, "packet_type": message.TYPE}
    return _table(message, {**header, **values})
