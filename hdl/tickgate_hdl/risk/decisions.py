"""The gate's answer to each order request, in order, and the counts of answers."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out
from tickgate.records.schema import GATE_DECISION
from tickgate.risk.checks import BY_NAME, CHECKS, NO_CHECK

from tickgate_hdl.lib.delay import delayed, stages
from tickgate_hdl.lib.layouts import RecordBody
from tickgate_hdl.lib.records import record_layout

__all__ = ["DEPTH", "Decisions"]

DEPTH = 16
"""Orders that have entered and whose decision the host's ring has not taken."""

_DECISION = record_layout(GATE_DECISION)
_VENUE_DOWN = 1 << BY_NAME["venue_down"].bit
_Leaving = StructLayout({"token": 32, "cancel": 1, "arrived": 32})
_Outcome = StructLayout({"checks": len(CHECKS), "first_check": 8, "wire_cycles": 16})
_Verdict = StructLayout({"passes": 1, "decision": _DECISION})


class Decisions(wiring.Component):
    """Tell the host each verdict, in the order of the requests.

    A refusal is told when it is its turn, a pass once its first word left. If an order that passed
    will not be sent, its answer is why (``unsent_checks``), and what it reserved is given back.
    Where ``registered``, two cycles later.

    Members
    -------
    enters : In(1)
        Strobe: an order enters the gate.
    room : Out(1)
        Another order may.
    verdict : In(1)
        Strobe: ``decision`` with its ``checks`` is an order's; ``arrived`` is the value that
        ``clock`` had when it was first offered.
    passes : In(1)
        At the same time: it failed none.
    sent, unsent, unsent_checks : In
        Strobes, in the order of the passes: the wire took an order's first word; it never will,
        because of these checks.
    clock : In(32)
        Counts cycles.
    give_back, give_back_token, given_back : Out(1), Out(32), In(1)
        The order that never left is to be settled; strobe: it is.
    o : Out(stream of RecordBody)
        GateDecision records.
    """

    def __init__(self, *, registered=False):
        self._registered = registered
        super().__init__({
            "enters": In(1), "room": Out(1),
            "verdict": In(1), "passes": In(1), "decision": In(_DECISION), "arrived": In(32),
            "clock": In(32),
            "sent": In(1), "unsent": In(1), "unsent_checks": In(len(CHECKS)),
            "give_back": Out(1), "give_back_token": Out(32), "given_back": In(1),
            "o": Out(stream.Signature(RecordBody)),
            "check_select__check": In(8), "check_count__count": Out(32),
            "count_orders_in__count": Out(32), "count_orders_passed__count": Out(32),
            "count_orders_refused__count": Out(32), "count_cancels_passed__count": Out(32),
        })

    def elaborate(self, platform):
        m = Module()

        registered = self._registered
        staged = stages(m, registered)

        def queue(name, width):
            # One more where registered: its last place is that at its exit.
            made = (fifo.SyncFIFOBuffered(width=width, depth=DEPTH + 1) if registered
                    else fifo.SyncFIFO(width=width, depth=DEPTH))
            m.submodules[name] = made
            return made

        verdicts, leaving = queue("verdicts", _Verdict.size), queue("leaving", _Leaving.size)
        outcomes, backs = queue("outcomes", _Outcome.size), queue("backs", 32)

        # None of the queues can be full: an order is in each at most once.
        inside = Signal(range(DEPTH + 1))
        taken = Signal()
        entered = delayed(m, self.enters, "has_entered", int(registered))
        m.d.comb += taken.eq(self.o.valid & self.o.ready)
        m.d.sync += inside.eq(inside + entered - taken)
        if registered:
            # What enters is counted a cycle later, and whether more may is told a cycle before:
            # one place for what enters then.
            m.d.sync += self.room.eq(inside + entered < DEPTH - 1)
        else:
            m.d.comb += self.room.eq(inside != DEPTH)

        verdict, leaves = _Verdict(verdicts.w_data), _Leaving(leaving.w_data)
        m.d.comb += [
            Value.cast(verdict.decision).eq(staged(self.decision, "decision_kept")),
            verdict.passes.eq(staged(self.passes, "passes_kept")),
            verdicts.w_en.eq(delayed(m, self.verdict, "has_verdict", int(registered))),
            leaves.token.eq(self.decision.user_ref_num),
            leaves.cancel.eq(self.decision.action == ord("X")), leaves.arrived.eq(self.arrived),
            leaving.w_en.eq(self.passes),
        ]

        # An order leaves, or never does.
        left, becomes = _Leaving(leaving.r_data), _Outcome(outcomes.w_data)
        later = 1 + registered  # as soon as it is there, if it leaves at once
        sent, unsent = (delayed(m, self.sent, "has_left", later),
                        delayed(m, self.unsent, "never_leaves", later))
        checks = Mux(unsent, delayed(m, self.unsent_checks, "why", later, reset_less=True), 0)
        comes = sent | unsent
        cycles = Signal(32)
        m.d.comb += [
            cycles.eq(staged((self.clock - later - left.arrived)[:32], "cycles_to_wire")),
            becomes.checks.eq(staged(checks, "checks_of_wire")),
            becomes.wire_cycles.eq(Mux(cycles[16:].any(), 0xFFFF, cycles)),
            outcomes.w_en.eq(delayed(m, comes, "comes", int(registered))),
            leaving.r_en.eq(comes),
            backs.w_data.eq(left.token), backs.w_en.eq(unsent & ~left.cancel),
            self.give_back.eq(backs.r_rdy), self.give_back_token.eq(backs.r_data),
            backs.r_en.eq(self.given_back),
        ]

        # The answer to the oldest order, in a register; then which check was the first.
        oldest, outcome = _Verdict(verdicts.r_data), _Outcome(outcomes.r_data)
        kept, answer = Signal(_DECISION, reset_less=True), Signal(_DECISION)
        refused, decided, told = Signal(), Signal(), Signal()
        if registered:
            # Worked out before the queues.
            first = kept.first_check
            m.d.comb += [
                verdict.decision.first_check.eq(_first(m, self.decision.checks, staged, "verdict")),
                becomes.first_check.eq(_first(m, checks, staged, "outcome")),
                refused.eq(first != NO_CHECK),
            ]
        else:
            first = _first(m, kept.checks, staged, "answer")
            m.d.comb += refused.eq(kept.checks != 0)
        m.d.comb += [
            decided.eq(verdicts.r_rdy & (~oldest.passes | outcomes.r_rdy) & (~told | taken)),
            verdicts.r_en.eq(decided), outcomes.r_en.eq(decided & oldest.passes),
            answer.eq(kept), answer.first_check.eq(first), self.o.valid.eq(told),
            self.o.payload.template.eq(GATE_DECISION.template),
            self.o.payload.body.eq(Value.cast(answer)),
        ]
        m.d.sync += told.eq(decided | (told & ~taken))
        with m.If(decided):
            m.d.sync += kept.eq(oldest.decision)
            with m.If(oldest.passes):
                m.d.sync += [
                    kept.checks.eq(outcome.checks), kept.first_check.eq(outcome.first_check)]
                with m.If(outcome.checks == 0):
                    m.d.sync += kept.wire_cycles.eq(outcome.wire_cycles)

        def count(when, name):
            counter = getattr(self, f"count_{name}__count")
            with m.If(when):
                m.d.sync += counter.eq(counter + 1)

        count(entered, "orders_in")
        count(sent & ~left.cancel, "orders_passed")
        count(sent & left.cancel, "cancels_passed")
        count(taken & refused, "orders_refused")
        refusals = Array(Signal(32, name=f"refusals_{check.name}") for check in CHECKS)
        for check, refusal in zip(CHECKS, refusals, strict=True):
            first = delayed(
                m, taken & (answer.first_check == check.bit), f"refused_{check.name}")
            m.d.sync += refusal.eq(refusal + first)
        with m.If(self.check_select__check < len(CHECKS)):
            m.d.comb += self.check_count__count.eq(refusals[self.check_select__check])
        return m


def _first(m, checks, staged, name):
    """Return the lowest of the checks that failed, or NO_CHECK; staged once."""
    # A carry chain, since a chain of LUTs as long as the checks are many is too slow.
    lowest = staged((checks & -checks)[:len(CHECKS)], f"lowest_of_{name}")
    return Mux(staged(checks != 0, f"any_of_{name}"), _place(lowest), NO_CHECK)


def _place(one_hot):
    """Return the place of the one bit that is set."""
    width = (len(one_hot) - 1).bit_length()
    return Cat(
        Cat(bit for place, bit in enumerate(one_hot) if place >> digit & 1).any()
        for digit in range(width))
