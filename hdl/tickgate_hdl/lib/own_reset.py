"""Reset spread over an FPGA: ``own_reset``."""

from amaranth.hdl import (
    ClockDomain,
    ClockSignal,
    DomainRenamer,
    Elaboratable,
    Module,
    ResetSignal,
    Signal,
)

__all__ = ["own_reset"]


def own_reset(registered, part, name):
    """Return ``part``, if ``registered`` reset by registers of its own, two cycles after the rest.

    One reset for a whole chip is a net with tens of thousands of loads, which no router makes fast.
    Two, so that the first can be where the rest is and the second where the part is. A part that is
    reset late comes to life late: what is around must not count on being answered at once, and a
    reset must last until it has come to the innermost parts. Its clock domain has its ``name``,
    which no part in it has.
    """
    return _OwnReset(part, name) if registered else part


class _OwnReset(Elaboratable):
    def __init__(self, part, name):
        self._part, self._name = part, name

    def elaborate(self, platform):
        m = Module()
        own = ClockDomain(self._name, local=True)
        m.domains += own
        comes, reset = (
            Signal(init=1, reset_less=True, attrs={"keep": 1}, name=name)
            for name in ("comes", "reset"))
        m.d.sync += [comes.eq(ResetSignal()), reset.eq(comes)]
        m.d.comb += [own.clk.eq(ClockSignal()), own.rst.eq(reset)]
        m.submodules.part = DomainRenamer(self._name)(self._part)
        return m
