"""Two lines and the host become one: every message once and in order, or it is said that it isn't.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.feed.compare import equal, registered
from tickgate_hdl.feed.items import FeedItem
from tickgate_hdl.feed.mold_parser import PacketStrobe
from tickgate_hdl.feed.sessions import Sessions
from tickgate_hdl.feed.slots import Slots
from tickgate_hdl.feed.window_events import EVENTS, WindowEvents
from tickgate_hdl.lib.layouts import RecordBody
from tickgate_hdl.lib.stream import connect_streams

__all__ = ["COUNTERS", "Window"]

COUNTERS = (
    "count_mold_duplicates", "count_mold_gaps", "count_window_reordered", "count_window_filled",
    "count_window_dropped", "count_frames_suspect",
)
"""Counters, by the names of the registers."""

_SAID = (
    *(f"{what}_{name}" for what in ("header", "accepted", "sequence", "told") for name in "ab"),
    "adopts", *(f"{what}{at}" for what in ("begins", "foreigner", "ends") for at in ("", "_at")),
)
"""What the sessions say of a packet."""

_SETTLES = 15
"""Cycles, at least, for which the window stays active when something came."""


class Window(wiring.Component):
    """Arbitrate between the lines message by message; keep what is early, tell what is missing.

    The first copy of the next number goes on, ``latency`` cycles after it came. Copies of older
    ones are dropped. What is early is kept, as far as the window reaches, until the other line or
    the host brings what is missing: nothing is ever delivered out of order. While a message is
    known to exist that was not delivered, from the cycle after the one in which it was taken,
    ``stale`` says that no book is known to be right; if only the header of a packet told of it,
    from the third cycle on (the fifth, if ``registered``). When one is missing for
    ``reorder_cycles``, event G tells the host, once for each number that is missing; event C tells
    that all that was missing then has come. Behind number 2**64 - 1, which no feed reaches, the
    channel is stale until ``rebuild``.

    A frame that was found bad after it was used makes the channel suspect (event B): a message of
    it was accepted, or its header told of later messages, of a session or of an end. Only
    ``rebuild``, or a new session, ends that. A bad frame after ``rebuild`` makes it suspect again:
    its messages may be kept for after ``resume``.

    ``rebuild`` forgets how far the lines are; the next packet tells it anew, and what is kept from
    there on goes on after ``resume``. After that the channel is stale until a packet of the session
    has come.

    The session is that of the first packet. Another one is adopted when the session has ended
    (event N, and ``clear``), or after ``forget``; else its packets are foreign: told once (event
    F), not delivered. What the other line still brings of the session before is dropped.

    After reset, and after every 256th time that what is kept was voided, memories are swept:
    lines wait meanwhile, and the channel is stale.

    Parameters
    ----------
    window : int
        Numbers from the expected one on that are kept, a power of two.
    registered : bool
        Registers between the steps, for an FPGA that needs them: a message of each source at most
        every third cycle, and every fourth while messages are kept. What is on its way to ``o``
        counts as delivered; when ``o`` does not take it at once, the channel is stale.

    Attributes
    ----------
    latency : cycles from a message to ``o``

    Members
    -------
    a, b, r : In(stream of ``FeedItem``)
        Messages of the lines, and of the host, which gives way to line A. A line waits only while
        its message is beyond the window and the expected one is there, a cycle until one that is
        beyond is dropped, and a few cycles when a packet begins a session or tells where the lines
        are.
    snapshot : In(1)
        With ``r``: the message is of a snapshot and has no number. It is delivered while
        rebuilding, else dropped.
    packet_a, packet_b, foreign_a, foreign_b : In(PacketStrobe), In(1)
        Packets seen, before their messages; they are foreign.
    frame_bad_a, frame_bad_b : In(1)
        The frame of the last packet was bad; after its messages.
    session, session_known : Out(80), Out(1)
        For the lines: which packets to listen to; not known: to any.
    o : Out(stream of ``FeedItem``)
        Each message once, in order. What waits is withdrawn by ``clear``.
    reorder_cycles : In(32)
        How long a missing message is waited for.
    rebuild, resume, forget, resume_sequence : In(1), In(64)
        Strobes: empty the books and take messages from the host alone; go on with the lines, from
        that number (ignored unless rebuilding: a session may have begun meanwhile); adopt the
        session of the next packet.
    emptied : In(1)
        Strobe: another channel emptied the books. What this one delivered is gone, so that it
        becomes suspect, unless it is rebuilding.
    clear : Out(1)
        Strobe: what was delivered before means nothing any more.
    expected, highest : Out(64)
        Next number to deliver; every number below ``highest`` is known to exist (0 = none since
        ``rebuild``).
    started, ended, missing, gap_open, suspect, rebuilding, stale : Out(1)
        The state, as in register ``feed_state``; ``missing`` is told a few cycles late.
    time_ns : In(64)
        UTC clock, for events.
    events : Out(stream of ``RecordBody``)
        FeedEvent records.
    count_* : Out(32)
        As the registers of the same names; they wrap. Each message that comes is delivered, or
        kept, or a duplicate, or dropped; one that is kept is later delivered, or a duplicate, or
        void, or replaced by another copy of itself from its line. Dropped are those beyond the
        window, of a snapshot out of place, and of a session that is over.
    high_water : Out(16)
        Farthest that a kept message was ahead of the expected one since reset.
    busy, active : Out(1)
        Memories are being swept; a message waits or an event.
    """

    def __init__(self, *, window, registered=False):
        self._window, self._registered = window, registered
        self.latency = 3 if registered else 0
        item = stream.Signature(FeedItem)
        super().__init__({
            "a": In(item), "b": In(item), "r": In(item), "snapshot": In(1),
            "packet_a": In(PacketStrobe), "packet_b": In(PacketStrobe),
            "foreign_a": In(1), "foreign_b": In(1),
            "frame_bad_a": In(1), "frame_bad_b": In(1),
            "session": Out(80), "session_known": Out(1),
            "o": Out(item), "reorder_cycles": In(32),
            "rebuild": In(1), "resume": In(1), "forget": In(1), "resume_sequence": In(64),
            "emptied": In(1), "clear": Out(1),
            "expected": Out(64, init=1), "highest": Out(64, init=1),
            **{name: Out(1) for name in (
                "started", "ended", "missing", "gap_open", "suspect", "rebuilding", "stale")},
            "time_ns": In(64), "events": Out(stream.Signature(RecordBody)),
            **{name: Out(32) for name in COUNTERS},
            "high_water": Out(16), "busy": Out(1), "active": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.sessions = sessions = Sessions(registered=self._registered)
        slots = {name: Slots(self._window, registered=self._registered) for name in "ab"}
        m.submodules.slots_a, m.submodules.slots_b = slots.values()
        expected, epoch = self.expected, Signal.like(slots["a"].epoch)
        resume = Signal()
        swept, closed = slots["a"].busy, Signal(init=1)  # both slots are swept at the same time
        sources = {"a": self.a, "b": self.b, "r": self.r}
        line_of = {"a": "a", "b": "b", "r": "a"}  # whose slots a source's messages are kept in
        deaf = {"a": sessions.deaf_a, "b": sessions.deaf_b, "r": self.snapshot}
        hold = {"a": sessions.hold_a, "b": sessions.hold_b, "r": sessions.hold}
        said = {name: getattr(sessions, name) for name in _SAID}
        if self._registered:
            said = {name: registered(m, value, f"said_{name}") for name, value in said.items()}
            hold = {name: value | registered(m, value, f"held_{name}")
                    for name, value in hold.items()}
        known = {name: Signal(64, name=f"known_{name}", init=1) for name in "ab"}
        header = {name: Signal(name=f"header_{name}") for name in "ab"}

        # Numbers that sources are compared with; a cycle after a jump they are right.
        following, limit = Signal(64, init=2), Signal(65, init=1 + self._window)
        anchor = Signal()  # the next packet tells how far the lines are
        anchors = {name: anchor & said[f"accepted_{name}"] for name in "ab"}
        delivered, jumps, jumped = Signal(), Signal(), Signal()
        m.d.comb += [
            resume.eq(self.resume & self.rebuilding),
            self.clear.eq(self.rebuild | said["adopts"]),
            jumps.eq(self.clear | resume | anchors["a"] | anchors["b"]
                     | (delivered & expected.all())),
        ]
        m.d.sync += [jumped.eq(jumps), closed.eq(jumps | slots["a"].to_sweep)]
        following_expected = [
            following.eq(expected + 1), limit.eq(expected + self._window)]
        if self._registered:
            m.d.sync += following_expected
            with m.If(delivered):
                m.d.sync += expected.eq(following)
        else:
            with m.If(jumped):
                m.d.sync += following_expected
            with m.If(delivered):
                m.d.sync += [
                    expected.eq(following), following.eq(following + 1), limit.eq(limit + 1)]

        # Where each message stands to the expected one.
        takes, taken, arrives, comes, rises = {}, {}, {}, {}, {}
        due, old, near, far = {}, {}, {}, {}
        settled = Signal(init=1)  # what is known of messages and slots is of the expected one
        for name, source in sources.items():
            number = source.payload.sequence
            for what, of in ((takes, "takes"), (taken, "taken"), (arrives, "arrives"),
                             (comes, "comes"), (rises, "rises"), (due, "due"), (old, "old"),
                             (near, "near"), (far, "far")):
                what[name] = Signal(name=f"{of}_{name}")
            there = source.valid
            standing = (equal(number, expected), number < expected, number >= limit,
                        (number >= known[line_of[name]]) & ~number.all())
            if self._registered:
                seen = Signal(name=f"seen_{name}")
                m.d.sync += [seen.eq(there & ~source.ready), taken[name].eq(takes[name])]
                there = there & seen & ~taken[name]
                standing = [registered(m, value, f"{of}_{name}") for value, of in zip(
                    standing, ("is_expected", "is_below", "is_beyond", "is_new"), strict=True)]
            else:
                m.d.comb += taken[name].eq(takes[name])
            is_expected, is_below, is_beyond, is_new = standing
            turn = ~self.a.valid & ~header["a"] if name == "r" else Const(1, 1)
            m.d.comb += [
                source.ready.eq(taken[name]),
                arrives[name].eq(there & settled & ~hold[name] & ~closed),
                comes[name].eq(arrives[name] & ~deaf[name] & turn),
                due[name].eq(comes[name] & is_expected),
                old[name].eq(comes[name] & is_below),
                far[name].eq(comes[name] & is_beyond),
                near[name].eq(comes[name] & ~is_below & ~is_beyond),
                rises[name].eq(comes[name] & is_new),
            ]

        # The expected one: kept, or just coming. What cannot be passed on at once is held.
        # What is adopted is only adopted while all sources are told to wait.
        found = {name: slots[name].found & settled & ~closed & ~hold["r"] for name in "ab"}
        kept, any_due, offer, occupied = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            kept.eq(found["a"] | found["b"]),
            any_due.eq(kept | due["a"] | due["b"] | due["r"]),
            offer.eq(Mux(self.rebuilding, arrives["r"] & self.snapshot, any_due) & ~occupied),
            delivered.eq(offer & ~self.rebuilding & ~self.rebuild),
        ]
        waits = self._offer(m, offer, occupied, (
            (found["a"] & ~self.rebuilding, slots["a"].kept),
            (found["b"] & ~self.rebuilding, slots["b"].kept),
            (due["a"] & ~self.rebuilding, self.a.payload),
            (due["b"] & ~self.rebuilding, self.b.payload),
        ))

        # Keep what cannot go on now.
        late = slots["a"].collides | slots["b"].collides  # found, if at all, in the next cycle
        passes = {"a": delivered & ~kept & due["a"],
                  "b": delivered & ~kept & ~due["a"] & due["b"],
                  "r": delivered & ~kept & ~due["b"] & due["r"]}
        copy, keep, drop = {}, {}, {}
        for name in sources:
            copy[name] = due[name] & delivered & ~passes[name]
            keep[name] = near[name] & ~(due[name] & delivered)
            # Too far ahead, and the expected one is not there.
            drop[name] = Signal(name=f"drop_{name}")
            drops = far[name] & ((~any_due & ~late) | self.rebuilding)
            if self._registered:
                m.d.comb += drop[name].eq(drops)
            else:
                dropping = Signal(name=f"dropping_{name}")  # a cycle after that was seen
                m.d.sync += dropping.eq(drops & ~drop[name])
                m.d.comb += drop[name].eq(dropping & far[name])
            m.d.comb += takes[name].eq(
                old[name] | near[name] | drop[name] | (arrives[name] & deaf[name]))
        with m.If(self.snapshot):
            m.d.comb += takes["r"].eq(
                arrives["r"] & (~self.rebuilding | (~occupied & ~self.rebuild)))
        for name, place in slots.items():
            m.d.comb += [
                place.epoch.eq(epoch), place.wanted.eq(expected), place.following.eq(following),
                place.advance.eq(delivered), place.item.eq(getattr(self, name).payload),
            ]
        # Where time is short, what is delivered at once is kept too: nobody looks for it again.
        to_keep = keep if self._registered else near
        stores = {"a": to_keep["a"] | to_keep["r"], "b": to_keep["b"]}
        from_host = ~self.a.valid
        if self._registered:  # what was taken stays a cycle longer
            from_host = registered(m, keep["r"], "from_host")
            stored = registered(m, stores["a"] | stores["b"], "stored")
            changed = registered(
                m, delivered | stores["a"] | stores["b"] | jumps
                | Cat(rises.values(), header.values()).any(), "changed")
            m.d.comb += settled.eq(~changed & ~registered(
                m, changed | registered(m, stored, "stored_before"), "changed_before"))
            stores = {name: registered(m, what & ~self.clear, f"store_{name}")
                      for name, what in stores.items()}
        with m.If(from_host):
            m.d.comb += slots["a"].item.eq(self.r.payload)
        m.d.comb += [slots[name].store.eq(what) for name, what in stores.items()]

        self._connect_sessions(m, sessions, anchor)
        leads = {name: Signal(name=f"leads_{name}") for name in "ab"}
        raised = self._highest(m, sources, known, rises, header, leads, said)
        with m.If(anchors["a"] | anchors["b"]):
            m.d.sync += anchor.eq(0)
            for name in "ba":
                with m.If(anchors[name]):
                    m.d.sync += expected.eq(said[f"sequence_{name}"])

        # What is missing, and since when. It is known when nothing has changed since.
        behind, is_sure = Signal(), Signal()
        waited, over, told = Signal(32), Signal(), Signal()
        less, at_once = Signal(32), Signal()  # than reorder_cycles; it is 0
        gap_high, reached = Signal(64), Signal()
        gap, caught_up = Signal(), Signal()
        missed = Signal()  # in the cycle before
        if self._registered:
            m.d.comb += is_sure.eq(settled)
        else:
            m.d.comb += is_sure.eq(
                ~late & ~jumped & ~registered(m, delivered | jumps, "was_delivered"))
        m.d.sync += [
            behind.eq(Cat(number > expected for number in known.values()).any()),
            at_once.eq(self.reorder_cycles == 0), less.eq(self.reorder_cycles - 1),
            over.eq(at_once | (self.missing & (waited >= less))),
            reached.eq(expected >= gap_high), missed.eq(self.missing),
        ]
        with m.If(jumps | delivered):
            m.d.sync += self.missing.eq(0)
        with m.Elif(is_sure):
            m.d.sync += self.missing.eq(~any_due & behind & ~self.rebuilding & ~closed)
        overdue = self.missing & ~told & over
        m.d.sync += gap.eq(overdue & ~delivered)
        with m.If(self.missing & ~told):
            m.d.sync += waited.eq(waited + 1)
        with m.If(overdue):
            m.d.sync += told.eq(1)
        with m.If(delivered):
            m.d.sync += [waited.eq(0), told.eq(0)]
        with m.Elif(overdue):
            m.d.sync += self.gap_open.eq(1)
        with m.If(self.missing):
            m.d.sync += gap_high.eq(self.highest)
        with m.Elif(self.gap_open & reached & ~missed & ~self.rebuilding):
            m.d.sync += self.gap_open.eq(0)
            m.d.comb += caught_up.eq(1)

        # A bad frame that was used, in an earlier cycle.
        bad = Signal()
        for name in "ab":
            used = Signal(name=f"used_{name}")
            uses = (
                registered(m, near[name], f"was_near_{name}")
                & ~registered(m, copy[name], f"was_copy_{name}")) | registered(
                m, said[f"told_{name}"] | raised[name] | anchors[name],
                f"raises_{name}")
            with m.If(said[f"header_{name}"]):
                m.d.sync += used.eq(0)
            with m.If(uses):
                m.d.sync += used.eq(1)
            frame_bad = getattr(self, f"frame_bad_{name}")
            if self._registered:  # by then it is known what its packet was used for
                frame_bad = registered(
                    m, registered(m, frame_bad, f"bad_{name}"), f"bad_later_{name}")
            with m.If(frame_bad & (used | uses) & ~deaf[name]):
                m.d.comb += bad.eq(1)
        voided = self.emptied & self.started & ~self.rebuilding & ~self.clear
        with m.If(bad | voided):
            m.d.sync += self.suspect.eq(1)

        # The host's commands, and a new session.
        unconfirmed = Signal()  # where the lines are was not heard since resume
        with m.If(header["a"] | header["b"]):
            m.d.sync += unconfirmed.eq(0)
        with m.If(said["accepted_a"] | said["accepted_b"]):
            m.d.sync += self.started.eq(1)
        with m.If(self.clear | resume):
            m.d.sync += [waited.eq(0), told.eq(0), self.gap_open.eq(0), gap_high.eq(0)]
        with m.If(self.clear):
            m.d.sync += [self.suspect.eq(0), epoch.eq(epoch + 1)]
        with m.If(self.rebuild):
            m.d.sync += [
                self.rebuilding.eq(1), anchor.eq(1), self.highest.eq(0),
                *(number.eq(0) for number in known.values()),
                *(told_later.eq(0) for told_later in header.values()),
            ]
        with m.If(resume):
            m.d.sync += [
                self.rebuilding.eq(0), self.started.eq(1), unconfirmed.eq(1), anchor.eq(0),
                expected.eq(self.resume_sequence),
            ]
        with m.If(said["adopts"]):
            m.d.sync += [
                self.rebuilding.eq(0), unconfirmed.eq(0), anchor.eq(0),
                expected.eq(1), self.highest.eq(1), *(number.eq(1) for number in known.values()),
            ]

        early = registered(m, Cat(
            *keep.values(), *far.values(), *leads.values()).any(), "early")
        lingers = Const(0, 1)
        if self._registered:  # until what it was for is through the stages at the output
            lingers = registered(m, self.stale & occupied, "lingers")
        m.d.comb += self.stale.eq(
            ~self.started | behind | early | waits | self.gap_open | self.suspect
            | self.rebuilding | unconfirmed | swept | lingers)

        dropped = [drop[name] for name in sources] + [
            arrives[name] & takes[name] & deaf[name] & ~(self.rebuilding & (name == "r"))
            for name in sources]
        quiet = ~any_due & ~late
        self._count(m, {
            "mold_duplicates": [*old.values(), *copy.values(), found["a"] & found["b"] & delivered],
            "mold_gaps": [gap],
            "window_reordered": [near["a"] & quiet, near["b"] & quiet],
            "window_filled": [
                Cat(due.values()).any() & ~kept & ~late & ~self.rebuilding],
            "window_dropped": dropped,
            "frames_suspect": [bad],
        }, {"window_filled": behind})
        self._high_water(m, keep)

        m.submodules.teller = teller = WindowEvents()
        happens = {"N": said["begins"], "F": said["foreigner"], "Z": said["ends"],
                   "B": bad | voided, "G": gap, "C": caught_up}
        connect_streams(m, teller.events, self.events)
        m.d.comb += [
            teller.happens.eq(Cat(happens[kind] for kind in EVENTS)),
            teller.at_n.eq(said["begins_at"]), teller.at_f.eq(said["foreigner_at"]),
            teller.at_z.eq(said["ends_at"]), teller.time_ns.eq(self.time_ns),
            teller.expected.eq(expected), teller.highest.eq(self.highest),
        ]

        stirs = Signal()
        settles = Signal(range(_SETTLES + 1))
        m.d.comb += [
            stirs.eq(Cat(
                *(source.valid for source in sources.values()), self.packet_a.valid,
                self.packet_b.valid, self.frame_bad_a, self.frame_bad_b, self.rebuild, self.resume,
                self.forget, self.emptied, occupied,
                registered(m, kept & ~self.rebuilding, "was_kept"), self.missing & ~told).any()),
            self.busy.eq(swept),
            self.active.eq(stirs | (settles != 0) | swept | teller.active),
        ]
        with m.If(stirs):
            m.d.sync += settles.eq(_SETTLES)
        with m.Elif(settles != 0):
            m.d.sync += settles.eq(settles - 1)
        return m

    def _connect_sessions(self, m, sessions, anchor):
        """Join the ports of the lines with ``sessions``."""
        for name in "ab":
            m.d.comb += [
                getattr(sessions, f"packet_{name}").eq(getattr(self, f"packet_{name}")),
                getattr(sessions, f"foreign_{name}").eq(getattr(self, f"foreign_{name}")),
            ]
        m.d.comb += [
            sessions.forget.eq(self.forget), sessions.anchor.eq(anchor | self.rebuild),
            self.session.eq(sessions.session), self.session_known.eq(sessions.known),
            self.ended.eq(sessions.ended),
        ]

    def _offer(self, m, offer, occupied, choices):
        """Offer the first of ``choices`` (condition, message) that is there, or the host's message.

        Drives ``occupied``: nothing can be offered. Returns that something was not taken at once.
        """
        held, item, chosen = Signal(), Signal(FeedItem), Signal(FeedItem)
        waits = Signal()
        picked = offer
        if self._registered:
            picked = registered(m, offer & ~self.clear, "picked")
            choices = [(registered(m, condition, f"pick_{number}"), payload)
                       for number, (condition, payload) in enumerate(choices)]
        m.d.comb += Value.cast(chosen).eq(Value.cast(self.r.payload))
        for number, (condition, payload) in enumerate(choices):
            with m.If(condition) if number == 0 else m.Elif(condition):
                m.d.comb += Value.cast(chosen).eq(Value.cast(payload))
        if self._registered:
            holds = (picked | (held & ~self.o.ready)) & ~self.clear
            m.d.comb += [
                self.o.valid.eq(held & ~self.clear),
                Value.cast(self.o.payload).eq(Value.cast(item)),
            ]
            m.d.sync += [
                held.eq(holds), occupied.eq(holds | (offer & ~self.clear)),
                waits.eq(self.o.valid & ~self.o.ready),
            ]
            with m.If(picked):
                m.d.sync += Value.cast(item).eq(Value.cast(chosen))
        else:
            m.d.comb += [
                occupied.eq(held), self.o.valid.eq((held & ~self.clear) | (picked & ~self.rebuild)),
                Value.cast(self.o.payload).eq(Mux(held, Value.cast(item), Value.cast(chosen))),
                waits.eq(held),
            ]
            m.d.sync += held.eq((held | picked) & ~self.o.ready & ~self.clear)
            with m.If(~held):
                m.d.sync += Value.cast(item).eq(Value.cast(chosen))
        return waits

    def _highest(self, m, sources, known, rises, header, leads, said):
        """Keep for line A with the host, and line B, the number below which all are known to exist,
        from where packets begin and the messages that come. Return, of each line, that it has just
        risen above that of the other.

        Packets wait a cycle for their turn: their messages come later still.
        """
        raised = {}
        for name, other in (("a", "b"), ("b", "a")):
            top, begin = known[name], Signal(64, name=f"begin_{name}")
            number = sources[name].payload.sequence
            m.d.comb += leads[name].eq(header[name] & (begin > top))
            m.d.sync += header[name].eq(said[f"accepted_{name}"])
            with m.If(said[f"accepted_{name}"]):
                m.d.sync += begin.eq(said[f"sequence_{name}"])
            with m.If(leads[name]):
                m.d.sync += top.eq(begin)
            if name == "a":
                with m.If(rises["r"]):
                    m.d.sync += top.eq(sources["r"].payload.sequence + 1)
            with m.If(rises[name]):
                m.d.sync += top.eq(number + 1)
            above = number >= known[other]
            if self._registered:
                above = registered(m, above, f"is_above_{name}")
            raised[name] = (rises[name] & above) | (leads[name] & (begin > known[other]))
        m.d.sync += self.highest.eq(
            Mux(known["a"] > known["b"], known["a"], known["b"]))
        return raised

    def _high_water(self, m, keep):
        """Note, two cycles later, how far ahead a line's message was that is kept."""
        for name in "ab":
            ahead = registered(
                m, (getattr(self, name).payload.sequence - self.expected)[:16], f"ahead_{name}")
            with m.If(registered(m, keep[name], f"kept_{name}") & (ahead >= self.high_water)):
                m.d.sync += self.high_water.eq(ahead + 1)

    def _count(self, m, strobes, conditions):
        """Count, two cycles later, what came in a cycle, if the condition holds in the next one."""
        for name, happened in strobes.items():
            counter = getattr(self, f"count_{name}")
            step = Signal(len(happened), name=f"step_{name}")
            total = Signal(range(len(happened) + 1), name=f"total_{name}")
            counts = step & conditions[name].replicate(len(step)) if name in conditions else step
            m.d.sync += [
                step.eq(Cat(happened)), total.eq(sum(counts)), counter.eq(counter + total)]
