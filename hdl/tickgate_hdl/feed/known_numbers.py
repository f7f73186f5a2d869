"""How far the feed is known to be: ``KnownNumbers``."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.delay import delayed

__all__ = ["KnownNumbers"]


class KnownNumbers(wiring.Component):
    """Keep for line A with the host, and line B, the number below which all are known to exist.

    They learn it from where packets begin and from the messages that come. Packets wait a cycle for
    their turn: their messages come later still. Where ``registered`` a packet is compared again if
    a message of its line was new meanwhile.

    Parameters
    ----------
    registered : bool
        A register behind the comparison of a packet's number.

    Members
    -------
    accepted_a, accepted_b, sequence_a, sequence_b : In(1), In(64)
        A packet of the session, and its number.
    number_a, number_b, number_r, rises_a, rises_b, rises_r : In(64), In(1)
        A message's number; the message is of the session, and new. Where ``registered`` that was
        decided the cycle before, in one without ``header`` and ``leads`` of either line.
    rebuild, adopts : In(1), In(1)
        Strobes: nothing is known any more; another session has begun.
    known_a, known_b, highest : Out(64)
        The numbers; the higher one, a cycle later, two where ``registered``.
    new_a, new_b, new_r : Out(1)
        The message is not known yet to exist.
    header_a, header_b, leads_a, leads_b : Out(1)
        A packet is being compared; it tells of messages that were not known.
    raised_a, raised_b : Out(1)
        A line's number rises above that of the other.
    """

    def __init__(self, *, registered=False):
        self._registered = registered
        super().__init__({
            **{f"{what}_{name}": In(width) for name in "ab"
               for what, width in (("accepted", 1), ("sequence", 64))},
            **{f"{what}_{name}": In(width) for name in "abr"
               for what, width in (("number", 64), ("rises", 1))},
            "rebuild": In(1), "adopts": In(1),
            **{f"known_{name}": Out(64, init=1) for name in "ab"}, "highest": Out(64, init=1),
            **{f"new_{name}": Out(1) for name in "abr"},
            **{f"{what}_{name}": Out(1) for name in "ab" for what in ("header", "leads", "raised")},
        })

    def elaborate(self, platform):
        m = Module()
        known = {"a": self.known_a, "b": self.known_b, "r": self.known_a}
        for name in "abr":
            number = getattr(self, f"number_{name}")
            m.d.comb += getattr(self, f"new_{name}").eq((number >= known[name]) & ~number.all())
        for name, other in (("a", "b"), ("b", "a")):
            top, begin = known[name], Signal(64, name=f"begin_{name}")
            header, leads = getattr(self, f"header_{name}"), getattr(self, f"leads_{name}")
            accepted, rises = getattr(self, f"accepted_{name}"), getattr(self, f"rises_{name}")
            number = getattr(self, f"number_{name}")
            m.d.sync += header.eq(accepted & ~self.rebuild)
            with m.If(accepted):
                m.d.sync += begin.eq(getattr(self, f"sequence_{name}"))
            with m.If(leads):
                m.d.sync += top.eq(begin)
            if name == "a":
                with m.If(self.rises_r):
                    m.d.sync += top.eq(self.number_r + 1)
            with m.If(rises):
                m.d.sync += top.eq(number + 1)
            leading = header & (begin > top)
            above, ahead = number >= known[other], begin > known[other]
            if self._registered:
                above = delayed(m, above, f"is_above_{name}")
                ahead = delayed(m, ahead, f"is_ahead_{name}")
                news = (rises | self.rises_r) if name == "a" else rises
                forgets = self.rebuild | self.adopts
                m.d.sync += leads.eq(leading & ~news & ~forgets)
                with m.If((header | leads) & news & ~forgets):
                    m.d.sync += header.eq(1)
            else:
                m.d.comb += leads.eq(leading)
            m.d.comb += getattr(self, f"raised_{name}").eq((rises & above) | (leads & ahead))
        is_a = self.known_a > self.known_b
        if self._registered:
            is_a = delayed(m, is_a, "highest_is_a")
        m.d.sync += self.highest.eq(Mux(is_a, self.known_a, self.known_b))
        with m.If(self.rebuild):
            m.d.sync += [self.known_a.eq(0), self.known_b.eq(0), self.highest.eq(0)]
        with m.If(self.adopts):
            m.d.sync += [self.known_a.eq(1), self.known_b.eq(1), self.highest.eq(1)]
        return m
