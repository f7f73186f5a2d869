"""The resting orders of all books, found by their references: ``OrderTable``."""

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["OrderTable", "fold", "order_layout"]


def order_layout(symbol_bits):
    """Return the layout of an order in the table."""
    return StructLayout({
        "valid": 1, "sell": 1, "channel": 2, "symbol": symbol_bits, "price": 32, "shares": 32,
        "reference": 64,
    })


def fold(reference, bits):
    """Return the set of a reference: its 16-bit words, and what they have beyond ``bits``, XORed.

    The low bits alone would do badly: references of one symbol are far apart and in steps.
    """
    word = reference[:16] ^ reference[16:32] ^ reference[32:48] ^ reference[48:]
    result = Const(0, bits)
    for at in range(0, 16, bits):
        result = result ^ word[at:at + bits]
    return result[:bits]


class OrderTable(wiring.Component):
    """Keep orders in sets of ``ways``; find one, or room for one, in two cycles.

    ``find`` in a cycle gives the answer in the next but one, registered, where it stays until the
    next ``find``. With ``commit`` the owner then lets the operation take effect; the next ``find``
    may come in that very cycle, since what was just written is forwarded. So there is an operation
    every two cycles, three where ``registered``.

    Parameters
    ----------
    sets, ways : int
        Size; ``sets`` is a power of two.
    symbol_bits : int
        Width of a symbol's index.
    registered : bool
        A register behind the memories: the answer takes a cycle more.

    Attributes
    ----------
    latency : cycles from ``find`` to the answer

    Members
    -------
    find, channel, reference : In(1), In(2), In(64)
        Look for an order.
    answer_valid : Out(1)
        The answer is there: from its first cycle on, until the next ``find``.
    found, order, free : Out(1), Out, Out(1)
        There is such an order, and which; there is room for one with that reference.
    commit, entry : In(1), In
        Put ``entry`` in the order's place, or in the free place when there is no such order. The
        entry of an order that is gone has ``valid`` 0.
    clear, busy : In(1), Out(1)
        Empty the table, one set a cycle; it is being emptied.
    """

    def __init__(self, *, sets, ways, symbol_bits, registered=False):
        self._sets, self._ways, self._registered = sets, ways, registered
        self._order = order_layout(symbol_bits)
        self.latency = 3 if registered else 2
        super().__init__({
            "find": In(1), "channel": In(2), "reference": In(64),
            "answer_valid": Out(1), "found": Out(1), "order": Out(self._order), "free": Out(1),
            "commit": In(1), "entry": In(self._order), "clear": In(1), "busy": Out(1, init=1),
        })

    def elaborate(self, platform):
        m = Module()
        bits = (self._sets - 1).bit_length()
        place, asked_place = Signal(bits), Signal(bits)
        channel, reference = Signal(2), Signal(64)
        ways = [Memory(shape=self._order, depth=self._sets, init=[]) for _ in range(self._ways)]
        stored = []
        m.d.comb += place.eq(fold(self.reference, bits))
        for number, memory in enumerate(ways):
            m.submodules[f"way_{number}"] = memory
            read = memory.read_port()
            m.d.comb += [read.addr.eq(place), read.en.eq(self.find)]
            stored.append(read.data)
        looking = Signal()
        m.d.sync += looking.eq(self.find)
        with m.If(self.find):
            m.d.sync += [
                asked_place.eq(place), channel.eq(self.channel), reference.eq(self.reference),
                self.answer_valid.eq(0),
            ]

        # What was written while the set was read is not in what the memories give.
        written, written_way = Signal(self._order), Signal(self._ways)
        written_place = Signal(bits)
        entries = []
        same = Signal()
        if self._registered:
            latched, waited = [], Signal()
            for number, data in enumerate(stored):
                entry = Signal(self._order, name=f"latched_{number}")
                forward = same & written_way[number]
                with m.If(looking):
                    m.d.sync += Value.cast(entry).eq(
                        Mux(forward, Value.cast(written), Value.cast(data)))
                latched.append(entry)
            m.d.comb += same.eq(written_place == asked_place)
            m.d.sync += waited.eq(looking)
            entries, compare = latched, waited
        else:
            m.d.comb += same.eq(written_place == asked_place)
            for number, data in enumerate(stored):
                entry = Signal(self._order, name=f"entry_{number}")
                forward = same & written_way[number]
                m.d.comb += Value.cast(entry).eq(
                    Mux(forward, Value.cast(written), Value.cast(data)))
                entries.append(entry)
            compare = looking

        hit, free = Signal(self._ways), Signal(self._ways)
        chosen = 0
        for number, entry in enumerate(entries):
            m.d.comb += [
                hit[number].eq(
                    entry.valid & (entry.reference == reference) & (entry.channel == channel)),
                free[number].eq(~entry.valid),
            ]
            chosen = chosen | Mux(hit[number], Value.cast(entry), 0)
        way = Signal(self._ways)  # where a commit writes: the order, or the first free place
        with m.If(compare):
            m.d.sync += [
                self.answer_valid.eq(1),
                self.found.eq(hit.any()), self.free.eq(free.any()),
                Value.cast(self.order).eq(chosen),
                way.eq(Mux(hit.any(), hit, free & (~free + 1))),
            ]

        sweep = Signal(bits)
        for number, memory in enumerate(ways):
            write = memory.write_port()
            m.d.comb += [
                write.addr.eq(Mux(self.busy, sweep, asked_place)),
                write.data.eq(self.entry),
                write.data.valid.eq(self.entry.valid & ~self.busy),
                write.en.eq(self.busy | (self.commit & way[number])),
            ]
        # The place is forwarded only for the find in the commit's own cycle: any later one reads
        # it from the memory.
        with m.If(self.commit):
            m.d.sync += [written.eq(self.entry), written_way.eq(way), written_place.eq(asked_place)]
        with m.Elif(self.find):
            m.d.sync += written_way.eq(0)
        with m.If(self.busy):
            m.d.sync += [sweep.eq(sweep + 1), written_way.eq(0), self.answer_valid.eq(0)]
            with m.If(sweep == self._sets - 1):
                m.d.sync += self.busy.eq(0)
        with m.If(self.clear):
            m.d.sync += [self.busy.eq(1), sweep.eq(0)]
        return m
