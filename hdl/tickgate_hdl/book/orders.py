"""The order table: every resting order of the tracked symbols, found by its reference."""

from amaranth import Array, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.layouts import order_layout

__all__ = ["OrderTable", "fold"]


def fold(reference, bits):
    """XOR of the pieces of ``bits`` bits that a reference is made of: its set in the table."""
    result = 0
    for at in range(0, len(reference), bits):
        result = result ^ reference[at : at + bits]
    return result[:bits]


class OrderTable(wiring.Component):
    """Find, insert, change and remove orders in a set-associative table with exact 64-bit keys.

    A set is chosen by the XOR of the reference's pieces; an order may be in any way of its set.
    When all ways are taken there is no place (``free`` 0), however empty the other sets are: the
    caller has to say so. Strobes may only be given while ``busy`` is 0. ``found`` and what follows
    hold from ``done``, three cycles after ``find``, until the next ``find``.

    Parameters
    ----------
    sets, ways : :class:`int`
        Size of the table; ``sets`` is a power of two.
    symbol_bits : :class:`int`
        Width of a symbol's index.

    Members
    -------
    clear : :py:`In(1)`
        Empty the table, one set a cycle. Needed after reset too.
    find, reference : :py:`In(1)`, :py:`In(64)`
        Look for an order.
    done : :py:`Out(1)`
        The answer is there.
    found, order, free : :py:`Out(1)`, :py:`Out(order_layout(symbol_bits))`, :py:`Out(1)`
        Whether the order is there; the order; whether its set has a free way.
    insert, entry : :py:`In(1)`, :py:`In(order_layout(symbol_bits))`
        Store an order whose reference was just not found, in the free way.
    update, shares : :py:`In(1)`, :py:`In(32)`
        Set the shares of the order just found; 0 removes it.
    busy : :py:`Out(1)`
        The table is being emptied.
    """

    def __init__(self, *, sets, ways, symbol_bits):
        self._sets = sets
        self._ways = ways
        self._order = order_layout(symbol_bits)
        super().__init__(
            {
                "clear": In(1),
                "find": In(1),
                "reference": In(64),
                "done": Out(1),
                "found": Out(1),
                "order": Out(self._order),
                "free": Out(1),
                "insert": In(1),
                "entry": In(self._order),
                "update": In(1),
                "shares": In(32),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bits = (self._sets - 1).bit_length()
        sweep = Signal(bits)
        place = Signal(bits)
        wanted = Signal(64)
        reading, comparing = Signal(), Signal()
        m.d.sync += [reading.eq(self.find), comparing.eq(reading), self.done.eq(comparing)]
        with m.If(self.find):
            m.d.sync += [place.eq(fold(self.reference, bits)), wanted.eq(self.reference)]

        with m.If(self.busy):
            m.d.sync += sweep.eq(sweep + 1)
            with m.If(sweep == self._sets - 1):
                m.d.sync += self.busy.eq(0)
        with m.If(self.clear):
            m.d.sync += [self.busy.eq(1), sweep.eq(0)]

        hits, empty = Signal(self._ways), Signal(self._ways)
        free_way, hit_way = Signal(range(self._ways)), Signal(range(self._ways))
        kept = Signal(self._order)
        rows = []
        for way in range(self._ways):
            table = memory.Memory(shape=self._order, depth=self._sets, init=[])
            m.submodules[f"way_{way}"] = table
            read, write = table.read_port(), table.write_port()
            m.d.comb += [
                read.addr.eq(fold(self.reference, bits)),
                read.en.eq(self.find),
                write.addr.eq(Mux(self.busy, sweep, place)),
                write.en.eq(
                    self.busy | (self.insert & (free_way == way)) | (self.update & (hit_way == way))
                ),
            ]
            with m.If(self.insert):
                m.d.comb += [write.data.eq(self.entry), write.data.valid.eq(1)]
            with m.Elif(self.update):
                m.d.comb += [
                    write.data.eq(kept),
                    write.data.shares.eq(self.shares),
                    write.data.valid.eq(self.shares != 0),
                ]
            with m.If(reading):
                m.d.sync += [
                    hits[way].eq(read.data.valid & (read.data.reference == wanted)),
                    empty[way].eq(~read.data.valid),
                ]
            rows.append(read.data.as_value())

        hit = Signal(range(self._ways))
        vacant = Signal(range(self._ways))
        for way in reversed(range(self._ways)):
            with m.If(hits[way]):
                m.d.comb += hit.eq(way)
            with m.If(empty[way]):
                m.d.comb += vacant.eq(way)
        with m.If(comparing):
            m.d.sync += [
                hit_way.eq(hit),
                free_way.eq(vacant),
                self.found.eq(hits.any()),
                self.free.eq(empty.any()),
                kept.as_value().eq(Array(rows)[hit]),
            ]
        m.d.comb += self.order.eq(kept)
        return m
