"""Bytes of the packets that the card sends to the venue, laid out by the wire tables."""

from amaranth.hdl import Cat, Const
from amaranth.lib.data import StructLayout
from tickgate.protocols.ouch50.base import OuchMessage
from tickgate.protocols.ouch50.inbound import EnterOrder
from tickgate.protocols.soupbintcp import LENGTH_BYTES, UnsequencedData

from tickgate_hdl.lib.wire import assemble, be

__all__ = ["MAX_PACKET", "Packet", "packet_bytes"]

_APPENDAGE = Const(0, 16)
"""The length of an appendage that is not there."""

MAX_PACKET = UnsequencedData.LENGTH + EnterOrder.LENGTH + len(_APPENDAGE) // 8
"""Bytes of the longest packet."""

Packet = StructLayout({"data": 8 * MAX_PACKET, "length": range(MAX_PACKET + 1)})
"""A packet of ``length`` bytes, first byte in bits 7:0."""


def packet_bytes(message, **values):
    """Return the bytes of a SoupBinTCP packet: a Value, first byte in bits 7:0.

    ``message`` is a packet class, or an OUCH class, which goes into Unsequenced Data with an
    empty appendage. Integers in ``values`` are plain numbers, text has character 0 in the low
    bits. Raises TypeError when a field is missing or unknown.
    """
    texts = {field.name for field in message.FIELDS if field.kind.is_text}
    body = assemble(message, **{
        name: be(value) if name in texts else value for name, value in values.items()})
    if not issubclass(message, OuchMessage):
        return body
    body = Cat(body, _APPENDAGE)
    length = UnsequencedData.LENGTH - LENGTH_BYTES + len(body) // 8
    return Cat(be(Const(length, 16)), Const(ord(UnsequencedData.TYPE), 8), body)
