"""The market-data ring: always the newest, never in the way."""

from amaranth.hdl import Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2
from tickgate.records.schema import BOOK_DEPTH, TOP_OF_BOOK

from tickgate_hdl.lib.layouts import RecordBody
from tickgate_hdl.lib.records import record_layout
from tickgate_hdl.pcie.depth import DEPTH_LEVELS, DepthRow, DepthTable, record_fields
from tickgate_hdl.pcie.layouts import Post
from tickgate_hdl.pcie.ring_writer import RingWriter

__all__ = ["MarketRing"]

_TOB = record_layout(TOP_OF_BOOK)
_DEPTH = record_layout(BOOK_DEPTH)
_STALE = 1


class MarketRing(wiring.Component):
    """Conflate top-of-book records per symbol and write the newest of each to the host's ring.

    An update is taken every cycle, always. It replaces the symbol's record that still waits; the
    record written says in ``merged`` how many it replaced. Symbols that wait are served in turn.
    The step of ``enable`` from 0 to 1 makes every symbol that was ever updated wait again, so that
    a host that starts gets the current state; so does each step of ``stale``, which is in force for
    every symbol at once. With ``depth`` each record is followed by the symbol's best levels. Ports
    are those of ``RingWriter``; also:

    Parameters
    ----------
    symbols : int
        Symbols, a power of two; an update of another symbol is dropped.
    most_merged : int
        Where ``merged`` of a record saturates; lower only in tests.

    Members
    -------
    stale : In(1)
        No book is known to be right: each record that is written says so.
    depth, depth_write, depth_row, depth_clear : In
        BookDepth records are wanted; ports of ``DepthTable``.
    merged : Out(32)
        Records replaced since reset. Wraps.
    waiting : Out(1)
        Records are on their way to the host.
    """

    def __init__(self, symbols, *, most_merged=0xFFFF):
        self._symbols, self._most_merged = symbols, most_merged
        super().__init__({
            "enable": In(1), "base": In(64), "log2": In(5), "head": In(32), "head_we": In(1),
            "stale": In(1), "depth": In(1), "depth_write": In(1), "depth_row": In(DepthRow),
            "depth_clear": In(1),
            "tail": Out(32), "merged": Out(32), "waiting": Out(1),
            "i": In(stream.Signature(RecordBody)), "o": Out(stream.Signature(Post)),
            "interrupt": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        bits = ceil_log2(self._symbols)
        m.submodules.writer = writer = RingWriter()
        for name in ("enable", "base", "log2", "head", "head_we"):
            m.d.comb += getattr(writer, name).eq(getattr(self, name))
        connect(m, writer.o, flipped(self.o))
        m.d.comb += [self.tail.eq(writer.tail), self.interrupt.eq(writer.interrupt)]

        m.submodules.latest = latest = Memory(
            shape=unsigned(RecordBody["body"].width), depth=self._symbols, init=[])
        m.submodules.counts = counts = Memory(shape=unsigned(16), depth=self._symbols, init=[])
        store, fetch = latest.write_port(), latest.read_port()
        count, counted = counts.write_port(), counts.read_port(domain="comb")
        waiting, known = Signal(self._symbols), Signal(self._symbols)

        # Take an update.
        update = _TOB(self.i.payload.body)
        symbol = update.symbol[:bits]
        taking = Signal()
        serve = Signal(self._symbols)
        again = (waiting & ~serve).bit_select(symbol, 1)
        m.d.comb += [
            self.i.ready.eq(1),
            taking.eq(self.i.valid & (update.symbol < self._symbols)),
            store.addr.eq(symbol),
            store.data.eq(Value.cast(self.i.payload.body)),
            store.en.eq(taking),
            counted.addr.eq(symbol),
            count.addr.eq(symbol),
            count.en.eq(taking),
        ]
        with m.If(again):
            full = counted.data == self._most_merged
            m.d.comb += count.data.eq(Mux(full, counted.data, counted.data + 1))
            with m.If(taking):
                m.d.sync += self.merged.eq(self.merged + 1)

        # Serve the symbols that wait, in turn: the lowest one above the last, or the lowest.
        turn, chosen = Signal(bits), Signal(bits)
        for number in reversed(range(self._symbols)):
            with m.If(waiting[number]):
                m.d.comb += chosen.eq(number)
        for number in reversed(range(1, self._symbols)):
            with m.If(waiting[number] & (number > turn)):
                m.d.comb += chosen.eq(number)
        fetched_count = counts.read_port(domain="comb")
        m.submodules.depths = depths = DepthTable(self._symbols)
        merged = Signal(16)
        record = Signal(_TOB)
        part = Signal(range(1 + (DEPTH_LEVELS + 1) // 2))  # 0 = TopOfBook, then pairs of levels
        levels = Signal(_DEPTH)
        m.d.comb += [
            fetch.addr.eq(chosen),
            fetch.en.eq(0),
            fetched_count.addr.eq(chosen),
            depths.write.eq(self.depth_write),
            depths.row.eq(self.depth_row),
            depths.clear.eq(self.depth_clear),
            depths.symbol.eq(chosen),
            depths.read.eq(fetch.en),
            record.eq(fetch.data),
            record.merged.eq(merged),
            levels.symbol.eq(record.symbol),
            levels.flags.eq(record.flags),
            levels.message.eq(record.message),
            writer.i.payload.template.eq(TOP_OF_BOOK.template),
            writer.i.payload.body.eq(Value.cast(record)),
        ]
        stale = Signal()  # as it was when the record was fetched: an offered record must not change
        with m.If(stale):
            m.d.comb += record.flags.eq(_TOB(fetch.data).flags | _STALE)
        with m.Switch(part):
            for number in range(1, 1 + (DEPTH_LEVELS + 1) // 2):
                with m.Case(number):
                    m.d.comb += record_fields(
                        levels, depths.bids, depths.asks, 2 * (number - 1))
        with m.If(part != 0):
            m.d.comb += [
                writer.i.payload.template.eq(BOOK_DEPTH.template),
                writer.i.payload.body.eq(Value.cast(levels)),
            ]

        offered, ending = writer.i.valid, Signal()
        last = (DEPTH_LEVELS + 1) // 2
        wants_depth = Signal()
        m.d.comb += ending.eq(offered & writer.i.ready & (~wants_depth | (part == last)))
        with m.If(offered & writer.i.ready):
            m.d.sync += part.eq(part + 1)
        with m.If(ending):
            m.d.sync += [offered.eq(0), part.eq(0)]
        with m.If(waiting.any() & (writer.free != 0) & (~offered | ending)):
            m.d.comb += [serve.eq(1 << chosen), fetch.en.eq(1)]
            m.d.sync += [
                offered.eq(1), turn.eq(chosen), merged.eq(fetched_count.data), part.eq(0),
                stale.eq(self.stale), wants_depth.eq(self.depth),
            ]
        m.d.comb += self.waiting.eq(offered | (waiting.any() & (writer.free != 0)))

        m.d.sync += waiting.eq((waiting & ~serve) | (taking << symbol))
        with m.If(taking):
            m.d.sync += known.eq(known | (1 << symbol))
        was_stale = Signal()
        m.d.sync += was_stale.eq(self.stale)
        with m.If(writer.started | (was_stale != self.stale)):
            m.d.sync += waiting.eq((waiting & ~serve) | known | (taking << symbol))
        return m
