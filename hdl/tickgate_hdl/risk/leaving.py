"""Orders that passed, on their way to the wire."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2
from tickgate.records.schema import ORDER_REQUEST
from tickgate.risk.checks import BY_NAME, CHECKS

from tickgate_hdl.lib.delay import delayed
from tickgate_hdl.lib.records import record_layout
from tickgate_hdl.risk.decisions import DEPTH
from tickgate_hdl.risk.kills import kill_layout
from tickgate_hdl.risk.layouts import PassedOrder

__all__ = ["Leaving"]


class Leaving(wiring.Component):
    """Offer each order in the cycle in which it comes, and keep it while the wire does not take it.

    An order that has waited here is not let go once a kill switch that is for it is on, or the gate
    is closed: it is taken back. Therefore ``o`` may cease to offer what was not taken.

    Members
    -------
    passes, order : In(1), In(PassedOrder)
        Strobe: an order passed.
    o : Out(stream of PassedOrder)
        To the wire.
    sent, unsent : In(1)
        Strobes of the wire, for what it took.
    armed, kills : In(1), In(kill_layout)
        States.
    waits : Out(1)
        An order waits for the wire.
    stopped, stopped_checks : Out(1), Out
        Strobe: the oldest order that waits will not leave, because of these checks.
    """

    def __init__(self, config):
        self._registered = config.registered
        super().__init__({
            "passes": In(1), "order": In(PassedOrder), "o": Out(stream.Signature(PassedOrder)),
            "sent": In(1), "unsent": In(1), "armed": In(1), "kills": In(kill_layout(config)),
            "waits": Out(1), "stopped": Out(1), "stopped_checks": Out(len(CHECKS)),
        })

    def elaborate(self, platform):
        m = Module()
        registered = self._registered
        m.submodules.queue = queue = fifo.SyncFIFO(width=PassedOrder.size, depth=DEPTH)
        # The oldest that waits has a register, so that kills are compared with nothing before.
        oldest = Signal(PassedOrder, reset_less=True)
        there = Signal()
        layout = record_layout(ORDER_REQUEST)
        request = layout(oldest.record.body)
        next_request = layout(PassedOrder(queue.r_data).record.body)

        def known(value, following, name):
            # In a register with the oldest order, where registered.
            if not registered:
                return value
            kept = Signal(len(following), name=name, reset_less=True)
            with m.If(queue.r_en):
                m.d.sync += kept.eq(following)
            return kept

        def stops(scope, table):
            switches, row = self.kills[scope], request[table]
            bits = slice(ceil_log2(len(switches)))
            if not registered:
                return switches.bit_select(row[bits], 1)
            one = known(None, (1 << next_request[table][bits])[:len(switches)], f"is_{table}")
            return (switches & one).any()

        opens = known(request.action != ord("X"), next_request.action != ord("X"), "opens")
        checks = {
            "gate_closed": ~self.armed, "kill_all": self.kills.all,
            "kill_session": stops("session", "session"),
            "kill_account": stops("account", "account"),
            "kill_symbol": stops("symbol", "symbol"),
            "kill_strategy": stops("strategy", "strategy"),
        }
        taken, on_wire, barred = Signal(), Signal(range(DEPTH + 1)), Signal()
        m.d.comb += [
            *(self.stopped_checks[BY_NAME[name].bit].eq(bit) for name, bit in checks.items()),
            barred.eq(Cat(checks.values()).any() & opens),
            self.waits.eq(there | queue.r_rdy),
            self.o.valid.eq(Mux(self.waits, there & ~barred, self.passes)),
            Value.cast(self.o.payload).eq(
                Mux(self.waits, Value.cast(oldest), Value.cast(self.order))),
            taken.eq(self.o.valid & self.o.ready),
            queue.w_data.eq(Value.cast(self.order)),
            queue.w_en.eq(self.passes & (self.waits | ~self.o.ready)),
            # In the order of the passes: after what the wire took is known to have left or not.
            self.stopped.eq(there & barred & (on_wire == 0)),
            queue.r_en.eq(~there & queue.r_rdy),
        ]
        with m.If(queue.r_en):
            m.d.sync += [there.eq(1), Value.cast(oldest).eq(queue.r_data)]
        with m.If(there & (taken | self.stopped)):
            m.d.sync += there.eq(0)
        # What it took may be counted a cycle late: none is the oldest that waits in that.
        counted = delayed(m, taken, "was_taken", int(registered))
        m.d.sync += on_wire.eq(on_wire + counted - (self.sent | self.unsent))
        return m
