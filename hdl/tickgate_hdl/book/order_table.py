"""The resting orders of all books, found by their references: ``OrderTable``."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.trees import lowest, one_of
from tickgate_hdl.lib.delay import delayed
from tickgate_hdl.lib.sweep import sweep

__all__ = ["OrderTable", "fold", "order_layout"]

_PIECE = 8
"""Bits of a reference that are compared in one go where comparisons are registered."""


def order_layout(symbol_bits):
    """Return the layout of an order in the table, beside what it was asked for."""
    return StructLayout({
        "price": 32, "shares": 32, "symbol": symbol_bits, "sell": 1, "valid": 1,
    })


def fold(reference, bits):
    """Return the set of a reference: its 16-bit words, and what they have beyond ``bits``, XORed.

    The low bits alone would do badly: references of one symbol are far apart and in steps. Of
    references in one set that are equal beyond ``bits`` the low bits are equal too.
    """
    word = reference[:16] ^ reference[16:32] ^ reference[32:48] ^ reference[48:]
    result = Const(0, bits)
    for at in range(0, 16, bits):
        result = result ^ word[at:at + bits]
    return result[:bits]


class OrderTable(wiring.Component):
    """Keep orders in sets of ``ways``; find one, or room for one, in two cycles.

    ``find`` in a cycle gives the answer in the next but one, registered, where it stays until that
    of the next ``find``. With ``commit`` the owner then lets the operation take effect; the next
    ``find`` may come in that very cycle, since what was just written is forwarded: an operation
    every two cycles. Where ``registered`` the answer takes six cycles and nothing is forwarded:
    the next ``find`` comes a cycle after ``commit`` or later.

    Parameters
    ----------
    sets, ways : int
        Size; ``sets`` is a power of two.
    symbol_bits : int
        Width of a symbol's index.
    registered : bool
        Registers before and behind the memories and in the comparison: the answer takes four
        cycles more.

    Attributes
    ----------
    latency : cycles from ``find`` to the answer

    Members
    -------
    find, channel, reference : In(1), In(2), In(64)
        Look for an order.
    symbol : In
        The symbol that it should be of, in the cycles after ``find`` until the answer.
    found, owned, order, free : Out(1), Out(1), Out, Out(1)
        The answer, ``latency`` cycles after ``find`` and until that of the next one: there is such
        an order, it is of that symbol, and which; there is room for one with that reference.
    commit, entry : In(1), In
        Put ``entry`` in the order's place, or in the free place when there is no such order, under
        the channel and reference that were looked for last. The entry of an order that is gone has
        ``valid`` 0.
    clear, busy : In(1), Out(1)
        Empty the table, one set a cycle; it is being emptied.
    """

    def __init__(self, *, sets, ways, symbol_bits, registered=False):
        self._sets, self._ways, self._registered = sets, ways, registered
        self._order = order_layout(symbol_bits)
        self.latency = 6 if registered else 2
        super().__init__({
            "find": In(1), "channel": In(2), "reference": In(64), "symbol": In(symbol_bits),
            "found": Out(1), "owned": Out(1), "order": Out(self._order), "free": Out(1),
            "commit": In(1), "entry": In(self._order), "clear": In(1), "busy": Out(1, init=1),
        })

    def elaborate(self, platform):
        m = Module()
        bits = (self._sets - 1).bit_length()
        place, asked_place = Signal(bits), Signal(bits)
        channel, reference = Signal(2), Signal(64)
        # The set says what the low bits of the reference are: the others are kept and compared.
        low = min(bits, 16)
        row = StructLayout({"order": self._order, "reference": 64 - low, "channel": 2})
        ways = [Memory(shape=row, depth=self._sets, init=[]) for _ in range(self._ways)]
        stored = []
        find, asked_channel, asked = self.find, self.channel, self.reference
        if self._registered:
            find, asked_channel, asked = (delayed(m, value, name) for value, name in (
                (find, "finds"), (asked_channel, "asked_channel"), (asked, "asked")))
        m.d.comb += place.eq(fold(asked, bits))
        for number, memory in enumerate(ways):
            m.submodules[f"way_{number}"] = memory
            read = memory.read_port()
            m.d.comb += [read.addr.eq(place), read.en.eq(find)]
            stored.append(read.data)
        looking = Signal()
        m.d.sync += looking.eq(find)
        with m.If(find):
            m.d.sync += [
                asked_place.eq(place), channel.eq(asked_channel), reference.eq(asked),
            ]

        way = Signal(self._ways)

        def is_asked(entry):
            return (entry.order.valid & (entry.channel == channel)
                    & (entry.reference == reference[low:]))

        # Which way has the order, and which are free; what is forwarded is a way of its own.
        hit, free = Signal(self._ways), Signal(self._ways)
        compare = Signal()
        if self._registered:
            # Registers behind the memories, and behind the comparison of each piece.
            latched = Signal()
            entries = [
                Signal(row, name=f"entry_{n}", reset_less=True)
                for n in range(self._ways)]
            are_asked = [
                self._pieces(m, latched, entry, reference[low:], channel, f"way_{number}")
                for number, entry in enumerate(entries)]
            m.d.sync += latched.eq(looking)
            m.d.comb += compare.eq(delayed(m, latched, "compares", 2))
            with m.If(looking):
                m.d.sync += [Value.cast(entry).eq(Value.cast(data))
                             for entry, data in zip(entries, stored, strict=True)]
            with m.If(latched):
                m.d.sync += free.eq(Cat(~entry.order.valid for entry in entries))
            m.d.sync += hit.eq(Cat(are_asked))
            conditions, choices = list(hit), [entry.order for entry in entries]
        else:
            # What was written while the set was read is not in what the memories give. Only the
            # find in a commit's own cycle reads that early: whether it is of the same set is known
            # then.
            written, forward = Signal(self._order), Signal(self._ways)
            forwards, forward_fits, forward_hit = Signal(), Signal(), Signal()
            with m.If(self.commit):
                m.d.sync += written.eq(self.entry)
            with m.If(self.find):
                m.d.sync += [
                    forward.eq(Mux(forwards, way, 0)),
                    forward_fits.eq(
                        forwards & (self.found | self.free)
                        & (reference[low:] == self.reference[low:])
                        & (channel == self.channel)),
                ]
            stored_hit = Signal(self._ways)
            m.d.comb += [
                forwards.eq(self.commit & (place == asked_place) & ~self.busy),
                forward_hit.eq(forward_fits & written.valid),
                compare.eq(looking),
                stored_hit.eq(Cat(is_asked(entry) for entry in stored) & ~forward),
                hit.eq(stored_hit | Mux(forward_hit, forward, 0)),
                free.eq(Cat(~Mux(forward[n], written.valid, entry.order.valid)
                            for n, entry in enumerate(stored))),
            ]
            conditions = [*stored_hit, forward_hit]
            choices = [*(entry.order for entry in stored), written]
        chosen = one_of(conditions, [Value.cast(entry) for entry in choices])

        # Where a commit writes: the order, or the first free place.
        hit_way, free_way = Signal(self._ways), Signal(self._ways)
        with m.If(compare):
            m.d.sync += [
                self.found.eq(hit.any()), self.free.eq(free.any()),
                self.owned.eq(one_of(
                    conditions, [entry.symbol == self.symbol for entry in choices])),
                Value.cast(self.order).eq(chosen), hit_way.eq(hit), free_way.eq(lowest(free)),
            ]
        m.d.comb += way.eq(Mux(self.found, hit_way, free_way))

        swept = sweep(m, self._sets, busy=self.busy, clear=self.clear)
        # Where registered, a find reads a cycle later, so that what is written may come as late.
        staged = m.d.sync if self._registered else m.d.comb
        for number, memory in enumerate(ways):
            write = memory.write_port()
            staged += [
                write.addr.eq(Mux(self.busy, swept, asked_place)),
                write.data.order.eq(self.entry),
                write.data.order.valid.eq(self.entry.valid & ~self.busy),
                write.data.reference.eq(reference[low:]), write.data.channel.eq(channel),
                write.en.eq(self.busy | (self.commit & way[number])),
            ]
        return m

    def _pieces(self, m, enable, entry, reference, channel, name):
        """Compare the high bits of a reference in registered pieces. Return whether it is it."""
        stored = entry.reference
        starts = range(0, len(reference), _PIECE)
        pieces, wanted = Signal(len(starts), name=f"pieces_{name}"), Signal(name=f"ok_{name}")
        with m.If(enable):
            m.d.sync += [
                wanted.eq(entry.order.valid & (entry.channel == channel)),
                *(pieces[at // _PIECE].eq(stored[at:at + _PIECE] == reference[at:at + _PIECE])
                  for at in starts),
            ]
        return wanted & pieces.all()
