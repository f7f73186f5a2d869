"""What moves totals without a verdict: venue messages, orders that never left, what a host sets."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.delay import delayed
from tickgate_hdl.risk.layouts import (
    Moves,
    VenueUpdate,
    fill_layout,
    slot_layout,
)
from tickgate_hdl.risk.open_orders import Link
from tickgate_hdl.risk.totals import NONE_LEFT, SHARES
from tickgate_hdl.risk.venue import REJECTED, REPLACED, VenueEffect
from tickgate_hdl.top.config import CardConfig

__all__ = ["Settlement"]

_TOLD = ("operate", "account", "symbol", "strategy", "moves", "gone", "gone_sells", "gone_price",
         "write", "write_token", "new_slot", "unlink", "write_fill")
"""What has its effect a cycle later where ``registered``: no state is decoded before it then."""

_STROBES = ("operate", "gone", "write", "unlink", "write_fill")

_GONE = 2
"""Cycles before the moves are known, when it is told that an order is gone, then that the other
is."""


class Settlement(wiring.Component):
    """Apply one of them at a time, between orders.

    While one is applied no order enters (``hold``), and it waits for those that have (``empty``).
    An order that never left goes first, then the venue's messages, but never two in a row while an
    order waits. Fourteen cycles each, twenty where ``registered``, and those of the orders under
    way.

    Members
    -------
    venue : In(stream of VenueUpdate)
        Taken when it has its effect.
    unsent, unsent_token : In(1), In(32)
        The order of this UserRefNum passed and never left: take back what it reserved.
    unsent_taken : Out(1)
        Strobe: that is what is done now; its effect is before any order that enters later.
    load, load_account, load_symbol, load_value : In
        Strobe: set a position.
    clear_executions, clear_strategy, clear_rejects, clear_account : In
        Strobes: set the executions of a strategy, the rejects of an account, to 0. Nothing while
        ``throttle_clear__busy``.
    order_waits, order_enters : In(1)
        An order is offered; one enters.
    hold, empty : Out(1), In(1)
        No order may enter; none is under way, and no table is swept.
    operate, account, symbol, strategy, moves : Out
        Strobe: the totals of these rows move by so much.
    gone, gone_sells, gone_price : Out
        Strobe: an order of ``account`` and ``symbol`` works no more. None looks in the next cycle.
    view_wanted, view_account, view_symbol, view_position : Out(1), Out, Out, In
        The row of the load is to be read; its position, a cycle later.
    token, slot, link, other_token, other, match_number, fill, write, write_token, new_slot, \
    unlink, unlink_token, write_fill, new_fill
        Ports of ``OpenOrders``.
    count_unknown_token__count : Out(32)
        Messages about what the gate does not have.
    throttle_clear__busy : Out(1)
        A count has yet to be set to 0.
    active : Out(1)
    """

    def __init__(self, config: CardConfig):
        self._config = config
        slot, fill = slot_layout(config), fill_layout(config)
        account, symbol, strategy = (
            slot[name].shape for name in ("account", "symbol", "strategy"))
        super().__init__({
            "venue": In(stream.Signature(VenueUpdate)),
            "unsent": In(1), "unsent_token": In(32), "unsent_taken": Out(1),
            "load": In(1), "load_account": In(account), "load_symbol": In(symbol),
            "load_value": In(32),
            "clear_executions": In(1), "clear_strategy": In(strategy),
            "clear_rejects": In(1), "clear_account": In(account),
            "order_waits": In(1), "order_enters": In(1), "hold": Out(1), "empty": In(1),
            "operate": Out(1), "account": Out(account), "symbol": Out(symbol),
            "strategy": Out(strategy), "moves": Out(Moves),
            "gone": Out(1), "gone_sells": Out(1), "gone_price": Out(32),
            "view_wanted": Out(1), "view_account": Out(account), "view_symbol": Out(symbol),
            "view_position": In(SHARES),
            "token": Out(32), "slot": In(slot), "link": In(Link), "other_token": Out(32),
            "other": In(slot), "match_number": Out(64), "fill": In(fill),
            "write": Out(1), "write_token": Out(32), "new_slot": Out(slot),
            "unlink": Out(1), "unlink_token": Out(32), "write_fill": Out(1), "new_fill": Out(fill),
            "count_unknown_token__count": Out(32), "throttle_clear__busy": Out(1),
            "active": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        registered = self._config.registered
        m.submodules.effect = effect = VenueEffect(self._config)
        told = {name: Signal.like(getattr(self, name), name=f"{name}_now") for name in _TOLD}
        hold = Signal()
        for name, value in told.items():
            m.d.comb += Value.cast(getattr(self, name)).eq(delayed(
                m, Value.cast(value), f"{name}_told", int(registered),
                reset_less=name not in _STROBES))
        update, takes_back = Signal(VenueUpdate), Signal()
        slot, link, fill, other = (
            Signal.like(port) for port in (self.slot, self.link, self.fill, self.other))
        wait = Signal(range(effect.latency - 1))  # until the moves are known
        order_turn = Signal()  # a venue message was applied, and no order entered since
        loads, value = Signal(), Signal.like(self.load_value)
        executions, rejects = Signal(), Signal()  # to be set to 0
        cleared_account = Signal.like(self.clear_account)
        cleared_strategy = Signal.like(self.clear_strategy)
        m.d.comb += [
            self.token.eq(update.user_ref_num), self.match_number.eq(update.match_number),
            effect.update.eq(update), effect.slot.eq(slot), effect.link.eq(link),
            effect.fill.eq(fill), effect.other.eq(other), effect.unsent.eq(takes_back),
            told["write_token"].eq(update.user_ref_num), told["new_slot"].eq(effect.new_slot),
            self.unlink_token.eq(self.other_token), self.new_fill.eq(effect.new_fill),
            told["account"].eq(effect.account), told["symbol"].eq(effect.symbol),
            told["strategy"].eq(effect.strategy),
            self.throttle_clear__busy.eq(executions | rejects),
            told["moves"].eq(effect.moves), hold.eq(1), self.active.eq(1),
            told["gone_sells"].eq(slot.sell), told["gone_price"].eq(slot.price),
        ]
        if registered:
            # From a register, so that orders wait for no state; but a message goes first at once.
            holds = delayed(m, hold, "holds")
            m.d.comb += self.hold.eq(holds | (self.venue.valid & ~order_turn))
        else:
            m.d.comb += self.hold.eq(hold)
        position = delayed(m, self.view_position, "position_before", int(registered),
                           reset_less=True).as_signed()
        with m.If(self.order_enters):
            m.d.sync += order_turn.eq(0)
        with m.If(self.load):
            m.d.sync += [
                loads.eq(1), self.view_account.eq(self.load_account),
                self.view_symbol.eq(self.load_symbol), value.eq(self.load_value)]
        with m.If(~self.throttle_clear__busy):
            m.d.sync += [
                executions.eq(self.clear_executions), rejects.eq(self.clear_rejects),
                cleared_account.eq(self.clear_account), cleared_strategy.eq(self.clear_strategy)]

        with m.FSM():
            with m.State("Idle"):
                venue_turn = self.venue.valid & ~(order_turn & self.order_waits)
                m.d.comb += hold.eq(
                    self.unsent | loads | self.throttle_clear__busy | venue_turn)
                m.d.comb += self.active.eq(hold)
                with m.If(self.unsent):
                    m.d.sync += [
                        takes_back.eq(1), update.message_type.eq(REJECTED),
                        update.user_ref_num.eq(self.unsent_token)]
                    m.next = "Wait"
                with m.Elif(loads):
                    m.next = "Load Wait"
                with m.Elif(self.throttle_clear__busy):
                    m.next = "Clear Wait"
                with m.Elif(venue_turn):
                    m.d.sync += [takes_back.eq(0), update.eq(self.venue.payload), order_turn.eq(1)]
                    m.next = "Wait"

            with m.State("Wait"), m.If(self.empty):
                m.next = "Slot"
            with m.State("Slot"):
                m.d.comb += self.unsent_taken.eq(takes_back)
                m.d.sync += [slot.eq(self.slot), link.eq(self.link), fill.eq(self.fill)]
                m.next = "Other"
            with m.State("Other"):
                m.d.sync += self.other_token.eq(Mux(
                    update.message_type == REPLACED, update.orig_user_ref_num,
                    Mux(slot.pending, slot.link, link.replacement)))
                m.next = "Other Read"
            with m.State("Other Read"):
                m.next = "Other Kept"
            with m.State("Other Kept"):
                m.d.sync += other.eq(self.other)
                m.next = "Effect"
            with m.State("Effect"):
                m.d.sync += wait.eq(effect.latency - 2)
                m.next = "Moves"
            with m.State("Moves"):
                m.d.sync += wait.eq(wait - 1)
                with m.If(wait == _GONE):
                    m.d.comb += told["gone"].eq(effect.ends)
                with m.If(wait == _GONE - 1):
                    m.d.comb += [
                        told["gone"].eq(effect.ends_other), told["gone_price"].eq(other.price)]
                with m.If(wait == 0):
                    m.next = "Write"
            with m.State("Write"):
                m.d.comb += [
                    told["operate"].eq(effect.known), told["write"].eq(effect.writes_slot),
                    told["write_fill"].eq(effect.writes_fill),
                    told["unlink"].eq(effect.unlinks_other)]
                with m.If(~effect.known & ~takes_back):
                    m.d.sync += self.count_unknown_token__count.eq(
                        self.count_unknown_token__count + 1)
                m.next = "Write Other"
            with m.State("Write Other"):
                m.d.comb += [
                    told["write"].eq(effect.writes_other),
                    told["write_token"].eq(self.other_token),
                    told["new_slot"].eq(effect.new_other), self.venue.ready.eq(~takes_back)]
                m.next = "Moved" if registered else "Idle"

            with m.State("Load Wait"), m.If(self.empty):
                m.d.comb += self.view_wanted.eq(1)
                m.next = "Load Read" if registered else "Load"
            if registered:
                with m.State("Load Read"):
                    m.next = "Load"
            with m.State("Load"):
                m.d.comb += [
                    told["operate"].eq(1), told["account"].eq(self.view_account),
                    told["symbol"].eq(self.view_symbol), told["moves"].eq(0),
                    told["moves"].position.eq(value.as_signed() - position),
                    told["moves"].long.eq(value.as_signed() - position),
                    told["moves"].short.eq(position - value.as_signed()),
                ]
                m.d.sync += loads.eq(self.load)
                m.next = "Told" if registered else "Moved"

            with m.State("Clear Wait"), m.If(self.empty):
                m.next = "Clear"
            with m.State("Clear"):
                m.d.comb += [
                    told["operate"].eq(1), told["account"].eq(cleared_account),
                    told["strategy"].eq(cleared_strategy), told["moves"].eq(0),
                    told["moves"].executions.eq(Mux(executions, NONE_LEFT, 0)),
                    told["moves"].rejects.eq(Mux(rejects, NONE_LEFT, 0)),
                ]
                m.d.sync += [executions.eq(0), rejects.eq(0)]
                m.next = "Told" if registered else "Moved"

            if registered:
                with m.State("Told"):
                    m.next = "Moved"
            with m.State("Moved"):
                if registered:
                    m.d.comb += hold.eq(0)  # orders may enter in the next cycle
                m.next = "Idle"
        return m
