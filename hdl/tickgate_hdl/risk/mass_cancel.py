"""The watchdog's second stage: a mass cancel when the host stays away."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["MassCancel"]


class MassCancel(wiring.Component):
    """Have the venue cancel everything, once, when the host does not come back.

    Exactly ``ms`` ticks after the watchdog ran out a mass cancel is due, and stays due until it has
    left, which may be only when the venue session is up again. A touch, the watchdog being good or
    a time of 0 end that; then it acts again only after the watchdog was good. What entry has taken
    leaves whatever comes; if the link drops before all of it has left, it is due as before.

    Members
    -------
    watchdog_ok : In(1)
        The first stage (``Guard``).
    last_token, weighs : In(32), In(1)
        Highest UserRefNum that was judged; an order is weighed, and may raise it.
    due : Out(1)
        Entry should send a mass cancel with UserRefNum ``token``. May cease before it is taken, and
        does not come while an order is weighed or in the cycle after.
    token : Out(32)
        The number above ``last_token``; the last one there is when there is none above.
    taken, sent, cut : In(1)
        Strobes: entry has taken it and will send it; the wire took all of it; it never will.
    uses : Out(1)
        Strobe: the number is used, with ``taken``; never without ``due``.
    told_sent, told_waits : Out(1)
        Strobes: it was sent, with ``sent_token``; it is due and there is no session, told once.
    """

    watchdog_ok: In(1)
    watchdog_touch__touch: In(1)
    watchdog_cancel__ms: In(16)
    ms_tick: In(1)
    session_up: In(1)
    last_token: In(32)
    weighs: In(1)
    due: Out(1)
    token: Out(32)
    taken: In(1)
    uses: Out(1)
    sent: In(1)
    cut: In(1)
    told_sent: Out(1)
    told_waits: Out(1)
    sent_token: Out(32)
    status__mass_cancel_on: Out(1)
    status__mass_cancel_due: Out(1)
    count_mass_cancels__count: Out(32)

    def elaborate(self, platform):
        m = Module()
        is_on, was_ok = Signal(), Signal()
        left, is_due, waits_told = Signal(16), Signal(), Signal()
        m.d.sync += was_ok.eq(self.watchdog_ok)
        m.d.comb += [
            is_on.eq(self.watchdog_cancel__ms != 0),
            self.status__mass_cancel_on.eq(is_on), self.status__mass_cancel_due.eq(is_due),
        ]
        with m.If(self.ms_tick & (left != 0)):
            m.d.sync += left.eq(left - 1)
            with m.If(left == 1):
                m.d.sync += is_due.eq(1)
        with m.If(was_ok & ~self.watchdog_ok):
            m.d.sync += left.eq(self.watchdog_cancel__ms)

        leaves, moved = Signal(), Signal()
        m.d.sync += [
            # It is one cycle behind the last token, so it is not used where that may have moved.
            self.token.eq(self.last_token + ~self.last_token.all()),
            moved.eq(self.weighs | self.uses),
            self.told_sent.eq(self.sent),
        ]
        m.d.comb += [
            self.due.eq(is_due & self.session_up & ~leaves & ~self.weighs & ~moved),
            self.uses.eq(self.due & self.taken),
        ]
        with m.If(self.uses):
            m.d.sync += [leaves.eq(1), self.sent_token.eq(self.token)]
        with m.If(self.sent | self.cut):
            m.d.sync += leaves.eq(0)
        with m.If(self.sent):
            m.d.sync += [
                is_due.eq(0),
                self.count_mass_cancels__count.eq(self.count_mass_cancels__count + 1),
            ]

        waits = Signal()
        m.d.comb += waits.eq(is_due & ~self.session_up & ~leaves)
        m.d.sync += [
            waits_told.eq(is_due & (waits_told | waits)),
            self.told_waits.eq(waits & ~waits_told),
        ]
        with m.If(self.watchdog_ok | self.watchdog_touch__touch | ~is_on):
            m.d.sync += [left.eq(0), is_due.eq(0)]
        return m
