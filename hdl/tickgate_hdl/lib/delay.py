"""Values of cycles before: ``delayed``."""

from amaranth.hdl import Signal, Value

__all__ = ["delayed"]


def delayed(m, value, name, cycles=1):
    """Return what ``value`` was so many cycles before: registers of ``m``, 0 after reset."""
    for number in range(cycles):
        later = Signal(len(Value.cast(value)), name=name if cycles == 1 else f"{name}_{number}")
        m.d.sync += later.eq(value)
        value = later
    return value
