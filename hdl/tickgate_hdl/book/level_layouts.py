"""Layouts of price levels: rows of them, operations on them, and what becomes of the best ones."""

from amaranth.lib.data import ArrayLayout, StructLayout

from tickgate_hdl.pcie.depth import DepthRow

__all__ = ["BestLevel", "DepthRow", "Level", "LevelOp", "LevelResult", "level_row"]

Level = StructLayout({"key": 32, "size": 40, "orders": 20, "unused": 4})
"""A price level as it is kept: shares and orders at a price.

It takes three whole words, so that in a row every level begins at one: a simulator then copies and
compares it without shifting, which makes the whole model several percent faster. ``unused`` is 0.

``key`` is the price of an offer and the complement of the price of a bid, so that on both sides the
better of two levels is the one with the smaller key.
"""

BestLevel = StructLayout({"price": 32, "size": 32, "orders": 16})
"""A price level as it is shown: price in 1/10000 USD; shares and orders saturate; 0 = none."""

LevelOp = StructLayout(
    {"price": 32, "shares": 32, "symbol": 16, "sell": 1, "add": 1, "order": 1}
)
"""Put ``shares`` on a level of a book side, or (``add`` 0) take them off.

``order`` says that the level has one order more, or fewer; it vanishes with its last order.
"""

LevelResult = StructLayout(
    {"bid": BestLevel, "ask": BestLevel, "symbol": 16, "sell": 1, "missed": 1}
)
"""The best levels after an operation on side ``sell``.

``missed`` says that more was to be taken off a level than there was; nothing wraps by that.
"""


def level_row(levels):
    """Return the layout of a row of up to ``levels`` price levels, best first."""
    return StructLayout(
        {"levels": ArrayLayout(Level, levels), "count": (levels).bit_length()}
    )
