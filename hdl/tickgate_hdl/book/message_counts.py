"""How many messages of which type came: ``MessageCounts``."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from tickgate.protocols import itch50

from tickgate_hdl.book.decode import BookOperation
from tickgate_hdl.book.trees import one_of
from tickgate_hdl.lib.delay import delayed

__all__ = ["MessageCounts"]


class MessageCounts(wiring.Component):
    """Count messages as they are taken: those that are known also by their type.

    Members
    -------
    taken, operation : In(1), In(BookOperation)
        A message is taken, and what it means.
    messages, malformed, unknown : Out(32)
        Messages that are known, that cannot be right, that are of no known type. They wrap.
    select, count : In(8), Out(32)
        Messages of the type selected in the cycle before, among ``messages``.
    """

    taken: In(1)
    operation: In(BookOperation)
    messages: Out(32)
    malformed: Out(32)
    unknown: Out(32)
    select: In(8)
    count: Out(32)

    def elaborate(self, platform):
        m = Module()
        taken, operation = self.taken, self.operation
        for counter, condition in (
            (self.messages, operation.known), (self.malformed, operation.malformed),
            (self.unknown, ~operation.known & ~operation.malformed),
        ):
            m.d.sync += counter.eq(counter + (taken & condition))
        is_selected, counts = [], []
        for letter in sorted(itch50.MESSAGES):
            count = Signal(32, name=f"count_{ord(letter)}")
            with m.If(taken & operation.known & (operation.letter == ord(letter))):
                m.d.sync += count.eq(count + 1)
            is_selected.append(
                delayed(m, self.select == ord(letter), f"is_selected_{ord(letter)}"))
            counts.append(count)
        m.d.comb += self.count.eq(one_of(is_selected, counts))
        return m
