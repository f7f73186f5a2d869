"""What a window has to tell the host, one record after the other: ``WindowEvents``."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.publish import EventRecord
from tickgate_hdl.lib.layouts import RecordBody

__all__ = ["EVENTS", "WindowEvents"]

EVENTS = "NFZBGC"
"""Events in the order in which they are told when several are due."""

_OF_PACKETS = "NFZ"
"""Events that tell the number of their packet, not how far the feed is."""


class WindowEvents(wiring.Component):
    """Remember each event until its turn; one that happens again before its turn is told once.

    Parameters
    ----------
    registered : bool
        A record is offered when the one before is gone, at most every other cycle.

    Members
    -------
    happens : In(6)
        Strobes, in the order of ``EVENTS``.
    at_n, at_f, at_z : In(64)
        Number of the packet that the event is about.
    expected, highest, time_ns : In(64)
        As they are when a record is made: two cycles before it is offered at the earliest.
    events : Out(stream of ``RecordBody``)
        FeedEvent records.
    active : Out(1)
        Something is to be told.
    """

    def __init__(self, *, registered=False):
        self._registered = registered
        super().__init__({
            "happens": In(len(EVENTS)), "at_n": In(64), "at_f": In(64), "at_z": In(64),
            "expected": In(64), "highest": In(64), "time_ns": In(64),
            "events": Out(stream.Signature(RecordBody)), "active": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.record = record = EventRecord()
        waits = Signal(len(EVENTS))
        numbers = {kind: Signal(64, name=f"number_{kind}") for kind in _OF_PACKETS}

        # First choose, then make the record: a kind that was chosen waits no longer.
        full, kind, number = Signal(), Signal(8), Signal(64)
        is_packets = Signal()
        offered, fits, takes = self.events.valid, Signal(), Signal()
        first = waits & -waits
        m.d.comb += [
            fits.eq(~offered if self._registered else ~offered | self.events.ready),
            takes.eq(waits.any() & ~full),
            record.code.eq(ord(" ")), record.symbol.eq(0xFFFF), record.kind.eq(kind),
            record.expected.eq(self.expected), record.time_ns.eq(self.time_ns),
            record.sequence.eq(Mux(is_packets, number, self.highest)),
            self.active.eq(waits.any() | full | offered),
        ]
        with m.If(self.events.ready):
            m.d.sync += offered.eq(0)
        with m.If(full & fits):
            m.d.sync += [full.eq(0), offered.eq(1)]
        with m.If(fits if self._registered else full & fits):
            m.d.sync += self.events.payload.eq(record.record)
        left = Signal.like(waits)
        m.d.comb += left.eq(Mux(takes, waits & ~first[:len(EVENTS)], waits))
        m.d.sync += waits.eq(left | self.happens)
        with m.If(self.happens[EVENTS.index("G")]):
            m.d.sync += waits[EVENTS.index("C")].eq(0)  # it has been overtaken
        with m.If(takes):
            m.d.sync += full.eq(1)
        with m.If(~full):
            for index, letter in reversed(list(enumerate(EVENTS))):
                with m.If(waits[index]):
                    m.d.sync += [kind.eq(ord(letter)), is_packets.eq(letter in _OF_PACKETS)]
                    if letter in _OF_PACKETS:
                        m.d.sync += number.eq(numbers[letter])
        for letter in _OF_PACKETS:
            with m.If(self.happens[EVENTS.index(letter)]):
                m.d.sync += numbers[letter].eq(
                    getattr(self, f"at_{letter.lower()}"))
        return m
