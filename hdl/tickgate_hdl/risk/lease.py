"""The lease of the limits: how long they may be used before the host must confirm them."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.risk.countdown import countdown

__all__ = ["Lease"]


class Lease(wiring.Component):
    """Count down from each renewal that names the generation in force.

    A renewal with another number is ignored: a host that is wrong about the limits on the card
    can't keep them alive. After reset the lease is over; a commit leaves it as it is. It runs out
    ``limit_lease`` ticks after a renewal, never later than so many milliseconds.

    Members
    -------
    generation : In(32)
        Limits in force; 0 = none.
    good : Out(1)
        The lease runs.
    expired : Out(1)
        Strobe: it ran out.
    """

    ms_tick: In(1)
    generation: In(32)
    limit_lease__ms: In(32)
    limit_renew__value: In(32)
    limit_renew__value__we: In(1)
    good: Out(1)
    expired: Out(1)

    def __init__(self, *, registered=False):
        self._registered = registered
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        was_good = Signal()
        renews, named = Signal(), Signal()
        m.d.sync += [
            renews.eq(self.limit_renew__value__we),
            named.eq((self.limit_renew__value == self.generation) & (self.generation != 0)),
        ]
        runs = countdown(m, start=renews & named, ticks=self.ms_tick, of=self.limit_lease__ms,
                         registered=self._registered)
        # A register of its own: the verdict reads it without a comparison before.
        m.d.sync += [
            self.good.eq(runs), was_good.eq(self.good),
            self.expired.eq(was_good & ~self.good),
        ]
        return m
