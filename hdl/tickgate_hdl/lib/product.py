"""Products of wide numbers in a few cycles."""

from amaranth.hdl import Cat, Mux, Signal

__all__ = ["product", "product_of_halves"]


def product(m, number, factor, name, *, less=None, widest=64):
    """Return ``number * factor`` of two cycles before: first of parts of both, then all.

    ``less``, of the cycle before, is taken off the sum. ``number`` is unsigned and wider than 16
    bits. A reset leaves the registers alone. No more than ``widest`` bits of the factor are
    multiplied in one go: 18 are what a multiplier of the ECP5 takes.
    """
    whole, total = number * factor, 0
    for at in range(0, len(factor), widest):
        # A factor that is one piece may be signed.
        piece = factor[at:at + widest] if len(factor) > widest else factor
        more = f"_{at}" if at else ""
        if len(piece) <= 2:  # no multiplier for so few
            parts = {"few": (0, sum(Mux(bit, number, 0) << by for by, bit in enumerate(piece)))}
        else:
            parts = {"low": (0, number[:16] * piece), "high": (16, number[16:] * piece)}
        for part, (by, value) in parts.items():
            kept = Signal(value.shape(), name=f"{name}_{part}{more}", reset_less=True)
            m.d.sync += kept.eq(value)
            total += kept << (at + by)
    if less is not None:
        whole, total = whole - less, total - less
    value = Signal(whole.shape(), name=name, reset_less=True)
    m.d.sync += value.eq(total)
    return value


def product_of_halves(m, number, factor, name):
    """Return ``number * factor`` of three cycles before: of halves of both, then the sums.

    No multiplier is wider than those of the ECP5, so none has a sum behind it in its cycle. Both
    are wider than 16 bits, ``number`` is unsigned. A reset leaves the registers alone.
    """
    def kept(value, part):
        register = Signal(value.shape(), name=f"{name}_{part}", reset_less=True)
        m.d.sync += register.eq(value)
        return register

    top = factor[16:].as_signed() if factor.shape().signed else factor[16:]
    low, middle, other, high = (kept(value, part) for value, part in (
        (number[:16] * factor[:16], "low"), (number[16:] * factor[:16], "middle"),
        (number[:16] * top, "other"), (number[16:] * top, "high")))
    crossed = kept(middle + other, "crossed")
    outer = Cat(kept(low, "low_kept"), kept(high, "high_kept"))
    value = Signal((number * factor).shape(), name=name, reset_less=True)
    m.d.sync += value.eq(outer + (crossed << 16))
    return value
