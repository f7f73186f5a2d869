"""Layouts between the parts of the feed."""

from amaranth.lib.data import StructLayout

__all__ = ["END_OF_SESSION", "GAP", "ITEM_BYTES", "MESSAGE", "NEW_SESSION", "MoldItem"]

MESSAGE, GAP, NEW_SESSION, END_OF_SESSION = range(4)
"""Kinds of a MoldItem."""

ITEM_BYTES = 50
"""Bytes of a message that a MoldItem holds: the longest ITCH message."""

MoldItem = StructLayout(
    {
        "kind": 2,
        "sequence": 64,
        "expected": 64,
        "time_ns": 64,
        "arrival": 32,
        "length": 16,
        "data": 8 * ITEM_BYTES,
    }
)
"""What MoldUDP64 reception tells, in the order in which it happened.

``sequence`` is that of the message, or of the packet for the other kinds; ``expected`` the number
that was expected (gap only); ``time_ns`` the UTC clock at the frame's first beat. A message has
``length`` bytes, of which ``data`` holds the first 50, and came in with its last byte at cycle
``arrival``.
"""
