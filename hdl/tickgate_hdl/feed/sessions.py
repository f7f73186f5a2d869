"""Which session a channel is in, and what that makes of the packets of its lines: ``Sessions``."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.feed.mold_parser import PacketStrobe
from tickgate_hdl.lib.compare import equal
from tickgate_hdl.lib.delay import copies, delayed

__all__ = ["Sessions"]


class Sessions(wiring.Component):
    """Adopt sessions, and tell foreign packets from those of the session.

    A packet is looked at ``latency`` cycles after it was seen, when it has been compared with the
    session: by then the session is in force that began in the cycle before, whatever the line
    believed when it took the packet for one of the session.

    Parameters
    ----------
    registered : bool
        More register stages, for an FPGA that needs them. Packets of a line are at least six cycles
        apart then, and that one is foreign is told up to four cycles later.

    Attributes
    ----------
    latency : cycles from a packet to what is said of it

    Members
    -------
    packet_a, packet_b, foreign_a, foreign_b : In(PacketStrobe), In(1)
        Packets seen; the line says that they are of another session.
    forget, anchor : In(1), In(1)
        The session of the next packet is adopted; the next packet tells where the lines are, so
        that its messages have to wait for that.
    session, known, ended : Out(80), Out(1), Out(1)
        For the lines: the session; it is in force; an end of it was told.
    header_a, header_b, accepted_a, accepted_b : Out(1), Out(1)
        A packet, and it is of the session, from here on; the others are of it too.
    sequence_a, sequence_b : Out(64), Out(64)
        Its number.
    told_a, told_b : Out(1), Out(1)
        It began the session or ended it.
    deaf_a, deaf_b : Out(1), Out(1)
        What the line brings is of a session that is over.
    hold_a, hold_b, hold : Out(1), Out(1), Out(1)
        What the line, or any source, brings must wait a cycle: its meaning is about to change.
    begins, adopts, foreigner, ends : Out(1)
        Strobes: a session begins; it takes the place of another one; a packet of another session,
        once until still another one comes; an end was told.
    begins_at, foreigner_at, ends_at : Out(64)
        Numbers of the packets that did it.
    """

    def __init__(self, *, registered=False):
        self._registered = registered
        self.latency = 2 if registered else 1
        lines = {}
        for name in "ab":
            lines.update({
                f"packet_{name}": In(PacketStrobe), f"foreign_{name}": In(1),
                f"header_{name}": Out(1), f"accepted_{name}": Out(1), f"sequence_{name}": Out(64),
                f"told_{name}": Out(1), f"deaf_{name}": Out(1), f"hold_{name}": Out(1),
            })
        super().__init__({
            **lines, "forget": In(1), "anchor": In(1),
            "session": Out(80), "known": Out(1), "ended": Out(1), "hold": Out(1),
            **{name: Out(1) for name in ("begins", "adopts", "foreigner", "ends")},
            **{f"{name}_at": Out(64) for name in ("begins", "foreigner", "ends")},
        })

    def elaborate(self, platform):
        m = Module()
        comes, foreign_comes = {}, {}
        for name in "ab":
            comes[name] = getattr(self, f"packet_{name}")
            foreign_comes[name] = getattr(self, f"foreign_{name}")
            if self._registered:
                packet, foreign = comes[name], foreign_comes[name]
                comes[name] = Signal(PacketStrobe, name=f"first_{name}")
                foreign_comes[name] = Signal(name=f"first_foreign_{name}")
                m.d.sync += [comes[name].eq(packet), foreign_comes[name].eq(foreign)]
        packets = {name: Signal(PacketStrobe, name=f"here_{name}") for name in "ab"}
        foreign = {name: Signal(name=f"here_foreign_{name}") for name in "ab"}
        # Of no other session, as far as the line knows, and with an end; not of the session.
        mine, lasts, other = (
            {name: Signal(name=f"{what}_{name}") for name in "ab"}
            for what in ("mine", "lasts", "other"))
        known_next = Signal()
        m.d.sync += self.known.eq(known_next)
        known = self.known
        if self._registered:  # the lines are far apart, and draw theirs away from here
            known, = copies(m, known_next, "known_here", 1)
        news = {name: other[name] & ~known for name in "ab"}
        refused = {name: other[name] & known for name in "ab"}
        some, alike = Signal(), Signal()  # some: there was a session
        m.d.comb += [
            self.begins.eq((other["a"] | other["b"]) & ~known),
            self.adopts.eq(self.begins & some),
            self.begins_at.eq(Mux(other["a"], packets["a"].sequence, packets["b"].sequence)),
        ]

        # Compared a cycle early with whatever may be the session by then. Messages wait if there is
        # any chance that the packet changes something.
        strange = {}
        for name in "ab":
            session = comes[name].session
            as_session = some & self._same(session, self.session)
            as_a, as_b = (self._same(session, packets[line].session) for line in "ab")
            candidate = comes[name].valid & ~foreign_comes[name]
            strange[name] = candidate & (~as_session | self.begins | self.anchor)
            m.d.sync += [
                packets[name].valid.eq(comes[name].valid), foreign[name].eq(foreign_comes[name]),
                mine[name].eq(candidate), lasts[name].eq(candidate & comes[name].end),
                other[name].eq(candidate & ~(
                    (as_session & ~self.begins) | (as_a & news["a"])
                    | (as_b & news["b"] & ~news["a"]))),
            ]
            with m.If(comes[name].valid):
                m.d.sync += packets[name].eq(comes[name])
        m.d.sync += alike.eq(equal(comes["a"].session, comes["b"].session))

        with m.If(self.begins):
            m.d.sync += [
                self.session.eq(Mux(other["a"], packets["a"].session, packets["b"].session)),
                some.eq(1),
            ]
        # As plain logic: a set and a reset of the flip-flops would come later.
        m.d.comb += known_next.eq(((known & ~self.forget) | self.begins) & ~self.ends)
        m.d.sync += self.ended.eq((self.ended & ~self.begins) | self.ends)
        # What a line is in the middle of when the other one begins a session is of the one before.
        deafens = {
            "a": Mux(known, other["a"], other["b"] & ~other["a"]),
            "b": Mux(known, other["b"], other["a"] & ~(other["b"] & alike)),
        }
        endings = []
        for name, packet in packets.items():
            deaf, accepted = getattr(self, f"deaf_{name}"), getattr(self, f"accepted_{name}")
            ending = Signal(name=f"ending_{name}")
            m.d.comb += [
                getattr(self, f"header_{name}").eq(packet.valid),
                getattr(self, f"sequence_{name}").eq(packet.sequence),
                accepted.eq(mine[name] & ~deafens[name]),
                ending.eq(lasts[name] & ~deafens[name] & ~self.ended),
                getattr(self, f"told_{name}").eq(news[name] | ending),
            ]
            with m.If(deafens[name]):
                m.d.sync += deaf.eq(1)
            with m.Elif(packet.valid):
                m.d.sync += deaf.eq(0)
            endings.append(ending)
            m.d.sync += getattr(self, f"hold_{name}").eq(
                strange["a"] | strange["b"] | (comes[name].valid & (deaf | deafens[name])))
        m.d.sync += self.hold.eq(strange["a"] | strange["b"])
        m.d.comb += [
            self.ends.eq(Cat(endings).any()),
            self.ends_at.eq(Mux(endings[1], packets["b"].sequence, packets["a"].sequence)),
        ]
        self._foreigners(m, {
            name: (packet, packet.valid & (foreign[name] | refused[name]))
            for name, packet in packets.items()})
        return m

    def _same(self, one, other):
        """Return whether two sessions are the same, where registered by two chains side by side."""
        if not self._registered:
            return equal(one, other)
        half = len(one) // 2
        return equal(one[:half], other[:half], piece=2) & equal(
            one[half:], other[half:], piece=2)

    def _foreigners(self, m, seen):
        """Tell foreign packets, once until one of still another session comes."""
        last = Signal(81)
        with m.If(self.begins):
            m.d.sync += last.eq(0)
        differs = {name: ~equal(last, Cat(packet.session, Const(1, 1)))
                   for name, (packet, _) in seen.items()}
        if self._registered:
            seen, differs = self._in_turn(m, seen, differs)
        for name, (packet, happens) in seen.items():
            with m.If(happens & differs[name]):
                m.d.sync += last.eq(Cat(packet.session, 1))
                m.d.comb += [self.foreigner.eq(1), self.foreigner_at.eq(packet.sequence)]

    def _in_turn(self, m, seen, differs):
        """Compare in every other cycle, and tell one line's packet in the cycle after."""
        told, turn, others = {}, Signal(), Const(0, 1)
        m.d.sync += turn.eq(~turn)
        for name, (packet, happens) in seen.items():
            waits = Signal(name=f"waits_{name}")
            told[name] = packet, turn & waits & ~others
            with m.If(happens):
                m.d.sync += waits.eq(1)
            with m.Elif(told[name][1]):
                m.d.sync += waits.eq(0)
            others = waits
        return told, {name: delayed(m, value, f"differs_{name}")
                      for name, value in differs.items()}
