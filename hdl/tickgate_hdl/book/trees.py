"""Expressions of little depth: a mapper may keep a chain as a chain, of carries too."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Mux

__all__ = ["any_of", "exceeds", "index_of", "is_greater", "lowest", "one_of"]


def any_of(values, *, arity=2):
    """Return the OR of values, so many of them in a gate."""
    values = list(values)
    while len(values) > 1:
        values = [reduce(or_, values[at:at + arity]) for at in range(0, len(values), arity)]
    return values[0]


def one_of(conditions, values):
    """Return the value whose condition holds, the OR of several; 0 if none does.

    Three choices share a LUT of six inputs, six of those the next one.
    """
    values = [Mux(condition, value, 0) for condition, value in zip(conditions, values, strict=True)]
    return any_of([any_of(values[at:at + 3], arity=3) for at in range(0, len(values), 3)], arity=6)


def exceeds(value, number):
    """Return whether a small value is greater than a constant, in gates that fit one LUT."""
    result = 0
    for at in range(len(value)):
        bit = value[at]
        result = bit & result if number >> at & 1 else bit | result
    return result


def is_greater(one, other):
    """Return whether a number is greater than another of its width, without carry cells.

    Of two neighbouring ranges of bits the higher one decides, unless it is equal.
    """
    ranges = [(a & ~b, ~(a ^ b)) for a, b in zip(one, other, strict=True)]
    while len(ranges) > 1:
        joined = [(high_more | (high_same & low_more), high_same & low_same)
                  for (low_more, low_same), (high_more, high_same) in zip(
                      ranges[::2], ranges[1::2], strict=False)]
        ranges = joined + ranges[2 * len(joined):]
    return ranges[0][0]


def lowest(bits):
    """Return the bits with only the lowest left of those that are set: a carry chain."""
    return bits & (~bits + 1)[:len(bits)]


def index_of(one_hot):
    """Return the index of the bit that is set; of none it is 0."""
    return Cat(
        any_of([one_hot[number] for number in range(len(one_hot)) if number >> at & 1])
        for at in range((len(one_hot) - 1).bit_length()))
