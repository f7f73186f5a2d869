"""The feed: from datagrams to commands for the book."""

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.layouts import BookCommand
from tickgate_hdl.feed.itch import ItchDecode
from tickgate_hdl.feed.mold import MoldReceive
from tickgate_hdl.lib.stream import check_stream, connect_streams
from tickgate_hdl.net.layouts import PayloadBeat

__all__ = ["Feed"]


class Feed(wiring.Component):
    """Turn MoldUDP64 datagrams with ITCH 5.0 messages into commands for the book.

    :class:`MoldReceive` and :class:`ItchDecode` in a row; members are theirs.
    """

    i: In(stream.Signature(PayloadBeat))
    o: Out(stream.Signature(BookCommand))
    expected: Out(64)
    started: Out(1)
    count_mold_packets: Out(32)
    count_mold_malformed: Out(32)
    count_mold_duplicates: Out(32)
    count_mold_gaps: Out(32)
    count_itch_messages: Out(32)
    count_itch_unknown: Out(32)
    count_itch_malformed: Out(32)
    itch_type_select: In(8)
    itch_type_count: Out(32)
    active: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.submodules.mold = mold = MoldReceive()
        m.submodules.itch = itch = ItchDecode()
        connect_streams(m, self.i, mold.i)
        connect_streams(m, mold.o, itch.i)
        connect_streams(m, itch.o, self.o)
        check_stream(m, "items", mold.o)
        for part, names in (
            (mold, "expected started count_mold_packets count_mold_malformed"),
            (mold, "count_mold_duplicates count_mold_gaps"),
            (itch, "count_itch_messages count_itch_unknown count_itch_malformed itch_type_count"),
        ):
            for name in names.split():
                m.d.comb += getattr(self, name).eq(getattr(part, name))
        m.d.comb += [
            itch.itch_type_select.eq(self.itch_type_select),
            self.active.eq(mold.active | itch.o.valid),
        ]
        return m
