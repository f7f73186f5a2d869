"""The risk gate: every order passes here, one operation at a time."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from tickgate.records.schema import ORDER_REQUEST

from tickgate_hdl.lib.layouts import RecordBody, SymbolStatus, TopOfBook
from tickgate_hdl.lib.records import record_layout
from tickgate_hdl.lib.stream import connect_streams
from tickgate_hdl.risk.buckets import TokenBuckets
from tickgate_hdl.risk.card_events import CardEvents
from tickgate_hdl.risk.decisions import Decisions
from tickgate_hdl.risk.guard import Guard
from tickgate_hdl.risk.judge import Judge
from tickgate_hdl.risk.layouts import PassedOrder, VenueUpdate
from tickgate_hdl.risk.limits import LimitsImage
from tickgate_hdl.risk.ports import REGISTERS, connect_registers
from tickgate_hdl.risk.tables import GateTables
from tickgate_hdl.risk.venue import BROKEN, REJECTED, REPLACED, VenueEffect
from tickgate_hdl.top.config import CardConfig

__all__ = ["Gate"]

_REQUEST = record_layout(ORDER_REQUEST)


class Gate(wiring.Component):
    """Let an order through or refuse it, and keep the exposure that the verdict stands on.

    One operation at a time: an order request (verdict six cycles after it is taken, whatever the
    verdict) or a venue message (taken seven cycles after it is offered). A venue message goes
    first, but never twice while an order waits. So an order sees every effect of those before it.

    An order that passes has its quantity reserved before it leaves on ``passed``. Its decision
    is told once its first word is on the wire (``sent``); until then no other order is taken,
    but venue messages are. If the venue session is lost before (``unsent``), the reservation is
    taken back and the decision is ``venue_down``.

    After reset the gate is not armed, has no limits, and sweeps its tables (``busy``); orders and
    venue messages wait. See ``docs/gate.md`` for the semantics of each check and venue message.

    Members
    -------
    order : In(stream of RecordBody)
        Order requests. The template is not looked at.
    venue : In(stream of VenueUpdate)
        Venue messages; taken when the exposure is updated, not before.
    decision, events : Out(stream of RecordBody)
        GateDecision and CardEvent records.
    passed : Out(stream of PassedOrder)
        Orders to send.
    sent, unsent : In(1)
        Strobes: the passed order's first word was taken by the wire, or it will never be.
    query_symbol, query_top, query_status : Out(8), In(TopOfBook), In(SymbolStatus)
        Best bid and offer of a symbol and what the feed said of its status, one cycle later.
    symbol_write, symbol_index, symbol_name, symbol_enable : In
        Write port of the symbol table. An order of a symbol that is not enabled is malformed.
    ms_tick, time_ns, cycles, events_room, session_up, ready : In
        Clocks and states of the rest of the card.
    busy : Out(1)
        Tables are being swept.
    active : Out(1)
        An operation or a refill of the message rates is under way.
    """

    def __init__(self, config: CardConfig):
        self._config = config
        super().__init__({
            "order": In(stream.Signature(RecordBody)),
            "venue": In(stream.Signature(VenueUpdate)),
            "decision": Out(stream.Signature(RecordBody)),
            "passed": Out(stream.Signature(PassedOrder)),
            "events": Out(stream.Signature(RecordBody)),
            "sent": In(1), "unsent": In(1),
            "query_symbol": Out(8), "query_top": In(TopOfBook), "query_status": In(SymbolStatus),
            "symbol_write": In(1), "symbol_index": In(8), "symbol_name": In(64),
            "symbol_enable": In(1),
            "ms_tick": In(1), "time_ns": In(64), "cycles": In(64),
            "events_room": In(1), "session_up": In(1), "ready": In(1),
            "busy": Out(1), "active": Out(1),
            **REGISTERS,
        })

    def _connect_states(self, m, limits, guard, card_events, tables):
        m.d.comb += [
            guard.ready.eq(self.ready & ~self.busy), guard.ms_tick.eq(self.ms_tick),
            guard.limits_valid.eq(limits.generation != 0),
            self.status__armed.eq(guard.armed), self.status__watchdog_ok.eq(guard.watchdog_ok),
            self.status__limits_valid.eq(limits.generation != 0),
            self.status__kill_any.eq(
                self.kill_all__on | self.kill_session__mask.any() | self.kill_account__mask.any()
                | self.kill_symbol_low__mask.any() | self.kill_symbol_high__mask.any()),
            self.limit_active_generation__value.eq(limits.generation),
        ]
        m.d.comb += [
            card_events.switched.eq(guard.switched), card_events.armed.eq(guard.armed),
            card_events.expired.eq(guard.expired), card_events.finished.eq(limits.finished),
            card_events.committed.eq(limits.limit_status__committed),
            card_events.generation.eq(limits.generation),
            card_events.computed_crc.eq(limits.limit_computed_crc__value),
            card_events.time_ns.eq(self.time_ns), card_events.cycles.eq(self.cycles),
        ]
        connect_streams(m, card_events.o, self.events)
        m.d.comb += [
            tables.view_account.eq(self.position_address__account),
            tables.view_symbol.eq(self.position_address__symbol),
            self.position__value.eq(tables.view.position),
            self.open_buy__value.eq(tables.view.open_buy),
            self.open_sell__value.eq(tables.view.open_sell),
            tables.symbol_write.eq(self.symbol_write), tables.symbol_index.eq(self.symbol_index),
            tables.symbol_name.eq(self.symbol_name), tables.symbol_enable.eq(self.symbol_enable),
        ]

    def elaborate(self, platform):
        m = Module()
        config = self._config
        m.submodules.limits = limits = LimitsImage(config)
        m.submodules.tables = tables = GateTables(config)
        m.submodules.judge = judge = Judge(config)
        m.submodules.buckets = buckets = TokenBuckets(config)
        m.submodules.guard = guard = Guard()
        m.submodules.card_events = card_events = CardEvents()
        m.submodules.effect = effect = VenueEffect(config)
        m.submodules.decisions = decisions = Decisions()
        connect_registers(m, self, limits, guard, card_events, decisions)
        self._connect_states(m, limits, guard, card_events, tables)

        request, symbol_name = Signal(_REQUEST), Signal(64)
        update = Signal(VenueUpdate)
        account, symbol = Signal.like(tables.account), Signal.like(tables.symbol)
        token, second = Signal(32), Signal(32)
        takes_back = Signal()  # the venue operation releases an order that was never sent
        idle, order_turn = Signal(), Signal()

        # The rows that an operation works on.
        m.d.comb += [
            tables.account.eq(account), tables.symbol.eq(symbol),
            tables.token.eq(token), tables.second.eq(second),
            tables.match_number.eq(update.match_number),
            tables.write_index.eq(token),
            limits.account.eq(account), limits.symbol.eq(symbol), limits.idle.eq(idle),
            limits.rate_account.eq(buckets.rate_account), buckets.rate.eq(limits.rate),
            buckets.account.eq(account), buckets.burst.eq(limits.account_row.burst[:16]),
            buckets.tick.eq(self.ms_tick),
            self.query_symbol.eq(symbol),
            self.busy.eq(tables.busy | limits.busy),
            self.active.eq(~idle | buckets.refilling),
        ]
        m.d.comb += [
            judge.request.eq(request), judge.account_row.eq(limits.account_row),
            judge.symbol_row.eq(limits.symbol_row), judge.position_row.eq(limits.position_row),
            judge.exposure.eq(tables.exposure), judge.slot.eq(tables.slot),
            judge.orig_slot.eq(tables.second_slot), judge.listed.eq(tables.listed),
            judge.top.eq(self.query_top), judge.status.eq(self.query_status),
            judge.last_token.eq(self.last_token__value),
            judge.available.eq(buckets.available), judge.armed.eq(guard.armed),
            judge.watchdog_ok.eq(guard.watchdog_ok), judge.limits_valid.eq(limits.generation != 0),
            judge.session_up.eq(self.session_up), judge.events_room.eq(self.events_room),
            judge.kill_all.eq(self.kill_all__on), judge.kill_session.eq(self.kill_session__mask),
            judge.kill_account.eq(self.kill_account__mask),
            judge.kill_symbol.eq(
                Cat(self.kill_symbol_low__mask, self.kill_symbol_high__mask)),
        ]
        m.d.comb += [
            effect.update.eq(update), effect.slot.eq(tables.slot), effect.fill.eq(tables.fill),
            effect.other.eq(tables.second_slot), effect.exposure.eq(tables.exposure),
            tables.new_fill.eq(effect.new_fill),
        ]

        m.d.comb += [
            decisions.offered.eq(self.order.valid), decisions.request.eq(request),
            decisions.taken.eq(self.order.valid & self.order.ready),
            decisions.checks.eq(judge.checks), decisions.first.eq(judge.first),
            decisions.bid.eq(Mux(judge.counted, self.query_top.bid, 0)),
            decisions.ask.eq(Mux(judge.counted, self.query_top.ask, 0)),
            decisions.generation.eq(limits.generation), decisions.time_ns.eq(self.time_ns),
            decisions.sent.eq(self.sent), decisions.unsent.eq(self.unsent),
            self.passed.payload.record.template.eq(ORDER_REQUEST.template),
            self.passed.payload.record.body.eq(request),
            self.passed.payload.symbol_name.eq(symbol_name),
        ]
        connect_streams(m, decisions.o, self.decision)
        with m.If(self.passed.ready):
            m.d.sync += self.passed.valid.eq(0)

        load, load_value = Signal(), Signal(32)
        load_account, load_symbol = Signal.like(account), Signal.like(symbol)
        m.d.comb += [tables.load_value.eq(load_value), tables.load_account.eq(load_account),
                     tables.load_symbol.eq(load_symbol), tables.load.eq(load & idle)]
        with m.If(idle):
            m.d.sync += load.eq(0)
        with m.If(self.position_load__value__we & ~guard.armed
                  & (self.position_address__account < config.accounts)
                  & (self.position_address__symbol < config.symbols)):
            m.d.sync += [load.eq(1), load_value.eq(self.position_load__value),
                         load_account.eq(self.position_address__account),
                         load_symbol.eq(self.position_address__symbol)]

        with m.FSM():
            with m.State("Sweep"), m.If(~self.busy):
                m.next = "Idle"

            with m.State("Idle"):
                m.d.comb += idle.eq(1)
                incoming = _REQUEST(self.order.payload.body)
                takes_order = decisions.free & (order_turn | ~self.venue.valid)
                with m.If(decisions.withdraw):
                    # A cancel reserved nothing: message type 0 does nothing.
                    m.d.sync += [
                        update.message_type.eq(Mux(judge.is_cancel, 0, REJECTED)),
                        takes_back.eq(1),
                        update.user_ref_num.eq(request.user_ref_num),
                        token.eq(request.user_ref_num),
                    ]
                    m.next = "Venue Read"
                with m.Elif(self.order.valid & takes_order):
                    m.d.comb += self.order.ready.eq(1)
                    m.d.sync += [
                        request.eq(self.order.payload.body), order_turn.eq(0),
                        account.eq(incoming.account), symbol.eq(incoming.symbol),
                        token.eq(incoming.user_ref_num), second.eq(incoming.orig_user_ref_num),
                    ]
                    m.next = "Order Read"
                with m.Elif(self.venue.valid):
                    m.d.sync += [
                        update.eq(self.venue.payload), takes_back.eq(0),
                        token.eq(self.venue.payload.user_ref_num),
                        second.eq(self.venue.payload.orig_user_ref_num),
                        order_turn.eq(1),
                    ]
                    m.next = "Venue Read"

            with m.State("Order Read"):
                m.next = "Order Rows"
            with m.State("Order Rows"):
                m.d.sync += symbol_name.eq(tables.name)
                m.next = "Order Compare"
            with m.State("Order Compare"):
                m.next = "Order Verdict"
            with m.State("Order Verdict"):
                m.d.comb += [decisions.verdict.eq(1), buckets.charge.eq(judge.charges)]
                with m.If(judge.counted & (request.user_ref_num > self.last_token__value)):
                    m.d.sync += self.last_token__value.eq(request.user_ref_num)
                m.next = "Order Commit"
            with m.State("Order Commit"):
                replaces = request.action == ord("U")
                m.d.comb += [
                    tables.new_slot.live.eq(1), tables.new_slot.token.eq(request.user_ref_num),
                    tables.new_slot.account.eq(account), tables.new_slot.symbol.eq(symbol),
                    tables.new_slot.sell.eq(judge.sells),
                    tables.new_slot.remaining.eq(request.quantity),
                    tables.new_slot.pending.eq(replaces),
                    tables.new_slot.link.eq(request.orig_user_ref_num),
                    tables.new_exposure.eq(tables.exposure),
                ]
                with m.If(judge.sells):
                    m.d.comb += tables.new_exposure.open_sell.eq(
                        tables.exposure.open_sell + request.quantity)
                with m.Else():
                    m.d.comb += tables.new_exposure.open_buy.eq(
                        tables.exposure.open_buy + request.quantity)
                m.next = "Idle"
                m.d.comb += decisions.commit.eq(1)
                with m.If(decisions.passes):
                    m.d.sync += self.passed.valid.eq(1)
                    with m.If(~judge.is_cancel):
                        m.d.comb += [tables.write_slot.eq(1), tables.write_open.eq(1)]
                        with m.If(replaces):
                            m.next = "Order Link"
            with m.State("Order Link"):
                m.d.comb += [
                    tables.write_index.eq(second), tables.write_slot.eq(1),
                    tables.new_slot.eq(tables.second_slot),
                    tables.new_slot.linked.eq(1), tables.new_slot.link.eq(request.user_ref_num),
                ]
                m.next = "Idle"

            with m.State("Venue Read"):
                m.next = "Venue Slot"
            with m.State("Venue Slot"):
                m.d.sync += [account.eq(tables.slot.account), symbol.eq(tables.slot.symbol)]
                with m.If(update.message_type == BROKEN):
                    m.d.sync += [account.eq(tables.fill.account), symbol.eq(tables.fill.symbol)]
                with m.Elif(update.message_type != REPLACED):
                    m.d.sync += second.eq(tables.slot.link)
                m.next = "Venue Rows"
            with m.State("Venue Rows"):
                m.next = "Venue Effect"
            with m.State("Venue Effect"):
                m.next = "Venue Write"
                with m.If(~effect.known):
                    m.next = "Venue Done"
                    with m.If(~takes_back):
                        m.d.sync += self.count_unknown_token__count.eq(
                            self.count_unknown_token__count + 1)
            with m.State("Venue Write"):
                m.d.comb += [
                    tables.new_exposure.eq(effect.new_exposure),
                    tables.new_slot.eq(effect.new_slot),
                    tables.write_position.eq(effect.writes_fill),
                    tables.write_open.eq(effect.writes_slot),
                    tables.write_slot.eq(effect.writes_slot),
                    tables.write_fill.eq(effect.writes_fill),
                ]
                m.next = "Venue Other"
            with m.State("Venue Other"):
                m.d.comb += [
                    tables.write_index.eq(second), tables.new_slot.eq(effect.new_other),
                    tables.write_slot.eq(effect.writes_other),
                ]
                m.next = "Venue Done"
            with m.State("Venue Done"):
                m.next = "Idle"
                with m.If(takes_back):
                    m.d.comb += decisions.withdrawn.eq(1)
                with m.Else():
                    m.d.comb += self.venue.ready.eq(1)
        return m
