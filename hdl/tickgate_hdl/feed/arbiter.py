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

_OF_PACKETS = "NFZ"
"""Events that tell the number of their packet, not how far the feed is."""


class Window(wiring.Component):
    """Arbitrate between the lines message by message; keep what is early, tell what is missing.

    The first copy of the next number goes on, in the cycle in which it comes. Copies of older ones
    are dropped. What is early is kept, as far as the window reaches, until the other line or the
    host brings what is missing: nothing is ever delivered out of order. While a message is known to
    exist that was not delivered, from the cycle after the one in which it was seen, ``stale`` says
    that no book is known to be right. When one is missing for ``reorder_cycles``, event G tells the
    host, once for each number that is missing; event C tells that all that was missing then has
    come. Behind number 2**64 - 1, which no feed reaches, the channel is stale until ``rebuild``.

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

    Members
    -------
    a, b, r : In(stream of ``FeedItem``)
        Messages of the lines, and of the host, which gives way to line A. A line waits only while
        its message is beyond the window and the expected one is there.
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
        The state, as in register ``feed_state``.
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
        bits = (self._window - 1).bit_length()
        m.submodules.slots_a = slots_a = Slots(self._window)
        m.submodules.slots_b = slots_b = Slots(self._window)
        expected, highest = self.expected, self.highest
        epoch = Signal.like(slots_a.epoch)
        resume = self.resume & self.rebuilding
        usable = ~slots_a.busy & ~slots_b.busy
        deaf = {"a": Signal(name="deaf_a"), "b": Signal(name="deaf_b"), "r": self.snapshot}
        header = {"a": Signal(name="header_a"), "b": Signal(name="header_b")}

        # Where each message stands to the expected one.
        sources = {"a": self.a, "b": self.b, "r": self.r}
        comes, due, old, near, far = {}, {}, {}, {}, {}
        for name, source in sources.items():
            ahead = Signal(65, name=f"ahead_{name}")
            comes[name], due[name], old[name], near[name], far[name] = (
                Signal(name=f"{what}_{name}") for what in ("comes", "due", "old", "near", "far"))
            turn = ~self.a.valid & ~header["a"] if name == "r" else Const(1, 1)
            m.d.comb += [
                ahead.eq(source.payload.sequence - expected),
                comes[name].eq(source.valid & ~deaf[name] & usable & turn),
                due[name].eq(comes[name] & (source.payload.sequence == expected)),
                old[name].eq(comes[name] & ahead[64]),
                near[name].eq(comes[name] & (ahead[bits:] == 0)),
                far[name].eq(comes[name] & ~ahead[64] & (ahead[bits:64] != 0)),
            ]

        # The expected one: kept, or just coming. What cannot be passed on at once is held.
        moved = Signal()  # the slots answer about another number
        held, held_item = Signal(), Signal(FeedItem)
        found_a, found_b = slots_a.found & ~moved, slots_b.found & ~moved
        kept = found_a | found_b
        any_due = kept | due["a"] | due["b"] | due["r"]
        offer, chosen, delivered = Signal(), Signal(FeedItem), Signal()
        m.d.comb += [
            offer.eq(Mux(self.rebuilding, self.r.valid & self.snapshot, any_due) & ~held),
            delivered.eq(offer & ~self.rebuilding & ~self.clear),
            self.o.valid.eq((held | offer) & ~self.clear),
            Value.cast(self.o.payload).eq(
                Mux(held, Value.cast(held_item), Value.cast(chosen))),
            Value.cast(chosen).eq(Value.cast(self.r.payload)),
        ]
        with m.If(~self.rebuilding):
            for number, (condition, payload) in enumerate((
                (found_a, slots_a.kept), (found_b, slots_b.kept),
                (due["a"], self.a.payload), (due["b"], self.b.payload),
            )):
                with m.If(condition) if number == 0 else m.Elif(condition):
                    m.d.comb += Value.cast(chosen).eq(Value.cast(payload))
        m.d.sync += held.eq((held | offer) & ~self.o.ready & ~self.clear)
        with m.If(~held):
            m.d.sync += Value.cast(held_item).eq(Value.cast(chosen))

        # Keep what cannot go on now. A slot of the host's messages is one of line A's.
        passes = {"a": delivered & ~kept & due["a"],
                  "b": delivered & ~kept & ~due["a"] & due["b"],
                  "r": delivered & ~kept & ~due["b"] & due["r"]}
        following = Signal(64)
        late = slots_a.collides | slots_b.collides | moved  # found, if at all, in the next cycle
        copy, keep, drop = {}, {}, {}
        for name, source in sources.items():
            copy[name] = due[name] & delivered & ~passes[name]
            keep[name] = near[name] & ~passes[name] & ~copy[name]
            # Too far ahead, and the expected one is not there.
            drop[name] = far[name] & (~any_due & ~late | self.rebuilding)
            m.d.comb += source.ready.eq(
                old[name] | drop[name] | near[name] | (deaf[name] & usable))
        with m.If(self.snapshot):
            m.d.comb += self.r.ready.eq(~self.rebuilding | (~held & ~self.clear))
        m.d.comb += [
            slots_a.store.eq(keep["a"] | keep["r"]),
            Value.cast(slots_a.item).eq(Mux(
                self.a.valid, Value.cast(self.a.payload), Value.cast(self.r.payload))),
            slots_b.store.eq(keep["b"]), slots_b.item.eq(self.b.payload),
            slots_a.epoch.eq(epoch), slots_b.epoch.eq(epoch),
            following.eq(Mux(delivered, expected + 1, expected)),
            slots_a.wanted.eq(following), slots_b.wanted.eq(following),
        ]
        m.d.sync += expected.eq(following)

        adopts, accepted, state_told, session_events = self._session(m, deaf)
        anchor = Signal()  # the next packet tells how far the lines are
        known, raised = self._highest(m, comes, accepted, header, anchor)

        # What is missing, and since when.
        waited, told = Signal(32), Signal()
        gap_high = Signal(64)
        gap, caught_up = Signal(), Signal()
        unconfirmed = Signal()  # where the lines are was not heard since resume
        m.d.sync += moved.eq(self.rebuild | resume | adopts)
        behind = Cat(number > expected for number in known).any()
        m.d.comb += [
            self.missing.eq(~any_due & behind & ~late & ~self.rebuilding & usable),
            self.stale.eq(~self.started | behind | held | self.gap_open | self.suspect
                          | self.rebuilding | unconfirmed | ~usable
                          | Cat(comes[name] & ~old[name] & ~due[name] for name in comes).any()),
        ]
        with m.If(delivered):
            m.d.sync += [waited.eq(0), told.eq(0)]
        with m.Elif(self.missing & ~told):
            m.d.sync += waited.eq(waited + 1)
            m.d.comb += gap.eq(waited >= self.reorder_cycles)
        with m.If(gap):
            m.d.sync += [told.eq(1), self.gap_open.eq(1)]
        with m.If(self.missing):
            m.d.sync += gap_high.eq(highest)
        with m.Elif(self.gap_open & (expected >= gap_high) & ~self.rebuilding):
            m.d.sync += self.gap_open.eq(0)
            m.d.comb += caught_up.eq(1)

        # A bad frame that was used.
        bad = Signal()
        for name, frame_bad, packet in (
            ("a", self.frame_bad_a, self.packet_a), ("b", self.frame_bad_b, self.packet_b),
        ):
            used = Signal(name=f"used_{name}")
            uses = (passes[name] | keep[name] | state_told[name] | raised[name]
                    | (accepted[name] & anchor))
            with m.If(packet.valid):
                m.d.sync += used.eq(0)
            with m.If(uses):
                m.d.sync += used.eq(1)
            with m.If(frame_bad & (used | uses) & ~deaf[name]):
                m.d.comb += bad.eq(1)
        voided = self.emptied & self.started & ~self.rebuilding & ~self.clear
        with m.If(bad | voided):
            m.d.sync += self.suspect.eq(1)

        # The host's commands, and a new session.
        with m.If(header["a"] | header["b"]):
            m.d.sync += unconfirmed.eq(0)
        with m.If(self.rebuild | resume | adopts):
            m.d.sync += [waited.eq(0), told.eq(0), self.gap_open.eq(0), gap_high.eq(0)]
        with m.If(self.rebuild):
            m.d.comb += self.clear.eq(1)
            m.d.sync += [
                self.rebuilding.eq(1), self.suspect.eq(0), epoch.eq(epoch + 1),
                anchor.eq(1), highest.eq(0), *(number.eq(0) for number in known),
            ]
        with m.If(resume):
            m.d.sync += [
                self.rebuilding.eq(0), self.started.eq(1), unconfirmed.eq(1), anchor.eq(0),
                expected.eq(self.resume_sequence),
            ]
        with m.If(adopts):
            m.d.comb += self.clear.eq(1)
            m.d.sync += [
                self.rebuilding.eq(0), self.suspect.eq(0), unconfirmed.eq(0), anchor.eq(0),
                epoch.eq(epoch + 1), expected.eq(1), highest.eq(1),
                *(number.eq(1) for number in known),
            ]

        dropped = [drop[name] for name in sources] + [
            source.valid & source.ready & deaf[name] & ~(self.rebuilding & (name == "r"))
            for name, source in sources.items()]
        self._count(m, {
            "mold_duplicates": [*old.values(), *copy.values(), found_a & found_b & delivered],
            "mold_gaps": [gap],
            "window_reordered": [keep[name] & ~any_due & ~late for name in ("a", "b")],
            "window_filled": [
                Cat(due.values()).any() & ~kept & ~late & behind & ~self.rebuilding],
            "window_dropped": dropped,
            "frames_suspect": [bad],
        })
        for name in ("a", "b"):
            ahead = (sources[name].payload.sequence - expected)[:16]
            with m.If(keep[name] & (ahead >= self.high_water)):
                m.d.sync += self.high_water.eq(ahead + 1)
        telling = self._tell(m, {**session_events, "B": bad | voided, "G": gap, "C": caught_up})
        m.d.comb += [
            self.busy.eq(~usable),
            self.active.eq(self.a.valid | self.b.valid | self.r.valid | held
                           | (kept & ~self.rebuilding) | late
                           | ~usable | self.events.valid | telling | (self.missing & ~told)),
        ]
        return m

    def _session(self, m, deaf):
        """Adopt sessions. Return a strobe, that the books are void; and of each line, that a packet
        of the session came, and that it began or ended one; and the strobes of events.
        """
        known, forgetting, last_foreign = Signal(), Signal(), Signal(81)
        packets = {"a": (self.packet_a, self.foreign_a), "b": (self.packet_b, self.foreign_b)}
        news = {
            name: packet.valid & ~foreign & (
                ~known | ((packet.session != self.session) & ~self.session_known))
            for name, (packet, foreign) in packets.items()
        }
        begins, adopts, foreigner, ends = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            self.session_known.eq(known & ~self.ended & ~forgetting),
            begins.eq(news["a"] | news["b"]), adopts.eq(begins & known),
        ]
        with m.If(self.forget):
            m.d.sync += forgetting.eq(1)
        with m.If(begins):
            m.d.sync += [
                self.session.eq(Mux(news["a"], self.packet_a.session, self.packet_b.session)),
                known.eq(1), forgetting.eq(0), self.ended.eq(0), last_foreign.eq(0),
            ]

        # What a line is in the middle of when the other one begins a session is of the one before.
        alike = self.packet_a.session == self.packet_b.session
        deafens = {"a": news["b"] & ~news["a"], "b": news["a"] & ~(news["b"] & alike)}
        accepted, state_told = {}, {}
        for name, (packet, foreign) in packets.items():
            with m.If(deafens[name]):
                m.d.sync += deaf[name].eq(1)
            with m.Elif(packet.valid):
                m.d.sync += deaf[name].eq(0)
            with m.If(packet.valid & foreign & (last_foreign != Cat(packet.session, 1))):
                m.d.sync += last_foreign.eq(Cat(packet.session, 1))
                m.d.comb += foreigner.eq(1)
            accepted[name] = packet.valid & ~foreign & ~deafens[name]
            ending = accepted[name] & packet.end & ~self.ended
            state_told[name] = news[name] | ending
            with m.If(ending):
                m.d.comb += ends.eq(1)
            with m.If(accepted[name]):
                m.d.sync += self.started.eq(1)
        with m.If(ends):
            m.d.sync += self.ended.eq(1)
        return adopts, accepted, state_told, {"N": begins, "F": foreigner, "Z": ends}

    def _highest(self, m, comes, accepted, header, anchor):
        """Return, for line A with the host, and line B: the number below which all are known to
        exist, from where packets begin and the messages that come; and that it has just risen
        above that of the other.

        Packets wait a cycle for their turn: their messages come later still.
        """
        known, raised = [Signal(64, name=f"known_{name}", init=1) for name in "ab"], {}
        for name, source, packet, top, other in (
            ("a", self.a, self.packet_a, known[0], known[1]),
            ("b", self.b, self.packet_b, known[1], known[0]),
        ):
            number = Signal(64, name=f"begin_{name}")
            sequence, has = source.payload.sequence, comes[name]
            rises, leads = Signal(name=f"rises_{name}"), Signal(name=f"leads_{name}")
            if name == "a":
                sequence = Mux(self.a.valid, sequence, self.r.payload.sequence)
                has = comes["a"] | comes["r"]
            m.d.comb += [
                rises.eq(has & (sequence >= top) & ~sequence.all()),
                leads.eq(header[name] & (number > top)),
            ]
            m.d.sync += header[name].eq(accepted[name])
            with m.If(accepted[name]):
                m.d.sync += number.eq(packet.sequence)
            with m.If(rises):
                m.d.sync += top.eq(sequence + 1)
            with m.Elif(leads):
                m.d.sync += top.eq(number)
            with m.If(accepted[name] & anchor):
                m.d.sync += [anchor.eq(0), self.expected.eq(packet.sequence)]
            raised[name] = (rises & (sequence >= other)) | (leads & (number > other))
        m.d.sync += self.highest.eq(Mux(known[0] > known[1], known[0], known[1]))
        return known, raised

    def _count(self, m, strobes):
        """Count, a cycle later, what came in a cycle."""
        for name, happened in strobes.items():
            counter = getattr(self, f"count_{name}")
            step = Signal(len(happened), name=f"step_{name}")
            m.d.sync += [step.eq(Cat(happened)), counter.eq(counter + sum(step))]

    def _tell(self, m, strobes):
        """Offer one event after the other; each is remembered until its turn."""
        m.submodules.record = record = EventRecord()
        room = ~self.events.valid | self.events.ready
        with m.If(self.events.ready):
            m.d.sync += self.events.valid.eq(0)
        waits = {kind: Signal(name=f"tell_{kind}") for kind in _EVENTS}
        numbers = {kind: Signal(64, name=f"number_{kind}") for kind in _OF_PACKETS}
        m.d.comb += [
            record.code.eq(ord(" ")), record.symbol.eq(0xFFFF),
            record.expected.eq(self.expected), record.sequence.eq(self.highest),
            record.time_ns.eq(self.time_ns),
        ]
        chosen = Const(0, 1)
        for kind in _EVENTS:
            with m.If(waits[kind] & room & ~chosen):
                m.d.comb += record.kind.eq(ord(kind))
                if kind in numbers:
                    m.d.comb += record.sequence.eq(numbers[kind])
                m.d.sync += [
                    waits[kind].eq(0), self.events.valid.eq(1),
                    self.events.payload.eq(record.record),
                ]
            chosen = chosen | waits[kind]
            with m.If(strobes[kind]):
                m.d.sync += waits[kind].eq(1)
                if kind in numbers:
                    m.d.sync += numbers[kind].eq(Mux(
                        self.packet_a.valid, self.packet_a.sequence, self.packet_b.sequence))
        with m.If(strobes["G"]):
            m.d.sync += waits["C"].eq(0)  # it has been overtaken
        return Cat(waits.values()).any()
