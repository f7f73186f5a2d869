"""Packets that the host hands to the card, as messages like those of the lines."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.feed.items import FeedItem, InjectBeat
from tickgate_hdl.feed.mold_parser import MoldParser
from tickgate_hdl.lib.compare import equal
from tickgate_hdl.lib.delay import delayed

__all__ = ["InjectLine"]


class InjectLine(wiring.Component):
    """Turn MoldUDP64 packets, without Ethernet, IPv4 and UDP, into their messages.

    A packet of another session than the one in force, once that is known, is dropped; so is the
    rest of one during which a session begins: the numbers of the old one mean something else now.

    A packet takes one cycle more than it has beats, and a few before
    the next; the host is slower than that. A beat that belongs to no packet is dropped, which
    counts as a malformed packet when it is a last one; a packet that another ``first`` cuts off is
    malformed too.

    Parameters
    ----------
    registered : bool
        That of :class:`~tickgate_hdl.feed.mold_parser.MoldParser`.

    Members
    -------
    i : In(stream of ``InjectBeat``)
        Packets.
    time_ns, cycles : In(64), In(32)
        UTC clock and cycle counter.
    session, session_known, turning : In(80), In(1), In(1)
        The channel's session; it may be another one in the next cycle.
    item : Out(stream of ``FeedItem``)
        Messages; while one waits, ``i.ready`` is low. ``time_ns`` is that of the packet's first
        beat, ``arrival`` that of the beat with the message's last byte.
    snapshot : Out(1)
        The item is a message of a snapshot.
    count_inject_malformed : Out(32)
        Packets whose blocks do not fit, that end in their header, or of another session. Wraps.
    active : Out(1)
        Something of a packet is inside.
    """

    def __init__(self, *, registered=False):
        self._registered = registered
        super().__init__({
            "i": In(stream.Signature(InjectBeat)), "time_ns": In(64), "cycles": In(32),
            "session": In(80), "session_known": In(1), "turning": In(1),
            "item": Out(stream.Signature(FeedItem)),
            "snapshot": Out(1), "count_inject_malformed": Out(32), "active": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.parser = parser = MoldParser(registered=self._registered)
        # Compared in every cycle, since a line may begin a session at any time. The outcome is
        # known a cycle late: items wait while it may be that of before.
        named, foreign, unsettled = Signal(80), Signal(), Signal()
        with m.If(parser.packet.valid):
            m.d.sync += named.eq(parser.packet.session)
        m.d.sync += [
            foreign.eq(self.session_known & ~equal(named, self.session)),
            unsettled.eq(parser.packet.valid | self.turning),
        ]
        there, goes = parser.item.valid & ~unsettled, Signal()  # to be offered; done with
        if self._registered:  # known a cycle later, in which it is not offered again
            there &= ~goes
            m.d.sync += goes.eq(there & (self.item.ready | foreign))
        else:
            m.d.comb += goes.eq(~unsettled & (self.item.ready | foreign))
        m.d.comb += [
            Value.cast(self.item.payload).eq(Value.cast(parser.item.payload)),
            self.item.valid.eq(there & ~foreign),
            parser.item.ready.eq(goes),
            parser.session.eq(self.session), parser.session_known.eq(self.session_known),
        ]
        beat, packet = self.i.payload, parser.i.payload
        inside, begun = Signal(), Signal()  # in a packet; its first beat is to be worked on
        offers, stray = Signal(), Signal()
        begins = offers & ~begun & beat.first
        m.d.comb += [
            offers.eq(self.i.valid & ~parser.ending),
            stray.eq(offers & ~begun & ~beat.first & ~inside),
            packet.data.eq(beat.data), packet.keep.eq(beat.keep),
            packet.begin.eq(begins), packet.lane.eq(0),
            packet.final.eq(beat.last & ~begins), packet.cycles.eq(self.cycles),
            parser.i.valid.eq(offers & ~stray),
            self.i.ready.eq(stray | (parser.i.ready & offers & ~begins)),
            parser.accept.eq(1), parser.time_ns.eq(self.time_ns),
        ]
        with m.If(parser.i.valid & parser.i.ready):
            with m.If(begins):
                m.d.sync += [begun.eq(1), self.snapshot.eq(beat.snapshot)]
            with m.Else():
                m.d.sync += [begun.eq(0), inside.eq(~beat.last)]
        abandoned = begins & parser.i.ready & inside
        refused = parser.packet.valid & parser.foreign
        malformed = parser.malformed | parser.cut | abandoned | refused | (stray & beat.last)
        if self._registered:  # counted a cycle later
            malformed = delayed(m, malformed, "was_malformed")
        m.d.comb += self.active.eq(
            self.i.valid | inside | begun | parser.busy | parser.ending
            | (malformed if self._registered else 0))
        with m.If(malformed):
            m.d.sync += self.count_inject_malformed.eq(self.count_inject_malformed + 1)
        return m
