"""Where frames that cannot wait meet a stream that can: ``LossyRegister``."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.layouts import FrameBeat

__all__ = ["LossyRegister"]


class LossyRegister(wiring.Component):
    """Offer beats one cycle later; what finds the register full is lost, with the whole frame.

    A frame that was lost from its first beat on is as if it had never been. One that was lost
    from a later beat on is ended by a beat of its own, one byte with ``last`` and ``error``, before
    anything else is passed on; a frame that begins until then is lost too.

    Members
    -------
    valid, first, beat, time_ns : In(1), In(1), In(FrameBeat), In(64)
        A beat; it is its frame's first; and with that, when the frame began.
    o : Out(stream of ``FrameBeat``)
        The beats.
    frame_time_ns : Out(64)
        ``time_ns`` of the frame of the beat that is, or was last, offered.
    lost : Out(1)
        Strobe: the first beat of a frame to be lost.
    """

    def __init__(self):
        super().__init__({
            "valid": In(1), "first": In(1), "beat": In(FrameBeat), "time_ns": In(64),
            "o": Out(stream.Signature(FrameBeat)), "frame_time_ns": Out(64), "lost": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        skipping = Signal()  # the rest of a frame that lost a beat
        owed = Signal()  # the beat that ends it
        wanted, room, loses = Signal(), Signal(), Signal()
        m.d.comb += [
            room.eq(~self.o.valid | self.o.ready),
            wanted.eq(self.valid & (self.first | ~skipping)),
            loses.eq(wanted & (owed | ~room)),
        ]
        with m.If(room):
            m.d.sync += [self.o.valid.eq(wanted | owed), self.o.payload.eq(self.beat)]
            with m.If(owed):
                m.d.sync += [
                    self.o.payload.keep.eq(1), self.o.payload.last.eq(1),
                    self.o.payload.error.eq(1),
                ]
            with m.Elif(wanted & self.first):
                m.d.sync += self.frame_time_ns.eq(self.time_ns)
        with m.If(loses):
            m.d.sync += skipping.eq(1)
        with m.Elif(wanted):
            m.d.sync += skipping.eq(0)
        with m.If(loses & ~self.first):
            m.d.sync += owed.eq(1)
        with m.Elif(room):
            m.d.sync += owed.eq(0)
        m.d.sync += self.lost.eq(loses)
        return m
