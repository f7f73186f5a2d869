"""Small truth tables."""

from amaranth.hdl import Const

__all__ = ["lookup"]


def lookup(index, holds):
    """Return the bit ``holds(number)`` for the number in ``index``, a value of a few bits.

    It is a table for the FPGA's lookup tables, where a comparison or an addition may become a chain
    of carries.
    """
    rows = 1 << len(index)
    return Const(sum(bool(holds(row)) << row for row in range(rows)), rows).bit_select(index, 1)
