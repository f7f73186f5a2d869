"""Messages that came early, kept by their numbers: ``Slots``."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tickgate_hdl.feed.items import FeedItem
from tickgate_hdl.lib.compare import equal
from tickgate_hdl.lib.delay import delayed

__all__ = ["Slots"]

_EPOCHS = 8  # bits

_PIECE, _PIECES = 2, 16
"""Where comparisons are registered: bits of a row that are compared in one go, and so many of these
that are gathered in one go behind that."""


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
    registered : bool
        Registers behind the memory and in the comparison, for an FPGA that needs them.

    Members
    -------
    store, item : In(1), In(FeedItem)
        Keep a message; not while ``busy``.
    wanted, following, advance : In(64), In(64), In(1)
        Number to look for, and the one after it; from the next cycle on that one will be wanted.
        Any other change of ``wanted`` is answered from the cycle after the one in which it came.
    epoch : In(8)
        Changes when all that is kept is void; what is found is right from the cycle after on.
    found, kept : Out(1), Out(FeedItem)
        What is wanted is there; where ``registered``, ``advance`` is not heeded, and what came
        before is answered three cycles after ``wanted``, ``epoch`` and ``store`` were given.
    collides : Out(1)
        A message was stored, in the cycle before, in the slot that was looked at: it is found, if
        it is the one wanted, in the next cycle. Means nothing where ``registered``.
    busy, to_sweep : Out(1)
        The memory is being swept; it will be in the next cycle.
    """

    def __init__(self, depth, *, registered=False):
        self._depth, self._registered = depth, registered
        super().__init__({
            "store": In(1), "item": In(FeedItem), "wanted": In(64), "following": In(64),
            "advance": In(1), "epoch": In(_EPOCHS),
            "found": Out(1), "collides": Out(1), "kept": Out(FeedItem), "busy": Out(1, init=1),
            "to_sweep": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        slot = StructLayout({"item": FeedItem, "epoch": _EPOCHS, "used": 1})
        m.submodules.memory = memory = Memory(shape=slot, depth=self._depth, init=[])
        read, write = memory.read_port(), memory.write_port()
        bits = (self._depth - 1).bit_length()
        sweep, swept = Signal(bits), Signal()
        before = Signal(_EPOCHS)
        m.d.comb += [
            read.addr.eq(self.wanted[:bits]),
            write.addr.eq(Mux(self.busy, sweep, self.item.sequence[:bits])),
            write.data.used.eq(~self.busy),
            write.data.epoch.eq(self.epoch),
            write.data.item.eq(self.item),
            write.en.eq(self.busy | self.store),
        ]
        # The row says what the low bits of its number are.
        row = Cat(read.data.used, read.data.epoch, read.data.item.sequence[bits:])
        wanted = Cat(Const(1, 1), self.epoch, self.wanted[bits:])
        m.d.sync += [
            swept.eq(~self.busy),  # what was read before that may be of before the sweep
            before.eq(self.epoch),
        ]
        if self._registered:
            pieces = delayed(m, Cat(swept, *(
                row[at:at + _PIECE] == wanted[at:at + _PIECE]
                for at in range(0, len(row), _PIECE))), "pieces")
            gathered = delayed(m, Cat(
                pieces[at:at + _PIECES].all() for at in range(0, len(pieces), _PIECES)), "gathered")
            m.d.comb += self.found.eq(gathered.all())
            latched = Signal(FeedItem, reset_less=True)
            m.d.sync += latched.eq(read.data.item)
            m.d.comb += self.kept.eq(latched)
        else:
            at, after = self.item.sequence[:bits], self.following[:bits]
            with m.If(self.advance):
                m.d.comb += read.addr.eq(after)
            # Whose row was looked at is known late, so it is chosen in the next cycle.
            here, ahead, advanced = Signal(), Signal(), Signal()
            m.d.sync += [
                here.eq(self.store & (at == self.wanted[:bits])),
                ahead.eq(self.store & (at == after)), advanced.eq(self.advance),
            ]
            m.d.comb += self.collides.eq(Mux(advanced, ahead, here))
            m.d.comb += [
                self.kept.eq(read.data.item),
                self.found.eq(swept & equal(row, wanted) & ~self.collides),
            ]
        m.d.sync += self.busy.eq(self.to_sweep)
        with m.If(self.busy):
            m.d.comb += self.to_sweep.eq(sweep != self._depth - 1)
            m.d.sync += sweep.eq(sweep + 1)
        with m.Else():
            m.d.comb += self.to_sweep.eq((self.epoch == 0) & (before != 0))
        return m
