"""Products of wide numbers in two cycles."""

from amaranth.hdl import Mux, Signal

__all__ = ["product"]


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
