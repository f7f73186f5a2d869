"""Products of wide numbers in two cycles."""

from amaranth.hdl import Signal

__all__ = ["product"]


def product(m, number, factor, name, *, less=None):
    """Return ``number * factor`` of two cycles before: first of each half of the number, then both.

    ``less``, of the cycle before, is taken off the sum. ``number`` is unsigned and wider than 16
    bits. A reset leaves the registers alone.
    """
    whole, parts = number * factor, []
    for half, bits in (("low", number[:16]), ("high", number[16:])):
        part = bits * factor
        parts.append(Signal(part.shape(), name=f"{name}_{half}", reset_less=True))
        m.d.sync += parts[-1].eq(part)
    low, high = parts
    total = low + (high << 16)
    if less is not None:
        whole, total = whole - less, total - less
    value = Signal(whole.shape(), name=name, reset_less=True)
    m.d.sync += value.eq(total)
    return value
