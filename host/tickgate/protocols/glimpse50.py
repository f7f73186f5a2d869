"""Nasdaq GLIMPSE 5.0: the state of the market now, from which the real-time feed goes on.

A client logs in over SoupBinTCP for sequence number 1 and gets, as Sequenced Data: the system
events of the day so far, the directory and the status of every instrument, then an Add Order (A
or F, with its own reference number and the shares still open) for every displayed order, all as
ITCH 5.0 messages. The End of Snapshot below comes last; it exists here alone, and is no message
of the ITCH feed.

Source: Nasdaq "GLIMPSE 5.0". The document's text was not at hand: the layout of G (type, then 20
ASCII digits) and the order of a snapshot are as public implementations of it describe them.
"""

from typing import ClassVar, TypeAlias

from tickgate.protocols import itch50
from tickgate.protocols.itch50 import ItchMessage
from tickgate.protocols.wire import Buffer, Char, Digits20, Message, constant, field


class EndOfSnapshot(Message, type="G"):
    """End of Snapshot. The last message of a snapshot.

    It has none of the ITCH header fields.
    """

    message_type: ClassVar[Char] = constant("type of the message")
    sequence_number: Digits20 = field(
        "MoldUDP64 number of the first message of the real-time feed that is not in the snapshot"
    )


SnapshotMessage: TypeAlias = ItchMessage | EndOfSnapshot

_END = ord(EndOfSnapshot.TYPE)


def decode(data: Buffer) -> SnapshotMessage:
    """Message in `data`, the payload of one Sequenced Data packet of a snapshot.

    Raises UnknownMessage or WireError as `itch50.decode` does.
    """
    if data and data[0] == _END:
        return EndOfSnapshot.decode(data)
    return itch50.decode(data)
