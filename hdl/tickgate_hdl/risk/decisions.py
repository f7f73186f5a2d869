"""The gate's answer to each order request, and the counts of answers."""

from amaranth.hdl import Array, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from tickgate.records.schema import GATE_DECISION, ORDER_REQUEST
from tickgate.risk.checks import BY_NAME, CHECKS

from tickgate_hdl.lib.layouts import RecordBody
from tickgate_hdl.lib.records import record_layout

__all__ = ["Decisions"]

_VENUE_DOWN = BY_NAME["venue_down"].bit
_COPIED = ("user_ref_num", "orig_user_ref_num", "account", "symbol", "session", "action",
           "quantity")


class Decisions(wiring.Component):
    """Tell the host each verdict: a refusal at once, a pass when its first word left.

    One order is between its verdict and its answer at a time (``free`` is low meanwhile). If an
    order that passed can no longer be sent, ``withdraw`` asks for its reservation back, and when
    that is done the answer is ``venue_down``.

    Members
    -------
    offered, taken : In(1)
        An order request is offered to the gate; it is taken in this cycle.
    request : In
        The order in hand.
    verdict : In(1)
        Strobe: keep ``checks``, ``first``, ``bid``, ``ask``, ``generation``, ``time_ns``.
    commit : In(1)
        Strobe, later: act on them.
    sent, unsent : In(1)
        Strobes: the order's first word was taken by the wire; it never will be.
    withdraw, withdrawn : Out, In (1)
        A reservation is to be taken back; strobe: that is done.
    free : Out(1)
        Another order may be taken.
    passes : Out(1)
        The verdict in hand lets the order through.
    o : Out(stream of RecordBody)
        GateDecision records.
    """

    def __init__(self):
        super().__init__({
            "offered": In(1), "taken": In(1), "request": In(record_layout(ORDER_REQUEST)),
            "verdict": In(1), "commit": In(1), "checks": In(len(CHECKS)), "first": In(8),
            "bid": In(32), "ask": In(32), "generation": In(32), "time_ns": In(64),
            "sent": In(1), "unsent": In(1),
            "withdraw": Out(1), "withdrawn": In(1),
            "free": Out(1), "passes": Out(1),
            "o": Out(stream.Signature(RecordBody)),
            "check_select__check": In(8), "check_count__count": Out(32),
            "count_orders_in__count": Out(32), "count_orders_passed__count": Out(32),
            "count_orders_refused__count": Out(32), "count_cancels_passed__count": Out(32),
        })

    def elaborate(self, platform):
        m = Module()
        request = self.request
        decision = Signal(record_layout(GATE_DECISION))
        m.d.comb += [
            self.o.payload.template.eq(GATE_DECISION.template),
            self.o.payload.body.eq(decision),
            self.passes.eq(decision.checks == 0),
        ]

        def count(name):
            counter = getattr(self, f"count_{name}__count")
            m.d.sync += counter.eq(counter + 1)

        # Cycles since the order in hand was first offered, and of the next one that waits.
        age, waited = Signal(16), Signal(16)
        with m.If(~age.all()):
            m.d.sync += age.eq(age + 1)
        with m.If(~self.offered | self.taken):
            m.d.sync += waited.eq(0)
        with m.Elif(~waited.all()):
            m.d.sync += waited.eq(waited + 1)
        with m.If(self.taken):
            m.d.sync += age.eq(waited + 1)
            count("orders_in")

        sending, answers = Signal(), Signal()
        refuses, refused_by = Signal(), Signal(range(len(CHECKS)))
        m.d.comb += self.free.eq(~sending & ~self.withdraw & ~self.o.valid)
        with m.If(self.verdict):
            m.d.sync += [
                decision.checks.eq(self.checks), decision.first_check.eq(self.first),
                decision.bid.eq(self.bid), decision.ask.eq(self.ask),
                decision.generation.eq(self.generation), decision.time_ns.eq(self.time_ns),
            ]
        with m.If(self.commit):
            m.d.sync += [
                decision.gate_cycles.eq(age + 1), decision.wire_cycles.eq(0),
                *(getattr(decision, name).eq(getattr(request, name)) for name in _COPIED),
            ]
            with m.If(self.passes):
                m.d.sync += sending.eq(1)
            with m.Else():
                m.d.comb += [refuses.eq(1), refused_by.eq(decision.first_check)]

        with m.If(sending & self.sent):
            m.d.sync += [sending.eq(0), decision.wire_cycles.eq(age)]
            m.d.comb += answers.eq(1)
            with m.If(request.action == ord("X")):
                count("cancels_passed")
            with m.Else():
                count("orders_passed")
        with m.Elif(sending & self.unsent):
            m.d.sync += [sending.eq(0), self.withdraw.eq(1)]
        with m.If(self.withdrawn):
            m.d.sync += [
                decision.checks.eq(1 << _VENUE_DOWN), decision.first_check.eq(_VENUE_DOWN),
                self.withdraw.eq(0),
            ]
            m.d.comb += [refuses.eq(1), refused_by.eq(_VENUE_DOWN)]

        refusals = Array(Signal(32, name=f"refusals_{check.name}") for check in CHECKS)
        with m.If(refuses):
            m.d.comb += answers.eq(1)
            m.d.sync += refusals[refused_by].eq(refusals[refused_by] + 1)
            count("orders_refused")
        with m.If(self.check_select__check < len(CHECKS)):
            m.d.comb += self.check_count__count.eq(refusals[self.check_select__check])

        with m.If(answers):
            m.d.sync += self.o.valid.eq(1)
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m
