"""CardEvent records: what changed in the gate's own state."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out
from tickgate.records.schema import CARD_EVENT

from tickgate_hdl.lib.delay import stages
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
    other source that changed in the same cycle. With a ``registered`` config it is chosen in one
    cycle and put together in the next, of what was so in the one before.

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
        registered = self._config.registered
        staged = stages(m, registered)
        generation = staged(self.generation, "generation")
        m.d.comb += [
            queue.w_data.eq(event),
            self.o.valid.eq(queue.r_rdy),
            self.o.payload.template.eq(CARD_EVENT.template),
            self.o.payload.body.eq(queue.r_data),
            queue.r_en.eq(self.o.ready),
            event.code.eq(ord(" ")),
            event.generation.eq(generation),
        ]
        # A mark goes in one cycle after its change, so the clocks are kept one cycle back.
        m.d.sync += [
            event.time_ns.eq(staged(self.time_ns, "time_ns")),
            event.cycles.eq(staged(self.cycles, "cycles")),
        ]

        sources = []
        for letter, names in kill_words(self._config.table_sizes).values():
            for number, name in enumerate(names):
                sources.append((getattr(self, f"{name}__we"), {
                    "kind": ord("K"), "code": ord(letter), "word": number,
                    "value": staged(getattr(self, name), name)}))
        sources.append((self.expired, {"kind": ord("W")}))
        sources.append((self.told_waits, {"kind": ord("N")}))
        sources.append((self.told_sent, {
            "kind": ord("M"), "value": staged(self.sent_token, "sent_token")}))
        sources.append((self.lease_expired, {"kind": ord("X")}))
        switch = Signal(8)
        m.d.comb += switch.eq(ord("D"))
        with m.If(staged(self.armed, "armed")):
            m.d.comb += switch.eq(ord("A"))
        sources.append((self.switched, {"kind": switch}))
        outcome = Signal(8)
        m.d.comb += outcome.eq(ord("C"))
        with m.If(staged(self.committed, "committed")):
            m.d.comb += outcome.eq(ord("L"))
        sources.append((self.finished, {
            "kind": outcome, "value": staged(self.computed_crc, "computed_crc")}))

        marks = [Signal(name=f"mark_{index}") for index in range(len(sources))]
        taken = [Signal(name=f"taken_{index}") for index in range(len(sources))]
        for mark, take, (strobe, _) in zip(marks, taken, sources, strict=True):
            with m.If(strobe):
                m.d.sync += mark.eq(1)
            with m.Elif(take):
                m.d.sync += mark.eq(0)
        room = Signal()
        earlier = Const(0, 1)
        for mark, take in zip(marks, taken, strict=True):
            m.d.comb += take.eq(mark & ~earlier & room)
            earlier = earlier | mark
        fills = [fill for _, fill in sources]
        if registered:
            self._put_together(m, event, queue, marks, taken, fills, room)
            return m
        m.d.comb += room.eq(queue.w_rdy)
        for take, fill in zip(taken, fills, strict=True):
            with m.If(take):
                m.d.comb += [
                    queue.w_en.eq(1), *(event[field].eq(value) for field, value in fill.items())]
        return m

    def _put_together(self, m, event, queue, marks, taken, fills, room):
        """Queue what was taken in the cycle before. It waits for room, and what comes behind it."""
        waits, chosen = Signal(), Signal(len(taken))
        m.d.comb += [
            queue.w_en.eq(waits), room.eq(~waits | queue.w_rdy)]
        with m.If(room):
            m.d.sync += [waits.eq(Cat(marks).any()), chosen.eq(Cat(taken))]
        # One is chosen at most, so that the choice is no chain.
        for field in ("kind", "code", "word", "value"):
            choices = [
                Mux(chosen[at], fill.get(field, ord(" ") if field == "code" else 0), 0)
                for at, fill in enumerate(fills)]
            m.d.comb += event[field].eq(reduce(or_, choices))
