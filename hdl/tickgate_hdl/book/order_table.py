"""The resting orders of all books, found by their references: ``OrderTable``."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["OrderTable", "fold", "order_layout"]

_PIECE = 8
"""Bits of a reference that are compared in one go where comparisons are registered."""


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
    every two cycles, four where ``registered``.

    Parameters
    ----------
    sets, ways : int
        Size; ``sets`` is a power of two.
    symbol_bits : int
        Width of a symbol's index.
    registered : bool
        Registers behind the memories and in the comparison: the answer takes two cycles more.

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
        self.latency = 4 if registered else 2
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

        # What was written while the set was read is not in what the memories give. Only the find in
        # a commit's own cycle reads that early: whether it is of the same set is known then.
        written, forward = Signal(self._order), Signal(self._ways)
        way = Signal(self._ways)  # where a commit writes: the order, or the first free place
        with m.If(self.commit):
            m.d.sync += written.eq(self.entry)
        with m.If(self.find):
            m.d.sync += forward.eq(
                Mux(self.commit & (place == asked_place) & ~self.busy, way, 0))

        def is_asked(entry):
            return entry.valid & (entry.reference == reference) & (entry.channel == channel)

        hit, free = Signal(self._ways), Signal(self._ways)
        entries = [Signal(self._order, name=f"entry_{n}") for n in range(self._ways)]
        compare = Signal()
        forwarded = [
            Value.cast(entry).eq(Mux(forward[n], Value.cast(written), Value.cast(data)))
            for n, (entry, data) in enumerate(zip(entries, stored, strict=True))]
        if self._registered:
            # Behind the memories, and of the comparison: equal in each piece.
            latched = Signal()
            m.d.sync += [latched.eq(looking), compare.eq(latched)]
            with m.If(looking):
                m.d.sync += forwarded
            for number, entry in enumerate(entries):
                pieces = Signal(-(-64 // _PIECE), name=f"pieces_{number}")
                wanted = Signal(name=f"wanted_{number}")
                with m.If(latched):
                    m.d.sync += [
                        wanted.eq(entry.valid & (entry.channel == channel)),
                        free[number].eq(~entry.valid),
                        *(pieces[at // _PIECE].eq(
                            entry.reference[at:at + _PIECE] == reference[at:at + _PIECE])
                          for at in range(0, 64, _PIECE)),
                    ]
                m.d.comb += hit[number].eq(wanted & pieces.all())
        else:
            # What is forwarded is compared beside the memories, not behind them.
            written_hit = Signal()
            m.d.comb += [compare.eq(looking), written_hit.eq(is_asked(written)), *forwarded]
            for number, data in enumerate(stored):
                m.d.comb += [
                    hit[number].eq(Mux(forward[number], written_hit, is_asked(data))),
                    free[number].eq(~entries[number].valid),
                ]

        chosen = 0
        for number, entry in enumerate(entries):
            chosen = chosen | Mux(hit[number], Value.cast(entry), 0)
        first_free = Cat(
            free[number] & ~free[:number].any() for number in range(self._ways))
        with m.If(compare):
            m.d.sync += [
                self.answer_valid.eq(1),
                self.found.eq(hit.any()), self.free.eq(free.any()),
                Value.cast(self.order).eq(chosen),
                way.eq(Mux(hit.any(), hit, first_free)),
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
        with m.If(self.busy):
            m.d.sync += [sweep.eq(sweep + 1), self.answer_valid.eq(0)]
            with m.If(sweep == self._sets - 1):
                m.d.sync += self.busy.eq(0)
        with m.If(self.clear):
            m.d.sync += [self.busy.eq(1), sweep.eq(0)]
        return m
