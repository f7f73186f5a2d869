"""One line of the feed: from Ethernet frames to messages with a latency of one cycle."""

from amaranth.hdl import Const, EnableInserter, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.feed.items import FeedItem
from tickgate_hdl.feed.mold_parser import MoldParser, PacketStrobe
from tickgate_hdl.lib.delay import delayed
from tickgate_hdl.lib.layouts import FrameBeat
from tickgate_hdl.lib.own_reset import own_reset
from tickgate_hdl.lib.stream import connect_streams
from tickgate_hdl.net.beat_fifo import BeatFifo
from tickgate_hdl.net.receive import Receive, Verdict

__all__ = ["COUNTERS", "FeedLine"]

_BAD = {
    Verdict.BAD_FCS: "count_bad_fcs",
    Verdict.OVERSIZE: "count_oversize",
    Verdict.BAD_LENGTH: "count_bad_length",
    Verdict.BAD_IP_CHECKSUM: "count_bad_ip_checksum",
    Verdict.IP_OPTIONS: "count_ip_options",
    Verdict.FRAGMENT: "count_fragments",
    Verdict.BAD_UDP_CHECKSUM: "count_bad_udp_checksum",
}
COUNTERS = (
    "count_frames", "count_frames_bad", "count_frames_other", *_BAD.values(), "count_mold_packets",
    "count_mold_malformed", "count_mold_heartbeats", "count_mold_foreign",
)
"""Counters of a line, by the names of the registers."""


class FeedLine(wiring.Component):
    """Turn the frames of one line into the messages of its MoldUDP64 packets.

    Nothing waits for a frame's end: a message is offered ``latency`` cycles after the beat with its
    last byte, while ``item`` is taken as it comes. That its frame was bad is told after its items,
    by ``frame_bad``; what can be known of a frame before its payload refuses it in time. While an
    item waits, beats are stored. Which frames are good: :class:`tickgate_hdl.net.receive.Receive`;
    which packets: :class:`tickgate_hdl.feed.mold_parser.MoldParser`.

    Parameters
    ----------
    line_fifo : int
        Beats that may wait, a power of two.
    max_bytes : int
        Longest frame, without its check sequence; a longer one is bad.
    registered : bool
        Three more register stages up to the item, for an FPGA that needs them.

    Attributes
    ----------
    latency : cycles from a beat to the item of the message that ends in it, while nothing waits

    Members
    -------
    i : In(stream of ``FrameBeat``)
        Frames. ``ready`` is low only while ``line_fifo`` beats wait.
    time_ns, cycles : In(64), In(32)
        UTC clock and cycle counter, taken as a beat comes.
    group, port : In(32), In(16)
        Destination wanted, first octet of the group in bits 31:24; with 0 the line is off.
    session, session_known : In(80), In(1)
        Packets of other sessions are told by ``packet`` and ``foreign``, their messages are not.
    item : Out(stream of ``FeedItem``)
        Messages, at most one a cycle.
    packet, foreign : Out(PacketStrobe), Out(1)
        The header of each packet, before its messages; it is of another session.
    frame_start, frame_bad : Out(1), Out(1)
        Strobes: with each ``packet``; after the last item of a frame that turned out bad.
    count_* : Out(32)
        Frames; those that were bad, and what they were; those not the feed's; MoldUDP64 packets of
        the session, those whose blocks do not fit, those without messages; those of other
        sessions. They wrap.
    fifo_high_water : Out(16)
        Most beats that ever waited.
    active : Out(1)
        Something of a frame is inside.
    """

    def __init__(self, *, line_fifo, max_bytes=9216, registered=False):
        self._fifo = BeatFifo(depth=line_fifo, registered=registered)
        self._receive = Receive(max_bytes=max_bytes)
        self._parser = MoldParser(registered=registered)
        self._registered = registered
        self.latency = self._fifo.latency + self._parser.latency
        super().__init__({
            "i": In(stream.Signature(FrameBeat)), "time_ns": In(64), "cycles": In(32),
            "group": In(32), "port": In(16), "session": In(80), "session_known": In(1),
            "item": Out(stream.Signature(FeedItem)), "packet": Out(PacketStrobe),
            "foreign": Out(1), "frame_start": Out(1), "frame_bad": Out(1),
            **{name: Out(32) for name in COUNTERS}, "fifo_high_water": Out(16), "active": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        fifo, parser = self._fifo, self._parser
        m.submodules.fifo = own_reset(self._registered, fifo, "fifo")
        receive = self._receive
        m.submodules.parser = own_reset(self._registered, parser, "parser")
        ended = Signal()
        if self._registered:  # in step with the parser, so that a verdict comes behind the items
            m.submodules.receive = own_reset(
                self._registered, EnableInserter(parser.step)(receive), "receive")
            m.d.comb += ended.eq(receive.ended & parser.step)
        else:
            m.submodules.receive = receive
            m.d.comb += ended.eq(receive.ended)
        alive = Const(1, 1)  # the parts have left their reset
        if self._registered:
            alive = delayed(m, Const(1, 1), "alive", 2)
        m.d.comb += [
            fifo.i.payload.eq(self.i.payload), fifo.i.valid.eq(self.i.valid & alive),
            self.i.ready.eq(fifo.i.ready & alive),
        ]
        connect_streams(m, fifo.o, receive.i)
        connect_streams(m, receive.o, parser.i)
        connect_streams(m, parser.item, self.item)
        m.d.comb += [
            fifo.time_ns.eq(self.time_ns), fifo.cycles.eq(self.cycles),
            receive.group.eq(self.group), receive.port.eq(self.port),
            parser.accept.eq(receive.accept), parser.time_ns.eq(receive.time_ns),
            parser.session.eq(self.session), parser.session_known.eq(self.session_known),
            self.packet.eq(parser.packet), self.foreign.eq(parser.foreign),
            self.frame_start.eq(parser.packet.valid),
            self.fifo_high_water.eq(fifo.high_water),
        ]

        # The verdict is there before anything of the next frame can be told.
        started, bad, known_bad, counting = Signal(), Signal(), Signal(), Signal()
        with m.If(parser.packet.valid):
            m.d.sync += started.eq(1)
        with m.Elif(ended):
            m.d.sync += started.eq(0)
        m.d.comb += [
            bad.eq(ended & (receive.verdict != Verdict.GOOD)
                   & (receive.verdict != Verdict.OTHER)),
            self.frame_bad.eq(known_bad & ~parser.busy),
            self.active.eq(
                fifo.active | receive.active | parser.busy | parser.ending | known_bad | counting),
        ]
        with m.If(bad & started):
            m.d.sync += known_bad.eq(1)
        with m.Elif(self.frame_bad):
            m.d.sync += known_bad.eq(0)

        # Counted a cycle later: what tells a packet is foreign is known late.
        def count(name, when):
            counted, counter = Signal(name=name.replace("count_", "one_")), getattr(self, name)
            m.d.sync += counted.eq(when)
            with m.If(counted):
                m.d.comb += counting.eq(1)
                m.d.sync += counter.eq(counter + 1)

        count("count_frames", ended)
        count("count_frames_bad", bad)
        count("count_frames_other", ended & (receive.verdict == Verdict.OTHER))
        for verdict, name in _BAD.items():
            count(name, ended & (receive.verdict == verdict))
        ours = parser.packet.valid & ~parser.foreign
        count("count_mold_foreign", parser.packet.valid & parser.foreign)
        count("count_mold_packets", ours)
        count("count_mold_heartbeats", ours & parser.packet.heartbeat)
        count("count_mold_malformed", parser.malformed | (ended & receive.cut))
        return m
