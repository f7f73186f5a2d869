"""Values of cycles before: ``delayed``."""

from amaranth.hdl import Signal, Value

__all__ = ["delayed"]


def delayed(m, value, name, cycles=1, *, reset_less=False):
    """Return what ``value`` was so many cycles before: registers of ``m``, 0 after reset.

    With ``reset_less`` a reset leaves them alone: for what means nothing without a flag beside it.
    """
    for number in range(cycles):
        later = Signal(len(Value.cast(value)), name=name if cycles == 1 else f"{name}_{number}",
                       reset_less=reset_less)
        m.d.sync += later.eq(value)
        value = later
    return value
