"""Every symbol's best bid and offer, and the record of each change: ``Tops``."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.level_layouts import LevelResult
from tickgate_hdl.book.publish import Origin, TopRecord
from tickgate_hdl.lib.compare import equal
from tickgate_hdl.lib.delay import delayed
from tickgate_hdl.lib.layouts import RecordBody, TopOfBook

__all__ = ["Tops"]

_NO_TOP = {"trading_state": ord(" ")}
_SIDES = ("bid", "ask")
_MEMBERS = (("price", ""), ("size", "_size"), ("orders", "_orders"))


class Tops(wiring.Component):
    """Compare what an operation made of the best levels with the row before; store and publish it.

    Rows are also set while no operation is in work.

    Parameters
    ----------
    symbols : int
        Rows, a power of two.
    registered : bool
        The comparison is registered, a result is shown a cycle later; its row is written, and its
        record comes, another one later.

    Members
    -------
    result_valid, result : In(1), In(LevelResult)
        What an operation made of the best levels.
    symbol, origin, publishes : In, In(Origin), In(1)
        Of the operation whose result is next, from a cycle before it on, two where ``registered``,
        until it is shown: whose book it is, the message that it is of, and whether its result is
        shown at all.
    stale : In(1)
        In the cycle before that in which a result is shown: the symbol's book is stale.
    enabled : In(symbols)
        Symbols that are published. Looked at in the cycle before, so that a symbol that is enabled
        in that very cycle is not published before it is stale.
    apart, row : In(1), In
        No operation is in work: it is this row that is set; a cycle before the strobes, and while
        they come.
    empty, act, trading_state, mark : In(1), In(1), In(8), In(1)
        Strobes: empty the row; set its trading state; set that it is stale.
    cycles : In(32)
        Cycle counter.
    moved : Out(1)
        Strobe: a best bid or offer changed.
    tob : Out(stream of ``RecordBody``)
        TopOfBook records; taken in every cycle.
    query, top : In(16), Out(TopOfBook)
        A row, in the next cycle, always; what is shown at that moment included, unless
        ``registered``.
    active : Out(1)
        A result is about to be shown, or a record offered.
    """

    def __init__(self, *, symbols, registered=False):
        self._symbols, self._registered = symbols, registered
        self._bits = (symbols - 1).bit_length()
        super().__init__({
            "result_valid": In(1), "result": In(LevelResult), "symbol": In(self._bits),
            "origin": In(Origin), "publishes": In(1), "stale": In(1), "enabled": In(symbols),
            "apart": In(1), "row": In(self._bits), "empty": In(1), "act": In(1),
            "trading_state": In(8), "mark": In(1), "cycles": In(32), "moved": Out(1),
            "tob": Out(stream.Signature(RecordBody)), "query": In(16), "top": Out(TopOfBook),
            "active": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.rows = rows = Memory(shape=TopOfBook, depth=self._symbols, init=[])
        m.submodules.record = record = TopRecord()
        read, write = rows.read_port(), rows.write_port()
        old, top = Signal(TopOfBook), Signal(TopOfBook)

        # What an operation made of the best levels, and what of it is not as it was.
        pairs = [(self.result[side][member], old[f"{side}{end}"])
                 for side in _SIDES for member, end in _MEMBERS]
        if self._registered:
            differs_now = Cat(one != other for one, other in pairs)
        else:
            differs_now = ~equal(*(Cat(values) for values in zip(*pairs, strict=True)))
        Shown = StructLayout({
            "result": LevelResult, "differs": len(differs_now), "symbol": self._bits,
            "publishes": 1, "origin": Origin})
        now, shown, shows = Signal(Shown), Signal(Shown, reset_less=True), Signal()
        m.d.comb += [
            now.result.eq(self.result), now.symbol.eq(self.symbol),
            now.publishes.eq(self.publishes), now.origin.eq(self.origin),
            now.differs.eq(differs_now),
        ]
        compared = m.d.sync if self._registered else m.d.comb
        compared += [shown.eq(now), shows.eq(self.result_valid)]

        place, is_stale = Signal(self._bits), Signal()
        m.d.sync += is_stale.eq(self.stale)
        symbol = shown.symbol  # as in the cycle before: the next operation is far behind
        if not self._registered:
            symbol = Mux(shows, shown.symbol, self.symbol)
        m.d.comb += [
            place.eq(Mux(self.apart, self.row, symbol)),
            read.addr.eq(place), Value.cast(old).eq(Value.cast(read.data)),
            Value.cast(top).eq(Value.cast(old)),
        ]
        with m.If(shows):
            m.d.comb += [
                *(top[f"{side}{end}"].eq(shown.result[side][member])
                  for side in _SIDES for member, end in _MEMBERS),
                top.stale.eq(is_stale),
            ]
        with m.If(self.empty):
            m.d.comb += top.eq(TopOfBook.const(_NO_TOP))
        with m.If(self.act):
            m.d.comb += top.trading_state.eq(self.trading_state)
        with m.If(self.mark):
            m.d.comb += top.stale.eq(1)

        changes, differs, publish = Signal(), Signal(), Signal()
        enabled, row_enabled = Signal(), Signal()
        tells = Signal()
        m.d.comb += [
            differs.eq(shown.differs.any()),
            changes.eq(shows & shown.publishes & (differs | (is_stale != old.stale))),
            self.moved.eq(shows & shown.publishes & differs),
            publish.eq(changes | self.empty | self.act | self.mark),
            tells.eq(publish & Mux(shows, enabled, row_enabled)),
        ]
        m.d.sync += [
            enabled.eq(self.enabled.bit_select(self.symbol, 1)),
            row_enabled.eq(self.enabled.bit_select(self.row, 1)),
        ]

        asked, stored, stored_at = Signal(16), Signal(), Signal(self._bits)
        newest = Signal(TopOfBook, reset_less=True)
        m.d.sync += [
            asked.eq(self.query), newest.eq(top), stored.eq(publish), stored_at.eq(place)]
        # What is written and told is what is shown, or what was in the cycle before.
        told = (publish, place, top)
        if self._registered:
            told = (stored, stored_at, newest)
            tells = delayed(m, tells, "tells_stored")
            query = rows.read_port(domain="comb")
            m.d.comb += [query.addr.eq(asked), self.top.eq(query.data)]
        else:
            query = rows.read_port()
            m.d.comb += [
                query.addr.eq(self.query),
                Value.cast(self.top).eq(Mux(
                    stored & (stored_at == asked), Value.cast(newest), Value.cast(query.data))),
            ]
        m.d.sync += self.tob.valid.eq(tells)
        for port, value in zip((record.publish, record.symbol, record.top), told, strict=True):
            m.d.comb += port.eq(value)
        m.d.comb += [
            write.en.eq(record.publish), write.addr.eq(record.symbol), write.data.eq(record.top),
            record.origin.eq(shown.origin), record.cycles.eq(self.cycles),
            self.tob.payload.eq(record.record),
            self.active.eq(shows | record.publish | self.tob.valid),
        ]
        return m
