"""Layouts of the streams that cross the border of a block. First wire byte in bits 7:0."""

from amaranth.lib.data import StructLayout

__all__ = ["ByteBeat", "FrameBeat", "RecordBody", "SymbolStatus", "TopOfBook"]

FrameBeat = StructLayout({"data": 64, "keep": 8, "last": 1, "error": 1})
"""Eight bytes of an Ethernet frame, without preamble and frame check sequence.

``keep`` marks the bytes in use, contiguous from bit 0, all of them except on ``last``. ``error`` on
the last beat says that the frame is bad: its frame check sequence, or what else a MAC refuses.
"""

ByteBeat = StructLayout({"data": 64, "keep": 8, "last": 1})
"""One to eight bytes of the order-entry byte stream.

``keep`` is contiguous from bit 0. ``last`` on the way out marks a point where the network side
should send what it has; on the way in it means nothing.
"""

RecordBody = StructLayout({"body": 384, "template": 8})
"""A ring record without its ring's sequence: bytes 8 to 55 of the slot, and SBE template number."""

TopOfBook = StructLayout({
    "bid": 32, "bid_size": 32, "ask": 32, "ask_size": 32, "bid_orders": 16, "ask_orders": 16,
    "trading_state": 8, "stale": 1,
})
"""Best bid and offer of a symbol, prices in 1/10000 USD, 0 = none; order counts saturate.

``trading_state`` is the ITCH character, a space until it is known. ``stale`` says that the book is
not known to be right.
"""

SymbolStatus = StructLayout({
    "trading_state": 8, "trading_reason": 32, "reg_sho": 8, "halted_markets": 3, "breaker": 2,
    "collar_set": 1, "collar_reference": 32, "collar_upper": 32, "collar_lower": 32,
    "collar_extension": 32,
    "ipo_set": 1, "ipo_qualifier": 8, "ipo_release": 32, "ipo_price": 32,
    "rpii": 8, "listed": 1, "round_lot": 32, "financial_status": 8, "authenticity": 8,
    "luld_tier": 8, "system_event": 8,
})
"""What the feed's status messages said of a symbol since the session began (ITCH 5.0, section 1.2).

Characters are a space, numbers 0, until the message comes. ``trading_state`` and
``trading_reason`` of H, ``reg_sho`` of Y; ``halted_markets`` of h: bits 0 to 2 are Q, B and X;
``breaker`` the level that W told last (0 = none), for every symbol, until H says that the symbol
trades again; ``collar_*`` of J, ``ipo_*`` of K (``ipo_release`` in seconds since midnight),
``rpii`` of N; ``listed`` and what follows it of R; ``system_event`` of S. Prices are in 1/10000
USD.
"""
