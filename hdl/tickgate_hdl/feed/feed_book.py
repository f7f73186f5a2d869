"""The market data half of the card: frames in, best bids and offers out."""

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.book import Book
from tickgate_hdl.feed.feed import Feed
from tickgate_hdl.lib.layouts import FrameBeat, RecordBody, TopOfBook
from tickgate_hdl.lib.stream import check_stream, connect_streams
from tickgate_hdl.net.udp import UdpReceive

__all__ = ["FeedBook"]

_COUNTERS = {
    "net": ("count_frames", "count_frames_bad", "count_frames_other"),
    "feed": (
        "count_mold_packets",
        "count_mold_malformed",
        "count_mold_duplicates",
        "count_mold_gaps",
        "count_itch_messages",
        "count_itch_unknown",
        "count_itch_malformed",
    ),
    "book": (
        "count_itch_untracked",
        "count_book_updates",
        "count_book_order_overflow",
        "count_book_level_overflow",
        "count_book_unknown_reference",
    ),
}


class FeedBook(wiring.Component):
    """Build the books of the tracked symbols from the feed's Ethernet frames.

    :class:`UdpReceive`, :class:`Feed` and :class:`Book` in a row; back-pressure reaches
    ``i.ready``, nothing is lost inside. Names that are not explained here are theirs.

    Parameters
    ----------
    config : :class:`~tickgate_hdl.top.config.CardConfig`
        Sizes.
    locate_bits : :class:`int`
        Width of the stock locates that can be told apart, 16 but in small tests.

    Members
    -------
    i : :py:`In(stream.Signature(FrameBeat))`
        Frames from the MAC.
    time_ns, cycles : :py:`In(64)`, :py:`In(32)`
        UTC clock in ns, and cycle counter; both are sampled when frames come in.
    group, port : :py:`In(32)`, :py:`In(16)`
        The feed's IPv4 group (first octet in bits 31:24) and UDP port.
    tob, events : :py:`Out(stream.Signature(RecordBody))`
        TopOfBook and FeedEvent records, without conflation. Both must be taken in the end, or all
        stalls.
    count_* : :py:`Out(32)`
        As the registers of the same names; they wrap.
    busy : :py:`Out(1)`
        Tables are being emptied, after reset or for a new session; ``query_top`` says stale.
    active : :py:`Out(1)`
        Something is in flight inside; when low, nothing changes without input.
    """

    def __init__(self, config, *, locate_bits=16):
        self._config = config
        self._locate_bits = locate_bits
        counters = [name for names in _COUNTERS.values() for name in names]
        super().__init__(
            {
                "i": In(stream.Signature(FrameBeat)),
                "time_ns": In(64),
                "cycles": In(32),
                "group": In(32),
                "port": In(16),
                "symbol_write": In(1),
                "symbol_index": In(8),
                "symbol_name": In(64),
                "symbol_enable": In(1),
                "query_symbol": In(8),
                "query_top": Out(TopOfBook),
                "tob": Out(stream.Signature(RecordBody)),
                "events": Out(stream.Signature(RecordBody)),
                "itch_type_select": In(8),
                "itch_type_count": Out(32),
                "expected": Out(64),
                "started": Out(1),
                "busy": Out(1),
                "active": Out(1),
                **{name: Out(32) for name in counters},
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.net = net = UdpReceive()
        m.submodules.feed = feed = Feed()
        m.submodules.book = book = Book(self._config, locate_bits=self._locate_bits)
        connect_streams(m, self.i, net.i)
        connect_streams(m, net.o, feed.i)
        connect_streams(m, feed.o, book.i)
        connect_streams(m, book.tob, self.tob)
        connect_streams(m, book.events, self.events)
        for name, link in (
            ("frames", self.i),
            ("payloads", net.o),
            ("commands", feed.o),
            ("tob", book.tob),
            ("events", book.events),
        ):
            check_stream(m, name, link)

        inputs = {
            net: ("time_ns", "cycles", "group", "port"),
            feed: ("itch_type_select",),
            book: (
                "cycles",
                "symbol_write",
                "symbol_index",
                "symbol_name",
                "symbol_enable",
                "query_symbol",
            ),
        }
        outputs = {
            net: _COUNTERS["net"],
            feed: (*_COUNTERS["feed"], "itch_type_count", "expected", "started"),
            book: (*_COUNTERS["book"], "query_top", "busy"),
        }
        for part, names in inputs.items():
            m.d.comb += [getattr(part, name).eq(getattr(self, name)) for name in names]
        for part, names in outputs.items():
            m.d.comb += [getattr(self, name).eq(getattr(part, name)) for name in names]
        m.d.comb += self.active.eq(net.active | feed.active | book.active)
        return m
