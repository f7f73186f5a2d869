"""Reference prices that the host uploads, by symbol: what the card cannot know from its feed."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from tickgate_hdl.lib.delay import stages

__all__ = ["CLOCK", "Reference", "References"]

CLOCK = 40
"""Bits of a count of milliseconds: 34 years."""

_PRICES = ("national_bid", "band_low", "band_high", "window")

Reference = StructLayout({
    **dict.fromkeys(_PRICES, 32), "uploaded": 1, "stamp": CLOCK,
})
"""References of a symbol: national best bid, limit up-limit down band, reference of a time window,
in 1/10000 USD, 0 where not known; ``stamp`` is the millisecond in which they were ``uploaded``."""


class References(wiring.Component):
    """Keep references for each symbol, with the time at which they came.

    The host stages four prices in registers and puts them in force with one write, that of
    ``reference_symbol``: a row changes as a whole, in one cycle. An order that looks in that cycle
    sees the new row. All rows are swept to "never uploaded" after reset.

    Ports named ``<register>__<field>`` are those of the register file.

    Members
    -------
    symbol, reference : In, Out(Reference)
        A symbol's row, one cycle later.
    now : Out(40)
        Milliseconds since reset, in that cycle: never less than the row's ``stamp``. A row of
        ``n`` ticks is older than ``n - 1`` ms and younger than ``n + 1``.
    ms_tick : In(1)
        Strobe: a millisecond passed.
    count_references__count, count_references_ignored__count : Out(32)
        Uploads that took effect; those of a symbol that the card has no room for, or while rows
        are swept, which did not. Both wrap. ``registered``, each is counted a cycle later.
    sweep, sweep_row : In
        Empty a row.
    """

    def __init__(self, symbols, *, registered=False):
        self._symbols, self._registered = symbols, registered
        index = ceil_log2(symbols)
        super().__init__({
            "symbol": In(index), "reference": Out(Reference), "now": Out(CLOCK), "ms_tick": In(1),
            **{f"reference_{price}__value": In(32) for price in _PRICES},
            "reference_symbol__value": In(16), "reference_symbol__value__we": In(1),
            "count_references__count": Out(32), "count_references_ignored__count": Out(32),
            "sweep": In(1), "sweep_row": In(index),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.rows = rows = Memory(shape=Reference, depth=self._symbols, init=[])
        write, read = rows.write_port(), rows.read_port()
        takes = Signal()
        # A row that is read while it is written is not to be relied on.
        written, collides = Signal(Reference, reset_less=True), Signal()
        m.d.sync += [
            written.eq(write.data), collides.eq(takes & (write.addr == read.addr))]
        m.d.comb += [
            read.addr.eq(self.symbol),
            Value.cast(self.reference).eq(
                Mux(collides, Value.cast(written), Value.cast(read.data))),
            takes.eq(
                self.reference_symbol__value__we & (self.reference_symbol__value < self._symbols)
                & ~self.sweep),
            write.addr.eq(self.reference_symbol__value), write.en.eq(takes),
            *(write.data[price].eq(getattr(self, f"reference_{price}__value"))
              for price in _PRICES),
            write.data.uploaded.eq(1), write.data.stamp.eq(self.now),
        ]
        with m.If(self.sweep):
            m.d.comb += [write.addr.eq(self.sweep_row), write.data.eq(0), write.en.eq(1)]
        m.d.sync += self.now.eq(self.now + self.ms_tick)

        staged = stages(m, self._registered)
        uploads, took = (staged(bit, name) for bit, name in (
            (self.reference_symbol__value__we, "uploads"), (takes, "took")))
        counts = (self.count_references__count, self.count_references_ignored__count)
        with m.If(uploads):
            for count, counted in zip(counts, (took, ~took), strict=True):
                m.d.sync += count.eq(count + counted)
        return m
