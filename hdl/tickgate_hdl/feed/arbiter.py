"""Two lines and the host become one: every message once and in order, or it is said that it isn't.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.feed.gap_watch import GapWatch
from tickgate_hdl.feed.items import FeedItem
from tickgate_hdl.feed.known_numbers import KnownNumbers
from tickgate_hdl.feed.mold_parser import PacketStrobe
from tickgate_hdl.feed.sessions import Sessions
from tickgate_hdl.feed.slots import Slots
from tickgate_hdl.feed.window_events import EVENTS, WindowEvents
from tickgate_hdl.feed.window_output import WindowOutput
from tickgate_hdl.lib.compare import compared_in_halves, equal
from tickgate_hdl.lib.delay import copies, delayed
from tickgate_hdl.lib.layouts import RecordBody
from tickgate_hdl.lib.own_reset import own_reset
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

_SETTLES = 16
"""Cycles, at least, for which the window stays active when something came."""


class Window(wiring.Component):
    """Arbitrate between the lines message by message; keep what is early, tell what is missing.

    The first copy of the next number goes on, ``latency`` cycles after it came. Copies of older
    ones are dropped. What is early is kept, as far as the window reaches, until the other line or
    the host brings what is missing: nothing is ever delivered out of order. While a message is
    known to exist that was not delivered, from the cycle after the one in which it was taken,
    ``stale`` says that no book is known to be right; if only the header of a packet told of it,
    from the third cycle on (the sixth to eighth, if ``registered``). When one is missing for
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
        every fifth cycle, and every sixth while messages are kept. What is on its way to ``o``
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
    turning : Out(1)
        These may be others in the next cycle.
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
        self.latency = 4 if registered else 0
        item = stream.Signature(FeedItem)
        super().__init__({
            "a": In(item), "b": In(item), "r": In(item), "snapshot": In(1),
            "packet_a": In(PacketStrobe), "packet_b": In(PacketStrobe),
            "foreign_a": In(1), "foreign_b": In(1),
            "frame_bad_a": In(1), "frame_bad_b": In(1),
            "session": Out(80), "session_known": Out(1), "turning": Out(1),
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
        sessions = Sessions(registered=self._registered)
        m.submodules.sessions = own_reset(self._registered, sessions, "sessions")
        slots = {name: Slots(self._window, registered=self._registered) for name in "ab"}
        for name, place in slots.items():
            m.submodules[f"slots_{name}"] = own_reset(
                self._registered, place, f"slots_{name}")
        expected, epoch = self.expected, Signal.like(slots["a"].epoch)
        resume = Signal()
        swept, closed = slots["a"].busy, Signal(init=1)  # both slots are swept at the same time
        sources = {"a": self.a, "b": self.b, "r": self.r}
        deaf = {"a": sessions.deaf_a, "b": sessions.deaf_b, "r": self.snapshot}
        hold = {"a": sessions.hold_a, "b": sessions.hold_b, "r": sessions.hold}
        if self._registered:  # the host's message must still be there when it is taken
            hold["r"] = sessions.hold | delayed(
                m, self.packet_a.valid | self.packet_b.valid, "packet_came")
        said = {name: getattr(sessions, name) for name in _SAID}
        rebuild, resumes, resume_sequence = self.rebuild, self.resume, self.resume_sequence
        if self._registered:
            said = {name: delayed(m, value, f"said_{name}") for name, value in said.items()}
            rebuild, resumes, resume_sequence = (delayed(m, value, name) for value, name in (
                (rebuild, "rebuild_now"), (resumes, "resume_now"), (resume_sequence, "resume_at")))
        numbers = KnownNumbers(registered=self._registered)
        m.submodules.numbers = own_reset(self._registered, numbers, "numbers")
        known = {"a": numbers.known_a, "b": numbers.known_b}
        header = {"a": numbers.header_a, "b": numbers.header_b}
        leads = {"a": numbers.leads_a, "b": numbers.leads_b}
        raised = {"a": numbers.raised_a, "b": numbers.raised_b}

        # Numbers that sources are compared with; a cycle after a jump they are right.
        following, limit = Signal(64, init=2), Signal(65, init=1 + self._window)
        anchor = Signal()  # the next packet tells how far the lines are
        anchors = {name: anchor & said[f"accepted_{name}"] for name in "ab"}
        delivered, aimed, jumps, jumped = Signal(), Signal(), Signal(), Signal()
        wraps = expected.all()
        if self._registered:
            wraps = delayed(m, wraps, "wraps")
        m.d.comb += [
            resume.eq(resumes & self.rebuilding),
            self.clear.eq(rebuild | said["adopts"]),
            aimed.eq(said["adopts"] | resume | anchors["a"] | anchors["b"]),
            jumps.eq(rebuild | aimed | (delivered & wraps)),
        ]
        m.d.sync += [jumped.eq(jumps), closed.eq(jumps | slots["a"].to_sweep)]
        following_expected = [
            following.eq(expected + 1), limit.eq(expected + self._window)]
        if self._registered:
            m.d.sync += following_expected
        else:
            with m.If(jumped):
                m.d.sync += following_expected
            with m.If(delivered):
                m.d.sync += [following.eq(following + 1), limit.eq(limit + 1)]
        # Chosen without what says whether it is aimed at: a packet's number only is while
        # rebuilding, when the host's strobe counts.
        aim = Mux(said["accepted_a"], said["sequence_a"], said["sequence_b"])
        aim = Mux(said["adopts"], 1, Mux(resumes, resume_sequence, aim))
        with m.If(aimed | delivered):
            m.d.sync += expected.eq(Mux(aimed, aim, following))

        # Where each message stands to the expected one.
        # Where registered this is decided one cycle and done in the next, when nothing is decided.
        decides = m.d.sync if self._registered else m.d.comb
        takes, taken, arrives, unheard, rises = {}, {}, {}, {}, {}
        due, old, near, far = {}, {}, {}, {}
        settled = Signal(init=1)  # what is known of messages and slots is of the expected one
        ready = settled if self._registered else settled & ~closed
        stands, arriving, is_due = {}, {}, {}
        for name, source in sources.items():
            number = source.payload.sequence
            for what, of in ((takes, "takes"), (taken, "taken"), (arrives, "arrives"),
                             (unheard, "unheard"), (rises, "rises"), (due, "due"), (old, "old"),
                             (near, "near"), (far, "far")):
                what[name] = Signal(name=f"{of}_{name}")
            there = source.valid
            is_new = getattr(numbers, f"new_{name}")
            if self._registered:
                seen = Signal(name=f"seen_{name}")
                m.d.sync += [seen.eq(there & ~source.ready), taken[name].eq(takes[name])]
                there = there & seen & ~taken[name]
                ready_of, = copies(m, takes[name], f"ready_{name}", 1)  # on its way to the source
                is_above, is_expected = compared_in_halves(m, number, expected, f"above_{name}")
                is_within, _ = compared_in_halves(
                    m, limit, Cat(number, Const(0, 1)), f"within_{name}")
                is_below, is_beyond = ~is_above & ~is_expected, ~is_within
                is_new = delayed(m, is_new, f"is_new_{name}")
            else:
                is_expected = equal(number, expected, piece=3)
                is_below, is_beyond = number < expected, number >= limit
                m.d.comb += taken[name].eq(takes[name])
                ready_of = taken[name]
            turn = ~self.a.valid & ~header["a"] if name == "r" else Const(1, 1)
            arriving[name] = Signal(name=f"arriving_{name}")
            comes = arriving[name] & ~deaf[name] & turn
            is_due[name] = comes & is_expected
            stands[name] = there & ready
            m.d.comb += [
                source.ready.eq(ready_of), arriving[name].eq(stands[name] & ~hold[name])]
            decides += [
                arrives[name].eq(arriving[name]),
                unheard[name].eq(arriving[name] & deaf[name]),
                due[name].eq(is_due[name]),
                old[name].eq(comes & is_below),
                far[name].eq(comes & is_beyond),
                near[name].eq(comes & ~is_below & ~is_beyond),
                rises[name].eq(comes & is_new),
            ]

        # The expected one: kept, or just coming. What cannot be passed on at once is held.
        # What is adopted is only adopted while all sources are told to wait.
        found = {name: Signal(name=f"found_{name}") for name in "ab"}
        is_found = {name: slots[name].found & ready & ~sessions.hold for name in "ab"}
        m.submodules.output = output = WindowOutput(
            ("kept_a", "kept_b", "a", "b", "r"), registered=self._registered)
        kept, any_due, offer, occupied = Signal(), Signal(), Signal(), Signal()
        decides += [
            *(found[name].eq(is_found[name]) for name in "ab"),
            kept.eq(Cat(is_found.values()).any()),
            any_due.eq(Cat(is_found.values(), is_due.values()).any()),
        ]
        m.d.comb += [
            offer.eq(Mux(self.rebuilding, arrives["r"] & self.snapshot, any_due) & ~occupied),
            delivered.eq(any_due & ~occupied & ~self.rebuilding & ~rebuild),
        ]
        live = ~self.rebuilding
        m.d.comb += [
            output.offer.eq(offer), output.clear.eq(self.clear), output.rebuild.eq(rebuild),
            occupied.eq(output.occupied),
            output.has_kept_a.eq(found["a"] & live), output.item_kept_a.eq(slots["a"].kept),
            output.has_kept_b.eq(found["b"] & live), output.item_kept_b.eq(slots["b"].kept),
            output.has_a.eq(due["a"] & live), output.item_a.eq(self.a.payload),
            output.has_b.eq(due["b"] & live), output.item_b.eq(self.b.payload),
            output.item_r.eq(self.r.payload),
        ]
        connect_streams(m, output.o, self.o)

        # Keep what cannot go on now.
        late = slots["a"].collides | slots["b"].collides  # found, if at all, in the next cycle
        passes = {"a": delivered & ~kept & due["a"],
                  "b": delivered & ~kept & ~due["a"] & due["b"],
                  "r": delivered & ~kept & ~due["b"] & due["r"]}
        copy, keep, was_kept, drop = {}, {}, {}, {}
        for name in sources:
            goes = due[name] & delivered
            copy[name] = goes & ~passes[name]
            keep[name] = near[name] & ~goes
            was_kept[name] = delayed(m, near[name], f"was_near_{name}") & ~delayed(
                m, goes, f"was_gone_{name}")
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
                old[name] | near[name] | drop[name] | unheard[name])
        with m.If(self.snapshot):
            m.d.comb += takes["r"].eq(
                arrives["r"] & (~self.rebuilding | (~occupied & ~rebuild)))
        for name, place in slots.items():
            m.d.comb += [
                place.epoch.eq(epoch), place.wanted.eq(expected), place.following.eq(following),
                place.advance.eq(delivered), place.item.eq(getattr(self, name).payload),
            ]
        if self._registered:  # what was taken stays a cycle longer
            cleared = delayed(m, self.clear, "cleared")
            keeps = {name: kept_then & ~cleared for name, kept_then in was_kept.items()}
            # Nothing of the host is kept beside one of line A. It is asked of many bits at once.
            from_host, = copies(m, ~near["a"], "from_host", 1)
        else:
            # Time is short: what is delivered at once is kept too, nobody looks for it again.
            keeps, from_host = near, ~self.a.valid
        stores = {"a": keeps["a"] | keeps["r"], "b": keeps["b"]}
        if self._registered:
            # Decisions are apart: what one did, or a jump, or a packet, is known before the next.
            decides_now = Cat(arriving.values(), is_found.values()).any()
            decided = delayed(m, decides_now, "decided")
            done = delayed(m, decided, "done")
            stored = delayed(m, stores["a"] | stores["b"], "stored")
            sought = delayed(m, done | stored | jumped, "sought")  # in the slots, once more
            # Whether what stands there must still wait is known late: then it waits two cycles.
            may_decide = Cat(
                stands.values(), (place.found & ready for place in slots.values())).any()
            m.d.sync += settled.eq(~Cat(
                may_decide, decided, done, stores["a"], stores["b"], stored, sought,
                self.rebuild, self.resume, slots["a"].to_sweep, rebuild, aimed, jumped,
                *header.values(), *leads.values(),
                sessions.hold_a, sessions.hold_b, sessions.hold).any())
        with m.If(from_host):
            m.d.comb += slots["a"].item.eq(self.r.payload)
        m.d.comb += [slots[name].store.eq(what) for name, what in stores.items()]

        self._connect_sessions(m, sessions, anchor, rebuild)
        m.d.comb += [
            *(getattr(numbers, f"{what}_{name}").eq(said[f"{what}_{name}"])
              for what in ("accepted", "sequence") for name in "ab"),
            *(getattr(numbers, f"number_{name}").eq(source.payload.sequence)
              for name, source in sources.items()),
            *(getattr(numbers, f"rises_{name}").eq(value) for name, value in rises.items()),
            numbers.rebuild.eq(rebuild), numbers.adopts.eq(said["adopts"]),
            self.highest.eq(numbers.highest),
        ]
        with m.If(anchors["a"] | anchors["b"]):
            m.d.sync += anchor.eq(0)

        # What is missing, and since when. It is known when nothing has changed since.
        behind = Signal()
        watch = GapWatch()
        m.submodules.watch = own_reset(self._registered, watch, "watch")
        m.d.comb += behind.eq(Cat(
            self._is_greater(m, number, expected, f"behind_{name}")
            for name, number in known.items()).any())
        seen_by_watch = {
            "delivered": delivered, "jumps": jumps, "restarts": self.clear | resume,
            "absent": ~any_due & behind & ~self.rebuilding & ~closed,
        }
        if self._registered:
            seen_by_watch["sure"] = delayed(m, settled, "was_settled")
            seen_by_watch = {
                name: delayed(m, value, f"{name}_then") for name, value in seen_by_watch.items()}
        else:
            seen_by_watch["sure"] = ~late & ~jumped & ~delayed(
                m, delivered | jumps, "was_delivered")
        m.d.comb += [
            *(getattr(watch, name).eq(value) for name, value in seen_by_watch.items()),
            watch.reorder_cycles.eq(self.reorder_cycles), watch.expected.eq(expected),
            watch.highest.eq(self.highest), watch.rebuilding.eq(self.rebuilding),
            self.missing.eq(watch.missing), self.gap_open.eq(watch.gap_open),
        ]

        # A bad frame that was used, in an earlier cycle.
        bad = Signal()
        for name in "ab":
            used = Signal(name=f"used_{name}")
            uses = (
                delayed(m, near[name], f"may_use_{name}")
                & ~delayed(m, copy[name], f"was_copy_{name}")) | delayed(
                m, said[f"told_{name}"] | raised[name] | anchors[name],
                f"raises_{name}")
            with m.If(said[f"header_{name}"]):
                m.d.sync += used.eq(0)
            with m.If(uses):
                m.d.sync += used.eq(1)
            frame_bad = getattr(self, f"frame_bad_{name}")
            if self._registered:  # by then it is known what its packet was used for
                frame_bad = delayed(m, frame_bad, f"bad_{name}", 3)
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
        with m.If(self.clear):
            m.d.sync += [self.suspect.eq(0), epoch.eq(epoch + 1)]
        with m.If(rebuild):
            m.d.sync += [self.rebuilding.eq(1), anchor.eq(1)]
        with m.If(resume):
            m.d.sync += [
                self.rebuilding.eq(0), self.started.eq(1), unconfirmed.eq(1), anchor.eq(0),
            ]
        with m.If(said["adopts"]):
            m.d.sync += [self.rebuilding.eq(0), unconfirmed.eq(0), anchor.eq(0)]

        # From here on a message that was taken is known as behind the expected one, if it is.
        are_early = was_kept if self._registered else keep
        early = delayed(m, Cat(
            *are_early.values(), *far.values(), *leads.values()).any(), "early")
        lingers = Const(0, 1)
        if self._registered:  # until what it was for is through the stages at the output
            lingers = delayed(m, self.stale & occupied, "lingers")
        m.d.comb += self.stale.eq(
            ~self.started | behind | early | output.waits | self.gap_open | self.suspect
            | self.rebuilding | unconfirmed | swept | lingers)

        dropped = [drop[name] for name in sources] + [
            unheard[name] & takes[name] & ~(self.rebuilding & (name == "r"))
            for name in sources]
        quiet = ~any_due & ~late
        self._count(m, {
            "mold_duplicates": [*old.values(), *copy.values(), found["a"] & found["b"] & delivered],
            "mold_gaps": [watch.gap],
            "window_reordered": [near["a"] & quiet, near["b"] & quiet],
            "window_filled": [
                Cat(due.values()).any() & ~kept & ~late & ~self.rebuilding],
            "window_dropped": dropped,
            "frames_suspect": [bad],
        }, {"window_filled": behind})
        self._high_water(m, was_kept)

        teller = WindowEvents(registered=self._registered)
        m.submodules.teller = own_reset(self._registered, teller, "teller")
        happens = {"N": said["begins"], "F": said["foreigner"], "Z": said["ends"],
                   "B": bad | voided, "G": watch.gap, "C": watch.filled}
        connect_streams(m, teller.events, self.events)
        m.d.comb += [
            teller.happens.eq(Cat(happens[kind] for kind in EVENTS)),
            teller.at_n.eq(said["begins_at"]), teller.at_f.eq(said["foreigner_at"]),
            teller.at_z.eq(said["ends_at"]), teller.time_ns.eq(self.time_ns),
            teller.expected.eq(expected), teller.highest.eq(self.highest),
        ]

        stirs = Signal()
        stirred = delayed(m, stirs, "stirred", int(self._registered))
        settles = Signal(range(_SETTLES + 1))
        m.d.comb += [
            stirs.eq(Cat(
                *(source.valid for source in sources.values()), self.packet_a.valid,
                self.packet_b.valid, self.frame_bad_a, self.frame_bad_b, self.rebuild, self.resume,
                self.forget, self.emptied, occupied,
                delayed(m, kept & ~self.rebuilding, "was_kept"), watch.untold).any()),
            self.busy.eq(swept),
            self.active.eq(stirred | (settles != 0) | swept | teller.active),
        ]
        with m.If(stirred):
            m.d.sync += settles.eq(_SETTLES)
        with m.Elif(settles != 0):
            m.d.sync += settles.eq(settles - 1)
        return m

    def _is_greater(self, m, number, other, name):
        """Return whether a number was greater than another in the cycle before."""
        if not self._registered:
            return delayed(m, number > other, name)
        return compared_in_halves(m, number, other, name)[0]

    def _connect_sessions(self, m, sessions, anchor, rebuild):
        """Join the ports of the lines with ``sessions``."""
        for name in "ab":
            m.d.comb += [
                getattr(sessions, f"packet_{name}").eq(getattr(self, f"packet_{name}")),
                getattr(sessions, f"foreign_{name}").eq(getattr(self, f"foreign_{name}")),
            ]
        m.d.comb += [
            sessions.forget.eq(self.forget), sessions.anchor.eq(anchor | self.rebuild | rebuild),
            self.session.eq(sessions.session), self.session_known.eq(sessions.known),
            self.turning.eq(sessions.hold),
            self.ended.eq(sessions.ended),
        ]

    def _high_water(self, m, was_kept):
        """Note, four cycles later, how far ahead a line's message was that is kept."""
        reached = []
        for name in "ab":
            ahead = delayed(
                m, (getattr(self, name).payload.sequence - self.expected)[:16], f"ahead_{name}")
            reached.append(delayed(
                m, Mux(was_kept[name], (ahead + 1)[:16], 0), f"reached_{name}"))
        most = delayed(m, Mux(reached[0] > reached[1], *reached), "reached")
        with m.If(most > self.high_water):
            m.d.sync += self.high_water.eq(most)

    def _count(self, m, strobes, conditions):
        """Count, two cycles later, what came in a cycle, if the condition holds in the next one."""
        for name, happened in strobes.items():
            counter = getattr(self, f"count_{name}")
            step = Signal(len(happened), name=f"step_{name}")
            total = Signal(range(len(happened) + 1), name=f"total_{name}")
            counts = step & conditions[name].replicate(len(step)) if name in conditions else step
            m.d.sync += [
                step.eq(Cat(happened)), total.eq(sum(counts)), counter.eq(counter + total)]
