"""Order entry: OUCH 5.0 in a SoupBinTCP session over the order-entry byte stream."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from tickgate.protocols.ouch50.inbound import CancelOrder, EnterOrder, MassCancel, ReplaceOrder
from tickgate.protocols.soupbintcp import ClientHeartbeat, LoginRequest, LogoutRequest
from tickgate.records.schema import ORDER_REQUEST

from tickgate_hdl.entry.digits import ToDigits
from tickgate_hdl.entry.encode import packet_bytes
from tickgate_hdl.entry.inbound import VenueInbound
from tickgate_hdl.entry.receive import PacketReceiver
from tickgate_hdl.entry.send import PacketSender
from tickgate_hdl.lib.layouts import ByteBeat, RecordBody
from tickgate_hdl.lib.records import record_layout
from tickgate_hdl.lib.stream import connect_streams
from tickgate_hdl.risk.layouts import PassedOrder, VenueUpdate
from tickgate_hdl.top.config import CardConfig

__all__ = ["Entry"]

HEARTBEAT_MS = 1000
"""Silence after which the client sends a heartbeat."""
TIMEOUT_MS = 15000
"""Silence of the venue after which the link is taken for dead."""

_TEXTS = {"username": 2, "password": 3, "session": 3}
"""Registers ``soup_<name>_<n>``: 32 bits each, the last 16."""


def _text_ports():
    return {
        f"soup_{name}_{index}__value": In(16 if index == count - 1 else 32)
        for name, count in _TEXTS.items() for index in range(count)
    }


class Entry(wiring.Component):
    """Send what the gate passed, and tell the gate and the host what the venue answers.

    Orders leave as OUCH Enter, Replace and Cancel in Unsequenced Data; their first word is
    offered one cycle after the order is taken. When there is no session they are answered by
    ``unsent``. What comes in is cut into packets, however split or joined; each OUCH message goes
    to the gate first and, when the exposure is updated, to the host. Nothing is taken from the
    wire while the events ring does not take the record.

    The session: ``login`` sends Login Request with the texts and the number in the registers; a
    heartbeat goes out after a second of silence; 15 seconds without a byte, or a packet that no
    server may send, drop the link (``connect`` goes low until ``link_up`` has fallen). When the
    link is down everything but ``soup_next`` and the counters is forgotten.

    Members
    -------
    passed : In(stream of PassedOrder)
        Orders from the gate.
    sent, unsent : Out(1)
        Strobes: the wire took the first word of the order; the order will never be sent.
    mass_cancel, mass_cancel_token : In
        Send a Mass Cancel of the firm and symbol in the registers with this UserRefNum, before
        everything else, between two packets. May cease before it is taken.
    mass_cancel_taken, mass_cancel_sent, mass_cancel_cut : Out(1)
        Strobes: it will be sent; the wire took all of it; the link is gone before that.
    tx, rx : Out, In (stream of ByteBeat)
        The byte stream. While ``link_up`` is low nothing is sent, and what comes is dropped.
    venue : Out(stream of VenueUpdate)
        To the gate, which takes each when its exposure is updated.
    events : Out(stream of RecordBody)
        VenueMessage and SessionEvent records.
    link_up, ms_tick, time_ns : In
        State of the byte stream, and clocks.
    session_up : Out(1)
        Logged in.
    connect : Out(1)
        The network side should connect the byte stream.
    """

    def __init__(self, config: CardConfig):
        super().__init__({
            "passed": In(stream.Signature(PassedOrder)),
            "sent": Out(1), "unsent": Out(1),
            "mass_cancel": In(1), "mass_cancel_token": In(32), "mass_cancel_taken": Out(1),
            "mass_cancel_sent": Out(1), "mass_cancel_cut": Out(1),
            "tx": Out(stream.Signature(ByteBeat)), "rx": In(stream.Signature(ByteBeat)),
            "venue": Out(stream.Signature(VenueUpdate)),
            "events": Out(stream.Signature(RecordBody)),
            "link_up": In(1), "ms_tick": In(1), "time_ns": In(64),
            "session_up": Out(1), "connect": Out(1),
            **_text_ports(),
            "mass_cancel_firm__value": In(32), "mass_cancel_symbol_low__value": In(32),
            "mass_cancel_symbol_high__value": In(32),
            "soup_sequence__value": In(32),
            "soup_control__connect": In(1), "soup_control__login": In(1),
            "soup_control__logout": In(1),
            "soup_next__value": Out(32), "status__session_up": Out(1),
            "count_ouch_in__count": Out(32), "count_ouch_out__count": Out(32),
            "count_ouch_unknown__count": Out(32), "count_soup_malformed__count": Out(32),
        })

    def _text(self, name):
        return Cat(getattr(self, f"soup_{name}_{index}__value") for index in range(_TEXTS[name]))

    def elaborate(self, platform):
        m = Module()
        m.submodules.sender = sender = PacketSender()
        m.submodules.receiver = receiver = PacketReceiver()
        m.submodules.inbound = inbound = VenueInbound()
        m.submodules.number = number = ToDigits()
        connect_streams(m, self.rx, receiver.rx)
        connect_streams(m, receiver.o, inbound.i)
        connect_streams(m, sender.tx, self.tx)
        connect_streams(m, inbound.venue, self.venue)
        connect_streams(m, inbound.events, self.events)

        # The link is left when it cannot be trusted, and asked for again once it is down.
        leaving, timed_out = Signal(), Signal()
        with m.If(~self.link_up):
            m.d.sync += leaving.eq(0)
        with m.Elif(inbound.malformed | timed_out):
            m.d.sync += leaving.eq(1)
        live = self.link_up & ~leaving
        m.d.comb += [
            self.connect.eq(self.soup_control__connect & ~leaving),
            sender.link_up.eq(self.link_up), receiver.clear.eq(~live),
            inbound.live.eq(live), inbound.link_up.eq(self.link_up),
            inbound.timed_out.eq(timed_out), inbound.time_ns.eq(self.time_ns),
            self.session_up.eq(inbound.logged_in & live),
            self.status__session_up.eq(self.session_up),
            self.soup_next__value.eq(inbound.next_sequence),
            self.count_ouch_in__count.eq(inbound.messages),
            self.count_ouch_unknown__count.eq(inbound.unknown),
            self.count_soup_malformed__count.eq(inbound.malformed_packets),
        ]

        # Commands and clocks of the session.
        wants_login, wants_logout, wants_heartbeat = Signal(), Signal(), Signal()
        quiet, unheard = Signal(range(HEARTBEAT_MS + 1)), Signal(range(TIMEOUT_MS + 1))
        talking = inbound.logged_in | inbound.awaiting
        m.d.comb += [
            number.number.eq(self.soup_sequence__value),
            number.start.eq(self.soup_control__login & live & ~talking & ~wants_login),
            timed_out.eq(live & talking & (unheard == TIMEOUT_MS)),
        ]
        with m.If(number.start):
            m.d.sync += wants_login.eq(1)
        with m.If(self.soup_control__logout & inbound.logged_in):
            m.d.sync += wants_logout.eq(1)
        with m.If(self.ms_tick & (quiet != HEARTBEAT_MS)):
            m.d.sync += quiet.eq(quiet + 1)
        with m.If(self.ms_tick & (unheard != TIMEOUT_MS)):
            m.d.sync += unheard.eq(unheard + 1)
        with m.If((self.rx.valid & self.rx.ready) | ~talking):
            m.d.sync += unheard.eq(0)
        m.d.comb += wants_heartbeat.eq(self.session_up & (quiet == HEARTBEAT_MS))

        # What leaves next: a mass cancel, then an order, before everything else.
        is_order, is_mass_cancel, taken = Signal(), Signal(), Signal()
        m.d.comb += taken.eq(sender.i.valid & sender.i.ready)
        order = self.passed.payload
        with m.If(self.session_up & self.mass_cancel):
            self._offer(m, sender.i, packet_bytes(
                MassCancel, user_ref_num=self.mass_cancel_token,
                firm=self.mass_cancel_firm__value,
                symbol=Cat(self.mass_cancel_symbol_low__value,
                           self.mass_cancel_symbol_high__value)))
            m.d.comb += self.mass_cancel_taken.eq(taken)
        with m.Elif(self.session_up & self.passed.valid):
            self._offer_order(m, sender.i, order)
            m.d.comb += self.passed.ready.eq(sender.i.ready)
        with m.Elif(live & wants_login & number.done):
            self._offer(m, sender.i, packet_bytes(
                LoginRequest, username=self._text("username"), password=self._text("password"),
                requested_session=self._text("session"), requested_sequence_number=number.text))
            with m.If(taken):
                m.d.comb += inbound.login_sent.eq(1)
                m.d.sync += wants_login.eq(0)
        with m.Elif(live & wants_logout):
            self._offer(m, sender.i, packet_bytes(LogoutRequest))
            with m.If(taken):
                m.d.comb += inbound.logout_sent.eq(1)
                m.d.sync += wants_logout.eq(0)
        with m.Elif(wants_heartbeat):
            self._offer(m, sender.i, packet_bytes(ClientHeartbeat))
        with m.If(taken):
            m.d.sync += [
                is_order.eq(self.passed.ready), is_mass_cancel.eq(self.mass_cancel_taken),
                quiet.eq(0),
            ]
        with m.If(~live):
            m.d.sync += [wants_login.eq(0), wants_logout.eq(0)]
        with m.If(~self.session_up & self.passed.valid):
            m.d.comb += self.passed.ready.eq(1)

        m.d.comb += [
            self.sent.eq(sender.started & is_order),
            self.unsent.eq((self.passed.valid & ~self.session_up) | (sender.cut & is_order)),
            self.mass_cancel_sent.eq(sender.ended & is_mass_cancel),
            self.mass_cancel_cut.eq(sender.broken & is_mass_cancel),
        ]
        with m.If(self.sent | self.mass_cancel_sent):
            m.d.sync += self.count_ouch_out__count.eq(self.count_ouch_out__count + 1)
        return m

    def _offer(self, m, packets, octets):
        m.d.comb += [packets.valid.eq(1), packets.payload.data.eq(octets),
                     packets.payload.length.eq(len(octets) // 8)]

    def _offer_order(self, m, packets, order):
        request = record_layout(ORDER_REQUEST)(order.record.body)
        common = {"user_ref_num": request.user_ref_num, "quantity": request.quantity}
        entered = {
            "price": request.price, "time_in_force": request.time_in_force,
            "display": request.display, "clordid": request.clordid,
            "intermarket_sweep_eligibility": request.intermarket_sweep,
        }
        with m.Switch(request.action):
            with m.Case(ord("U")):
                self._offer(m, packets, packet_bytes(
                    ReplaceOrder, orig_user_ref_num=request.orig_user_ref_num, **common, **entered))
            with m.Case(ord("X")):
                self._offer(m, packets, packet_bytes(CancelOrder, **common))
            with m.Default():
                self._offer(m, packets, packet_bytes(
                    EnterOrder, side=request.side, symbol=order.symbol_name,
                    capacity=request.capacity, cross_type=request.cross_type,
                    **common, **entered))
