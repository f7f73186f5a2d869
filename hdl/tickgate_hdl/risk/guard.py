"""Arming and the host's watchdog."""

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.delay import delayed, stages
from tickgate_hdl.risk.countdown import countdown

__all__ = ["Guard"]


class Guard(wiring.Component):
    """Keep the gate armed only while the host is alive.

    The watchdog is out after reset and runs out ``ms`` ticks after a touch, never later than
    ``ms`` milliseconds; a timeout of 0 is out at once. Running out disarms, and only a new arm
    command arms again. Arming needs ``ready``, ``limits_valid``, the watchdog, and limits that are
    not ``generation_used``, or is ignored: whoever opens the gate again has committed limits since.

    ``registered``, a timeout of 0, limits that become valid, and a generation that is not in force
    any more count a cycle later.

    Members
    -------
    generation : In(32)
        Limits in force; 0 = none.
    armed, watchdog_ok : Out(1)
        State.
    generation_used : Out(1)
        The gate is armed, or was armed last, with the generation in force.
    switched : Out(1)
        Strobe: ``armed`` changed by a command.
    expired : Out(1)
        Strobe: the watchdog ran out.
    """

    ready: In(1)
    limits_valid: In(1)
    generation: In(32)
    ms_tick: In(1)
    control__arm: In(1)
    control__disarm: In(1)
    watchdog_timeout__ms: In(16)
    watchdog_touch__touch: In(1)
    armed: Out(1)
    watchdog_ok: Out(1)
    generation_used: Out(1)
    switched: Out(1)
    expired: Out(1)

    def __init__(self, *, registered=False):
        self._registered = registered
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        staged = stages(m, self._registered)
        timeout = self.watchdog_timeout__ms
        runs = countdown(m, start=self.watchdog_touch__touch, ticks=self.ms_tick, of=timeout,
                         registered=self._registered)
        m.d.comb += self.watchdog_ok.eq(runs & staged(timeout != 0, "has_timeout"))
        has_limits = staged(self.limits_valid, "has_limits")

        last = Signal(32)
        same = staged((self.generation == last) & (last != 0), "same")
        # What was compared while it was armed is of the generation before.
        was_armed = delayed(m, self.armed, "was_armed") if self._registered else Const(0)
        with m.If(self.armed):
            m.d.sync += [last.eq(self.generation), self.generation_used.eq(1)]
        with m.Elif(~was_armed):
            # A register of its own: arming reads it without a comparison before.
            m.d.sync += self.generation_used.eq(same)

        was_ok = Signal()
        m.d.sync += [
            was_ok.eq(self.watchdog_ok),
            self.expired.eq(was_ok & ~self.watchdog_ok),
            self.switched.eq(0),
        ]
        with m.If(~self.watchdog_ok):
            m.d.sync += self.armed.eq(0)
        with m.Elif(self.control__disarm):
            m.d.sync += [self.armed.eq(0), self.switched.eq(self.armed)]
        with m.Elif(self.control__arm & self.ready & has_limits
                    & ~self.generation_used):
            m.d.sync += [self.armed.eq(1), self.switched.eq(~self.armed)]
        return m
