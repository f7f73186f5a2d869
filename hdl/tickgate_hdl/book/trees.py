"""Expressions of little depth: a mapper may keep a chain as a chain, of carries too."""

from itertools import zip_longest

from amaranth.hdl import Cat

__all__ = ["any_of", "exceeds", "lowest"]


def any_of(values):
    """Return the OR of values."""
    values = list(values)
    while len(values) > 1:
        values = [one | other for one, other in zip_longest(values[::2], values[1::2], fillvalue=0)]
    return values[0]


def exceeds(value, number):
    """Return whether a small value is greater than a constant, in gates that fit one LUT."""
    result = 0
    for at in range(len(value)):
        bit = value[at]
        result = bit & result if number >> at & 1 else bit | result
    return result


def lowest(bits):
    """Return the index of the lowest bit that is set; of none it is 0.

    That bit alone is left by a carry chain, then each bit of its index is an OR.
    """
    alone = bits & (~bits + 1)[:len(bits)]
    return Cat(
        any_of([alone[number] for number in range(len(bits)) if number >> at & 1])
        for at in range((len(bits) - 1).bit_length()))
