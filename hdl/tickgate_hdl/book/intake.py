"""Messages on their way to work: taken, decoded, their locates looked up: ``Intake``."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from tickgate.protocols import itch50

from tickgate_hdl.book.decode import BookOperation, ItchDecode
from tickgate_hdl.feed.items import FeedItem
from tickgate_hdl.lib.delay import copies, shares
from tickgate_hdl.lib.wire import fields

__all__ = ["Intake"]

_COPIES = 4
"""Registers that say the same, each to a share of a message's bits."""


class Intake(wiring.Component):
    """Take messages, decode them and have their locates looked up.

    A message that comes is the next one at once, if none waits; else it is put by, so that whether
    one is taken does not depend on what becomes of those before it. Where ``registered`` it comes
    when the one before has been decoded, every other cycle at most.

    Parameters
    ----------
    look_latency : int
        Cycles from ``look`` to its answer.
    registered : bool
        Stages of their own before the decoder and in it, and no place to put a message by.

    Members
    -------
    i : In(stream of ``FeedItem``)
        Messages.
    closed : In(1)
        None is taken.
    move : In(1)
        Strobe: the next one goes to work.
    again : In(1)
        Strobe: look the locate of the next one up again.
    waits, operation : Out(1), Out(BookOperation)
        A message is next, and what it means.
    behind : Out(1)
        Another one is there, behind the next one.
    look, channel, locate : Out(1), Out(2), Out(16)
        Look a locate up.
    looking : Out(1)
        That of the next message is not answered yet.
    """

    def __init__(self, *, look_latency, registered=False):
        self._look_latency, self._registered = look_latency, registered
        super().__init__({
            "i": In(stream.Signature(FeedItem)), "closed": In(1), "move": In(1), "again": In(1),
            "waits": Out(1), "operation": Out(BookOperation), "behind": Out(1),
            "look": Out(1), "channel": Out(2), "locate": Out(16), "looking": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.decode = decode = ItchDecode(registered=self._registered)
        raw, held = Signal(FeedItem, reset_less=True), Signal()
        m.d.comb += decode.item.eq(raw)

        def header(data):
            return fields(itch50.ItchMessage, data)["stock_locate"]

        if self._registered:
            # What many bits depend on is known a cycle before.
            waits_next, keeps = Signal(), Signal()
            full = copies(m, keeps, "full", _COPIES)  # raw takes none
            loaded = copies(m, waits_next, "loaded", _COPIES)  # neither does operation
            passes, passed, unanswered = Signal(), Signal(), Signal(self._look_latency - 1)
            decoded = Signal()
            operation = Signal(BookOperation, reset_less=True)
            taken = self.i.valid & self.i.ready
            m.d.comb += [
                self.i.ready.eq(~self.closed & ~full[0]),
                passes.eq(held & decoded & ~self.waits),
                keeps.eq(taken | (full[0] & waits_next)),
                waits_next.eq(passes | (self.waits & ~self.move)),
                self.operation.eq(operation), self.behind.eq(held),
                self.look.eq(passed | self.again),
                self.channel.eq(operation.channel), self.locate.eq(operation.locate),
                self.looking.eq(self.look | unanswered.any()),
            ]
            m.d.sync += [
                held.eq(taken | full[0]), decoded.eq(~taken),
                self.waits.eq(waits_next), passed.eq(passes),
                unanswered.eq(Cat(self.look, unanswered)),
            ]
            for register, value, stays in (
                    (raw, self.i.payload, full), (operation, decode.operation, loaded)):
                bits, values = Value.cast(register), Value.cast(value)
                for part, stay in zip(shares(len(bits), _COPIES), stays, strict=True):
                    with m.If(~stay):
                        m.d.sync += bits[part].eq(values[part])
        else:
            spare, has_spare, taken = Signal(FeedItem, reset_less=True), Signal(), Signal()
            item, comes, loads = Signal(FeedItem), Signal(), Signal()
            with m.If(loads):  # raw takes one
                m.d.sync += [Value.cast(raw).eq(Value.cast(item)), held.eq(comes)]
            with m.If(~has_spare):
                m.d.sync += Value.cast(spare).eq(Value.cast(self.i.payload))
            with m.If(loads):
                m.d.sync += has_spare.eq(0)
            with m.Elif(taken):
                m.d.sync += has_spare.eq(1)
            m.d.comb += [
                self.i.ready.eq(~self.closed & ~has_spare),
                taken.eq(self.i.valid & self.i.ready), comes.eq(has_spare | taken),
                Value.cast(item).eq(Mux(
                    has_spare, Value.cast(spare), Value.cast(self.i.payload))),
                loads.eq(~held | self.move), self.waits.eq(held),
                self.operation.eq(decode.operation), self.behind.eq(has_spare),
                self.look.eq(loads | self.again),
                self.channel.eq(Mux(loads, item.channel, raw.channel)),
                self.locate.eq(Mux(loads, header(item.data), header(raw.data))),
            ]
        return m
