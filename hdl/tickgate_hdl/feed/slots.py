"""Messages that came early, kept by their numbers: ``Slots``."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tickgate_hdl.feed.items import FeedItem

__all__ = ["Slots"]

_EPOCHS = 8  # bits


class Slots(wiring.Component):
    """Keep messages of one line in slots, by the low bits of their numbers.

    What is in a slot is believed only if it has the number wanted and the epoch in force, so a slot
    needs no clearing when it is used again, and a new epoch empties all of them at once. After
    reset the memory may hold anything: it is swept, and nothing is found meanwhile. It is swept
    again when epochs begin anew at 0.

    Parameters
    ----------
    depth : int
        Slots, a power of two.

    Members
    -------
    store, item : In(1), In(FeedItem)
        Keep a message; not while ``busy``.
    wanted : In(64)
        Number to look for, from the next cycle on.
    epoch : In(8)
        Changes when all that is kept is void; nothing that is found in that cycle may be believed.
    found, kept : Out(1), Out(FeedItem)
        In the cycle after ``wanted`` was given: it is there.
    collides : Out(1)
        A message was stored, in the cycle before, in the slot that was looked at: it is found, if
        it is the one wanted, in the next cycle.
    busy : Out(1)
        The memory is being swept.
    """

    def __init__(self, depth):
        self._depth = depth
        super().__init__({
            "store": In(1), "item": In(FeedItem), "wanted": In(64), "epoch": In(_EPOCHS),
            "found": Out(1), "collides": Out(1), "kept": Out(FeedItem), "busy": Out(1, init=1),
        })

    def elaborate(self, platform):
        m = Module()
        slot = StructLayout({"used": 1, "epoch": _EPOCHS, "item": FeedItem})
        m.submodules.memory = memory = Memory(shape=slot, depth=self._depth, init=[])
        read, write = memory.read_port(), memory.write_port()
        bits = (self._depth - 1).bit_length()
        sweep, looked_for, swept = Signal(bits), Signal(64), Signal()
        before = Signal(_EPOCHS)
        m.d.comb += [
            read.addr.eq(self.wanted[:bits]),
            write.addr.eq(Mux(self.busy, sweep, self.item.sequence[:bits])),
            write.data.used.eq(~self.busy),
            write.data.epoch.eq(self.epoch),
            write.data.item.eq(self.item),
            write.en.eq(self.busy | self.store),
            self.kept.eq(read.data.item),
            self.found.eq(
                read.data.used & (read.data.epoch == self.epoch)
                & (read.data.item.sequence == looked_for) & ~self.collides & swept),
        ]
        m.d.sync += [
            looked_for.eq(self.wanted),
            self.collides.eq(self.store & (write.addr == read.addr)),
            swept.eq(~self.busy),  # what was read before that may be of before the sweep
            before.eq(self.epoch),
        ]
        with m.If(self.busy):
            m.d.sync += sweep.eq(sweep + 1)
            with m.If(sweep == self._depth - 1):
                m.d.sync += self.busy.eq(0)
        with m.Elif((self.epoch == 0) & (before != 0)):
            m.d.sync += self.busy.eq(1)
        return m
