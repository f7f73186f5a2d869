"""One channel of the feed: two lines, the host's packets, and the window that joins them."""

from amaranth.hdl import Module, Mux
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.feed import arbiter, line
from tickgate_hdl.feed.arbiter import Window
from tickgate_hdl.feed.inject import InjectLine
from tickgate_hdl.feed.items import FeedItem, InjectBeat
from tickgate_hdl.feed.line import FeedLine
from tickgate_hdl.lib.delay import delayed
from tickgate_hdl.lib.layouts import FrameBeat, RecordBody
from tickgate_hdl.lib.own_reset import own_reset
from tickgate_hdl.lib.stream import check_stream, connect_streams

__all__ = ["CONTROLS", "COUNTERS", "STATES", "Channel"]

COUNTERS = (*line.COUNTERS, *arbiter.COUNTERS, "count_inject_messages", "count_inject_malformed")
"""All counters of a channel, by the names of the registers."""

CONTROLS = ("rebuild", "resume", "forget", "resume_sequence", "reorder_cycles")
STATES = ("started", "ended", "missing", "gap_open", "suspect", "rebuilding", "stale")


class Channel(wiring.Component):
    """Deliver a channel's messages in order, each once, from two lines and what the host hands in.

    Parameters
    ----------
    config : :class:`~tickgate_hdl.top.config.CardConfig`
        Sizes.
    number : int
        The channel's number.

    Members
    -------
    a, b : In(stream of ``FrameBeat``)
        Frames of the lines.
    inject : In(stream of ``InjectBeat``)
        The host's packets.
    group_a, port_a, group_b, port_b : In(32), In(16)
        Destinations.
    time_ns_a, time_ns_b : In(64)
        UTC clock at the start of the frame whose first beat comes on that line.
    o : Out(stream of ``FeedItem``)
        Messages.
    high_water_lines, high_water_window : Out(16)
        Most beats in a line's FIFO, and farthest message ahead, since reset.

    The others are those of ``Window`` and ``FeedLine``; counters of the lines are added up.
    """

    def __init__(self, config, number=0):
        self._config, self._number = config, number
        super().__init__({
            "a": In(stream.Signature(FrameBeat)), "b": In(stream.Signature(FrameBeat)),
            "inject": In(stream.Signature(InjectBeat)),
            "group_a": In(32), "port_a": In(16), "group_b": In(32), "port_b": In(16),
            "time_ns": In(64), "time_ns_a": In(64), "time_ns_b": In(64), "cycles": In(32),
            "rebuild": In(1), "resume": In(1), "forget": In(1), "resume_sequence": In(64),
            "reorder_cycles": In(32),
            "o": Out(stream.Signature(FeedItem)), "emptied": In(1), "clear": Out(1),
            "expected": Out(64), "highest": Out(64), "session": Out(80),
            **{name: Out(1) for name in STATES},
            "events": Out(stream.Signature(RecordBody)),
            **{name: Out(32) for name in COUNTERS},
            "high_water_lines": Out(16), "high_water_window": Out(16),
            "busy": Out(1), "active": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self._config
        lines = [FeedLine(line_fifo=config.line_fifo, registered=config.registered)
                 for _ in range(2)]
        host = InjectLine(registered=config.registered)
        window = Window(window=config.window, registered=config.registered)
        for name, part in (
                ("line_a", lines[0]), ("line_b", lines[1]), ("host", host), ("window", window)):
            m.submodules[name] = own_reset(config.registered, part, name)
        for name, part, frames in (("a", lines[0], self.a), ("b", lines[1], self.b)):
            connect_streams(m, frames, part.i)
            connect_streams(m, part.item, getattr(window, name))
            check_stream(m, f"items_{name}", part.item)
            m.d.comb += [
                part.time_ns.eq(getattr(self, f"time_ns_{name}")),
                # What does not come is not stamped: nothing moves in a line that is idle.
                part.cycles.eq(Mux(frames.valid, self.cycles, 0)),
                part.group.eq(getattr(self, f"group_{name}")),
                part.port.eq(getattr(self, f"port_{name}")),
                part.session.eq(window.session), part.session_known.eq(window.session_known),
                getattr(window, f"packet_{name}").eq(part.packet),
                getattr(window, f"foreign_{name}").eq(part.foreign),
                getattr(window, f"frame_bad_{name}").eq(part.frame_bad),
            ]
        connect_streams(m, self.inject, host.i)
        connect_streams(m, host.item, window.r)
        connect_streams(m, window.o, self.o)
        connect_streams(m, window.events, self.events)
        m.d.comb += [
            host.time_ns.eq(Mux(self.inject.valid, self.time_ns, 0)),
            host.cycles.eq(Mux(self.inject.valid, self.cycles, 0)),
            host.session.eq(window.session), host.session_known.eq(window.session_known),
            host.turning.eq(window.turning),
            self.session.eq(window.session),
            window.snapshot.eq(host.snapshot), window.time_ns.eq(self.time_ns),
            self.o.payload.channel.eq(self._number),
            *(getattr(window, name).eq(getattr(self, name)) for name in CONTROLS),
            *(getattr(self, name).eq(getattr(window, name)) for name in STATES),
            *(getattr(self, name).eq(getattr(lines[0], name) + getattr(lines[1], name))
              for name in line.COUNTERS),
            *(getattr(self, name).eq(getattr(window, name)) for name in arbiter.COUNTERS),
            self.count_inject_malformed.eq(host.count_inject_malformed),
            window.emptied.eq(self.emptied), self.clear.eq(window.clear),
            self.expected.eq(window.expected),
            self.highest.eq(window.highest), self.high_water_window.eq(window.high_water),
            self.busy.eq(window.busy),
            self.active.eq(lines[0].active | lines[1].active | host.active | window.active),
        ]
        high = [part.fifo_high_water for part in lines]
        with m.If(high[0] > high[1]):
            m.d.comb += self.high_water_lines.eq(high[0])
        with m.Else():
            m.d.comb += self.high_water_lines.eq(high[1])
        passes = host.item.valid & host.item.ready
        with m.If(delayed(m, passes, "host_passed", int(config.registered))):
            m.d.sync += self.count_inject_messages.eq(self.count_inject_messages + 1)
        return m
