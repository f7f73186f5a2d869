"""What the window passes on, held until it is taken: ``WindowOutput``."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.feed.items import FeedItem
from tickgate_hdl.lib.delay import copies, delayed, shares

__all__ = ["WindowOutput"]

_COPIES = 4
"""Registers that say the same where it is registered, each to a share of a message's bits."""


class WindowOutput(wiring.Component):
    """Offer the first message that is there, and hold it while it is not taken.

    Parameters
    ----------
    sources : tuple of str
        Where a message may come from, first choice first.
    registered : bool
        Registers before and behind the choice: a message is offered two cycles after ``offer``.

    Members
    -------
    offer : In(1)
        Strobe: a message goes on. Not while ``occupied``.
    has_*, item_* : In(1), In(FeedItem)
        A source has it, looked at with ``offer``; of the last source that is not looked at. The
        message: where ``registered``, as it is a cycle later.
    clear, rebuild : In(1), In(1)
        Strobes: what waits is withdrawn; what is offered in this cycle is not.
    o : Out(stream of ``FeedItem``)
        Each message once.
    occupied, waits : Out(1), Out(1)
        Nothing can be offered; what was offered was not taken at once.
    """

    def __init__(self, sources, *, registered=False):
        self._sources, self._registered = sources, registered
        super().__init__({
            "offer": In(1), "clear": In(1), "rebuild": In(1),
            **{f"has_{name}": In(1) for name in sources},
            **{f"item_{name}": In(FeedItem) for name in sources},
            "o": Out(stream.Signature(FeedItem)), "occupied": Out(1), "waits": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        held, item, chosen = Signal(), Signal(FeedItem, reset_less=True), Signal(FeedItem)
        has = {name: [getattr(self, f"has_{name}")] for name in self._sources}
        picked = self.offer
        if self._registered:
            picked = delayed(m, self.offer & ~self.clear, "picked")
            has = {name: copies(m, value, f"picks_{name}", _COPIES)
                   for name, (value,) in has.items()}
        *first, last = self._sources
        items = {name: Value.cast(getattr(self, f"item_{name}")) for name in self._sources}
        # In one piece where it can be: a simulator takes a signal that is assigned in parts as a
        # whole.
        for piece, part in enumerate(shares(FeedItem.size, _COPIES if self._registered else 1)):
            m.d.comb += Value.cast(chosen)[part].eq(items[last][part])
            for number, name in enumerate(first):
                there = has[name][piece]
                with m.If(there) if number == 0 else m.Elif(there):
                    m.d.comb += Value.cast(chosen)[part].eq(items[name][part])
        if self._registered:
            holds = (picked | (held & ~self.o.ready)) & ~self.clear
            m.d.comb += [
                self.o.valid.eq(held & ~self.clear),
                Value.cast(self.o.payload).eq(Value.cast(item)),
            ]
            m.d.sync += [
                held.eq(holds), self.occupied.eq(holds | (self.offer & ~self.clear)),
                self.waits.eq(self.o.valid & ~self.o.ready),
            ]
            with m.If(picked):
                m.d.sync += Value.cast(item).eq(Value.cast(chosen))
        else:
            m.d.comb += [
                self.occupied.eq(held), self.waits.eq(held),
                self.o.valid.eq((held & ~self.clear) | (picked & ~self.rebuild)),
                Value.cast(self.o.payload).eq(Mux(held, Value.cast(item), Value.cast(chosen))),
            ]
            m.d.sync += held.eq((held | picked) & ~self.o.ready & ~self.clear)
            with m.If(~held):
                m.d.sync += Value.cast(item).eq(Value.cast(chosen))
        return m
