"""The best price levels of every symbol, kept for the host: ``DepthTable``."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

__all__ = ["DEPTH_LEVELS", "DepthLevel", "DepthRow", "DepthTable"]

DEPTH_LEVELS = 5
"""Price levels a side that the host is shown."""

DepthLevel = StructLayout({"price": 32, "size": 32, "orders": 16})
"""A price level: price in 1/10000 USD, shares, orders; all 0 = none. Both counts saturate."""

DepthRow = StructLayout(
    {"symbol": 16, "sell": 1, "levels": ArrayLayout(DepthLevel, DEPTH_LEVELS)}
)
"""The best levels of one book side, best first."""


class DepthTable(wiring.Component):
    """Keep the newest row of each book side; hand out both sides of a symbol at one moment.

    Members
    -------
    write, row : In(1), In(DepthRow)
        A row to keep.
    clear : In(1)
        Strobe: every side is empty.
    symbol, read : In(16), In(1)
        Fetch the rows of a symbol.
    bids, asks : Out
        They, from the cycle after ``read`` until the next one.
    """

    def __init__(self, symbols):
        self._symbols = symbols
        levels = ArrayLayout(DepthLevel, DEPTH_LEVELS)
        super().__init__({
            "write": In(1), "row": In(DepthRow), "clear": In(1),
            "symbol": In(16), "read": In(1), "bids": Out(levels), "asks": Out(levels),
        })

    def elaborate(self, platform):
        m = Module()
        bits = ceil_log2(self._symbols)
        width = DepthRow["levels"].width
        known = self.row.symbol < self._symbols
        for side, (name, out) in enumerate((("bid", self.bids), ("ask", self.asks))):
            table = Memory(shape=unsigned(width), depth=self._symbols, init=[])
            m.submodules[name] = table
            store, fetch = table.write_port(), table.read_port()
            filled, shown = Signal(self._symbols, name=f"{name}_filled"), Signal(name=f"{name}_on")
            writing = Signal(name=f"{name}_writing")
            symbol = self.symbol[:bits]
            # A row that is written while it is read is kept beside the memory.
            passed, passing = Signal(width, name=f"{name}_passed"), Signal(name=f"{name}_passing")
            m.d.comb += [
                writing.eq(self.write & known & (self.row.sell == side)),
                store.addr.eq(self.row.symbol[:bits]),
                store.data.eq(self.row.as_value()[-width:]),
                store.en.eq(writing),
                fetch.addr.eq(symbol),
                fetch.en.eq(self.read),
                out.as_value().eq(Mux(shown, Mux(passing, passed, fetch.data), 0)),
            ]
            m.d.sync += filled.eq(
                Mux(self.clear, 0, filled) | (writing << self.row.symbol[:bits]))
            with m.If(self.read):
                hit = writing & (self.row.symbol[:bits] == symbol)
                m.d.sync += [
                    shown.eq(filled.bit_select(symbol, 1) | hit),
                    passing.eq(hit),
                    passed.eq(self.row.as_value()[-width:]),
                ]
        return m


def record_fields(record, bids, asks, first):
    """Return the statements that fill a BookDepth record with levels ``first`` and the next."""
    statements = [record.first_level.eq(first)]
    for name, level in (("a", first), ("b", first + 1)):
        for side, levels in (("bid", bids), ("ask", asks)):
            source = levels[level].as_value() if level < DEPTH_LEVELS else 0
            target = Cat(
                getattr(record, f"{side}_{name}"), getattr(record, f"{side}_size_{name}"),
                getattr(record, f"{side}_orders_{name}"))
            statements.append(target.eq(source))
    return statements
