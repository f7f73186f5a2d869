"""The market data half of the card: frames in, best bids and offers out."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.level_layouts import DepthRow
from tickgate_hdl.book.pipeline import Book
from tickgate_hdl.feed.channel import CONTROLS, COUNTERS, STATES, Channel
from tickgate_hdl.feed.items import FeedItem, InjectBeat
from tickgate_hdl.lib.delay import copies, delayed
from tickgate_hdl.lib.layouts import FrameBeat, RecordBody, SymbolStatus, TopOfBook
from tickgate_hdl.lib.own_reset import own_reset
from tickgate_hdl.lib.stream import check_stream, connect_streams

__all__ = ["BOOK_COUNTERS", "FeedBook"]

BOOK_COUNTERS = (
    "count_itch_messages", "count_itch_unknown", "count_itch_malformed", "count_itch_untracked",
    "count_itch_slow", "count_book_updates", "count_book_order_overflow",
    "count_book_level_overflow", "count_book_unknown_reference",
)
_SETTINGS = {"group_a": 32, "port_a": 16, "group_b": 32, "port_b": 16}


class FeedBook(wiring.Component):
    """Build the books of the tracked symbols from the feed's Ethernet frames.

    A :class:`Channel` for each channel of the feed, whose messages go to one :class:`Book`. Names
    that are not explained here are theirs. Counters of the channels are added up.

    The books are emptied all at once: ``rebuild`` is for every channel, whichever is selected, and
    a new session of one makes the others suspect.

    Parameters
    ----------
    config : :class:`~tickgate_hdl.top.config.CardConfig`
        Sizes.
    locate_bits : :class:`int`
        Width of the stock locates that can be told apart, 16 but in small tests.

    Members
    -------
    i_a, i_b : :py:`In(stream.Signature(FrameBeat))`
        Frames of the two lines, of all channels.
    inject : :py:`In(stream.Signature(InjectBeat))`
        The host's packets, for the channel selected.
    time_ns, cycles : :py:`In(64)`, :py:`In(32)`
        UTC clock in ns, and cycle counter.
    time_ns_a, time_ns_b : :py:`In(64)`
        UTC clock at the start of the frame whose first beat comes on that line: of a MAC,
        ``frame_time_ns``; without one, ``time_ns``.
    select : :py:`In(2)`
        The channel that commands, settings and ``inject`` are for, and whose state is shown; in
        the ``ecp5`` profile from the cycle after on.
    group_a, port_a, group_b, port_b : :py:`In`
        Destinations of the lines, first octet of a group in bits 31:24, taken over with
        ``group_a_we`` and so on.
    tob : :py:`Out(stream.Signature(RecordBody))`
        TopOfBook records, without conflation; to be taken in every cycle.
    events : :py:`Out(stream.Signature(RecordBody))`
        FeedEvent records. They must be taken in the end, or the book stalls.
    message_valid, message : :py:`Out(1)`, :py:`Out(FeedItem)`
        Every message, in order, in the cycle in which the book takes it.
    groups : :py:`Out(ArrayLayout(32, 2 * channels))`
        Groups of lines A and B of each channel.
    feed_stale : :py:`Out(1)`
        Some channel is stale, so no book is known to be right.
    feed_lacks : :py:`Out(1)`
        Some channel lacks messages: it has not begun, one is missing, a gap is open, it is suspect
        or rebuilding. Unlike ``feed_stale`` it is low while messages that are here wait for the
        book, as in a burst; what is told to the host must not flicker with those.
    count_* : :py:`Out(32)`
        As the registers of the same names; they wrap.
    busy : :py:`Out(1)`
        Tables are being emptied, after reset or for a new session; ``query_top`` says stale.
    active : :py:`Out(1)`
        Something is in flight inside; when low, nothing changes without input.
    """

    def __init__(self, config, *, locate_bits=16):
        self._config, self._locate_bits = config, locate_bits
        super().__init__({
            "i_a": In(stream.Signature(FrameBeat)), "i_b": In(stream.Signature(FrameBeat)),
            "inject": In(stream.Signature(InjectBeat)),
            "time_ns": In(64), "time_ns_a": In(64), "time_ns_b": In(64), "cycles": In(32),
            "select": In(2),
            **{name: In(width) for name, width in _SETTINGS.items()},
            **{f"{name}_we": In(1) for name in _SETTINGS},
            "rebuild": In(1), "resume": In(1), "forget": In(1), "resume_sequence": In(64),
            "reorder_cycles": In(32),
            "symbol_write": In(1), "symbol_index": In(16), "symbol_name": In(64),
            "symbol_enable": In(1),
            "query_symbol": In(16), "query_top": Out(TopOfBook), "query_status": Out(SymbolStatus),
            "tob": Out(stream.Signature(RecordBody)), "events": Out(stream.Signature(RecordBody)),
            "message_valid": Out(1), "message": Out(FeedItem),
            "depth_write": Out(1), "depth_row": Out(DepthRow), "depth_clear": Out(1),
            "itch_type_select": In(8), "itch_type_count": Out(32),
            "expected": Out(64), "highest": Out(64), "session": Out(80),
            **{name: Out(1) for name in STATES},
            "groups": Out(ArrayLayout(32, 2 * config.channels)),
            "feed_stale": Out(1), "feed_lacks": Out(1),
            "high_water_lines": Out(16), "high_water_window": Out(16),
            "busy": Out(1), "active": Out(1),
            **{name: Out(32) for name in (*COUNTERS, *BOOK_COUNTERS)},
        })

    def elaborate(self, platform):
        m = Module()
        channels = [Channel(self._config, number) for number in range(self._config.channels)]
        book = Book(self._config, locate_bits=self._locate_bits)
        m.submodules.book = own_reset(self._config.registered, book, "book")
        for number, channel in enumerate(channels):
            m.submodules[f"channel_{number}"] = own_reset(
                self._config.registered, channel, f"channel_{number}")
            self._settings(m, channel, number)
            m.d.comb += [
                *(port.payload.eq(frames.payload) for port, frames in (
                    (channel.a, self.i_a), (channel.b, self.i_b), (channel.inject, self.inject))),
                *(getattr(channel, clock).eq(getattr(self, clock))
                  for clock in ("time_ns", "time_ns_a", "time_ns_b", "cycles")),
            ]
        # A frame is offered to all channels at once: each takes what is for it.
        for name, frames in (("a", self.i_a), ("b", self.i_b)):
            ports = [getattr(channel, name) for channel in channels]
            ready = Cat(port.ready for port in ports).all()
            m.d.comb += frames.ready.eq(ready)
            m.d.comb += [port.valid.eq(frames.valid & ready) for port in ports]
        self._events(m, [*(channel.events for channel in channels), book.events])
        self._messages(m, channels, book)
        connect_streams(m, book.tob, self.tob)
        check_stream(m, "events", self.events)

        def late(value, name):
            return delayed(m, value, name, int(self._config.registered))

        clears = Cat(channel.clear for channel in channels)
        # What comes is no part's yet in the cycles in which the parts' own are told late.
        comes = self.i_a.valid | self.i_b.valid | self.inject.valid
        m.d.comb += [
            book.clear.eq(clears.any()),
            *(channel.emptied.eq((clears & ~(1 << number)).any())
              for number, channel in enumerate(channels)),
            self.feed_stale.eq(late(Cat(channel.stale for channel in channels).any(), "stale")),
            book.feed_stale.eq(self.feed_stale),
            self.feed_lacks.eq(late(Cat(
                ~channel.started | channel.missing | channel.gap_open | channel.suspect
                | channel.rebuilding for channel in channels).any(), "lacks")),
            self.message_valid.eq(book.i.valid & book.i.ready), self.message.eq(book.i.payload),
            self.high_water_lines.eq(_most(m, [c.high_water_lines for c in channels], "lines")),
            self.high_water_window.eq(_most(m, [c.high_water_window for c in channels], "window")),
            self.busy.eq(book.busy | Cat(channel.busy for channel in channels).any()),
            self.active.eq(late(
                Cat(late(part.active, f"was_active_{number}")
                    for number, part in enumerate((book, *channels))).any()
                | comes | late(comes, "came"), "under_way")),
            *(getattr(self, name).eq(sum(getattr(channel, name) for channel in channels))
              for name in COUNTERS),
        ]
        for name in ("cycles", "symbol_write", "symbol_index", "symbol_name", "symbol_enable",
                     "query_symbol", "itch_type_select"):
            m.d.comb += getattr(book, name).eq(getattr(self, name))
        for name in ("query_top", "query_status", "depth_write", "depth_row", "depth_clear",
                     "itch_type_count", *BOOK_COUNTERS):
            m.d.comb += getattr(self, name).eq(getattr(book, name))
        return m

    def _settings(self, m, channel, number):
        """Settings, commands, injection and state of the channel that is selected."""
        is_selected = self.select == number
        selected, commanded, injected, shown = [is_selected] * 4
        if self._config.registered:
            selected, commanded, injected, shown = copies(
                m, is_selected, f"selected_{number}", 4)
        for name, width in _SETTINGS.items():
            setting = Signal(width, name=f"{name}_{number}")
            with m.If(getattr(self, f"{name}_we") & selected):
                m.d.sync += setting.eq(getattr(self, name))
            m.d.comb += getattr(channel, name).eq(setting)
        m.d.comb += [
            self.groups[2 * number].eq(channel.group_a),
            self.groups[2 * number + 1].eq(channel.group_b),
        ]
        for name in CONTROLS:
            value = getattr(self, name)
            m.d.comb += getattr(channel, name).eq(
                value & commanded if name in ("resume", "forget") else value)
        m.d.comb += channel.inject.valid.eq(self.inject.valid & injected)
        with m.If(injected):
            m.d.comb += self.inject.ready.eq(channel.inject.ready)
        with m.If(shown):
            m.d.comb += [
                *(getattr(self, name).eq(getattr(channel, name))
                  for name in ("expected", "highest", "session", *STATES)),
            ]

    def _messages(self, m, channels, book):
        """Channels take turns when several have a message; the others wait in their windows.

        The one that is offered stays chosen until it is taken. Only a channel that empties the
        books withdraws its message, so that a checker of streams must not watch ``book.i``: the
        book drops what is in work with ``clear``.
        """
        if len(channels) == 1:
            connect_streams(m, channels[0].o, book.i)
            return
        turn = Signal(range(len(channels)))
        chosen, waits = Signal(range(len(channels))), Signal()
        valid = Cat(channel.o.valid for channel in channels)
        m.d.comb += [
            chosen.eq(turn), book.i.valid.eq(valid.bit_select(chosen, 1)),
            waits.eq(book.i.valid & ~book.i.ready),
        ]
        with m.If(~valid.bit_select(turn, 1)):
            for number in reversed(range(len(channels))):
                with m.If(valid[number]):
                    m.d.comb += chosen.eq(number)
        for number, channel in enumerate(channels):
            with m.If(chosen == number):
                m.d.comb += [
                    Value.cast(book.i.payload).eq(Value.cast(channel.o.payload)),
                    channel.o.ready.eq(book.i.ready),
                ]
        with m.If(waits):
            m.d.sync += turn.eq(chosen)
        with m.Elif(book.i.valid):
            m.d.sync += turn.eq(Mux(chosen == len(channels) - 1, 0, chosen + 1))

    def _events(self, m, sources):
        """One event after the other; the first source goes first, and none is cut short."""
        if self._config.registered:
            self._events_chosen_early(m, sources)
            return
        held, owner = Signal(), Signal(range(len(sources)))
        for number, source in reversed(list(enumerate(sources))):
            with m.If(Mux(held, owner == number, source.valid)):
                m.d.comb += [
                    self.events.valid.eq(source.valid), self.events.payload.eq(source.payload)]
                m.d.sync += owner.eq(number)
        granted = Cat(
            Mux(held, owner == number,
                source.valid & ~Cat(other.valid for other in sources[:number]).any())
            for number, source in enumerate(sources))
        m.d.comb += [source.ready.eq(granted[number] & self.events.ready)
                     for number, source in enumerate(sources)]
        m.d.sync += held.eq(self.events.valid & ~self.events.ready)

    def _events_chosen_early(self, m, sources):
        """The same, but whose turn it is is known a cycle before."""
        held, owner = Signal(), Signal(range(len(sources)))
        with m.If(~held):
            for number, source in reversed(list(enumerate(sources))):
                with m.If(source.valid):
                    m.d.sync += [held.eq(1), owner.eq(number)]
        with m.Elif(self.events.ready):
            m.d.sync += held.eq(0)
        m.d.comb += self.events.valid.eq(held)
        for number, source in enumerate(sources):
            with m.If(owner == number):
                m.d.comb += [
                    self.events.payload.eq(source.payload),
                    source.ready.eq(held & self.events.ready),
                ]


def _most(m, values, name):
    """Return the largest of the values."""
    most = values[0]
    for number, value in enumerate(values[1:]):
        larger = Signal(16, name=f"most_{name}_{number}")
        m.d.comb += larger.eq(Mux(value > most, value, most))
        most = larger
    return most
