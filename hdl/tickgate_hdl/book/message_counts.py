"""How many messages of which type came: ``MessageCounts``."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from tickgate.protocols import itch50

from tickgate_hdl.book.decode import BookOperation
from tickgate_hdl.lib.delay import delayed
from tickgate_hdl.lib.sweep import sweep

__all__ = ["MessageCounts"]

_BITS = 6
"""The low bits of a message's letter that tell all of them apart."""


class MessageCounts(wiring.Component):
    """Count messages as they are taken: those that are known also by their type.

    The counts of types are in a memory, which is swept after reset.

    Members
    -------
    taken, operation : In(1), In(BookOperation)
        A message is taken, and what it means; not while ``busy``.
    messages, malformed, unknown : Out(32)
        Messages that are known, that cannot be right, that are of no known type. They wrap.
    select, count : In(8), Out(32)
        Messages of the type selected in the cycle before, among ``messages``; of the one that is
        being counted, before it.
    busy : Out(1)
        The memory is being swept.
    """

    taken: In(1)
    operation: In(BookOperation)
    messages: Out(32)
    malformed: Out(32)
    unknown: Out(32)
    select: In(8)
    count: Out(32)
    busy: Out(1, init=1)

    def elaborate(self, platform):
        m = Module()
        taken, operation = self.taken, self.operation
        for counter, condition in (
            (self.messages, operation.known), (self.malformed, operation.malformed),
            (self.unknown, ~operation.known & ~operation.malformed),
        ):
            m.d.sync += counter.eq(counter + (taken & condition))
        m.submodules.counts = counts = Memory(shape=32, depth=1 << _BITS, init=[])
        read, shown, write = counts.read_port(), counts.read_port(), counts.write_port()
        swept = sweep(m, 1 << _BITS, busy=self.busy, clear=0)
        letter = delayed(m, operation.letter[:_BITS], "letter")
        # The count that was written while it was read is not in what the memory gives.
        again = delayed(m, write.en & (letter == operation.letter[:_BITS]), "again")
        before = Mux(again, delayed(m, write.data, "written"), read.data)
        m.d.comb += [
            read.addr.eq(operation.letter[:_BITS]),
            write.addr.eq(Mux(self.busy, swept, letter)),
            write.data.eq(Mux(self.busy, 0, before + 1)),
            write.en.eq(self.busy | delayed(m, taken & operation.known, "counts_type")),
            shown.addr.eq(self.select[:_BITS]),
        ]
        is_type = Signal()
        m.d.sync += is_type.eq(
            Cat(self.select == ord(letter) for letter in itch50.MESSAGES).any())
        m.d.comb += self.count.eq(Mux(is_type, shown.data, 0))
        return m
