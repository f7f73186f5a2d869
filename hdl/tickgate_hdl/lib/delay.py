"""Values of cycles before: ``delayed``, ``stages``, ``copies``, and ``shares`` of their bits."""

from amaranth.hdl import Signal, Value

__all__ = ["copies", "delayed", "shares", "stages"]


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


def stages(m, registered):
    """Return ``staged(value, name)``: what a value was in the stage before.

    A stage is a register where ``registered``; else there is none, and it is the value itself.
    """
    def staged(value, name):
        if not registered:
            return value
        return delayed(m, Value.cast(value), name, reset_less=True)

    return staged


def copies(m, value, name, number):
    """Return registers of what a value was in the cycle before, all the same, 0 after reset.

    Each has a share of the loads, near by: one register with hundreds of them is far from most.
    """
    registers = [Signal(len(Value.cast(value)), name=f"{name}_{at}", attrs={"keep": 1})
                 for at in range(number)]
    m.d.sync += [register.eq(value) for register in registers]
    return registers


def shares(width, number):
    """Return so many slices that are together all bits of a width, one for each of the copies."""
    share = -(-width // number)
    return [slice(at, min(at + share, width)) for at in range(0, width, share)]
