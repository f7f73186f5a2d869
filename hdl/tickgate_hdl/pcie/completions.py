"""RC packets to writes into a table of 64-byte slots, one slot a tag."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from tickgate_hdl.pcie.layouts import RC_DISCONTINUE, RC_TUSER, AxiStream, RequesterCompletion

__all__ = ["Completions"]

_HEADER_DWORDS = 3
_NO_ERROR, _SUCCESS = 0, 0


class Completions(wiring.Component):
    """Sort the answers to reads of aligned 64-byte slots by tag.

    A read may be answered in any number of packets. Each beat is turned into a write of the dwords
    that it carries, one cycle later; ``rc`` is never held back. Bad packets (an error code of the
    hard block, a status other than success, poisoned, cut off) write nothing.

    Members
    -------
    rc : ``AxiStream``
        The hard block's requester completion stream.
    tag, data, enables : Out
        Dwords of the slot to write, 16 enables.
    ended : Out(1)
        Strobe: that was the last packet for ``tag``.
    error : Out(1)
        With ``ended``: some packet for this tag was bad.
    failed : Out(1)
        Strobe: a packet was bad.
    """

    def __init__(self, tags):
        self._tags = tags
        super().__init__({
            "rc": In(AxiStream(RC_TUSER)), "tag": Out(ceil_log2(tags)), "data": Out(512),
            "enables": Out(16), "ended": Out(1), "error": Out(1), "failed": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        rc = self.rc
        first = Signal(init=1)
        kept, arriving, header = (Signal(RequesterCompletion, name=n)
                                  for n in ("kept", "arriving", "header"))
        position, at = Signal(5), Signal(5)
        m.d.comb += [
            rc.tready.eq(1),
            arriving.eq(rc.tdata[:96]),
            header.eq(Mux(first, arriving, kept)),
            at.eq(Mux(first, arriving.lower_address[2:6], position)),
        ]

        # Lane n carries dword ``at + n``, or ``at + n - 3`` behind the header.
        shift, lanes = Signal(3), Signal(8)
        m.d.comb += [
            shift.eq(Mux(first, at - _HEADER_DWORDS, at)),
            lanes.eq(Mux(first, rc.tkeep >> _HEADER_DWORDS, rc.tkeep)),
        ]
        turned = Signal(256)
        with m.Switch(shift):
            for count in range(8):
                with m.Case(count):
                    m.d.comb += turned.eq(rc.tdata.rotate_left(32 * count))

        seen_bad = Signal(self._tags)
        bad, before = Signal(), Signal()
        m.d.comb += [
            bad.eq((header.error != _NO_ERROR) | (header.status != _SUCCESS) | header.poisoned
                   | rc.tuser[RC_DISCONTINUE]),
            before.eq(seen_bad.bit_select(header.tag[:len(self.tag)], 1)),
        ]
        known = header.tag < self._tags
        m.d.sync += [
            self.tag.eq(header.tag),
            self.data.eq(Cat(turned, turned)),
            self.enables.eq(0),
            self.ended.eq(0),
            self.failed.eq(0),
        ]
        with m.If(rc.tvalid):
            m.d.sync += [
                kept.eq(header),
                first.eq(rc.tlast),
                position.eq(at + Mux(first, 8 - _HEADER_DWORDS, 8)),
                self.enables.eq(Mux(bad | ~known, 0, lanes << at)),
                self.failed.eq(rc.tlast & (bad | ~known)),
                self.error.eq(bad | before),
                self.ended.eq(rc.tlast & header.completed & known),
            ]
            with m.If(known & (bad | (rc.tlast & header.completed))):
                m.d.sync += seen_bad.bit_select(header.tag[:len(self.tag)], 1).eq(
                    ~(rc.tlast & header.completed))
        return m
