"""The records that the book sends: TopOfBook and FeedEvent."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from tickgate.records import schema

from tickgate_hdl.book.layouts import BookCommand
from tickgate_hdl.lib.layouts import RecordBody, TopOfBook
from tickgate_hdl.lib.records import record_layout

__all__ = ["Reports"]

_TOP = record_layout(schema.TOP_OF_BOOK)
_EVENT = record_layout(schema.FEED_EVENT)


class Reports(wiring.Component):
    """Make a record out of the book's state and the command in hand, and offer it until it is
    taken.

    Strobes may only be given while there is room; the record is offered in the next cycle.

    Members
    -------
    command, symbol, top, cycles : :py:`In`
        The command in hand, the symbol, its best bid and offer, the cycle counter.
    publish, tob_room, tob : :py:`In(1)`, :py:`Out(1)`, :py:`Out(stream.Signature(RecordBody))`
        Offer a TopOfBook record.
    tell, event, event_symbol : :py:`In(1)`, :py:`In(8)`, :py:`In(16)`
        Offer a FeedEvent record of this kind.
    event_room, events : :py:`Out(1)`, :py:`Out(stream.Signature(RecordBody))`
        Their room and stream.
    """

    command: In(BookCommand)
    symbol: In(8)
    top: In(TopOfBook)
    cycles: In(32)
    publish: In(1)
    tob_room: Out(1)
    tob: Out(stream.Signature(RecordBody))
    tell: In(1)
    event: In(8)
    event_symbol: In(16)
    event_room: Out(1)
    events: Out(stream.Signature(RecordBody))

    def elaborate(self, platform):
        m = Module()
        command = self.command
        m.d.comb += [
            self.tob_room.eq(~self.tob.valid | self.tob.ready),
            self.event_room.eq(~self.events.valid | self.events.ready),
        ]
        record = Signal(_TOP)
        latency = Signal(32)
        m.d.comb += [
            latency.eq(self.cycles + 1 - command.arrival),
            record.symbol.eq(self.symbol),
            record.trading_state.eq(self.top.trading_state),
            record.flags.eq(self.top.stale),
            record.bid.eq(self.top.bid),
            record.ask.eq(self.top.ask),
            record.bid_size.eq(self.top.bid_size),
            record.ask_size.eq(self.top.ask_size),
            record.book_cycles.eq(Mux(latency[16:].any(), 0xFFFF, latency[:16])),
            record.message.eq(command.sequence),
            record.itch_time.eq(command.itch_time),
            record.time_ns.eq(command.time_ns),
        ]
        with m.If(self.tob.ready):
            m.d.sync += self.tob.valid.eq(0)
        with m.If(self.publish):
            m.d.sync += [
                self.tob.valid.eq(1),
                self.tob.payload.template.eq(schema.TOP_OF_BOOK.template),
                self.tob.payload.body.eq(record),
            ]

        told = Signal(_EVENT)
        m.d.comb += [
            told.kind.eq(self.event),
            told.code.eq(command.code),
            told.symbol.eq(self.event_symbol),
            told.stock_locate.eq(command.locate),
            told.expected.eq(Mux(self.event == ord("G"), command.expected, 0)),
            told.sequence.eq(command.sequence),
            told.time_ns.eq(command.time_ns),
        ]
        with m.If(self.events.ready):
            m.d.sync += self.events.valid.eq(0)
        with m.If(self.tell):
            m.d.sync += [
                self.events.valid.eq(1),
                self.events.payload.template.eq(schema.FEED_EVENT.template),
                self.events.payload.body.eq(told),
            ]
        return m
