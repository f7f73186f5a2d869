"""The checks of one order request that need nothing but its rows and the card's states."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import In, Out
from tickgate.protocols.ouch50 import MAX_PRICE, MAX_QUANTITY
from tickgate.records.schema import ORDER_REQUEST
from tickgate.risk.checks import BY_NAME, CHECKS
from tickgate.risk.image import (
    ACCOUNT,
    ENTITLED,
    PERMISSIONS,
    POSITION,
    SESSIONS,
    STRATEGIES,
    SYMBOL,
    TABLES,
    WAIVED,
)

from tickgate_hdl.lib.compare import is_above, is_one_of
from tickgate_hdl.lib.delay import delayed, stages
from tickgate_hdl.lib.layouts import SymbolStatus, TopOfBook
from tickgate_hdl.lib.records import record_layout
from tickgate_hdl.risk.kills import kill_layout
from tickgate_hdl.risk.layouts import row_layout
from tickgate_hdl.risk.rates import RATED, RATES
from tickgate_hdl.risk.references import CLOCK, Reference
from tickgate_hdl.risk.totals import COUNTED
from tickgate_hdl.top.config import CardConfig

__all__ = ["Judge"]

_MARKET = 0  # operational halts of Nasdaq itself, the venue of our orders


class Judge(wiring.Component):
    """Judge one order request: every check that fails.

    An order may come in every cycle; the cycles are those of ``Accumulator``. The state inputs
    (arming, kill switches, watchdog, lease, venue, events ring) act in the cycle of the verdict, so
    that a kill written is in force at once.

    An order that is ``malformed`` is judged by nothing but the states, since its numbers mean
    nothing; one without limits is not judged by limits, and one of a strategy without a row not by
    what that has executed. A cancel is refused only when it is malformed or there is no venue
    session.

    Members
    -------
    order, request : In
        An order looks; the order.
    account_row, symbol_row, position_row, firm_row, group_row, clearing_firm_row, session_row, \
    strategy_row, listed, top, status : In
        What the tables, the book and the feed say about it, one cycle after it looked. ``halted``
        is a trading state other than trading, an operational halt of the venue's market, and a
        market-wide breaker after which the symbol has not resumed.
    reference, now : In
        References from outside the card and their clock, one cycle after it looked
        (``References``).
    value : In(52)
        Price times quantity of a well-formed order, when amounts are given (``Accumulator``).
    limits_valid : In(1)
        The rows are of an image in force; with the rows.
    last_token, weighs : Out(32), Out(1)
        Highest UserRefNum that was judged; an order is weighed, and may raise it.
    use_token, token : In(1), In(32)
        Strobe, never while an order is weighed: the card itself uses a UserRefNum above all that
        were judged.
    off_tick, off_lot : In(1)
        With ``value``: the price is no multiple of the symbol's tick, the quantity of its lot.
    weighed : Out
        The request, in the cycle before its verdict.
    bad_token, rate_over, duplicate, crosses : In
        In the verdict's cycle: the slot or the original is wrong; messages that each of ``RATED``
        rates would be over the limit; it is an enter like one before; a working order of its group
        would trade with it.
    over, case : In, In(1)
        At the same time: what each of ``COUNTED`` counts would be over the limit, in each case of
        what became of the order right before; which case that is. Where not ``registered`` there
        is one case.
    checks, refused : Out, Out(1)
        In the verdict's cycle: which failed; whether any did.
    enters, counted : Out(1)
        At the same time: the request is no cancel; it is a well-formed enter or replace, which uses
        up its UserRefNum.
    charges : Out
        At the same time: it costs a message of the bucket that each of ``RATED`` has.
    """

    def __init__(self, config: CardConfig):
        self._config = config
        super().__init__({
            "order": In(1), "request": In(record_layout(ORDER_REQUEST)),
            **{f"{table.name}_row": In(row_layout(table)) for table in TABLES},
            "listed": In(1), "top": In(TopOfBook), "status": In(SymbolStatus), "value": In(52),
            "reference": In(Reference), "now": In(CLOCK),
            "off_tick": In(1), "off_lot": In(1),
            "limits_valid": In(1), "last_token": Out(32), "weighs": Out(1),
            "use_token": In(1), "token": In(32),
            "weighed": Out(record_layout(ORDER_REQUEST)),
            "bad_token": In(1), "rate_over": In(StructLayout(dict.fromkeys(RATED, 1))),
            "duplicate": In(1), "crosses": In(1),
            "over": In(ArrayLayout(
                StructLayout(dict.fromkeys(COUNTED, 1)), 1 + config.registered)),
            "case": In(1),
            "armed": In(1), "watchdog_ok": In(1), "lease_good": In(1), "session_up": In(1),
            "events_room": In(1), "kills": In(kill_layout(config)),
            "checks": Out(len(CHECKS)), "refused": Out(1), "enters": Out(1), "counted": Out(1),
            "charges": Out(StructLayout(dict.fromkeys(RATED, 1))),
        })

    def elaborate(self, platform):
        m = Module()
        config, registered = self._config, self._config.registered

        staged = stages(m, registered)

        # The rows are there. Where registered, they are kept first, while what the order says by
        # itself is read; and what needs arithmetic has a stage of its own before the comparisons.
        first = record_layout(ORDER_REQUEST)(
            delayed(m, Value.cast(self.request), "request_1", reset_less=True))
        orders = delayed(m, self.order, "order_1")
        request = record_layout(ORDER_REQUEST)(staged(first, "request_2"))
        account_row = row_layout(ACCOUNT)(staged(self.account_row, "account_kept"))
        symbol_row = row_layout(SYMBOL)(staged(self.symbol_row, "symbol_kept"))
        pair = row_layout(POSITION)(staged(self.position_row, "pair_kept"))
        owners = staged(
            self.firm_row.enabled[0] & self.group_row.enabled[0]
            & self.clearing_firm_row.enabled[0] & self.session_row.enabled[0], "owners_kept")
        top = TopOfBook(staged(self.top, "top_kept"))
        status = SymbolStatus(staged(self.status, "status_kept"))
        reference = Reference(staged(self.reference, "reference_kept"))
        now = staged(self.now, "now_kept")
        listed, limits_valid = staged(self.listed, "listed_kept"), staged(
            self.limits_valid, "valid_kept")
        approved = staged(self.strategy_row.enabled[0], "approved_kept")
        orders = staged(orders, "order_2")

        is_cancel = staged(first.action == ord("X"), "is_cancel")
        sells = staged(first.side != ord("B"), "sells")
        in_range = staged(
            (first.account < config.accounts) & (first.symbol < config.symbols)
            & (first.session < SESSIONS), "in_range")
        # The high bits apart: what they say comes without a carry chain.
        low = MAX_QUANTITY.bit_length()
        free_text_bad = staged(first.reserved_b != 0, "reserved_bad") | staged(
            first.quantity[low:].any() | (first.quantity[:low] > MAX_QUANTITY), "quantity_bad")
        enter_bad = (
            staged(first.quantity == 0, "no_quantity") | staged(first.price == 0, "no_price")
            | staged(first.price > MAX_PRICE, "price_bad")
            | staged(~is_one_of(first.action, "OU"), "action_bad")
            | staged(~is_one_of(first.side, "BSTE"), "side_bad")
            | staged(~is_one_of(first.time_in_force, "03"), "time_in_force_bad"))
        malformed = Signal()
        m.d.comb += malformed.eq(free_text_bad | (~is_cancel & (enter_bad | ~in_range | ~listed)))
        limits = (
            account_row.enabled[0] & symbol_row.enabled[0] & owners & in_range & limits_valid)
        side = {
            letter: staged(first.side == ord(letter), f"side_{letter}") for letter in "BSTE"}
        shorts = side["T"] | side["E"]
        kinds = (
            side["B"], side["S"], side["T"], side["E"],
            *(staged(flag, name) for flag, name in (
                (first.time_in_force == ord("0"), "for_the_day"),
                (first.time_in_force == ord("3"), "immediate"),
                (first.intermarket_sweep == ord("Y"), "sweeps"))))
        forbidden = Cat(kinds) & ~account_row.permissions[:len(kinds)]
        regular = status.system_event == ord("Q")
        extended = is_one_of(status.system_event, "SM") & account_row.permissions[len(kinds)]
        tested = side["T"] & is_one_of(status.reg_sho, "12")
        may_cross = account_row.permissions[PERMISSIONS.index("self_match")]
        restricted = Cat(side["B"], sells, shorts) & (symbol_row.restricted | pair.flags)[:3]
        entitled = (pair.flags & ENTITLED) != 0
        has_strategy = staged(approved & (request.strategy < STRATEGIES), "has_strategy")
        halted = (
            (top.trading_state != ord("T")) | status.halted_markets[_MARKET]
            | (status.breaker != 0))
        # The far touch, or the near one where there is none: both are compared, one is chosen.
        collar = symbol_row.collar
        inside = Signal(signed(34))  # the price, less or plus the collar
        m.d.comb += inside.eq(Mux(sells, request.price + collar, request.price - collar))
        inside = staged(inside, "inside").as_signed()
        bid, ask = (staged(side, name) for side, name in (
            (top.bid, "bid_kept"), (top.ask, "ask_kept")))
        has_bid, has_ask = (staged(side != 0, name) for side, name in (
            (top.bid, "has_bid"), (top.ask, "has_ask")))
        above_bid = staged(is_above(request.price, top.bid), "above_bid")
        # What the host uploaded: a sum or a difference here, compared with one number later. Both
        # sides of the window's collar are, and one is chosen: that is fewer levels.
        age = staged((now - reference.stamp)[:CLOCK], "age")
        max_age = staged(symbol_row.max_reference_age, "max_age_kept")
        highest = staged(reference.window + symbol_row.window_collar, "highest")
        raised = staged(request.price + symbol_row.window_collar, "raised")
        window = staged(reference.window, "window")
        has_window, uploaded, has_band, has_national = (staged(value, name) for value, name in (
            (reference.window != 0, "has_window"), (reference.uploaded, "uploaded"),
            ((reference.band_low != 0) & (reference.band_high != 0), "has_band"),
            (reference.national_bid != 0, "has_national")))
        above_national = staged(is_above(request.price, reference.national_bid), "above_national")
        below_band = staged(is_above(reference.band_low, request.price), "below_band")
        above_band = staged(is_above(request.price, reference.band_high), "above_band")
        waived = staged(symbol_row.waived[:len(WAIVED)], "waived")
        asked = {name: ~waived[bit] for bit, name in enumerate(WAIVED)}
        weighed = self.weighed
        m.d.comb += Value.cast(weighed).eq(staged(request, "request_3"))
        orders = staged(orders, "order_3")
        malformed, limits, is_cancel, sells = (
            staged(value, name) for value, name in (
                (malformed, "malformed_kept"), (limits, "limits_kept"), (is_cancel, "cancel_kept"),
                (sells, "sells_kept")))
        limit = row_layout(ACCOUNT)(staged(account_row, "account_row_kept"))
        value = staged(self.value, "value_kept")

        sound = Signal()
        m.d.comb += sound.eq(orders & ~is_cancel & ~malformed)
        newer = is_above(weighed.user_ref_num, self.last_token)
        m.d.comb += self.weighs.eq(orders)
        with m.If((sound & newer) | self.use_token):
            # Not chosen by what comes late: that an order is sound.
            m.d.sync += self.last_token.eq(Mux(self.use_token, self.token, weighed.user_ref_num))

        def weigh(value, name):
            return delayed(m, value, name)

        enters, limited = weigh(~is_cancel, "enters"), weigh(sound & limits, "limited")
        counted = weigh(sound, "counted")
        used = weigh(sound & ~newer, "used")
        costs = {
            rate.check: weigh(
                orders & ~malformed & limits & is_one_of(weighed.action, rate.costs),
                f"costs_{rate.check}")
            for rate in RATES}
        has_reference = ~staged(top.stale, "stale_kept") & (has_bid | has_ask)
        # What is known without a comparison in this cycle, and what is not.
        early = {
            "malformed": malformed,
            "halted": sound & staged(halted, "halted_kept"),
            "no_limits": ~is_cancel & ~limits,
            "no_reference": sound & ~has_reference,
            "entitlement": sound & limits & ~staged(entitled, "entitled"),
            "restricted": sound & limits & staged(restricted.any(), "is_restricted"),
            "permission": sound & limits & staged(forbidden.any(), "forbidden"),
            "tick": sound & limits & staged(self.off_tick, "off_tick_kept"),
            "lot": sound & limits & staged(self.off_lot, "off_lot_kept"),
            "session_phase": sound & limits & ~staged(regular | extended, "in_session"),
            "short_price":
                sound & limits & staged(tested, "tested") & ~Mux(
                    asked["national"], has_national & above_national,
                    has_reference & has_bid & above_bid),
            "luld_band":
                sound & limits & asked["luld"]
                & ~(has_band & ~Mux(sells, below_band, above_band)),
            "algo_id": sound & limits & ~has_strategy,
        }
        compared = {
            "max_quantity": sound & limits & is_above(weighed.quantity, limit.max_quantity),
            "max_value": sound & limits & is_above(value, limit.max_value),
            "window_collar":
                sound & limits & asked["window"]
                & ~(has_window
                    & ~Mux(sells, is_above(window, raised), is_above(weighed.price, highest))),
            "reference_age":
                sound & limits & ~waived.all() & (~uploaded | is_above(age, max_age)),
        }
        fails = {name: weigh(failed, name) for name, failed in (early | compared).items()}
        fails["price_collar"] = weigh(sound & limits & has_reference, "referred") & Mux(
            weigh(sells, "sold"),
            weigh(Mux(has_bid, is_above(bid, inside), is_above(ask, inside)), "below_collar"),
            weigh(Mux(has_ask, is_above(inside, ask), is_above(inside, bid)), "above_collar"))
        held = {
            **dict.fromkeys(COUNTED, limited),
            "repeated_executions": weigh(sound & limits & has_strategy, "of_a_known_strategy")}
        guarded = weigh(sound & limits & ~staged(may_cross, "may_cross"), "guarded")
        account, symbol, session, strategy = (
            weigh(Cat(field == index for index in range(number)), name)
            for field, number, name in (
                (weighed.account, config.accounts, "of_account"),
                (weighed.symbol, config.symbols, "of_symbol"),
                (weighed.session, SESSIONS, "of_session"),
                (weighed.strategy, STRATEGIES, "of_strategy")))

        over = [{name: held[name] & case[name] for name in COUNTED} for case in self.over]
        kills = self.kills
        bits = {
            "gate_closed": enters & ~self.armed,
            "kill_all": enters & kills.all,
            "kill_session": enters & (session & kills.session).any(),
            "kill_account": enters & (account & kills.account).any(),
            "kill_symbol": enters & (symbol & kills.symbol).any(),
            "kill_strategy": enters & (strategy & kills.strategy).any(),
            "host_stale": enters & ~self.watchdog_ok,
            "lease": enters & ~self.lease_good,
            "venue_down": ~self.session_up,
            "events_full": enters & ~self.events_room,
            **fails,
            "token": used | (counted & self.bad_token),
            **{name: limited & self.rate_over[name] for name in RATED},
            "duplicative": limited & self.duplicate,
            "self_match": guarded & self.crosses,
            **{name: Mux(self.case, over[-1][name], over[0][name]) for name in COUNTED},
        }
        if bits.keys() != BY_NAME.keys():
            raise AssertionError("each check must be made, and no other")
        # Where registered, not all of them in the verdict's cycle: what is known before is gathered
        # before, and the totals in each case, of which one is chosen.
        late = [name for name in bits if not (registered and (name in early or name in COUNTED))]
        refused = Cat(bits[name] for name in late).any()
        if registered:
            refused |= weigh(Cat(early.values()).any(), "fails_early") | Mux(
                self.case, *(Cat(case.values()).any() for case in reversed(over)))
        m.d.comb += [
            self.refused.eq(refused),
            self.checks.eq(Cat(bits[check.name] for check in CHECKS)),
            self.enters.eq(enters), self.counted.eq(counted),
            *(self.charges[name].eq(cost & ~self.rate_over[name]) for name, cost in costs.items()),
        ]
        return m
