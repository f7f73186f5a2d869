"""Reads stored frames out of the buffer and moves their payload to byte 0."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from tickgate_hdl.net.layouts import PayloadBeat, StoredFrame

__all__ = ["PayloadUnload"]

_FRAMES = 32


class PayloadUnload(wiring.Component):
    """Turn descriptors of stored frames into payload beats, one a cycle while the sink takes them.

    Members
    -------
    i : :py:`In(stream.Signature(StoredFrame))`
        Frames to unload; up to 32 wait inside.
    o : :py:`Out(stream.Signature(PayloadBeat))`
        Payloads.
    address, read : :py:`Out(width)`, :py:`Out(1)`
        Read of the frame buffer, whose word is there in the next cycle and holds until the next
        read.
    data, cycles : :py:`In(64)`, :py:`In(32)`
        Word of the frame buffer and its arrival stamp.
    free, free_to : :py:`Out(1)`, :py:`Out(16)`
        Everything before pointer ``free_to`` may be overwritten.
    active : :py:`Out(1)`
        A payload is being unloaded or offered.
    """

    def __init__(self, *, depth):
        self._bits = (depth - 1).bit_length()
        super().__init__(
            {
                "i": In(stream.Signature(StoredFrame)),
                "o": Out(stream.Signature(PayloadBeat)),
                "address": Out(self._bits),
                "read": Out(1),
                "data": In(64),
                "cycles": In(32),
                "free": Out(1),
                "free_to": Out(16),
                "active": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.frames = frames = SyncFIFOBuffered(width=StoredFrame.size, depth=_FRAMES)
        frame = StoredFrame(frames.r_data)
        m.d.comb += [
            frames.w_data.eq(self.i.payload),
            frames.w_en.eq(self.i.valid),
            self.i.ready.eq(frames.w_rdy),
        ]

        # Three stages: an address; the buffer's output; the word before it, held for the shift.
        next_address = Signal(self._bits)
        unread = Signal(16)  # words of the frame still to be read
        fetched = Signal()  # the buffer's output is a word not yet used
        use = Signal()
        held, held_cycles = Signal(64), Signal(32)
        shift = Signal(3)
        remaining = Signal(16)
        first = Signal()
        m.d.comb += [
            self.address.eq(next_address),
            self.read.eq((unread != 0) & (~fetched | use)),
        ]
        with m.If(self.read):
            m.d.sync += [
                next_address.eq(next_address + 1),
                unread.eq(unread - 1),
                fetched.eq(1),
            ]
        with m.Elif(use):
            m.d.sync += fetched.eq(0)

        beat = self.o.payload
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)

        m.d.comb += self.free_to.eq(frame.end)
        with m.FSM() as fsm:
            with m.State("Idle"), m.If(frames.r_rdy & (~self.o.valid | self.o.ready)):
                words = (frame.offset[:3] + frame.length + 7) >> 3
                m.d.sync += [
                    next_address.eq(frame.start + (frame.offset >> 3)),
                    unread.eq(Mux(frame.length == 0, 0, words)),
                    shift.eq(frame.offset[:3]),
                    remaining.eq(frame.length),
                    first.eq(1),
                    beat.time_ns.eq(frame.time_ns),
                ]
                m.next = "Prime"
            with m.State("Prime"):
                with m.If(fetched):
                    m.d.comb += use.eq(1)
                    m.d.sync += [held.eq(self.data), held_cycles.eq(self.cycles)]
                    m.next = "Shift"
                with m.If(remaining == 0):
                    m.next = "Shift"
            with m.State("Shift"):
                exhausted = ~fetched & (unread == 0)
                with m.If((fetched | exhausted) & (~self.o.valid | self.o.ready)):
                    last = remaining <= 8
                    m.d.comb += use.eq(fetched)
                    m.d.sync += [
                        held.eq(self.data),
                        held_cycles.eq(self.cycles),
                        self.o.valid.eq(1),
                        beat.data.eq(Cat(held, self.data) >> (shift << 3)),
                        beat.keep.eq(Mux(last, ~(0xFF << remaining[:4]), 0xFF)),
                        beat.first.eq(first),
                        beat.last.eq(last),
                        beat.arrival.low.eq(held_cycles),
                        beat.arrival.high.eq(self.cycles),
                        beat.arrival.split.eq(8 - shift),
                        first.eq(0),
                        remaining.eq(remaining - 8),
                    ]
                    with m.If(last):
                        m.d.comb += [self.free.eq(1), frames.r_en.eq(1)]
                        m.next = "Idle"
        m.d.comb += self.active.eq(frames.r_rdy | ~fsm.ongoing("Idle") | self.o.valid)
        return m
