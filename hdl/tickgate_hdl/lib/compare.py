"""Comparisons: of wide numbers in little time, and of a character with several."""

from contextlib import contextmanager
from contextvars import ContextVar

from amaranth.hdl import Cat

from tickgate_hdl.lib.delay import delayed

__all__ = ["compared_at_once", "compared_in_halves", "equal", "is_above", "is_below", "is_one_of"]

_at_once = ContextVar("at_once", default=False)


@contextmanager
def compared_at_once():
    """Let ``equal`` give plain comparisons, which mean the same and are quick to simulate, as a
    chain of pieces is not."""
    token = _at_once.set(True)
    try:
        yield
    finally:
        _at_once.reset(token)


def equal(one, other, *, piece=3):
    """Return that two values of one width are equal, as the carry of a chain.

    ``piece`` bits are compared by a LUT; that all are equal is told by the FPGA's carry cells,
    which are faster than the LUTs of a tree: incremented, the pieces overflow if all are set.
    """
    if _at_once.get():
        return one == other
    pieces = Cat(one[at:at + piece] == other[at:at + piece] for at in range(0, len(one), piece))
    return (pieces + 1)[len(pieces)]


def is_above(one, other):
    """Return whether a number is greater than another, as the sign of their difference.

    It means what ``one > other`` means. On the ECP5 that is a carry chain and then a tree of LUTs,
    which tells whether all bits are equal; this is the chain alone.
    """
    return (other - one)[-1]


def is_below(value, number):
    """Return whether an unsigned value is less than a constant, without a carry chain where that is
    a power of two: the bits above tell."""
    if number & (number - 1):
        return value < number
    return ~value[number.bit_length() - 1:].any()


def compared_in_halves(m, one, other, name):
    """Return whether ``one`` was greater than ``other`` in the cycle before, and whether equal.

    Halves are compared side by side and joined behind registers of ``m``: carry chains over all
    bits would be twice as long. Both have one width.
    """
    at = len(one) // 2
    low, low_same, high, high_same = (
        delayed(m, value, f"{name}_{part}") for part, value in (
            ("low", is_above(one[:at], other[:at])),
            ("low_same", equal(one[:at], other[:at], piece=2)),
            ("high", is_above(one[at:], other[at:])),
            ("high_same", equal(one[at:], other[at:], piece=2))))
    return high | (high_same & low), high_same & low_same


def is_one_of(character, characters):
    """Return whether an ASCII character is one of those of a text."""
    return Cat(character == ord(each) for each in characters).any()
