"""The records that the book sends: TopOfBook and FeedEvent bodies, as expressions."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out
from tickgate.records import schema

from tickgate_hdl.lib.layouts import RecordBody, TopOfBook
from tickgate_hdl.lib.records import record_layout

__all__ = ["NO_SYMBOL", "EventRecord", "Origin", "TopRecord"]

NO_SYMBOL = 0xFFFF

Origin = StructLayout({"sequence": 64, "time_ns": 64, "itch_time": 48, "arrival": 32})
"""The message that a record is about: its number and its times."""


class TopRecord(wiring.Component):
    """A TopOfBook record, from the cycle after ``publish`` on until the next one.

    ``book_cycles`` counts from the message's arrival to the cycle ``cycles`` of ``publish``, and
    saturates.
    """

    publish: In(1)
    symbol: In(16)
    top: In(TopOfBook)
    origin: In(Origin)
    cycles: In(32)
    record: Out(RecordBody)

    def elaborate(self, platform):
        m = Module()
        body = Signal(record_layout(schema.TOP_OF_BOOK))
        symbol, top = Signal(16, reset_less=True), Signal(TopOfBook, reset_less=True)
        origin, latency = Signal(Origin, reset_less=True), Signal(32, reset_less=True)
        with m.If(self.publish):
            m.d.sync += [
                symbol.eq(self.symbol), top.eq(self.top), origin.eq(self.origin),
                latency.eq(self.cycles - self.origin.arrival),
            ]
        m.d.comb += [
            body.symbol.eq(symbol),
            body.flags.eq(top.stale),
            *(body[name].eq(top[name]) for name in (
                "trading_state", "bid", "bid_size", "bid_orders", "ask", "ask_size",
                "ask_orders")),
            body.book_cycles.eq(Mux(latency[16:].any(), 0xFFFF, latency[:16])),
            body.message.eq(origin.sequence),
            body.itch_time.eq(origin.itch_time),
            body.time_ns.eq(origin.time_ns),
            self.record.template.eq(schema.TOP_OF_BOOK.template),
            self.record.body.eq(Value.cast(body)),
        ]
        return m


class EventRecord(wiring.Component):
    """A FeedEvent record, combinationally."""

    kind: In(8)
    code: In(8)
    symbol: In(16)
    locate: In(16)
    expected: In(64)
    sequence: In(64)
    time_ns: In(64)
    record: Out(RecordBody)

    def elaborate(self, platform):
        m = Module()
        body = Signal(record_layout(schema.FEED_EVENT))
        m.d.comb += [
            body.kind.eq(self.kind), body.code.eq(self.code), body.symbol.eq(self.symbol),
            body.stock_locate.eq(self.locate), body.expected.eq(self.expected),
            body.sequence.eq(self.sequence), body.time_ns.eq(self.time_ns),
            self.record.template.eq(schema.FEED_EVENT.template),
            self.record.body.eq(Value.cast(body)),
        ]
        return m
