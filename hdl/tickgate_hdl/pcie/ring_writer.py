"""The card's end of a ring that it writes: counts, room, addresses, interrupt."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.layouts import RecordBody
from tickgate_hdl.pcie.layouts import Post

__all__ = ["RingWriter"]


class RingWriter(wiring.Component):
    """Give each record a slot of the host's ring, as long as there is room, and raise interrupts.

    ``tail`` counts the slots written since enable, ``head`` those that the host consumed; both run
    freely, slot ``n`` is at ``base + 64 * (n mod size)`` and carries sequence ``n + 1``. A ``head``
    that is not between ``tail - size`` and ``tail`` leaves no room. The step of ``enable`` from 0
    to 1 sets ``tail`` to 0 and arms the interrupt. While disabled nothing is taken.

    The interrupt fires once when it is armed and there are slots that the host has not consumed.
    A write of ``head`` arms it. It may reach the host before the write of the slot does, so a host
    that finds nothing writes ``head`` again before it sleeps: the interrupt then comes again.

    Members
    -------
    enable, base, log2, head, head_we : In
        Registers; ``log2`` outside 4 to 16 is as if not enabled.
    tail : Out(32)
        Slots written.
    free : Out(17)
        Slots free; 0 while disabled.
    started : Out(1)
        Strobe: the ring was enabled.
    i : In(stream of ``RecordBody``), o : Out(stream of ``Post``)
        Records to write. ``i`` is taken when ``o`` is.
    interrupt : Out(1)
        Strobe.
    """

    enable: In(1)
    base: In(64)
    log2: In(5)
    head: In(32)
    head_we: In(1)
    tail: Out(32)
    free: Out(17)
    started: Out(1)
    i: In(stream.Signature(RecordBody))
    o: Out(stream.Signature(Post))
    interrupt: Out(1)

    def elaborate(self, platform):
        m = Module()
        active, was_active, armed = Signal(), Signal(), Signal()
        size, used = Signal(17), Signal(32)
        m.d.comb += [
            active.eq(self.enable & (self.log2 >= 4) & (self.log2 <= 16)),
            self.started.eq(active & ~was_active & ~self.o.valid),
            size.eq(Const(1, 1) << self.log2),
            used.eq(self.tail - self.head),
        ]
        m.d.sync += was_active.eq(active & (was_active | self.started))
        running = active & was_active
        with m.If(running & (used <= size)):
            m.d.comb += self.free.eq(size - used)

        # Where the slot goes is decided once: what the host writes meanwhile does not move it.
        mask = Signal(16)
        address, sequence, moving = Signal(64), Signal(64), Signal()
        m.d.comb += [
            mask.eq(size - 1),
            self.o.payload.record.eq(self.i.payload),
            self.o.payload.sequence.eq(sequence),
            self.o.payload.address.eq(address),
            self.o.valid.eq(moving),
            self.i.ready.eq(self.o.ready & moving),
        ]
        with m.If(moving), m.If(self.o.ready):
            m.d.sync += [moving.eq(0), self.tail.eq(self.tail + 1)]
        with m.Elif(self.i.valid & (self.free != 0)):
            m.d.sync += [
                moving.eq(1),
                sequence.eq(self.tail + 1),
                address.eq(self.base + Cat(Const(0, 6), self.tail[:16] & mask)),
            ]
        with m.If(self.started):
            m.d.sync += [self.tail.eq(0), armed.eq(1)]

        with m.If(self.head_we):
            m.d.sync += armed.eq(1)
        with m.Elif(armed & running & (used != 0)):
            m.d.sync += armed.eq(0)
            m.d.comb += self.interrupt.eq(1)
        return m
