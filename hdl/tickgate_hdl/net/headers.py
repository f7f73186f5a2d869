"""The headers of an Ethernet frame, judged while its beats pass."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.net.word_sum import WordSum, is_ones

__all__ = ["HeaderCheck"]

_VLAN_TAG, _SERVICE_TAG = 0x8100, 0x88A8
_IPV4 = 0x0800
_UDP = 17
_IP_WORDS, _UDP_BYTES = 10, 8
_BEYOND = 8 * 5 + 1  # bytes before the beat with index 5, and the last one
_L3_WORD = (7, 9, 11)
"""Frame word, of 16 bits, at which IPv4 begins behind no tag, one, and two."""


class HeaderCheck(wiring.Component):
    """Take the beats of frames; tell what their Ethernet, IPv4 and UDP headers say.

    What is told is right four cycles after the header's last beat was at the input, and until the
    next frame's headers come; the comparisons are registered, field by field. Nothing here looks at
    whether the frame is long enough to have the fields.

    Members
    -------
    valid, data, index : In(1), In(64), In(3)
        A beat, and which one of the frame; 7 for all from the eighth on.
    group, port : In(32), In(16)
        Destination wanted.
    double : Out(1)
        The frame has two tags; told early enough for the beat in which IPv4's payload begins.
    tags : Out(2)
        Tags of the frame.
    end, beyond : Out(17), Out(signed(18))
        Bytes of the frame up to the end of the IPv4 packet, from its total length; its last byte,
        counted from the beat with index 5.
    is_ipv4, version_right, sum_right, options, ours, fragment, has_udp, port_right, length_right,
    short : Out(1)
        Ethertype is IPv4; version 4 and a header length of 5 or more; header checksum; header
        length above 5; UDP to ``group``; part of a fragmented packet; total length has room for
        UDP's header; ``port``; the UDP length is what IPv4 left; it has no room for 20 bytes.
    accept : Out(1)
        All of this is in order.
    pseudo_sum, unchecked : Out(17), Out(1)
        What UDP's checksum covers besides addresses and datagram; it is 0, which means none.
    """

    def __init__(self):
        flags = ("is_ipv4", "version_right", "sum_right", "options", "ours", "fragment", "has_udp",
                 "port_right", "length_right", "short", "accept", "unchecked", "double")
        super().__init__({
            "valid": In(1), "data": In(64), "index": In(3), "group": In(32), "port": In(16),
            "tags": Out(2), "end": Out(17), "beyond": Out(signed(18)), "pseudo_sum": Out(17),
            **{name: Out(1) for name in flags},
        })

    def elaborate(self, platform):
        m = Module()
        words = [
            Cat(self.data.word_select(at + 1, 8), self.data.word_select(at, 8))
            for at in range(0, 8, 2)
        ]

        # One cycle later, with the ethertypes' comparisons done.
        have, index, data = Signal(), Signal(3), Signal(64)
        late = [Signal(16, name=f"word_{lane}") for lane in range(4)]
        ip_here, tag_here = Signal(4), Signal(4)
        service_here = Signal()
        m.d.sync += have.eq(self.valid)
        with m.If(self.valid):
            m.d.sync += [index.eq(self.index), service_here.eq(words[2] == _SERVICE_TAG)]
            m.d.sync += [
                part for lane in (0, 2) for part in (
                    ip_here[lane].eq(words[lane] == _IPV4),
                    tag_here[lane].eq(words[lane] == _VLAN_TAG),
                )
            ]
            m.d.sync += data.eq(self.data)
        m.d.comb += [
            late[lane].eq(Cat(data.word_select(2 * lane + 1, 8), data.word_select(2 * lane, 8)))
            for lane in range(4)
        ]

        tagged = Signal()
        m.d.comb += self.tags.eq(Cat(tagged & ~self.double, tagged & self.double))
        second = tagged & tag_here[0]
        with m.If(have & (index == 1)):
            m.d.sync += [tagged.eq(tag_here[2] | service_here), self.is_ipv4.eq(ip_here[2])]
        with m.If(have & (index == 2)):
            m.d.sync += self.double.eq(second)
            with m.If(tagged):
                m.d.sync += self.is_ipv4.eq(Mux(second, ip_here[2], ip_here[0]))

        total, offset, protocol = Signal(16), Signal(16), Signal(8)
        version, words_long = Signal(4), Signal(4)
        group = Signal(32)
        port, udp_length, checksum = Signal(16), Signal(16), Signal(16)

        def place(tags, word):
            """Whether the beat has this word of the IPv4 packet, and in which lane."""
            beat, lane = divmod(_L3_WORD[tags] + word, 4)
            kind = (~tagged, tagged & ~self.double, tagged & self.double)[tags]
            if beat <= 2:  # in the second beat it is not registered yet whether there are two tags
                kind = (~tagged, tagged & ~second, second)[tags]
            if beat <= 1:
                kind = ~(tag_here[2] | service_here)
            return have & (index == beat) & kind, lane

        for word, target, part in (
            (0, Cat(words_long, version), slice(8, 16)), (1, total, slice(16)),
            (3, offset, slice(16)), (4, protocol, slice(8)),
            (8, group[16:], slice(16)), (9, group[:16], slice(16)),
            (11, port, slice(16)), (12, udp_length, slice(16)), (13, checksum, slice(16)),
        ):
            for tags in range(3):
                here, lane = place(tags, word)
                with m.If(here):
                    m.d.sync += target.eq(late[lane][part])

        m.submodules.sum = header = WordSum(20)
        in_header = [Signal(name=f"in_header_{lane}") for lane in range(4)]
        for word in range(_IP_WORDS):
            for tags in range(3):
                here, lane = place(tags, word)
                with m.If(here):
                    m.d.comb += in_header[lane].eq(1)
        m.d.comb += [
            header.valid.eq(have), header.first.eq(index == 0), header.data.eq(data),
            header.mask.eq(Cat(here.replicate(2) for here in in_header)),
        ]

        # Each comparison in a register of its own.
        behind_ip = Signal(17)
        m.d.sync += [
            self.end.eq(total + Mux(tagged, Mux(self.double, 22, 18), 14)),
            self.beyond.eq(total + Mux(
                tagged, Mux(self.double, 22 - _BEYOND, 18 - _BEYOND), 14 - _BEYOND)),
            behind_ip.eq(total - 2 * _IP_WORDS),
            self.sum_right.eq(is_ones(header.total)),
            self.version_right.eq((version == 4) & (words_long >= 5)),
            self.options.eq(words_long > 5),
            self.ours.eq((protocol == _UDP) & (group == self.group) & (self.group != 0)),
            self.fragment.eq(offset[:14] != 0),  # more fragments, or an offset
            self.has_udp.eq(total >= 2 * _IP_WORDS + _UDP_BYTES),
            self.port_right.eq(port == self.port),
            self.length_right.eq(udp_length == behind_ip),
            self.short.eq(udp_length < _UDP_BYTES + 20),
            self.unchecked.eq(checksum == 0),
            self.pseudo_sum.eq(udp_length + _UDP),
        ]
        m.d.comb += self.accept.eq(
            self.is_ipv4 & self.version_right & self.sum_right & ~self.options & self.ours
            & ~self.fragment & self.has_udp & self.port_right & self.length_right)
        return m
