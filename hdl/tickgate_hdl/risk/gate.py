"""The risk gate: every order passes here, one in every cycle if need be."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2
from tickgate.records.schema import GATE_DECISION, ORDER_REQUEST
from tickgate.risk.checks import BY_NAME
from tickgate.risk.image import (
    ACCOUNT,
    MEMBERSHIPS,
    MESSAGE_COST,
    SESSION,
    STRATEGY,
    SYMBOL,
    TABLES,
    rows,
)

from tickgate_hdl.lib.compare import is_one_of
from tickgate_hdl.lib.delay import delayed
from tickgate_hdl.lib.layouts import RecordBody, SymbolStatus, TopOfBook
from tickgate_hdl.lib.product import product
from tickgate_hdl.lib.records import record_layout
from tickgate_hdl.lib.stream import connect_streams
from tickgate_hdl.lib.sweep import sweep
from tickgate_hdl.risk.accumulator import GIVEN, LEAD, Accumulator
from tickgate_hdl.risk.beyond import Beyond
from tickgate_hdl.risk.card_events import CardEvents
from tickgate_hdl.risk.decisions import Decisions
from tickgate_hdl.risk.duplicates import Duplicates
from tickgate_hdl.risk.guard import Guard
from tickgate_hdl.risk.judge import Judge
from tickgate_hdl.risk.kills import kill_masks
from tickgate_hdl.risk.layouts import Moves, PassedOrder, VenueUpdate, row_layout
from tickgate_hdl.risk.lease import Lease
from tickgate_hdl.risk.leaving import Leaving
from tickgate_hdl.risk.limits import LimitsImage
from tickgate_hdl.risk.mass_cancel import MassCancel
from tickgate_hdl.risk.names import SymbolNames
from tickgate_hdl.risk.open_orders import OpenOrders
from tickgate_hdl.risk.ports import REGISTERS, connect_registers
from tickgate_hdl.risk.rates import RATES
from tickgate_hdl.risk.references import References
from tickgate_hdl.risk.refill import Refill
from tickgate_hdl.risk.self_match import SelfMatch
from tickgate_hdl.risk.settlement import Settlement
from tickgate_hdl.risk.shown_totals import show_exposure, show_throttles
from tickgate_hdl.risk.totals import COUNTED, SIDES, TOTALS
from tickgate_hdl.top.config import CardConfig

__all__ = ["Gate"]

_REQUEST = record_layout(ORDER_REQUEST)
_COPIED = ("user_ref_num", "account", "symbol", "session", "action", "quantity")
_VENUE_DOWN = 1 << BY_NAME["venue_down"].bit


class Gate(wiring.Component):
    """Let an order through or refuse it, and keep the exposure that the verdict stands on.

    An order may enter in every cycle, and each sees every effect of those before it. Its verdict is
    there ``latency`` cycles after it was offered, whatever the verdict; an order that passes is on
    ``passed`` in that cycle, and its quantity is reserved. Its decision is told once its first word
    is on the wire (``sent``). If it never will be (``unsent``: the venue session is lost; or a kill
    while it waited), the reservation is taken back and the decision says why. While orders wait
    for the wire no others enter.

    A venue message is applied between orders; one goes first, but never twice while an order waits.
    So an order sees every effect of those before it too.

    After reset the gate is not armed, has no limits, and sweeps its tables (``busy``); orders and
    venue messages wait. See ``docs/gate.md`` for the semantics of each check and venue message.

    Attributes
    ----------
    latency : cycles from an order's arrival to its verdict

    Members
    -------
    order : In(stream of RecordBody)
        Order requests. The template is not looked at.
    venue : In(stream of VenueUpdate)
        Venue messages; taken when they have their effect, not before.
    decision, events : Out(stream of RecordBody)
        GateDecision and CardEvent records.
    passed : Out(stream of PassedOrder)
        Orders to send. What was not taken may cease to be offered: a kill has come.
    sent, unsent : In(1)
        Strobes: a passed order's first word was taken by the wire, or it will never be.
    withdrawn : Out(1)
        Strobe: what the oldest order that was not sent has reserved is given back, before any
        order that enters later.
    mass_cancel, mass_cancel_token, mass_cancel_taken, mass_cancel_sent, mass_cancel_cut
        The watchdog's second stage: ``due`` and so on of ``MassCancel``.
    query_symbol, query_top, query_status : Out(16), In(TopOfBook), In(SymbolStatus)
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
        self._lead = LEAD[config.registered]
        self.latency = self._lead + 2 + config.registered
        super().__init__({
            "order": In(stream.Signature(RecordBody)),
            "venue": In(stream.Signature(VenueUpdate)),
            "decision": Out(stream.Signature(RecordBody)),
            "passed": Out(stream.Signature(PassedOrder)),
            "events": Out(stream.Signature(RecordBody)),
            "sent": In(1), "unsent": In(1), "withdrawn": Out(1),
            "mass_cancel": Out(1), "mass_cancel_token": Out(32),
            "mass_cancel_taken": In(1), "mass_cancel_sent": In(1), "mass_cancel_cut": In(1),
            "query_symbol": Out(16), "query_top": In(TopOfBook), "query_status": In(SymbolStatus),
            "symbol_write": In(1), "symbol_index": In(16), "symbol_name": In(64),
            "symbol_enable": In(1),
            "ms_tick": In(1), "time_ns": In(64), "cycles": In(64),
            "events_room": In(1), "session_up": In(1), "ready": In(1),
            "busy": Out(1), "active": Out(1),
            **REGISTERS,
        })

    def elaborate(self, platform):
        m = Module()
        config, lead = self._config, self._lead
        given = GIVEN[config.registered]
        m.submodules.limits = limits = LimitsImage(config)
        m.submodules.symbols = names = SymbolNames(config.symbols)
        m.submodules.references = references = References(
            config.symbols, registered=config.registered)
        m.submodules.judge = judge = Judge(config)
        m.submodules.guard = guard = Guard(registered=config.registered)
        m.submodules.mass_cancel = mass_cancel = MassCancel()
        m.submodules.lease = lease = Lease(registered=config.registered)
        m.submodules.card_events = card_events = CardEvents(config)
        m.submodules.orders = orders = OpenOrders(config)
        m.submodules.settlement = settlement = Settlement(config)
        rated = {rate.table: rows(rate.table, config.table_sizes) for rate in RATES}
        m.submodules.refill = refill = Refill(
            max(rated.values()), registered=config.registered)
        m.submodules.leaving = leaving = Leaving(config)
        m.submodules.decisions = decisions = Decisions(registered=config.registered)
        m.submodules.duplicates = duplicates = Duplicates(config)
        m.submodules.self_match = self_match = SelfMatch(config)
        # The firm has a row beside its own, since a memory has an address.
        sizes = {
            "pair": config.accounts * config.symbols, "account": config.accounts, "firm": 2,
            **{table.name: rows(table, config.table_sizes)
               for table in (STRATEGY, *MEMBERSHIPS)}}
        totals = {
            total: Accumulator(sizes[total.scope], total.width, floor=total.told,
                               registered=config.registered)
            for total in TOTALS}
        for total, accumulator in totals.items():
            m.submodules[f"total_{total.name}"] = accumulator
        rates = {
            rate: Accumulator(rated[rate.table], 28, floor=True, registered=config.registered)
            for rate in RATES}
        for rate, accumulator in rates.items():
            m.submodules[rate.check] = accumulator
        connect_registers(
            m, self, limits, guard, mass_cancel, lease, card_events, decisions, settlement,
            duplicates, references, self_match)
        self._connect_states(m, limits, guard, lease, card_events, judge, leaving)
        self._connect_mass_cancel(m, mass_cancel, guard, judge, card_events)
        self._connect_settlement(m, settlement, orders, decisions, guard)
        self._connect_self_match(m, self_match, settlement, limits)
        self._list_symbols(m, names)
        sweeping = self._sweep(m, (
            names, references, orders, duplicates, self_match, *rates.values(), *totals.values()))
        by_name = {total.name: accumulator for total, accumulator in totals.items()}
        for show in (show_exposure, show_throttles):
            show(m, self, config, settlement, by_name)
        connect_streams(m, decisions.o, self.decision)
        connect_streams(m, leaving.o, self.passed)

        # What enters: an order, what settles, or a refill, never two of them.
        offered = _REQUEST(self.order.payload.body)
        enters, refills, refilled, may_enter = Signal(), Signal(), Signal(), Signal()
        last_refilled = Signal.like(refill.row)
        fields = {ACCOUNT: "account", SYMBOL: "symbol", SESSION: "session"}
        behind = Cat(
            getattr(offered, fields[table])[:ceil_log2(count)] == last_refilled[:ceil_log2(count)]
            for table, count in rated.items()).any()
        # Where registered, what holds orders up is known early in a cycle. The tables are swept
        # once, after reset.
        orders_wait, swept = (
            delayed(m, value, name, int(config.registered)) for value, name in (
                (leaving.waits, "orders_wait"), (~self.busy, "is_swept")))
        m.d.comb += [
            settlement.order_waits.eq(self.order.valid & decisions.room),
            settlement.order_enters.eq(enters), decisions.enters.eq(enters),
            may_enter.eq(
                decisions.room & ~settlement.hold & swept & ~orders_wait
                & ~(refill.presses & ~refilled)),
            # Not right behind the refill of its rows (``Accumulator``), on the card or not; a
            # replacement not close behind its order.
            self.order.ready.eq(may_enter & ~(refilled & behind) & ~orders.clashes),
            orders.offered.eq(offered.user_ref_num),
            orders.offered_original.eq(offered.orig_user_ref_num),
            orders.offered_replaces.eq(offered.action == ord("U")),
            orders.enters.eq(enters & (offered.action != ord("X"))),
            enters.eq(self.order.valid & self.order.ready),
            # Whatever order is offered, so that no path is from its fields through here.
            refills.eq(
                refill.wants & ~refilled & ~settlement.hold & swept
                & ~(self.order.valid & may_enter)),
            refill.done.eq(refills), refill.tick.eq(self.ms_tick),
            references.ms_tick.eq(self.ms_tick),
        ]
        m.d.sync += [refilled.eq(refills), last_refilled.eq(refill.row)]
        under_way = [enters | settlement.operate | refills]
        for cycle in range(1, self.latency + 1):
            under_way.append(delayed(m, under_way[-1], f"under_way_{cycle}"))
        m.d.comb += [
            settlement.empty.eq(~Cat(under_way[1:]).any() & ~self.busy),
            self.busy.eq(limits.busy | sweeping),
            self.active.eq(
                refill.wants | settlement.active | Cat(under_way[1:]).any() | leaving.waits),
        ]
        clock = Signal(32)
        m.d.sync += clock.eq(clock + 1)
        waited = self._waited(m, enters)

        # It looks its rows up.
        account, symbol = Signal.like(settlement.account), Signal.like(settlement.symbol)
        session, strategy = Signal.like(limits.session), Signal.like(limits.strategy)
        m.d.comb += [
            account.eq(Mux(settlement.operate, settlement.account,
                           Mux(refills, refill.row, offered.account))),
            symbol.eq(Mux(settlement.operate, settlement.symbol,
                          Mux(refills, refill.row, offered.symbol))),
            session.eq(Mux(refills, refill.row, offered.session)),
            strategy.eq(Mux(settlement.operate, settlement.strategy, offered.strategy)),
        ]
        in_table = {  # a table with fewer rows than another is refilled while it has some
            table: refills & (refill.row < count) for table, count in rated.items()}
        # A refill commits no total, so its account needs none of these.
        m.d.comb += [
            limits.of_account.eq(offered.account), limits.of_settled.eq(settlement.account)]
        owners = {
            table.name: Mux(settlement.operate, getattr(limits, f"{table.name}_of_settled"),
                            getattr(limits, f"{table.name}_of"))
            for table in MEMBERSHIPS}
        looks, settles, fills = enters, settlement.operate, refills
        request = offered
        if config.registered:
            looks, settles, fills = (
                delayed(m, bit, name) for bit, name in (
                    (looks, "looks"), (settles, "settles"), (fills, "fills")))
            request = _later(m, offered, _REQUEST, "request")
            account, symbol, session, strategy, waited = (
                delayed(m, value, name, reset_less=True) for value, name in (
                    (account, "account_looks"), (symbol, "symbol_looks"),
                    (session, "session_looks"), (strategy, "strategy_looks"),
                    (waited, "waited")))
            in_table = {table: delayed(m, bit, f"{table.name}_fills")
                        for table, bit in in_table.items()}
            owners = {name: delayed(m, row, f"{name}_looks", reset_less=True)
                      for name, row in owners.items()}
        row = {"pair": Cat(symbol, account), "account": account, "firm": 0, **owners,
               "strategy": strategy}
        rated_row = {ACCOUNT: account, SYMBOL: symbol, SESSION: session}
        m.d.comb += [
            limits.account.eq(account), limits.symbol.eq(symbol), limits.session.eq(session),
            limits.strategy.eq(strategy),
            names.symbol.eq(symbol), references.symbol.eq(symbol), self.query_symbol.eq(symbol),
            *(accumulator.row.eq(rated_row[rate.table]) for rate, accumulator in rates.items()),
            *(getattr(limits, name).eq(owner) for name, owner in owners.items()),
            *(accumulator.row.eq(row[total.scope]) for total, accumulator in totals.items()),
            *(accumulator.looks.eq(looks | settles | fills)
              for accumulator in (*rates.values(), *totals.values())),
            orders.order.token.eq(request.user_ref_num),
            orders.order.original.eq(request.orig_user_ref_num),
            orders.order.account.eq(request.account), orders.order.symbol.eq(request.symbol),
            orders.order.strategy.eq(request.strategy),
            orders.order.sell.eq(request.side != ord("B")),
            orders.order.replaces.eq(request.action == ord("U")),
            orders.order.quantity.eq(request.quantity), orders.order.price.eq(request.price),
            duplicates.looks.eq(looks & (request.action == ord("O"))),
            *(getattr(duplicates, field).eq(getattr(request, field)) for field in (
                "account", "symbol", "side", "price", "quantity")),
            duplicates.now.eq(references.now),
            self_match.group.eq(owners["group"]), self_match.symbol.eq(symbol),
            self_match.sells.eq(request.side != ord("B")), self_match.price.eq(request.price),
            judge.order.eq(looks), judge.request.eq(request),
            *(getattr(judge, f"{table.name}_row").eq(getattr(limits, f"{table.name}_row"))
              for table in TABLES),
            judge.listed.eq(names.listed), judge.top.eq(self.query_top),
            judge.status.eq(self.query_status),
            judge.reference.eq(references.reference), judge.now.eq(references.now),
        ]
        generation = delayed(m, limits.generation, "generation_looks", reset_less=True)
        limit_rows = {
            table: _later(m, getattr(limits, f"{table.name}_row"), row_layout(table),
                          f"{table.name}_row", given - 1)
            for table in TABLES}
        symbol_row = limit_rows[SYMBOL]
        price, quantity = request.price, request.quantity[:20]
        value = self._product(m, price, quantity, "value")
        if config.registered:
            gain = product(m, price, quantity, "gain", less=orders.worth, widest=18)
        else:
            gain = Signal(signed(65))
            m.d.comb += gain.eq(value - orders.worth)
        m.d.comb += [
            judge.limits_valid.eq(generation != 0), judge.value.eq(value),
            judge.off_tick.eq(self._off(m, request.price, symbol_row.tick, 2, (25,), "price")),
            judge.off_lot.eq(
                self._off(m, request.quantity[:20], symbol_row.lot, 3, (5, 25), "lot")),
        ]

        # Amounts and limits.
        moves = Signal(Moves)
        with m.If(settlement.operate):
            m.d.sync += moves.eq(settlement.moves)
        opens = request.action != ord("X")
        adds = {
            side: delayed(m, opens & is_one_of(request.side, letters), f"opens_{side}", given)
            for side, letters in SIDES.items()}
        replaces = delayed(m, request.action == ord("U"), "replaces", given)
        quantity = delayed(m, request.quantity, "quantity", given, reset_less=True)
        beyond = Beyond(replaces, quantity, orders.further, orders.rises, value, gain, orders.lower)
        whole = {"": 0, "one": 1, "quantity": quantity, "value": value}
        amounts, weighed = whole | beyond.added, whole | beyond.weighed
        m.d.comb += [
            orders.reserves_quantity.eq(amounts["more_quantity"]),
            orders.reserves_value.eq(amounts["more_value"]),
        ]
        settling = delayed(m, settles, "settling", given)
        filling = delayed(m, fills, "filling", given)
        filling_table = {table: delayed(m, bit, f"filling_{table.name}", given)
                         for table, bit in in_table.items()}
        for total, accumulator in totals.items():
            m.d.comb += [
                accumulator.amount.eq(Mux(adds[total.side], amounts[total.amount], 0)),
                accumulator.weighed.eq(weighed[total.amount]),
                accumulator.forces.eq(settling),
                accumulator.moves.eq(moves[total.moves] if total.moves else 0),
            ]
            if total.limit:
                table, field = total.limit
                m.d.comb += accumulator.limit.eq(limit_rows[table][field])
        m.d.comb += duplicates.window.eq(limit_rows[ACCOUNT].duplicate_window)
        for rate, accumulator in rates.items():
            limit_row = limit_rows[rate.table]
            burst, weighs = limit_row[rate.burst][:16], MESSAGE_COST
            most = burst * MESSAGE_COST
            if config.registered:
                # No multiplier before the comparison: 1000 n is 1024 n less 8 times 3 n, and what
                # is taken off one side is added to the other.
                early = getattr(limits, f"{rate.table.name}_row")[rate.burst][:16]
                thrice = delayed(
                    m, early + (early << 1), f"{rate.check}_thrice", reset_less=True)
                most, weighs = burst << 10, (thrice << 3) + MESSAGE_COST
            m.d.comb += [
                accumulator.amount.eq(MESSAGE_COST), accumulator.weighed.eq(weighs),
                accumulator.forces.eq(filling), accumulator.held.eq(1),
                accumulator.moves.eq(
                    Mux(filling_table[rate.table], -limit_row[rate.rate][:16], 0)),
                accumulator.limit.eq(most),
            ]

        # The verdict.
        judged = _later(m, judge.weighed, _REQUEST, "judged")
        decided, settled, filled = (
            delayed(m, bit, name, lead + 1) for bit, name in (
                (looks, "decided"), (settles, "settled"), (fills, "filled")))
        is_enter = delayed(m, request.action == ord("O"), "is_enter", lead + 1)
        passes = Signal()
        m.d.comb += [
            judge.bad_token.eq(orders.bad),
            *(judge.rate_over[rate.check].eq(accumulator.over)
              for rate, accumulator in rates.items()),
            judge.duplicate.eq(duplicates.duplicate & is_enter),
            judge.crosses.eq(self_match.crosses),
            passes.eq(decided & ~judge.refused),
            orders.commit.eq(passes & judge.enters), duplicates.commit.eq(passes & is_enter),
            self_match.commit.eq(orders.commit),
            *(accumulator.commit.eq(judge.charges[rate.check] | filled)
              for rate, accumulator in rates.items()),
            *(accumulator.commit.eq(settled | (0 if total.told else passes))
              for total, accumulator in totals.items()),
            self.last_token__value.eq(judge.last_token),
        ]
        # A limit to which nothing is added does not refuse. Known before the verdict; where
        # registered, also what is over it in each case of what became of the order before.
        cases, asked = 1 + config.registered, lead + 1 - config.registered
        is_held = {
            letters: delayed(m, is_one_of(request.side, letters), f"is_{letters}", given)
            for letters in dict.fromkeys(total.held for total in TOTALS)}
        counts = {
            (letters, amount): delayed(
                m, is_held[letters] & beyond.adds_any.get(amount, 1),
                f"counts_{letters}_{amount}", asked - given)
            for letters, amount in dict.fromkeys((total.held, total.amount) for total in TOTALS)}
        for total, accumulator in totals.items():
            m.d.comb += accumulator.held.eq(counts[total.held, total.amount])
        for case, check in ((case, check) for case in range(cases) for check in COUNTED):
            over = [
                accumulator.over & counts[total.held, total.amount] if not config.registered
                else accumulator.over if total.told else accumulator.over_if[case]
                for total, accumulator in totals.items() if total.check == check]
            m.d.comb += judge.over[case][check].eq(Cat(over).any())
        m.d.comb += judge.case.eq(delayed(m, settled | passes, "passed_before"))
        shown = _later(m, self.query_top, TopOfBook, "shown", lead)

        # After it.
        decision = Signal(record_layout(GATE_DECISION), reset_less=True)
        name = delayed(m, names.name, "name", lead + 1, reset_less=True)
        in_all = self._in_all(m, waited)
        m.d.sync += [
            *(getattr(decision, field).eq(getattr(judged, field)) for field in _COPIED),
            decision.checks.eq(judge.checks), decision.time_ns.eq(self.time_ns),
            decision.generation.eq(
                delayed(m, generation, "generation", lead, reset_less=True)),
            decision.bid.eq(Mux(judge.counted, shown.bid, 0)),
            decision.ask.eq(Mux(judge.counted, shown.ask, 0)),
        ]
        cycles = Signal(17)
        m.d.comb += [
            cycles.eq(in_all),
            decisions.decision.eq(decision),
            decisions.decision.gate_cycles.eq(Mux(cycles[-1], 0xFFFF, cycles)),
            decisions.verdict.eq(delayed(m, decided, "is_decided")),
            decisions.clock.eq(clock), decisions.arrived.eq(clock - cycles),
            leaving.passes.eq(delayed(m, passes, "has_passed")),
            decisions.passes.eq(leaving.passes),
            leaving.order.record.template.eq(ORDER_REQUEST.template),
            leaving.order.record.body.eq(
                Value.cast(_later(m, judged, _REQUEST, "leaves"))),
            leaving.order.symbol_name.eq(name),
            leaving.sent.eq(self.sent), leaving.unsent.eq(self.unsent),
            decisions.sent.eq(self.sent), decisions.unsent.eq(self.unsent | leaving.stopped),
            decisions.unsent_checks.eq(
                Mux(leaving.stopped, leaving.stopped_checks, _VENUE_DOWN)),
        ]
        return m

    def _connect_states(self, m, limits, guard, lease, card_events, judge, leaving):
        valid = limits.generation != 0
        kills = kill_masks(self, self._config)
        m.d.comb += [
            guard.ready.eq(self.ready & ~self.busy), guard.ms_tick.eq(self.ms_tick),
            guard.limits_valid.eq(valid), lease.ms_tick.eq(self.ms_tick),
            guard.generation.eq(limits.generation),
            self.status__generation_used.eq(guard.generation_used),
            lease.generation.eq(limits.generation), self.status__lease_good.eq(lease.good),
            self.status__armed.eq(guard.armed), self.status__watchdog_ok.eq(guard.watchdog_ok),
            self.status__limits_valid.eq(valid),
            self.status__kill_any.eq(Value.cast(kills).any()),
            self.limit_active_generation__value.eq(limits.generation),
            judge.watchdog_ok.eq(guard.watchdog_ok), judge.lease_good.eq(lease.good),
            judge.session_up.eq(self.session_up),
            judge.events_room.eq(self.events_room),
        ]
        for block in (judge, leaving):
            m.d.comb += [block.armed.eq(guard.armed), block.kills.eq(kills)]
        m.d.comb += [
            card_events.switched.eq(guard.switched), card_events.armed.eq(guard.armed),
            card_events.expired.eq(guard.expired), card_events.lease_expired.eq(lease.expired),
            card_events.finished.eq(limits.finished),
            card_events.committed.eq(limits.limit_status__committed),
            card_events.generation.eq(limits.generation),
            card_events.computed_crc.eq(limits.limit_computed_crc__value),
            card_events.time_ns.eq(self.time_ns), card_events.cycles.eq(self.cycles),
        ]
        connect_streams(m, card_events.o, self.events)

    def _connect_mass_cancel(self, m, mass_cancel, guard, judge, card_events):
        m.d.comb += [
            mass_cancel.watchdog_ok.eq(guard.watchdog_ok), mass_cancel.ms_tick.eq(self.ms_tick),
            mass_cancel.session_up.eq(self.session_up),
            mass_cancel.last_token.eq(judge.last_token), mass_cancel.weighs.eq(judge.weighs),
            mass_cancel.taken.eq(self.mass_cancel_taken),
            mass_cancel.sent.eq(self.mass_cancel_sent), mass_cancel.cut.eq(self.mass_cancel_cut),
            self.mass_cancel.eq(mass_cancel.due), self.mass_cancel_token.eq(mass_cancel.token),
            judge.use_token.eq(mass_cancel.uses), judge.token.eq(mass_cancel.token),
            card_events.told_sent.eq(mass_cancel.told_sent),
            card_events.told_waits.eq(mass_cancel.told_waits),
            card_events.sent_token.eq(mass_cancel.sent_token),
        ]

    def _connect_settlement(self, m, settlement, orders, decisions, guard):
        connect_streams(m, self.venue, settlement.venue)
        for name in ("slot", "link", "other", "fill"):
            m.d.comb += getattr(settlement, name).eq(getattr(orders, name))
        for name in ("token", "other_token", "match_number", "write", "write_token", "new_slot",
                     "unlink", "unlink_token", "write_fill", "new_fill"):
            m.d.comb += getattr(orders, name).eq(getattr(settlement, name))
        account, symbol = self.position_address__account, self.position_address__symbol
        m.d.comb += [
            settlement.unsent.eq(decisions.give_back),
            settlement.unsent_token.eq(decisions.give_back_token),
            decisions.given_back.eq(settlement.unsent_taken),
            self.withdrawn.eq(settlement.unsent_taken),
            settlement.load.eq(
                self.position_load__value__we & ~guard.armed
                & (account < self._config.accounts) & (symbol < self._config.symbols)),
            settlement.load_account.eq(account), settlement.load_symbol.eq(symbol),
            settlement.load_value.eq(self.position_load__value),
        ]

    def _connect_self_match(self, m, self_match, settlement, limits):
        m.d.comb += [
            self_match.gone.eq(settlement.gone),
            self_match.gone_group.eq(limits.group_of_settled),
            self_match.gone_symbol.eq(settlement.symbol),
            self_match.gone_sells.eq(settlement.gone_sells),
            self_match.gone_price.eq(settlement.gone_price),
        ]

    def _list_symbols(self, m, names):
        m.d.comb += [getattr(names, port).eq(getattr(self, port)) for port in (
            "symbol_write", "symbol_index", "symbol_name", "symbol_enable")]

    def _sweep(self, m, tables):
        """Clear every row of every table after reset. Returns whether that is under way."""
        sweeping = Signal(init=1)
        row = sweep(m, 1 << max(len(table.sweep_row) for table in tables), busy=sweeping)
        for table in tables:
            m.d.comb += [table.sweep.eq(sweeping), table.sweep_row.eq(row)]
        return sweeping

    def _waited(self, m, enters):
        """Return how many cycles an order was offered before it enters, at most 65535."""
        waited = Signal(16)
        with m.If(~self.order.valid | enters):
            m.d.sync += waited.eq(0)
        with m.Elif(~waited.all()):
            m.d.sync += waited.eq(waited + 1)
        return waited

    def _in_all(self, m, waited):
        """Return how many cycles after it was offered an order's decision is known, then."""
        if not self._config.registered:
            return delayed(m, waited, "waited_at", self._lead + 2, reset_less=True) + self.latency
        at_verdict = delayed(m, waited, "waited_at", self._lead + 1, reset_less=True)
        return delayed(m, at_verdict + self.latency, "in_all", reset_less=True)

    def _product(self, m, number, factor, name):
        """Return a product of an order's fields, when amounts are given."""
        if not self._config.registered:
            return delayed(m, number * factor, name, reset_less=True)
        return product(m, number, factor, name, widest=18)

    def _off(self, m, number, word, bits, divisors, name):
        """Return whether a number is no multiple of what a ``tick`` or ``lot`` word says.

        ``word`` has a mask of so many low bits that must be 0, and a bit for each divisor that
        counts. A number is a multiple of an odd divisor when its product with the inverse of that,
        modulo 2**width, is small. Source: Granlund and Montgomery, Division by Invariant Integers
        using Multiplication, section 9.
        """
        width = len(number)
        low = delayed(m, number[:bits], f"{name}_low_bits", 2 if self._config.registered else 1)
        off = [(low & word[:bits]).any()]
        for place, divisor in enumerate(divisors, bits):
            inverse = Const(pow(divisor, -1, 1 << width), width)
            back = self._product(m, number, inverse, f"{name}_by_{divisor}")[:width]
            off.append(word[place] & (back > ((1 << width) - 1) // divisor))
        return Cat(off).any()


def _later(m, value, layout, name, cycles=1):
    """Return what a struct was so many cycles before."""
    return layout(delayed(m, Value.cast(value), name, cycles, reset_less=True))
