"""Price levels: for each symbol and side an array of prices, sorted so that the best is at the
end."""

from amaranth import Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.layouts import LevelAnswer, LevelChange

__all__ = ["PriceLevels"]

_Level = StructLayout({"price": 32, "shares": 48})


class PriceLevels(wiring.Component):
    """Put shares on a price level or take them off, and tell the side's best price and size.

    A change looks for its price from the best end, one level a cycle; a new or vanishing level then
    moves those that are better by one place, one a cycle. At the touch that is nothing: 6 cycles
    from ``start`` to ``done``, one more for a level that appears or vanishes there. A level without
    shares is removed. A level that finds its side full is not stored (``overflow``); taking shares
    off a price that has no level does nothing. A level's shares are exact up to 2**48 - 1.

    Parameters
    ----------
    symbols, levels : :class:`int`
        Number of symbols, and of price levels that a side of one can hold; powers of two.

    Members
    -------
    clear : :py:`In(1)`
        Empty all sides, one a cycle. Needed after reset too.
    start, change : :py:`In(1)`, :py:`In(LevelChange)`
        Begin a change; only while ``busy`` is 0.
    done, answer : :py:`Out(1)`, :py:`Out(LevelAnswer)`
        The change is complete; the answer holds until the next ``done``.
    busy : :py:`Out(1)`
        A change or the emptying is going on.
    """

    def __init__(self, *, symbols, levels):
        self._sides = 2 * symbols
        self._levels = levels
        super().__init__(
            {
                "clear": In(1),
                "start": In(1),
                "change": In(LevelChange),
                "done": Out(1),
                "answer": Out(LevelAnswer),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        levels = self._levels
        m.submodules.table = table = memory.Memory(
            shape=_Level, depth=self._sides * levels, init=[]
        )
        read, write = table.read_port(), table.write_port()
        m.submodules.counts = counts = memory.Memory(
            shape=range(levels + 1), depth=self._sides, init=[]
        )
        count_read, count_write = counts.read_port(), counts.write_port()

        change = Signal(LevelChange)
        side = Signal(range(self._sides))
        count = Signal(range(levels + 1))
        # Places run from -1, before the worst level, to the count.
        place = Signal(range(-1, levels + 1))
        moved = Signal(range(-1, levels + 2))
        moving = Signal()
        sweep = Signal(range(self._sides))

        def address(at):
            return (side * levels + at)[: len(read.addr)]

        price, shares = read.data.price, read.data.shares
        better = Signal()
        m.d.comb += [
            better.eq(Mux(change.sell, price < change.price, price > change.price)),
            read.addr.eq(address(place)),
            count_read.addr.eq((self.change.symbol << 1) | self.change.sell),
            count_write.addr.eq(side),
            self.busy.eq(1),
        ]

        def set_count(value):
            m.d.comb += [count_write.en.eq(1), count_write.data.eq(value)]
            m.d.sync += count.eq(value)

        m.d.sync += self.done.eq(0)
        with m.FSM():
            with m.State("Idle"):
                m.d.comb += self.busy.eq(0)
                with m.If(self.clear):
                    m.d.sync += sweep.eq(0)
                    m.next = "Clear"
                with m.Elif(self.start):
                    m.d.sync += [
                        self.answer.overflow.eq(0),
                        change.eq(self.change),
                        side.eq((self.change.symbol << 1) | self.change.sell),
                    ]
                    m.next = "Count"
            with m.State("Clear"):
                m.d.comb += [
                    count_write.addr.eq(sweep),
                    count_write.data.eq(0),
                    count_write.en.eq(1),
                ]
                m.d.sync += sweep.eq(sweep + 1)
                with m.If(sweep == self._sides - 1):
                    m.next = "Idle"
            with m.State("Count"):
                m.d.comb += read.addr.eq(address(count_read.data - 1))
                m.d.sync += [count.eq(count_read.data), place.eq(count_read.data - 1)]
                m.next = "Search"
            with m.State("Search"):
                # The word read is that of `place`; the next worse one is asked for.
                m.d.comb += read.addr.eq(address(place - 1))
                with m.If((place >= 0) & better):
                    m.d.sync += place.eq(place - 1)
                with m.Elif((place >= 0) & (price == change.price)):
                    m.d.comb += read.addr.eq(address(place))
                    m.next = "Change"
                with m.Elif(~change.add):
                    m.next = "Best"
                with m.Elif(count == levels):
                    m.d.sync += self.answer.overflow.eq(1)
                    m.next = "Best"
                with m.Else():
                    m.d.sync += [place.eq(place + 1), moved.eq(count - 1), moving.eq(0)]
                    m.next = "Open"
            with m.State("Change"):
                m.d.comb += [
                    write.addr.eq(address(place)),
                    write.data.price.eq(price),
                    write.data.shares.eq(shares + change.shares),
                ]
                with m.If(~change.add):
                    m.d.comb += write.data.shares.eq(shares - change.shares)
                with m.If(change.add | (shares > change.shares)):
                    m.d.comb += write.en.eq(1)
                    m.next = "Best"
                with m.Else():
                    m.d.sync += [moved.eq(place + 1), moving.eq(0)]
                    m.next = "Close"
            with m.State("Open"):
                # Levels from the end down to `place` go up by one: read one, write the one read
                # before.
                m.d.comb += [
                    read.addr.eq(address(moved)),
                    write.addr.eq(address(moved + 2)),
                    write.data.eq(read.data),
                    write.en.eq(moving),
                ]
                m.d.sync += [moved.eq(moved - 1), moving.eq(1)]
                with m.If(moved < place):
                    m.next = "Store"
            with m.State("Store"):
                m.d.comb += [
                    write.addr.eq(address(place)),
                    write.data.price.eq(change.price),
                    write.data.shares.eq(change.shares),
                    write.en.eq(1),
                ]
                set_count(count + 1)
                m.next = "Best"
            with m.State("Close"):
                # Levels above `place` go down by one.
                m.d.comb += [
                    read.addr.eq(address(moved)),
                    write.addr.eq(address(moved - 2)),
                    write.data.eq(read.data),
                    write.en.eq(moving),
                ]
                m.d.sync += [moved.eq(moved + 1), moving.eq(1)]
                with m.If(moved == count):
                    set_count(count - 1)
                    m.next = "Best"
            with m.State("Best"):
                m.d.comb += read.addr.eq(address(count - 1))
                m.next = "Answer"
            with m.State("Answer"):
                m.d.sync += [
                    self.answer.price.eq(Mux(count == 0, 0, price)),
                    self.answer.size.eq(
                        Mux(count == 0, 0, Mux(shares[32:].any(), 0xFFFFFFFF, shares[:32]))
                    ),
                    self.done.eq(1),
                ]
                m.next = "Idle"
        return m
