"""What a line hears that the card has to answer: ARP requests and IGMP queries."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.layouts import FrameBeat
from tickgate_hdl.lib.wire import be
from tickgate_hdl.net.word_sum import WordSum, is_ones

__all__ = ["ALL_HOSTS", "ControlWatch"]

ALL_HOSTS = 0xE0000001
"""224.0.0.1, where general queries go."""

_ARP, _IPV4 = 0x0806, 0x0800
_IGMP = 2
_QUERY = 0x11
_ARP_BYTES = 42
_LAST_INDEX = 6


class ControlWatch(wiring.Component):
    """Look at the frames of one line as they are taken, and keep what has to be answered.

    An observer: it cannot stall the line, and only registers hang on it. Of each kind it keeps one
    until that is taken; what comes meanwhile is ``missed``. Frames with ``error`` are passed over,
    and so are tagged ones. An ARP request is kept if it is to ``mac`` or to all, and asks for
    ``address``. It is malformed unless it is about IPv4 on Ethernet, a request or a reply, of 42
    bytes or more, from an address of a single host. IGMP is malformed with a wrong checksum of
    IPv4's header or its own, as a fragment, with more IPv4 options than the one that it has to
    have, cut short, or as a query that is not sent to all hosts or, about one group, to that group.
    Queries of version 3 are heard like those of version 2, whose fields they begin with; other
    kinds of messages are not looked at.

    Source: RFC 826, RFC 5227; RFC 2236, RFC 3376 section 4.1.

    Members
    -------
    valid, beat : In(1), In(FrameBeat)
        A beat was taken.
    address, mac : In(32), In(48)
        The card's; first octets in the high bits. With ``address`` 0 no request is kept.
    arp_valid, arp_taken : Out(1), In(1)
        A request is kept; it is taken.
    arp_mac, arp_address : Out(48), Out(32)
        Who sent it.
    query_valid, query_taken : Out(1), In(1)
        A query is kept; it is taken.
    query_group, query_time : Out(32), Out(8)
        Group asked for, 0 = all; longest time to answer, in tenths of a second.
    malformed_arp, malformed_igmp, missed_arp, missed_query : Out(1)
        Strobes, one for each frame.
    """

    def __init__(self):
        super().__init__({
            "valid": In(1), "beat": In(FrameBeat), "address": In(32), "mac": In(48),
            "arp_valid": Out(1), "arp_taken": In(1), "arp_mac": Out(48), "arp_address": Out(32),
            "query_valid": Out(1), "query_taken": In(1), "query_group": Out(32),
            "query_time": Out(8),
            **dict.fromkeys(
                ("malformed_arp", "malformed_igmp", "missed_arp", "missed_query"), Out(1)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.header_sum = header_sum = WordSum(24)
        m.submodules.message_sum = message_sum = WordSum(32)

        have, beat, index = Signal(), Signal(FrameBeat), Signal(3)
        m.d.sync += [have.eq(self.valid), beat.eq(self.beat)]
        data = beat.data
        words = [be(data.word_select(at, 16)) for at in range(4)]
        octets = [data.word_select(at, 8) for at in range(8)]

        # The fields of both protocols, as they pass.
        flags = {name: Signal(name=name) for name in (
            "to_us", "is_arp", "is_ip", "arp_kind", "arp_sizes", "request", "reply", "version",
            "options", "whole", "igmp")}
        total, length = Signal(16), Signal(16)
        sender, sender_address, asked = Signal(48), Signal(32), Signal(32)
        destination, kind, time, group = Signal(32), Signal(8), Signal(8), Signal(32)
        left, after = Signal(signed(18)), Signal(signed(18))  # bytes of IPv4 behind byte 40
        room = Signal(8)  # of them, those of this beat
        options = flags["options"]
        m.d.comb += after.eq(Mux(index == 4, total + (14 - 40), left - 8))
        with m.If(have):
            m.d.sync += [
                index.eq(Mux(beat.last, 0, index + (index != _LAST_INDEX))),
                length.eq(Mux(index == 0, 0, length) + sum(beat.keep[at] for at in range(8))),
                left.eq(after), room.eq(Cat(after > at for at in range(8))),
            ]
            with m.Switch(index):
                with m.Case(0):
                    m.d.sync += [flag.eq(0) for flag in flags.values()]
                    m.d.sync += [
                        flags["to_us"].eq(data[:48].all() | (be(data[:48]) == self.mac))]
                with m.Case(1):
                    m.d.sync += [
                        flags["is_arp"].eq(words[2] == _ARP), flags["is_ip"].eq(words[2] == _IPV4),
                        flags["arp_kind"].eq(words[3] == 1),
                        flags["version"].eq((octets[6] == 0x45) | (octets[6] == 0x46)),
                        options.eq(octets[6] == 0x46),
                    ]
                with m.Case(2):
                    m.d.sync += [
                        flags["arp_sizes"].eq((words[0] == _IPV4) & (words[1] == 0x0604)),
                        flags["request"].eq(words[2] == 1), flags["reply"].eq(words[2] == 2),
                        sender[32:].eq(words[3]),
                        total.eq(words[0]), flags["whole"].eq((words[2] & 0x3FFF) == 0),
                        flags["igmp"].eq(octets[7] == _IGMP),
                    ]
                with m.Case(3):
                    m.d.sync += [
                        sender[:32].eq(be(data[:32])), sender_address.eq(be(data[32:])),
                        destination[16:].eq(words[3]),
                    ]
                with m.Case(4):
                    m.d.sync += [
                        asked[16:].eq(words[3]), destination[:16].eq(words[0]),
                        kind.eq(Mux(options, octets[6], octets[2])),
                        time.eq(Mux(options, octets[7], octets[3])),
                        group[16:].eq(words[3]),
                    ]
                with m.Case(5):
                    m.d.sync += [asked[:16].eq(words[0]), group[:16].eq(words[0])]
                    with m.If(options):
                        m.d.sync += group.eq(Cat(words[2], words[1]))

        # IPv4's header is bytes 14 to 33, or to 37; IGMP is what follows.
        mask_header, mask_message = Signal(8), Signal(8)
        with m.Switch(index):
            with m.Case(0):
                m.d.comb += [mask_header.eq(0), mask_message.eq(0)]
            with m.Case(1):
                m.d.comb += mask_header.eq(0xC0)
            with m.Case(2, 3):
                m.d.comb += mask_header.eq(0xFF)
            with m.Case(4):
                m.d.comb += [mask_header.eq(Mux(options, 0x3F, 0x03)),
                             mask_message.eq(Mux(options, 0xC0, 0xFC))]
            with m.Default():
                m.d.comb += mask_message.eq(room)
        for total_of, mask in ((header_sum, mask_header), (message_sum, mask_message)):
            m.d.comb += [
                total_of.valid.eq(have), total_of.first.eq(index == 0), total_of.data.eq(data),
                total_of.mask.eq(mask & beat.keep),
            ]

        # The frame is over, its fields are there; what they were compared with is a cycle behind,
        # the sums two. The next frame has not come so far then that it changes these fields.
        over, arp, igmp = Signal(), Signal(), Signal()
        m.d.sync += over.eq(have & beat.last & ~beat.error)
        long_enough = length >= _ARP_BYTES
        wrong_arp = (~flags["arp_kind"] | ~flags["arp_sizes"] | ~long_enough | sender[40]
                     | ~(flags["request"] | flags["reply"]))
        m.d.comb += [
            arp.eq(over & flags["is_arp"] & flags["to_us"]),
            igmp.eq(over & flags["is_ip"] & flags["igmp"]),
            self.malformed_arp.eq(arp & wrong_arp),
        ]
        with m.If(self.arp_taken):
            m.d.sync += self.arp_valid.eq(0)
        requests, for_us = Signal(), Signal()
        m.d.sync += [
            requests.eq(arp & ~wrong_arp & flags["request"]),
            for_us.eq((asked == self.address) & (self.address != 0)),
        ]
        with m.If(requests & for_us):
            with m.If(self.arp_valid & ~self.arp_taken):
                m.d.comb += self.missed_arp.eq(1)
            with m.Else():
                m.d.sync += [self.arp_valid.eq(1), self.arp_mac.eq(sender),
                             self.arp_address.eq(sender_address)]

        shortest = Mux(options, 24 + 8, 20 + 8)
        stages = [(Signal(name=f"igmp_{at}"), Signal(name=f"fine_{at}"),
                   Signal(name=f"query_{at}"), Signal(8, name=f"time_{at}"),
                   Signal(32, name=f"group_{at}")) for at in range(2)]
        fine = (flags["version"] & flags["whole"] & (total >= shortest)
                & (length >= total + 14))
        addressed, specific, to_group = Signal(), Signal(), Signal()
        m.d.sync += [addressed.eq(destination == ALL_HOSTS), specific.eq(group != 0),
                     to_group.eq(destination == group)]
        folded = Signal(17), Signal(17)
        m.d.sync += [
            stages[0][0].eq(igmp), stages[0][1].eq(fine),
            stages[0][2].eq(kind == _QUERY), stages[0][3].eq(time), stages[0][4].eq(group),
            *(later.eq(sooner) for sooner, later in zip(*stages, strict=True)),
            stages[1][1].eq(
                stages[0][1] & (~stages[0][2] | addressed | (specific & to_group))),
            *(into.eq(of.total[:16] + of.total[16:])
              for into, of in zip(folded, (header_sum, message_sum), strict=True)),
        ]
        seen, was_fine, query, query_time, query_group = stages[1]
        right = was_fine & is_ones(folded[0]) & is_ones(folded[1])
        m.d.comb += self.malformed_igmp.eq(seen & ~right)
        with m.If(self.query_taken):
            m.d.sync += self.query_valid.eq(0)
        with m.If(seen & right & query):
            with m.If(self.query_valid & ~self.query_taken):
                m.d.comb += self.missed_query.eq(1)
            with m.Else():
                m.d.sync += [self.query_valid.eq(1), self.query_time.eq(query_time),
                             self.query_group.eq(query_group)]
        return m
