"""OUCH 5.0 messages of the venue to ring records and exposure updates."""

from amaranth.hdl import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from tickgate.protocols.ouch50.outbound import OUTBOUND
from tickgate.records.schema import VENUE_MESSAGE

from tickgate_hdl.entry.receive import KEPT
from tickgate_hdl.lib.records import record_layout
from tickgate_hdl.lib.wire import be, fields
from tickgate_hdl.risk.layouts import VenueUpdate

__all__ = ["OuchDecoder"]

_ACTS_ON_EXPOSURE = "AUCDEJMB"

_SOURCES = {
    "user_ref_num": ("user_ref_num", "next_user_ref_num"),
    "orig_user_ref_num": ("orig_user_ref_num",),
    "venue_time": ("timestamp",),
    "reference": ("order_reference_number", "match_number"),
    "price": ("price",),
    "quantity": ("quantity", "decrement_shares"),
}
"""Field of the record, and the OUCH fields that it takes, the first that the message has."""
_CODES = {
    "A": "order_state", "U": "order_state", "E": "liquidity_flag", "S": "event_code",
    "B": "reason", "C": "reason", "D": "reason", "R": "reason",
}
"""OUCH field that the record's ``code`` takes, by message type."""


class OuchDecoder(wiring.Component):
    """Decode one OUCH message. Combinational, from the tables of ``tickgate.protocols.ouch50``.

    A message is known when its type is, and its length is that of the type: with an appendage of
    the length it gives, or, for the types that have one at all, without. Options are not looked
    at. A price above 32 bits is given as the largest number.

    Members
    -------
    payload, length : In
        The message's first bytes, and how long it is.
    sequence, time_ns : In
        Its SoupBinTCP sequence number, and the clock.
    known : Out(1)
        Type and length are right; otherwise the other outputs mean nothing.
    acts : Out(1)
        It changes the exposure.
    update : Out(VenueUpdate)
        What it does to the exposure.
    record : Out
        The VenueMessage record.
    """

    payload: In(8 * KEPT)
    length: In(16)
    sequence: In(32)
    time_ns: In(64)
    known: Out(1)
    acts: Out(1)
    update: Out(VenueUpdate)
    record: Out(record_layout(VENUE_MESSAGE))

    def elaborate(self, platform):
        m = Module()
        kind = self.payload[:8]
        m.d.comb += [
            self.record.code.eq(ord(" ")), self.record.message_type.eq(kind),
            self.record.soup_sequence.eq(self.sequence), self.record.time_ns.eq(self.time_ns),
        ]
        with m.Switch(kind):
            for letter, message in OUTBOUND.items():
                with m.Case(ord(letter)):
                    self._decode(m, letter, message)

        record = self.record
        m.d.comb += [
            self.update.message_type.eq(kind),
            self.update.user_ref_num.eq(record.user_ref_num),
            self.update.orig_user_ref_num.eq(record.orig_user_ref_num),
            self.update.quantity.eq(record.quantity), self.update.price.eq(record.price),
            self.update.match_number.eq(record.reference),
        ]
        return m

    def _decode(self, m, letter, message):
        values = fields(message, self.payload)
        end = message.LENGTH
        fits = self.length == end
        if message.TAIL != "none":
            fits = fits | (self.length == end + 2 + be(self.payload[8 * end:8 * end + 16]))
        m.d.comb += [self.known.eq(fits), self.acts.eq(letter in _ACTS_ON_EXPOSURE)]

        for target, names in _SOURCES.items():
            value = next((values[name] for name in names if name in values), None)
            if value is None:
                continue
            field = getattr(self.record, target)
            if len(value) > len(field):
                value = Mux(value[len(field):].any(), (1 << len(field)) - 1, value)
            m.d.comb += field.eq(value)

        if letter == "J":
            m.d.comb += self.record.reason.eq(values["reason"])
        elif letter in _CODES:
            m.d.comb += self.record.code.eq(values[_CODES[letter]])
        if "order_state" in values:
            m.d.comb += self.update.dead.eq(values["order_state"] == ord("D"))
