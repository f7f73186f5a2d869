"""Layouts of the streams that cross the border of a block. First wire byte in bits 7:0."""

from amaranth.lib.data import StructLayout

__all__ = ["ByteBeat", "FrameBeat", "RecordBody", "TopOfBook"]

FrameBeat = StructLayout({"data": 64, "keep": 8, "last": 1, "error": 1})
"""Eight bytes of an Ethernet frame, without preamble and frame check sequence.

``keep`` marks the bytes in use, contiguous from bit 0, all of them except on ``last``. ``error`` on
the last beat says that the frame check sequence was wrong.
"""

ByteBeat = StructLayout({"data": 64, "keep": 8, "last": 1})
"""One to eight bytes of the order-entry byte stream.

``keep`` is contiguous from bit 0. ``last`` on the way out marks a point where the network side
should send what it has; on the way in it means nothing.
"""

RecordBody = StructLayout({"template": 8, "body": 384})
"""A ring record without its ring's sequence: SBE template number and bytes 8 to 55 of the slot."""

TopOfBook = StructLayout({
    "bid": 32, "bid_size": 32, "ask": 32, "ask_size": 32, "trading_state": 8, "stale": 1,
})
"""Best bid and offer of a symbol, prices in 1/10000 USD, 0 = none.

``trading_state`` is the ITCH character, a space until it is known. ``stale`` says that the book is
not known to be right.
"""
