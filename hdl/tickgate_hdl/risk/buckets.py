"""Message rates: one token bucket for each account."""

from amaranth.hdl import Array, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from tickgate_hdl.top.config import CardConfig

__all__ = ["TokenBuckets"]

COST = 1000
"""What one message takes, in 1/1000 messages: a refill of ``rate`` a millisecond is then exact."""


class TokenBuckets(wiring.Component):
    """Tell whether an account may send a message now, and charge it.

    Each bucket keeps what was spent and not yet refilled, not what is left: a bucket is full
    after reset whatever limits come, and a commit with another ``burst`` takes effect at once.
    A tick lets each account's spending shrink by its ``rate``, one account a cycle, two cycles
    after the tick; a charge in the same cycle makes the refill wait.

    Members
    -------
    account, burst : In
        Account to judge and its bucket's size in messages.
    available : Out(1)
        There is room for one message; two cycles after ``account`` and ``burst`` are stable.
    charge : In(1)
        Strobe: charge ``account`` one message.
    tick : In(1)
        Strobe: a millisecond passed.
    refilling : Out(1)
        Ticks are being worked off.
    rate_account, rate : Out, In
        Read port for the accounts' rates, one cycle.
    """

    def __init__(self, config: CardConfig):
        self._accounts = config.accounts
        width = ceil_log2(config.accounts)
        super().__init__({
            "account": In(width), "burst": In(16), "available": Out(1), "charge": In(1),
            "tick": In(1), "refilling": Out(1), "rate_account": Out(width), "rate": In(16),
        })

    def elaborate(self, platform):
        m = Module()
        spent = Array(Signal(27, name=f"spent_{index}") for index in range(self._accounts))
        capacity, used = Signal(26), Signal(27)
        m.d.sync += [
            capacity.eq(self.burst * COST),
            used.eq(spent[self.account]),
            self.available.eq(used + COST <= capacity),
        ]

        due = Signal(8)  # ticks not yet walked: a simulated clock may tick faster than a walk
        walking, fetched = Signal(), Signal()
        m.d.comb += self.refilling.eq(walking | (due != 0))
        done = Signal()
        with m.If(self.tick & ~done & ~due.all()):
            m.d.sync += due.eq(due + 1)
        with m.Elif(~self.tick & done):
            m.d.sync += due.eq(due - 1)

        with m.If(~walking & (due != 0)):
            m.d.sync += [walking.eq(1), fetched.eq(0), self.rate_account.eq(0)]
        with m.Elif(walking & ~fetched):
            m.d.sync += fetched.eq(1)
        with m.Elif(walking & ~self.charge):
            now = spent[self.rate_account]
            with m.If(now > self.rate):
                m.d.sync += spent[self.rate_account].eq(now - self.rate)
            with m.Else():
                m.d.sync += spent[self.rate_account].eq(0)
            m.d.sync += [fetched.eq(0), self.rate_account.eq(self.rate_account + 1)]
            with m.If(self.rate_account == self._accounts - 1):
                m.d.comb += done.eq(1)
                m.d.sync += walking.eq(0)
        with m.If(self.charge):
            m.d.sync += spent[self.account].eq(spent[self.account] + COST)
        return m
