"""ITCH 5.0: from messages to commands for the book."""

from amaranth import Array, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from tickgate.protocols import itch50

from tickgate_hdl.book.layouts import BookCommand
from tickgate_hdl.feed.layouts import END_OF_SESSION, GAP, MESSAGE, NEW_SESSION, MoldItem
from tickgate_hdl.lib.wire import be, fields

__all__ = ["ItchDecode"]

_EVENTS = {GAP: "G", NEW_SESSION: "N", END_OF_SESSION: "Z"}
_BOOK = {"A": "A", "F": "A", "E": "X", "C": "X", "X": "X", "D": "D", "U": "U"}
_STATUS = {"S": "S", "R": "R", "H": "H"}


class ItchDecode(wiring.Component):
    """Turn ITCH messages into commands for the book, one cycle each; count them by type.

    All 23 types are recognised and their lengths checked; those that neither change a book nor tell
    a status the card keeps are counted and end here. Events of the feed pass through in their
    place. Source: Nasdaq TotalView-ITCH 5.0; fields come from ``tickgate.protocols.itch50``.

    Members
    -------
    i : :py:`In(stream.Signature(MoldItem))`
        Messages and events.
    o : :py:`Out(stream.Signature(BookCommand))`
        Commands.
    count_itch_messages : :py:`Out(32)`
        Messages of a known type and its length. Wraps.
    count_itch_unknown : :py:`Out(32)`
        Messages of unknown type. Wraps.
    count_itch_malformed : :py:`Out(32)`
        Messages that are empty or of wrong length, and Adds whose side is neither B nor S. Wraps.
    itch_type_select, itch_type_count : :py:`In(8)`, :py:`Out(32)`
        Messages of the selected type (ASCII letter) in ``count_itch_messages``; 0 for an unknown
        type.
    """

    i: In(stream.Signature(MoldItem))
    o: Out(stream.Signature(BookCommand))
    count_itch_messages: Out(32)
    count_itch_unknown: Out(32)
    count_itch_malformed: Out(32)
    itch_type_select: In(8)
    itch_type_count: Out(32)

    def elaborate(self, platform):
        m = Module()
        item = self.i.payload
        command = self.o.payload
        types = sorted(itch50.MESSAGES)
        counts = Array(Signal(32, name=f"count_{ord(letter)}") for letter in types)
        taken = Signal()
        m.d.comb += [
            self.i.ready.eq(~self.o.valid | self.o.ready),
            taken.eq(self.i.valid & self.i.ready),
        ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)

        with m.Switch(self.itch_type_select):
            for index, letter in enumerate(types):
                with m.Case(ord(letter)):
                    m.d.comb += self.itch_type_count.eq(counts[index])

        good, malformed, unknown = Signal(), Signal(), Signal()
        with m.If(taken):
            m.d.sync += [
                command.sequence.eq(item.sequence),
                command.expected.eq(item.expected),
                command.time_ns.eq(item.time_ns),
                command.arrival.eq(item.arrival),
                command.code.eq(ord(" ")),
            ]
            with m.Switch(item.kind):
                for kind, letter in _EVENTS.items():
                    with m.Case(kind):
                        m.d.sync += [
                            command.kind.eq(ord(letter)),
                            command.locate.eq(0),
                            command.itch_time.eq(0),
                            self.o.valid.eq(1),
                        ]
                with m.Case(MESSAGE):
                    self._decode(m, item, command, counts, good, malformed, unknown)
            m.d.sync += [
                self.count_itch_messages.eq(self.count_itch_messages + good),
                self.count_itch_malformed.eq(self.count_itch_malformed + malformed),
                self.count_itch_unknown.eq(self.count_itch_unknown + unknown),
            ]
        return m

    def _decode(self, m, item, command, counts, good, malformed, unknown):
        types = sorted(itch50.MESSAGES)
        header = fields(itch50.ItchMessage, item.data)
        m.d.sync += [
            command.locate.eq(header["stock_locate"]),
            command.itch_time.eq(header["timestamp"]),
        ]
        with m.If(item.length == 0):
            m.d.comb += malformed.eq(1)
        with m.Else(), m.Switch(item.data[:8]):
            for index, letter in enumerate(types):
                message = itch50.MESSAGES[letter]
                with m.Case(ord(letter)):
                    right = item.length == message.LENGTH
                    values = fields(message, item.data)
                    if "buy_sell_indicator" in values and letter in _BOOK:
                        side = values["buy_sell_indicator"]
                        right &= (side == ord("B")) | (side == ord("S"))
                    m.d.comb += [good.eq(right), malformed.eq(~right)]
                    with m.If(good):
                        m.d.sync += counts[index].eq(counts[index] + 1)
                        kind = {**_BOOK, **_STATUS}.get(letter)
                        if kind is not None:
                            m.d.sync += [command.kind.eq(ord(kind)), self.o.valid.eq(1)]
                            m.d.sync += _operands(command, values)
            with m.Default():
                m.d.comb += unknown.eq(1)


def _operands(command, values):
    """Assignments of the fields of a command that this message has."""
    names = {
        "stock": "stock",
        "order_reference_number": "reference",
        "original_order_reference_number": "reference",
        "new_order_reference_number": "new_reference",
        "shares": "shares",
        "executed_shares": "shares",
        "cancelled_shares": "shares",
        "price": "price",
        "event_code": "code",
        "trading_state": "code",
    }
    result = []
    for name, value in values.items():
        if name == "buy_sell_indicator":
            result.append(command.sell.eq(Mux(value == ord("S"), 1, 0)))
        elif name == "stock":
            result.append(command.stock.eq(be(value)))  # character 0 into bits 7:0
        elif name in names:
            result.append(getattr(command, names[name]).eq(value))
    return result
