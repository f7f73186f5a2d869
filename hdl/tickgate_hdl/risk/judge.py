"""The checks of the gate on one order request (``tickgate.risk.checks``)."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from tickgate.records.schema import ORDER_REQUEST
from tickgate.risk.checks import BY_NAME, CHECKS, NO_CHECK
from tickgate.risk.image import ACCOUNT, POSITION, SYMBOL

from tickgate_hdl.lib.layouts import SymbolStatus, TopOfBook
from tickgate_hdl.lib.records import record_layout
from tickgate_hdl.risk.layouts import Exposure, row_layout, slot_layout
from tickgate_hdl.top.config import CardConfig

__all__ = ["Judge"]

MAX_PRICE = 1_999_999_900
"""Largest real OUCH price, in 1/10000 USD."""
MAX_QUANTITY = 999_999
"""Largest OUCH quantity, in shares."""
_MARKET = 0  # operational halts of Nasdaq itself, the venue of our orders
SESSIONS = 32
"""Client sessions that the session kill has bits for."""


def _is_one_of(value, letters):
    return Cat(value == ord(letter) for letter in letters).any()


class Judge(wiring.Component):
    """Judge one order request: every check that fails, and the first of them.

    The inputs stand still while an order is judged. Two cycles after the rows are there,
    ``checks`` and ``first`` are right; the state inputs (arming, kill switches, watchdog, venue,
    events ring) act on them in the same cycle, so that a kill written is in force at once.

    An order that is ``malformed`` is judged by nothing but the states, since its numbers mean
    nothing; one without limits is not judged by limits. A cancel is refused only when it is
    malformed or there is no venue session. A replacement must be of a live, confirmed order of
    the same account, symbol and direction that has no other replacement under way, else
    ``token``: the venue answers a replacement of anything else with silence, so nothing would
    release what it reserves.

    Members
    -------
    request : In
        The order.
    account_row, symbol_row, position_row, exposure, slot, orig_slot, listed, top, status : In
        What the tables, the book and the feed say about it. ``halted`` is a trading state other
        than trading, an operational halt of the venue's market, and a market-wide breaker after
        which the symbol has not resumed.
    last_token : In(32)
        Highest UserRefNum that was judged before.
    available : In(1)
        The account's bucket has room; needed in the cycle of the verdict.
    checks, first, passed : Out
        The verdict.
    is_cancel, sells, counted : Out(1)
        The request is a cancel; sells; is a well-formed enter or replace, which uses up its
        UserRefNum.
    charges : Out(1)
        It costs the account a message.
    """

    def __init__(self, config: CardConfig):
        self._config = config
        super().__init__({
            "request": In(record_layout(ORDER_REQUEST)),
            "account_row": In(row_layout(ACCOUNT)), "symbol_row": In(row_layout(SYMBOL)),
            "position_row": In(row_layout(POSITION)), "exposure": In(Exposure),
            "slot": In(slot_layout(config)), "orig_slot": In(slot_layout(config)),
            "listed": In(1), "top": In(TopOfBook),
            "status": In(SymbolStatus), "last_token": In(32), "available": In(1),
            "armed": In(1), "watchdog_ok": In(1), "limits_valid": In(1), "session_up": In(1),
            "events_room": In(1), "kill_all": In(1), "kill_session": In(32),
            "kill_account": In(32), "kill_symbol": In(64),
            "checks": Out(len(CHECKS)), "first": Out(8), "passed": Out(1),
            "is_cancel": Out(1), "sells": Out(1), "counted": Out(1), "charges": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config, request = self._config, self.request
        bits = {name: Signal(name=name) for name in BY_NAME}

        is_replace = Signal()
        m.d.comb += [
            self.is_cancel.eq(request.action == ord("X")),
            is_replace.eq(request.action == ord("U")),
            self.sells.eq(request.side != ord("B")),
        ]

        # First stage: what needs arithmetic. Second: the comparisons.
        value = Signal(64)
        room_long, room_short = Signal(signed(35)), Signal(signed(35))
        highest, lowest = Signal(33), Signal(32)
        top, collar = self.top, self.symbol_row.collar
        far_ask = Mux(top.ask != 0, top.ask, top.bid)
        far_bid = Mux(top.bid != 0, top.bid, top.ask)
        reference = Signal()
        m.d.sync += [
            value.eq(request.price * request.quantity),
            room_long.eq(self.exposure.position + self.exposure.open_buy + request.quantity),
            room_short.eq(self.exposure.open_sell + request.quantity - self.exposure.position),
            highest.eq(far_ask + collar),
            lowest.eq(Mux(far_bid > collar, far_bid - collar, 0)),
            reference.eq(~top.stale & ((top.bid | top.ask) != 0)),
        ]

        in_range, malformed, limits = Signal(), Signal(), Signal()
        replaces, token, halted, has_reference = Signal(), Signal(), Signal(), Signal()
        collar_bad, quantity_bad, value_bad, position_bad = (Signal() for _ in range(4))
        orig = self.orig_slot
        m.d.comb += [
            in_range.eq(
                (request.account < config.accounts) & (request.symbol < config.symbols)
                & (request.session < SESSIONS)
            ),
            replaces.eq(
                orig.live & ~orig.pending & ~orig.linked
                & (orig.token == request.orig_user_ref_num)
                & (orig.account == request.account) & (orig.symbol == request.symbol)
                & (orig.sell == self.sells)
            ),
        ]
        free_text_bad = (request.reserved_a != 0) | (request.reserved_b != 0) | (
            request.quantity > MAX_QUANTITY)
        m.d.sync += [
            malformed.eq(Mux(
                self.is_cancel, free_text_bad,
                free_text_bad | ~in_range | ~self.listed | (request.quantity == 0)
                | (request.price == 0) | (request.price > MAX_PRICE)
                | ~_is_one_of(request.action, "OU") | ~_is_one_of(request.side, "BSTE")
                | ~_is_one_of(request.time_in_force, "03"),
            )),
            limits.eq(self.account_row.enabled[0] & self.symbol_row.enabled[0] & in_range),
            token.eq(
                (request.user_ref_num <= self.last_token) | self.slot.live
                | (is_replace & ~replaces)
            ),
            halted.eq(
                (top.trading_state != ord("T")) | self.status.halted_markets[_MARKET]
                | (self.status.breaker != 0)),
            has_reference.eq(reference),
            collar_bad.eq(Mux(self.sells, request.price < lowest, request.price > highest)),
            quantity_bad.eq(request.quantity > self.account_row.max_quantity),
            value_bad.eq(value > self.account_row.max_value),
            position_bad.eq(Mux(
                self.sells, room_short > self.position_row.max_short,
                room_long > self.position_row.max_long,
            )),
        ]

        enters = ~self.is_cancel
        sound, limited = Signal(), Signal()
        m.d.comb += [
            sound.eq(enters & ~malformed),
            limited.eq(sound & limits & self.limits_valid),
            bits["gate_closed"].eq(enters & ~self.armed),
            bits["kill_all"].eq(enters & self.kill_all),
            bits["kill_session"].eq(
                enters & (request.session < SESSIONS)
                & self.kill_session.bit_select(request.session[:5], 1)),
            bits["kill_account"].eq(
                enters & (request.account < config.accounts)
                & self.kill_account.bit_select(request.account[:5], 1)),
            bits["kill_symbol"].eq(
                enters & (request.symbol < config.symbols)
                & self.kill_symbol.bit_select(request.symbol[:6], 1)),
            bits["no_limits"].eq(enters & ~(limits & self.limits_valid)),
            bits["host_stale"].eq(enters & ~self.watchdog_ok),
            bits["venue_down"].eq(~self.session_up),
            bits["events_full"].eq(enters & ~self.events_room),
            bits["malformed"].eq(malformed),
            bits["token"].eq(sound & token),
            bits["halted"].eq(sound & halted),
            bits["no_reference"].eq(sound & ~has_reference),
            bits["price_collar"].eq(limited & has_reference & collar_bad),
            bits["max_quantity"].eq(limited & quantity_bad),
            bits["max_value"].eq(limited & value_bad),
            bits["position_limit"].eq(limited & position_bad),
            bits["message_rate"].eq(limited & ~self.available),
            self.checks.eq(Cat(bits[check.name] for check in CHECKS)),
            self.passed.eq(self.checks == 0),
            self.first.eq(NO_CHECK),
            self.counted.eq(sound),
            self.charges.eq(limited & self.available),
        ]
        for check in reversed(CHECKS):  # the last statement, the lowest bit, wins
            with m.If(self.checks[check.bit]):
                m.d.comb += self.first.eq(check.bit)
        return m
