"""Layouts between lines, window and book: messages of the feed, one by one."""

from amaranth.lib.data import StructLayout

__all__ = ["ITEM_BYTES", "FeedItem", "InjectBeat", "PacketSeen"]

ITEM_BYTES = 50
"""Bytes of a message that a FeedItem holds: the longest ITCH message."""

FeedItem = StructLayout(
    {
        "sequence": 64,
        "time_ns": 64,
        "arrival": 32,
        "data": 8 * ITEM_BYTES,
        "length": 8,
        "channel": 2,
    }
)
"""One message of a channel of the feed, with its MoldUDP64 sequence number.

``length`` saturates at 255; ``data`` has the first 50 bytes, byte 0 in bits 7:0, and means nothing
beyond ``length``. ``time_ns`` is the card's UTC clock at the frame's first beat; ``arrival`` the
cycle in which the message's last byte was at the card's input, so that latencies count from there.
The wide ones come first, for simulators: what begins at a word is copied, not shifted.
"""

PacketSeen = StructLayout(
    {"sequence": 64, "next": 64, "session": 80, "heartbeat": 1, "end": 1}
)
"""The header of a MoldUDP64 packet: character 0 of ``session`` in bits 7:0.

``next`` is the sequence number after the packet's last message; of a heartbeat or end of session it
is ``sequence``, the number of the message to come.
"""

InjectBeat = StructLayout({"data": 64, "keep": 8, "first": 1, "last": 1, "snapshot": 1})
"""Eight bytes of a MoldUDP64 packet that the host hands to the card.

``keep`` is contiguous from bit 0, all ones except on ``last``. ``snapshot`` says that the messages
are those of a snapshot, which have no sequence numbers of their own.
"""
