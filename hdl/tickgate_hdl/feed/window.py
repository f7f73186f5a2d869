"""A window of bytes over a payload, so that a parser can take as many bytes a cycle as it needs."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.net.layouts import Arrival, PayloadBeat

__all__ = ["ByteWindow"]


class ByteWindow(wiring.Component):
    """Hold two beats of a payload and show the next eight bytes; take 0 to 8 of them a cycle.

    Nothing of the next payload is seen before the present one was dropped: when ``ended``,
    ``level`` bytes are all that is left, and the consumer ends the payload by ``drop``, also when
    no byte is left.

    Members
    -------
    i : :py:`In(stream.Signature(PayloadBeat))`
        Payloads.
    head : :py:`Out(64)`
        The next bytes, first in bits 7:0; beyond ``level`` they mean nothing.
    level : :py:`Out(range(17))`
        Bytes that are there.
    ended : :py:`Out(1)`
        The payload's last byte is among them.
    take : :py:`In(range(9))`
        Bytes to take in this cycle, at most ``level``.
    drop : :py:`In(1)`
        Throw away the front beat in this cycle.
    dropped : :py:`Out(1)`
        The beat that is thrown away is the payload's last.
    arrival : :py:`Out(32)`
        Cycle in which the last of the bytes being taken came in.
    time_ns : :py:`Out(64)`
        UTC clock at the first beat of the payload's frame; while ``level`` is not 0.
    """

    i: In(stream.Signature(PayloadBeat))
    head: Out(64)
    level: Out(range(17))
    ended: Out(1)
    take: In(range(9))
    drop: In(1)
    dropped: Out(1)
    arrival: Out(32)
    time_ns: Out(64)

    def elaborate(self, platform):
        m = Module()
        front, back = Signal(PayloadBeat), Signal(PayloadBeat)
        front_valid, back_valid = Signal(), Signal()
        front_bytes, back_bytes = Signal(4), Signal(4)
        offset = Signal(4)  # bytes of the front beat already taken
        same = Signal()  # the back beat belongs to the front beat's payload
        after = Signal(5)
        advance = Signal()

        m.d.comb += [
            front_bytes.eq(sum(front.keep)),
            back_bytes.eq(sum(back.keep)),
            same.eq(front_valid & back_valid & ~back.first),
            self.head.eq(Cat(front.data, back.data) >> (offset << 3)),
            self.level.eq(Mux(front_valid, front_bytes - offset, 0)[:4] + Mux(same, back_bytes, 0)),
            self.ended.eq((front_valid & front.last) | (same & back.last)),
            self.time_ns.eq(front.time_ns),
            after.eq(offset + self.take),
            self.dropped.eq(self.drop & front_valid & front.last),
            # A used up front beat goes, but for the last one, which waits for drop.
            advance.eq(front_valid & Mux(front.last, self.drop, self.drop | (after >= 8))),
        ]
        lane = Signal(5)
        m.d.comb += [
            lane.eq(after - 1),
            self.arrival.eq(
                Mux(lane[3], _stamp(back.arrival, lane[:3]), _stamp(front.arrival, lane[:3]))
            ),
        ]

        m.d.comb += self.i.ready.eq(~back_valid | advance | ~front_valid)
        with m.If(advance | ~front_valid):
            m.d.sync += [
                front.eq(back),
                front_valid.eq(back_valid),
                back_valid.eq(0),
                offset.eq(Mux(front_valid & ~self.drop, after - 8, 0)),
            ]
        with m.Else():
            m.d.sync += offset.eq(after)
        with m.If(self.i.ready & self.i.valid):
            m.d.sync += [back.eq(self.i.payload), back_valid.eq(1)]
        return m


def _stamp(arrival: Arrival, lane):
    return Mux(lane < arrival.split, arrival.low, arrival.high)
