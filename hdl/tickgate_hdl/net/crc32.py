"""The frame check sequence of Ethernet as XOR of bits: no table, no loop in time.

The remainder is held as IEEE 802.3 sends it, reflected: bit 0 belongs to the highest power. It
starts at :data:`START`; the check sequence of a frame is its complement, least significant byte
first. What bytes do to a remainder is linear over single bits, so any number of bytes at a time is
one XOR for each bit of the result, worked out here from the definition, bit by bit.

Source: IEEE 802.3, 3.2.9.
"""

from functools import cache

from amaranth.hdl import Cat, Value

__all__ = ["RESIDUE", "START", "advance", "residue_before", "rewind", "undo"]

_POLYNOMIAL = 0xEDB88320
START = 0xFFFFFFFF
"""Remainder before the first byte of a frame."""

RESIDUE = 0xDEBB20E3
"""Remainder behind the last byte of a right check sequence."""


def _shift(remainder, bits):
    """Return a remainder after so many bits that are 0."""
    for _ in range(bits):
        remainder = remainder >> 1 ^ (_POLYNOMIAL if remainder & 1 else 0)
    return remainder


def _unshift(remainder, bits):
    """Return the remainder that so many bits that are 0 lead away from."""
    for _ in range(bits):
        # The polynomial has bit 31, a shifted remainder has not: so bit 31 tells what was cut off.
        gone = remainder >> 31
        remainder = (remainder ^ (_POLYNOMIAL if gone else 0)) << 1 & 0xFFFFFFFF | gone
    return remainder


def undo(remainder, data):
    """Return the remainder, a number, from which ``data``, bytes, led to ``remainder``."""
    for byte in reversed(data):
        remainder = _unshift(remainder, 8) ^ byte
    return remainder


@cache
def _columns(bits):
    """Return what each bit of a 32-bit remainder becomes after ``bits`` zeros; before, if < 0."""
    move = _shift if bits >= 0 else _unshift
    return [move(1 << bit, abs(bits)) for bit in range(32)]


def _combine(terms):
    """Return the 32 bits of the XOR of (bit, number that it stands for) pairs."""
    return Cat(
        Cat(bit for bit, column in terms if column >> row & 1).xor() for row in range(32))


def advance(remainder, data):
    """Return the remainder after the bytes of ``data``, a value of 1 to 8 bytes, first in 7:0.

    Raises ValueError for another width.
    """
    remainder, data = Value.cast(remainder), Value.cast(data)
    if len(data) % 8 or not 8 <= len(data) <= 64:
        raise ValueError(f"data must be 1 to 8 bytes wide, was {len(data)} bits")
    terms = list(zip(remainder, _columns(len(data)), strict=True))
    for at, bit in enumerate(data):
        # A bit of the data acts like the remainder's bit that would be shifted out with it.
        terms.append((bit, _shift(1, len(data) - at)))
    return _combine(terms)


def rewind(remainder, count):
    """Return the remainder that ``count`` bytes of 0 lead away from, to ``remainder``."""
    return _combine(list(zip(Value.cast(remainder), _columns(-8 * count), strict=True)))


def residue_before(count):
    """Return what the remainder XOR the next ``count`` bytes is if a right frame ends with them.

    ``count`` is 0 to 4; the bytes are in the low bits, 0 above them.
    """
    return _unshift(RESIDUE, 8 * count)
