"""Reception of the feed's UDP datagrams."""

from amaranth import Module, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.layouts import FrameBeat
from tickgate_hdl.lib.stream import connect_streams
from tickgate_hdl.net.judge import FrameJudge
from tickgate_hdl.net.layouts import PayloadBeat
from tickgate_hdl.net.unload import PayloadUnload

__all__ = ["UdpReceive"]

_StoredBeat = StructLayout({"data": 64, "cycles": 32})


class UdpReceive(wiring.Component):
    """Turn Ethernet frames into the payloads of UDP datagrams of one group and port.

    Frames may have one 802.1Q tag and IPv4 options. A frame is stored whole and released when it is
    known to be good: error flag clear, lengths that fit each other, right IPv4 and UDP checksums (a
    UDP checksum of 0 is "none" and accepted), no fragment. Padding behind the datagram is cut off.
    A frame takes as many cycles as it has beats, and three more; when the buffer is full,
    ``i.ready`` falls: none is lost. Source: IEEE 802.3, 802.1Q; RFC 791, RFC 768, RFC 1071.

    Parameters
    ----------
    depth : :class:`int`
        Beats that the buffer holds, a power of two, more than ``max_beats``.
    max_beats : :class:`int`
        Longest frame in beats; a longer one is bad.

    Members
    -------
    i : :py:`In(stream.Signature(FrameBeat))`
        Frames.
    o : :py:`Out(stream.Signature(PayloadBeat))`
        Payloads.
    time_ns : :py:`In(64)`
        UTC clock, sampled at each frame's first beat.
    cycles : :py:`In(32)`
        Cycle counter, sampled at each beat.
    group, port : :py:`In(32)`, :py:`In(16)`
        Destination wanted; first octet of the group in bits 31:24.
    count_frames, count_frames_bad, count_frames_other : :py:`Out(32)`
        Frames received, of those dropped as bad, and dropped as not the feed's. They wrap.
    active : :py:`Out(1)`
        Something of a frame is inside.
    """

    i: In(stream.Signature(FrameBeat))
    o: Out(stream.Signature(PayloadBeat))
    time_ns: In(64)
    cycles: In(32)
    group: In(32)
    port: In(16)
    count_frames: Out(32)
    count_frames_bad: Out(32)
    count_frames_other: Out(32)
    active: Out(1)

    def __init__(self, *, depth=1024, max_beats=256):
        if depth & (depth - 1) or not max_beats < depth <= 1 << 15:
            raise ValueError(
                f"depth must be a power of two above max_beats ({max_beats}), not {depth!r}"
            )
        self._depth = depth
        self._max_beats = max_beats
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.judge = judge = FrameJudge(max_beats=self._max_beats)
        m.submodules.unload = unload = PayloadUnload(depth=self._depth)
        m.submodules.buffer = buffer = memory.Memory(shape=_StoredBeat, depth=self._depth, init=[])
        write = buffer.write_port()
        read = buffer.read_port()

        # Pointers count beats modulo 2**16; the buffer's address is their low part.
        start, at, freed = Signal(16), Signal(16), Signal(16)
        began_ns = Signal(64)
        inside = Signal()
        room = Signal()
        taken = Signal()
        m.d.comb += [
            room.eq((at - freed)[:16] < self._depth),
            self.i.ready.eq(judge.ready & room),
            taken.eq(self.i.valid & self.i.ready),
            judge.beat.eq(self.i.payload),
            judge.take.eq(taken),
            judge.group.eq(self.group),
            judge.port.eq(self.port),
            write.addr.eq(at),
            write.data.data.eq(self.i.payload.data),
            write.data.cycles.eq(self.cycles),
            write.en.eq(taken & ~judge.oversize),
        ]
        with m.If(taken):
            m.d.sync += inside.eq(~self.i.payload.last)
            with m.If(~inside):
                m.d.sync += began_ns.eq(self.time_ns)
            with m.If(~judge.oversize):
                m.d.sync += at.eq(at + 1)

        # The verdict holds until it is taken; the next frame waits for that.
        good = judge.verdict_valid & ~judge.bad & ~judge.other
        m.d.comb += [
            unload.i.valid.eq(good),
            unload.i.payload.start.eq(start),
            unload.i.payload.end.eq(at),
            unload.i.payload.offset.eq(judge.offset),
            unload.i.payload.length.eq(judge.length),
            unload.i.payload.time_ns.eq(began_ns),
            judge.verdict_ready.eq(~good | unload.i.ready),
        ]
        with m.If(judge.verdict_valid & judge.verdict_ready):
            m.d.sync += self.count_frames.eq(self.count_frames + 1)
            with m.If(judge.bad):
                m.d.sync += self.count_frames_bad.eq(self.count_frames_bad + 1)
            with m.Elif(judge.other):
                m.d.sync += self.count_frames_other.eq(self.count_frames_other + 1)
            with m.If(good):
                m.d.sync += start.eq(at)
            with m.Else():
                m.d.sync += at.eq(start)

        m.d.comb += [
            read.addr.eq(unload.address),
            read.en.eq(unload.read),
            unload.data.eq(read.data.data),
            unload.cycles.eq(read.data.cycles),
            self.active.eq(inside | ~judge.ready | (at != freed) | unload.active),
        ]
        with m.If(unload.free):
            m.d.sync += freed.eq(unload.free_to)
        connect_streams(m, unload.o, self.o)
        return m
