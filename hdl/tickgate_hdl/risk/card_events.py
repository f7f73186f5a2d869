"""CardEvent records: what changed in the gate's own state."""

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out
from tickgate.records.schema import CARD_EVENT

from tickgate_hdl.lib.layouts import RecordBody
from tickgate_hdl.lib.records import record_layout
from tickgate_hdl.risk.kills import KILL_FIELDS, kill_words

__all__ = ["CardEvents"]

_BODY = record_layout(CARD_EVENT)
_DEPTH = 16


class CardEvents(wiring.Component):
    """Report kills, arming, watchdog, mass cancels, lease and limit commits, 16 records queued.

    Each source keeps one mark. Marks go into the queue one a cycle; only when the queue is full
    (the events ring stands still) do further changes of one source merge, and the record then
    tells the latest state. The record's time is that of the change, plus one cycle for each
    other source that changed in the same cycle.

    Members
    -------
    switched, armed, expired, told_sent, told_waits, sent_token, lease_expired, finished, \
    committed, generation, computed_crc : In
        What :class:`Guard`, :class:`MassCancel`, :class:`Lease` and :class:`LimitsImage` say.
    o : Out
        The records.
    """

    def __init__(self, config):
        self._config = config
        super().__init__({
            **{name: In(width) for name, width in KILL_FIELDS.items()},
            **{f"{name}__we": In(1) for name in KILL_FIELDS},
            "switched": In(1), "armed": In(1), "expired": In(1),
            "told_sent": In(1), "told_waits": In(1), "sent_token": In(32),
            "lease_expired": In(1),
            "finished": In(1), "committed": In(1), "generation": In(32), "computed_crc": In(32),
            "time_ns": In(64), "cycles": In(64),
            "o": Out(stream.Signature(RecordBody)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = SyncFIFOBuffered(width=_BODY.size, depth=_DEPTH)
        event = Signal(_BODY)
        m.d.comb += [
            queue.w_data.eq(event),
            self.o.valid.eq(queue.r_rdy),
            self.o.payload.template.eq(CARD_EVENT.template),
            self.o.payload.body.eq(queue.r_data),
            queue.r_en.eq(self.o.ready),
            event.code.eq(ord(" ")),
            event.generation.eq(self.generation),
        ]
        # A mark goes in one cycle after its change, so the clocks are kept one cycle back.
        m.d.sync += [event.time_ns.eq(self.time_ns), event.cycles.eq(self.cycles)]

        sources = []
        for letter, names in kill_words(self._config.table_sizes).values():
            for number, name in enumerate(names):
                sources.append((getattr(self, f"{name}__we"), [
                    event.kind.eq(ord("K")), event.code.eq(ord(letter)), event.word.eq(number),
                    event.value.eq(getattr(self, name)),
                ]))
        sources.append((self.expired, [event.kind.eq(ord("W"))]))
        sources.append((self.told_waits, [event.kind.eq(ord("N"))]))
        sources.append(
            (self.told_sent, [event.kind.eq(ord("M")), event.value.eq(self.sent_token)]))
        sources.append((self.lease_expired, [event.kind.eq(ord("X"))]))
        switch = Signal(8)
        m.d.comb += switch.eq(ord("D"))
        with m.If(self.armed):
            m.d.comb += switch.eq(ord("A"))
        sources.append((self.switched, [event.kind.eq(switch)]))
        outcome = Signal(8)
        m.d.comb += outcome.eq(ord("C"))
        with m.If(self.committed):
            m.d.comb += outcome.eq(ord("L"))
        sources.append(
            (self.finished, [event.kind.eq(outcome), event.value.eq(self.computed_crc)])
        )

        marks = [Signal(name=f"mark_{index}") for index in range(len(sources))]
        taken = [Signal(name=f"taken_{index}") for index in range(len(sources))]
        for mark, take, (strobe, _) in zip(marks, taken, sources, strict=True):
            with m.If(strobe):
                m.d.sync += mark.eq(1)
            with m.Elif(take):
                m.d.sync += mark.eq(0)
        earlier = Const(0, 1)
        for mark, take, (_, fill) in zip(marks, taken, sources, strict=True):
            m.d.comb += take.eq(mark & ~earlier & queue.w_rdy)
            with m.If(take):
                m.d.comb += [queue.w_en.eq(1), *fill]
            earlier = earlier | mark
        return m
