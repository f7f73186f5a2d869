"""The frames that the card sends by itself: ARP replies, and IGMP reports and leaves."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.layouts import FrameBeat
from tickgate_hdl.lib.wire import be

__all__ = ["ControlFrame", "ControlJob", "Kind"]

_ALL_ROUTERS = 0xE0000002
_REPORT, _LEAVE = 0x16, 0x17  # version 2
_IP_WORDS = (0x46C0, 0x0020, 0x0000, 0x4000, 0x0102, 0x9404, 0x0000)
"""IPv4 header without checksum and addresses: internetwork control, 32 bytes, not to be fragmented,
TTL 1, IGMP, and the router alert option."""


class Kind(enum.Enum, shape=2):
    """What to send."""

    ARP_REPLY = 0
    REPORT = 1
    LEAVE = 2


ControlJob = StructLayout({"kind": Kind, "mac": 48, "address": 32})
"""A frame to send: to whom an ARP reply goes, or the group in ``address``."""


class ControlFrame(wiring.Component):
    """Make the frame of a job; it leaves three cycles later at the earliest, six beats long.

    A job that is taken while ``address`` is 0 is dropped.

    Source: RFC 826; RFC 2236 sections 2 and 3, RFC 2113, RFC 1112 section 6.4.

    Members
    -------
    job : In(stream of ``ControlJob``)
        What to send next.
    address, mac : In(32), In(48)
        The card's, taken with the job.
    tx : Out(stream of ``FrameBeat``)
        Frames, 42 or 46 bytes long; the MAC pads them.
    sent, kind : Out(1), Out(Kind)
        Strobe: the last beat of a frame was taken; what it was.
    """

    def __init__(self):
        super().__init__({
            "job": In(stream.Signature(ControlJob)), "address": In(32), "mac": In(48),
            "tx": Out(stream.Signature(FrameBeat)), "sent": Out(1), "kind": Out(Kind),
        })

    def elaborate(self, platform):
        m = Module()
        job, address, mac = Signal(ControlJob), Signal(32), Signal(48)
        busy, index = Signal(), Signal(3)
        is_arp, is_leave = Signal(), Signal()
        m.d.comb += [
            self.job.ready.eq(~busy), self.kind.eq(job.kind),
            is_arp.eq(job.kind == Kind.ARP_REPLY), is_leave.eq(job.kind == Kind.LEAVE),
        ]

        # The checksums, in two steps.
        group = job.address
        target, kind = Signal(32), Signal(8)
        m.d.comb += [target.eq(Mux(is_leave, _ALL_ROUTERS, group)),
                     kind.eq(Mux(is_leave, _LEAVE, _REPORT))]
        header, message = Signal(20), Signal(18)
        header_folded, message_folded = Signal(17), Signal(17)
        m.d.sync += [
            header.eq(sum(_IP_WORDS) + address[16:] + address[:16] + target[16:] + target[:16]),
            message.eq(Cat(Const(0, 8), kind) + group[16:] + group[:16]),
            header_folded.eq(header[:16] + header[16:]),
            message_folded.eq(message[:16] + message[16:]),
        ]

        def checksum(folded):
            return ~(folded[:16] + folded[16])[:16]

        def numbers(*pairs):
            return Cat(be(Const(value, bits) if isinstance(value, int) else value[:bits])
                       for value, bits in pairs)

        arp = numbers(
            (job.mac, 48), (mac, 48), (0x0806, 16), (1, 16), (0x0800, 16), (0x0604, 16), (2, 16),
            (mac, 48), (address, 32), (job.mac, 48), (job.address, 32))
        igmp = numbers(
            (0x01005E, 24), (Cat(target[:23], Const(0, 1)), 24), (mac, 48), (0x0800, 16),
            *((word, 16) for word in _IP_WORDS[:5]), (checksum(header_folded), 16), (address, 32),
            (target, 32), *((word, 16) for word in _IP_WORDS[5:]),
            (kind, 8), (0, 8), (checksum(message_folded), 16), (group, 32))
        frame = Signal(6 * 64)
        ready = Signal(2)  # the sums are
        m.d.comb += [
            frame.eq(Mux(is_arp, arp, igmp)),
            self.tx.valid.eq(busy & ready.all()),
            self.tx.payload.data.eq(frame.word_select(index, 64)),
            self.tx.payload.last.eq(index == 5),
            self.tx.payload.keep.eq(Mux(
                index == 5, Mux(is_arp, (1 << len(arp) // 8 - 40) - 1,
                                (1 << len(igmp) // 8 - 40) - 1), 0xFF)),
            self.sent.eq(self.tx.valid & self.tx.ready & self.tx.payload.last),
        ]
        m.d.sync += ready.eq(Cat(busy, ready[0]))
        with m.If(~busy):
            m.d.sync += [job.eq(self.job.payload), address.eq(self.address), mac.eq(self.mac),
                         busy.eq(self.job.valid & (self.address != 0)), ready.eq(0), index.eq(0)]
        with m.Elif(self.tx.valid & self.tx.ready):
            m.d.sync += [index.eq(index + 1), busy.eq(index != 5)]
        return m
