"""Expressions of little depth: a mapper may keep a chain as a chain, of carries too."""

from itertools import zip_longest

from amaranth.hdl import Mux

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
    """Return the index of the lowest bit that is set; of none it means nothing."""
    found = [(bits[number], number) for number in range(len(bits))]
    while len(found) > 1:
        found = [
            (one | other, Mux(one, first, second))
            for (one, first), (other, second) in zip_longest(
                found[::2], found[1::2], fillvalue=(0, 0))
        ]
    return found[0][1]
