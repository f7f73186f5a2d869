"""Two lines and the host become one: every message once and in order, or it is said that it isn't.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.publish import EventRecord
from tickgate_hdl.feed.items import FeedItem
from tickgate_hdl.feed.mold_parser import PacketStrobe
from tickgate_hdl.feed.slots import Slots
from tickgate_hdl.lib.layouts import RecordBody

__all__ = ["COUNTERS", "Window"]

COUNTERS = (
    "count_mold_duplicates", "count_mold_gaps", "count_window_reordered", "count_window_filled",
    "count_window_dropped", "count_frames_suspect",
)
"""Counters, by the names of the registers."""

_EVENTS = "NFZBGC"
"""Events in the order in which they are told when several are due."""


class Window(wiring.Component):
    """Arbitrate between the lines message by message; keep what is early, tell what is missing.

    The first copy of the next number goes on, in the cycle in which it comes. Copies of older ones
    are dropped. What is early is kept, as far as the window reaches, until the other line or the
    host brings what is missing: nothing is ever delivered out of order. Meanwhile ``stale`` says
    that no book is known to be right. When that lasts ``reorder_cycles``, event G tells the host,
    once for each number that is missing; event C tells that all that was missing then has come.

    A frame that was found bad after a message of it was accepted makes the channel suspect (event
    B): only ``rebuild``, or a new session, ends that. A bad frame after ``rebuild`` makes it
    suspect again: its messages may be kept for after ``resume``.

    After ``resume`` the channel is stale until a packet of the session has told how far it is.

    The session is that of the first packet. Another one is adopted when the session has ended
    (event N, and ``clear``), or after ``forget``; else its packets are foreign: told once (event
    F), not delivered.

    Parameters
    ----------
    window : int
        Numbers from the expected one on that are kept, a power of two.

    Members
    -------
    a, b, r : In(stream of ``FeedItem``)
        Messages of the lines, and of the host. A line waits only while its message is beyond the
        window and the expected one is there.
    snapshot : In(1)
        With ``r``: the message is of a snapshot and has no number.
    packet_a, packet_b, foreign_a, foreign_b : In(PacketStrobe), In(1)
        Packets seen, before their messages; they are foreign.
    frame_bad_a, frame_bad_b : In(1)
        The frame of the last packet was bad; after its messages.
    session, session_known : Out(80), Out(1)
        For the lines: which packets to listen to; not known: to any.
    o : Out(stream of ``FeedItem``)
        Each message once, in order.
    reorder_cycles : In(32)
        How long a missing message is waited for.
    rebuild, resume, forget, resume_sequence : In(1), In(64)
        Strobes: empty the books and take messages from the host alone; go on with the lines, from
        that number (ignored unless rebuilding: a session may have begun meanwhile); adopt the
        session of the next packet.
    clear : Out(1)
        Strobe: what was delivered before means nothing any more.
    expected, highest : Out(64)
        Next number to deliver; every number below ``highest`` is known to exist.
    started, ended, missing, gap_open, suspect, rebuilding, stale : Out(1)
        The state, as in register ``feed_state``.
    time_ns : In(64)
        UTC clock, for events.
    events : Out(stream of ``RecordBody``)
        FeedEvent records.
    count_* : Out(32)
        As the registers of the same names; they wrap.
    high_water : Out(16)
        Farthest that a kept message was ahead of the expected one since reset.
    busy, active : Out(1)
        Memories are being swept; a message waits or an event.
    """

    def __init__(self, *, window):
        self._window = window
        item = stream.Signature(FeedItem)
        super().__init__({
            "a": In(item), "b": In(item), "r": In(item), "snapshot": In(1),
            "packet_a": In(PacketStrobe), "packet_b": In(PacketStrobe),
            "foreign_a": In(1), "foreign_b": In(1),
            "frame_bad_a": In(1), "frame_bad_b": In(1),
            "session": Out(80), "session_known": Out(1),
            "o": Out(item), "reorder_cycles": In(32),
            "rebuild": In(1), "resume": In(1), "forget": In(1), "resume_sequence": In(64),
            "clear": Out(1), "expected": Out(64, init=1), "highest": Out(64, init=1),
            **{name: Out(1) for name in (
                "started", "ended", "missing", "gap_open", "suspect", "rebuilding", "stale")},
            "time_ns": In(64), "events": Out(stream.Signature(RecordBody)),
            **{name: Out(32) for name in COUNTERS},
            "high_water": Out(16), "busy": Out(1), "active": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        bits = (self._window - 1).bit_length()
        m.submodules.slots_a = slots_a = Slots(self._window)
        m.submodules.slots_b = slots_b = Slots(self._window)
        expected, highest = self.expected, self.highest
        epoch = Signal(16)
        resume = self.resume & self.rebuilding

        # Where each message stands to the expected one.
        due, old, near = {}, {}, {}
        sources = {"a": self.a, "b": self.b, "r": self.r}
        for name, source in sources.items():
            ahead = Signal(65, name=f"ahead_{name}")
            due[name], old[name], near[name] = (
                Signal(name=f"{what}_{name}") for what in ("due", "old", "near"))
            m.d.comb += [
                ahead.eq(source.payload.sequence - expected),
                due[name].eq(source.valid & (source.payload.sequence == expected)),
                old[name].eq(source.valid & ahead[64]),
                near[name].eq(source.valid & (ahead[bits:] == 0)),
            ]

        # The expected one: kept, or just coming.
        moved = Signal()  # the slots answer about another number
        found_a, found_b = slots_a.found & ~moved, slots_b.found & ~moved
        kept = found_a | found_b
        any_due = kept | due["a"] | due["b"] | due["r"]
        chosen = [
            (found_a, slots_a.kept), (found_b, slots_b.kept),
            (due["a"], self.a.payload), (due["b"], self.b.payload), (due["r"], self.r.payload),
        ]
        delivered = Signal()
        m.d.comb += [
            self.o.valid.eq(
                Mux(self.rebuilding, self.r.valid & self.snapshot, any_due) & ~self.clear),
            Value.cast(self.o.payload).eq(Value.cast(self.r.payload)),
            delivered.eq(self.o.valid & self.o.ready & ~self.rebuilding),
        ]
        with m.If(~self.rebuilding):
            for number, (condition, payload) in enumerate(chosen):
                with m.If(condition) if number == 0 else m.Elif(condition):
                    m.d.comb += Value.cast(self.o.payload).eq(Value.cast(payload))

        # Keep what cannot go on now. A slot of the host's messages is one of line A's.
        keep_a, keep_b, keep_r = Signal(), Signal(), Signal()
        passes = {"a": delivered & ~kept & due["a"],
                  "b": delivered & ~kept & ~due["a"] & due["b"],
                  "r": delivered & ~kept & ~due["a"] & ~due["b"] & due["r"]}
        copy = {}  # a second copy of what goes on now
        drop = {}  # too far ahead, and the expected one is not there
        for name in sources:
            copy[name] = due[name] & delivered & ~passes[name]
            drop[name] = (sources[name].valid & ~old[name] & ~near[name]
                          & (~any_due | self.rebuilding))
        usable = ~slots_a.busy & ~slots_b.busy
        m.d.comb += [
            keep_a.eq(near["a"] & ~passes["a"] & ~copy["a"] & usable),
            keep_b.eq(near["b"] & ~passes["b"] & ~copy["b"] & usable),
            keep_r.eq(near["r"] & ~self.snapshot & ~passes["r"] & ~copy["r"] & ~keep_a & usable),
            slots_a.store.eq(keep_a | keep_r),
            Value.cast(slots_a.item).eq(
                Mux(keep_a, Value.cast(self.a.payload), Value.cast(self.r.payload))),
            slots_b.store.eq(keep_b), slots_b.item.eq(self.b.payload),
            self.a.ready.eq(old["a"] | drop["a"] | (near["a"] & usable)),
            self.b.ready.eq(old["b"] | drop["b"] | (near["b"] & usable)),
            # What waits for its slot though it was delivered will be old when its turn comes.
            self.r.ready.eq(Mux(
                self.rebuilding & self.snapshot, self.o.ready & ~self.clear,
                old["r"] | drop["r"] | (near["r"] & usable & ~near["a"]) | self.snapshot)),
            slots_a.epoch.eq(epoch), slots_b.epoch.eq(epoch),
        ]

        following = Signal(64)
        m.d.comb += [
            following.eq(Mux(delivered, expected + 1, expected)),
            slots_a.wanted.eq(following), slots_b.wanted.eq(following),
        ]
        m.d.sync += expected.eq(following)

        adopts, session_event, foreign = self._session(m, epoch)
        self._highest(m, near, old)

        # What is missing, and since when.
        waited, told = Signal(32), Signal()
        gap_high = Signal(64)
        gap, caught_up = Signal(), Signal()
        unconfirmed = Signal()  # where the lines are was not heard since resume
        comes = slots_a.collides | slots_b.collides | moved  # found, if at all, in the next cycle
        m.d.sync += moved.eq(self.rebuild | resume | adopts)
        m.d.comb += [
            self.missing.eq(~any_due & (highest > expected) & ~comes & ~self.rebuilding),
            self.stale.eq(~self.started | self.missing | self.gap_open | self.suspect
                          | self.rebuilding | unconfirmed
                          | (~any_due & self._early(old, due))),
        ]
        with m.If(delivered):
            m.d.sync += [waited.eq(0), told.eq(0)]
        with m.Elif(self.missing & ~told):
            m.d.sync += waited.eq(waited + 1)
            m.d.comb += gap.eq(waited >= self.reorder_cycles)
            with m.If(gap):
                m.d.sync += told.eq(1)
        with m.If(gap):
            m.d.sync += self.gap_open.eq(1)
        with m.If(self.missing):
            m.d.sync += gap_high.eq(highest)
        with m.Elif(self.gap_open & (expected >= gap_high) & ~comes):
            m.d.sync += self.gap_open.eq(0)
            m.d.comb += caught_up.eq(1)

        # A bad frame that was used.
        bad = Signal()
        for name, frame_bad, packet, keep in (
            ("a", self.frame_bad_a, self.packet_a, keep_a),
            ("b", self.frame_bad_b, self.packet_b, keep_b),
        ):
            used = Signal(name=f"used_{name}")
            with m.If(packet.valid):
                m.d.sync += used.eq(0)
            with m.If(passes[name] | keep):
                m.d.sync += used.eq(1)
            with m.If(frame_bad & (used | passes[name] | keep)):
                m.d.comb += bad.eq(1)
        with m.If(bad):
            m.d.sync += self.suspect.eq(1)

        # The host's commands, and a new session.
        with m.If(self._heard(m)):
            m.d.sync += unconfirmed.eq(0)
        with m.If(self.rebuild):
            m.d.comb += self.clear.eq(1)
            m.d.sync += [
                self.rebuilding.eq(1), epoch.eq(epoch + 1), told.eq(0),
                waited.eq(0), self.suspect.eq(0),
            ]
            with m.If(highest > expected):
                m.d.sync += expected.eq(highest)
        with m.If(resume):
            m.d.sync += [
                self.rebuilding.eq(0), unconfirmed.eq(1), self.gap_open.eq(0),
                expected.eq(self.resume_sequence), highest.eq(self.resume_sequence),
                waited.eq(0), told.eq(0), self.started.eq(1), gap_high.eq(0),
            ]
        with m.If(adopts):
            m.d.sync += [
                expected.eq(1), highest.eq(1), self.suspect.eq(0), self.gap_open.eq(0),
                self.rebuilding.eq(0), waited.eq(0), told.eq(0),
            ]

        self._count(m, sources, due, old, copy, drop, delivered, kept, keep_a, keep_b,
                    found_a & found_b, gap, bad)
        self._tell(m, {
            "N": session_event, "F": foreign, "Z": self._end(m), "B": bad, "G": gap,
            "C": caught_up,
        })
        m.d.comb += [
            self.busy.eq(slots_a.busy | slots_b.busy),
            self.active.eq(self.a.valid | self.b.valid | self.r.valid | kept | comes
                           | self.events.valid | (self.missing & ~told)),
        ]
        return m

    def _heard(self, m):
        """A packet of the session has come, and ``highest`` is what it begins with at least."""
        heard = Signal()
        m.d.sync += heard.eq((self.packet_a.valid & ~self.foreign_a)
                             | (self.packet_b.valid & ~self.foreign_b))
        return heard

    def _early(self, old, due):
        """A message is here whose turn is yet to come."""
        return ((self.a.valid & ~old["a"] & ~due["a"]) | (self.b.valid & ~old["b"] & ~due["b"]))

    def _session(self, m, epoch):
        """Adopt sessions. Return strobes: the books are void, a session began, one is foreign."""
        known, forgetting = Signal(), Signal()
        adopts, begins, foreign = Signal(), Signal(), Signal()
        last_foreign = Signal(80)
        m.d.comb += self.session_known.eq(known & ~self.ended & ~forgetting)
        with m.If(self.forget):
            m.d.sync += forgetting.eq(1)
        for packet, is_foreign in (
            (self.packet_b, self.foreign_b), (self.packet_a, self.foreign_a),
        ):
            other = packet.session != self.session
            with m.If(packet.valid & is_foreign), m.If(last_foreign != packet.session):
                m.d.sync += last_foreign.eq(packet.session)
                m.d.comb += foreign.eq(1)
            with m.Elif(packet.valid):
                m.d.sync += self.started.eq(1)
                with m.If(~known | (other & ~self.session_known)):
                    m.d.sync += [
                        self.session.eq(packet.session), known.eq(1), forgetting.eq(0),
                        self.ended.eq(0), last_foreign.eq(0),
                    ]
                    m.d.comb += begins.eq(1)
                    with m.If(known):
                        m.d.comb += [adopts.eq(1), self.clear.eq(1)]
                        m.d.sync += epoch.eq(epoch + 1)
        return adopts, begins, foreign

    def _end(self, m):
        """The session's end, told once."""
        ends = Signal()
        for packet, is_foreign in (
            (self.packet_a, self.foreign_a), (self.packet_b, self.foreign_b),
        ):
            with m.If(packet.valid & packet.end & ~is_foreign & ~self.ended):
                m.d.comb += ends.eq(1)
        with m.If(ends):
            m.d.sync += self.ended.eq(1)
        return ends

    def _highest(self, m, near, old):
        """Raise ``highest`` to what packets begin with, and to the messages that come.

        Packets wait a cycle or two for their turn: their messages come later still.
        """
        for name, packet, is_foreign in (
            ("a", self.packet_a, self.foreign_a), ("b", self.packet_b, self.foreign_b),
        ):
            waits, number = Signal(name=f"waits_{name}"), Signal(64, name=f"number_{name}")
            with m.If(waits):
                with m.If(number > self.highest):
                    m.d.sync += self.highest.eq(number)
                m.d.sync += waits.eq(0)
            with m.If(packet.valid & ~is_foreign):
                m.d.sync += [waits.eq(1), number.eq(packet.sequence)]
        for source, numbered in ((self.a, 1), (self.b, 1), (self.r, ~self.snapshot)):
            with m.If(source.valid & numbered & (source.payload.sequence > self.highest)):
                m.d.sync += self.highest.eq(source.payload.sequence)

    def _count(self, m, sources, due, old, copy, drop, delivered, kept, keep_a, keep_b, both,
               gap, bad):
        copies = sum((Cat(old[name] | copy[name] for name in sources)), start=both & delivered)
        was_missing = Signal()
        m.d.sync += was_missing.eq(self.missing)
        for name, step in (
            ("mold_duplicates", copies),
            ("mold_gaps", gap),
            ("window_reordered", keep_a + keep_b),
            ("window_filled", delivered & was_missing),
            ("window_dropped", drop["a"] + drop["b"] + drop["r"]),
            ("frames_suspect", bad),
        ):
            counter = getattr(self, f"count_{name}")
            m.d.sync += counter.eq(counter + step)
        for keep, source in ((keep_a, self.a), (keep_b, self.b)):
            far = (source.payload.sequence - self.expected)[:16]
            with m.If(keep & (far >= self.high_water)):
                m.d.sync += self.high_water.eq(far + 1)

    def _tell(self, m, strobes):
        """Offer one event after the other; each is remembered until its turn."""
        m.submodules.record = record = EventRecord()
        room = ~self.events.valid | self.events.ready
        with m.If(self.events.ready):
            m.d.sync += self.events.valid.eq(0)
        waits = {kind: Signal(name=f"tell_{kind}") for kind in _EVENTS}
        m.d.comb += [
            record.code.eq(ord(" ")), record.symbol.eq(0xFFFF),
            record.expected.eq(self.expected), record.sequence.eq(self.highest),
            record.time_ns.eq(self.time_ns),
        ]
        chosen = Const(0, 1)
        for kind in _EVENTS:
            with m.If(waits[kind] & room & ~chosen):
                m.d.comb += record.kind.eq(ord(kind))
                m.d.sync += [
                    waits[kind].eq(0), self.events.valid.eq(1),
                    self.events.payload.eq(record.record),
                ]
            chosen = chosen | waits[kind]
            with m.If(strobes[kind]):
                m.d.sync += waits[kind].eq(1)
