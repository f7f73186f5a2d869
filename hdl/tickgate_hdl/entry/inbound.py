"""The venue's packets: session state, records for the host, updates for the gate."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from tickgate.protocols.soupbintcp import (
    EndOfSession,
    LoginAccepted,
    LoginRejected,
    SequencedData,
    SoupPacket,
    UnsequencedData,
)
from tickgate.records.schema import SESSION_EVENT, VENUE_MESSAGE

from tickgate_hdl.entry.decode import OuchDecoder
from tickgate_hdl.entry.digits import FromDigits
from tickgate_hdl.entry.receive import ReceivedPacket
from tickgate_hdl.lib.layouts import RecordBody
from tickgate_hdl.lib.records import record_layout
from tickgate_hdl.lib.wire import be, fields
from tickgate_hdl.risk.layouts import VenueUpdate

__all__ = ["VenueInbound"]

_SESSION = record_layout(SESSION_EVENT)
_VENUE = record_layout(VENUE_MESSAGE)
_NO_SESSION = Const(int.from_bytes(b" " * 10, "little"), 80)


def _text(packet, message, name):
    header = Const(0, 8 * SoupPacket.LENGTH)
    return be(fields(message, Cat(header, packet.payload))[name])


def _resized(value, width):
    value = Value.cast(value)
    return value[:width] if len(value) >= width else Cat(value, Const(0, width - len(value)))


class VenueInbound(wiring.Component):
    """Take one packet at a time: what it means for the session, then for gate and host.

    Sequenced Data counts, an empty one and one that is not understood too. It is legal only when
    logged in, Login Accepted and Rejected only when a log-in was sent. Debug, heartbeats and a
    server's Unsequenced Data are passed over.

    Members
    -------
    i : In(stream of ReceivedPacket)
        The packets.
    live, link_up : In(1)
        The byte stream is trusted; is connected. Without ``live`` the session is forgotten.
    login_sent, logout_sent, timed_out : In(1)
        Strobes from the sending side.
    venue, events : Out
        Updates for the gate; records for the host, each after its update is taken.
    logged_in : Out(1)
        Orders may be sent: from Login Accepted to a log-out, End of Session or the link's end.
    awaiting : Out(1)
        A log-in was sent and not answered.
    next_sequence : Out(32)
        Number of the next Sequenced Data packet; kept when the link drops.
    malformed : Out(1)
        Strobe: the stream cannot be trusted any more.
    messages, unknown, malformed_packets : Out(32)
        OUCH messages received; those not understood; packets that ended a link. Wrap.
    """

    i: In(stream.Signature(ReceivedPacket))
    live: In(1)
    link_up: In(1)
    login_sent: In(1)
    logout_sent: In(1)
    timed_out: In(1)
    time_ns: In(64)
    venue: Out(stream.Signature(VenueUpdate))
    events: Out(stream.Signature(RecordBody))
    logged_in: Out(1)
    awaiting: Out(1)
    next_sequence: Out(32, init=1)
    malformed: Out(1)
    messages: Out(32)
    unknown: Out(32)
    malformed_packets: Out(32)

    def elaborate(self, platform):
        m = Module()
        m.submodules.decoder = decoder = OuchDecoder()
        m.submodules.number = number = FromDigits()
        packet = self.i.payload
        hears, told_up, fell, tells_timeout = Signal(), Signal(), Signal(), Signal()

        # Registered, so that neither changes while it is offered, whatever becomes of the link.
        record = Signal(RecordBody)
        m.d.comb += [self.events.payload.eq(record), decoder.payload.eq(packet.payload),
                     decoder.length.eq(packet.length),
                     decoder.sequence.eq(self.next_sequence), decoder.time_ns.eq(self.time_ns),
                     number.text.eq(_text(packet, LoginAccepted, "sequence_number"))]
        with m.If(self.events.ready):
            m.d.sync += self.events.valid.eq(0)
        with m.If(self.venue.ready):
            m.d.sync += self.venue.valid.eq(0)
        event_free = ~self.events.valid | self.events.ready

        def tell(kind, **values):
            values = {
                "kind": Const(ord(kind), 8), "code": Const(ord(" "), 8), "session": _NO_SESSION,
                "sequence": self.next_sequence, "time_ns": self.time_ns, **values,
            }
            body = Cat(_resized(values.get(name, 0), field.width) for name, field in _SESSION)
            m.d.sync += [record.template.eq(SESSION_EVENT.template), record.body.eq(body),
                         self.events.valid.eq(1)]

        with m.If(~self.link_up & told_up):
            m.d.sync += fell.eq(1)
        with m.If(self.timed_out):
            m.d.sync += tells_timeout.eq(1)
        with m.If(self.login_sent):
            m.d.sync += self.awaiting.eq(1)
        with m.If(self.logout_sent):
            m.d.sync += self.logged_in.eq(0)

        update, message = Signal(VenueUpdate), Signal(_VENUE)
        m.d.comb += self.venue.payload.eq(update)

        with m.FSM():
            with m.State("Packet"):
                with m.If(tells_timeout), m.If(event_free):
                    tell("T")
                    m.d.sync += tells_timeout.eq(0)
                with m.Elif(told_up & (fell | ~self.link_up)), m.If(event_free):
                    tell("D")
                    m.d.sync += [told_up.eq(0), fell.eq(0)]
                with m.Elif(~told_up & self.link_up), m.If(event_free):
                    tell("U")
                    m.d.sync += told_up.eq(1)
                with m.Elif(self.i.valid & self.live & event_free):
                    self._take(m, packet, decoder, number, update, message, hears, tell)
            with m.State("Update"), m.If(~self.venue.valid):
                m.d.sync += [record.template.eq(VENUE_MESSAGE.template), record.body.eq(message),
                             self.events.valid.eq(1)]
                m.next = "Packet"
            with m.State("Number"):
                with m.If(~self.live):
                    m.next = "Packet"
                with m.Elif(number.done):
                    m.d.comb += self.i.ready.eq(1)
                    m.next = "Packet"
                    with m.If(number.wrong):
                        self._refuse(m, tell)
                    with m.Else():
                        m.d.sync += [self.awaiting.eq(0), self.logged_in.eq(1), hears.eq(1),
                                     self.next_sequence.eq(number.number)]
                        tell("A", session=_text(packet, LoginAccepted, "session"),
                             sequence=number.number)

        with m.If(~self.live):
            m.d.sync += [self.logged_in.eq(0), self.awaiting.eq(0), hears.eq(0)]
        return m

    def _refuse(self, m, tell):
        m.d.comb += self.malformed.eq(1)
        m.d.sync += self.malformed_packets.eq(self.malformed_packets + 1)
        tell("M")

    def _take(self, m, packet, decoder, number, update, message, hears, tell):
        answers_login = (packet.kind == ord(LoginAccepted.TYPE)) | (
            packet.kind == ord(LoginRejected.TYPE))
        m.d.comb += self.i.ready.eq(1)
        with m.If(packet.malformed | (answers_login & ~self.awaiting)
                  | ((packet.kind == ord(SequencedData.TYPE)) & ~hears)):
            self._refuse(m, tell)
        with m.Else(), m.Switch(packet.kind):
            with m.Case(ord(SequencedData.TYPE)):
                m.d.sync += [
                    self.next_sequence.eq(self.next_sequence + 1),
                    self.messages.eq(self.messages + 1),
                    update.eq(decoder.update), message.eq(decoder.record),
                ]
                with m.If(decoder.known & (packet.length != 0)):
                    m.d.sync += self.venue.valid.eq(decoder.acts)
                    m.next = "Update"
                with m.Else():
                    m.d.sync += self.unknown.eq(self.unknown + 1)
            with m.Case(ord(LoginAccepted.TYPE)):
                m.d.comb += [self.i.ready.eq(0), number.start.eq(1)]
                m.next = "Number"
            with m.Case(ord(LoginRejected.TYPE)):
                m.d.sync += self.awaiting.eq(0)
                code = _text(packet, LoginRejected, "reject_reason_code")
                tell("J", code=code)
            with m.Case(ord(EndOfSession.TYPE)):
                m.d.sync += self.logged_in.eq(0)
                tell("Z")
            with m.Case(ord(UnsequencedData.TYPE)):
                m.d.sync += self.unknown.eq(self.unknown + 1)
