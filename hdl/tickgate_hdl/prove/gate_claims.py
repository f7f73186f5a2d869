"""What is claimed of the whole ``risk.gate.Gate``, with small tables: each made of its property.

Each takes whether the gate is ``registered`` and returns what a ``Proof`` is made by.
"""

from amaranth.hdl import Assert, Cat, Const, Mux, Signal, Value
from tickgate.records.schema import ORDER_REQUEST

from tickgate_hdl.lib.delay import delayed
from tickgate_hdl.lib.records import record_layout
from tickgate_hdl.prove.opened import Opened
from tickgate_hdl.top.config import CardConfig

__all__ = ["arming", "decisions", "offers", "reserved", "states", "tables", "use"]

_REQUEST = record_layout(ORDER_REQUEST)
_BUY, _SELL = "B", "STE"
_TOTALS = {
    "position": ("pair", "", "", None, ""),
    "long": ("pair", _BUY, "more_quantity", "position_row.max_long", _BUY),
    "short": ("pair", _SELL, "more_quantity", "position_row.max_short", _SELL),
    "unowned": ("pair", _SELL, "more_quantity", "0", "S"),
    "located": ("pair", "TE", "quantity", "position_row.locates", "TE"),
    "orders": ("account", _BUY + _SELL, "order", "account_row.max_orders", _BUY + _SELL),
    "open_quantity": (
        "account", _BUY + _SELL, "more_quantity", "account_row.max_open_quantity", _BUY + _SELL),
    "open_value": (
        "account", _BUY + _SELL, "more_value", "account_row.max_open_value", _BUY + _SELL),
    "day_quantity": (
        "account", _BUY + _SELL, "quantity", "account_row.max_day_quantity", _BUY + _SELL),
    "day_value": ("account", _BUY + _SELL, "value", "account_row.max_day_value", _BUY + _SELL),
    "gross": ("account", _BUY + _SELL, "more_value", "account_row.gross_credit", _BUY + _SELL),
    "net_long": ("account", _BUY, "more_value", "account_row.net_credit", _BUY),
    "net_short": ("account", _SELL, "more_value", "account_row.net_credit", _SELL),
    **{f"{owner}_{name}": (owner, sides, "more_value", f"{owner}_row.{credit}", sides)
       for owner in ("firm", "group", "clearing_firm")
       for name, sides, credit in (
           ("gross", _BUY + _SELL, "gross_credit"), ("net_long", _BUY, "net_credit"),
           ("net_short", _SELL, "net_credit"))},
    "executions": ("strategy", _BUY + _SELL, "1", "strategy_row.max_executions", _BUY + _SELL),
    "rejects": ("account", _BUY + _SELL, "1", "account_row.max_rejects", _BUY + _SELL),
}
"""What each total is to be, said apart from the gateware: whose rows, which sides add to it, what
they add, its limit, and which sides are held to it."""
_TOLD = ("executions", "rejects")
"""Totals to which the venue's messages add, and an order that passes does not."""
_RATES = ("message_rate", "session_rate", "symbol_rate", "cancel_rate")
_ACCUMULATORS = (*_RATES, *(f"total_{name}" for name in _TOTALS))
_CUT = ("orders", "duplicates", "self_match", "references", *_ACCUMULATORS)
_OWNERS = ("group", "clearing_firm")
_SIZES = {"symbols": 2, "accounts": 2, "groups": 2, "clearing_firms": 2, "open_orders": 2,
          "recent_orders": 8, "own_prices": 2}


def _row_kills(gate):
    """Return the kill switches of the accounts and of the symbols that the gate has rows for."""
    return (gate.kill_account_0__mask[:_SIZES["accounts"]],
            gate.kill_symbol_0__mask[:_SIZES["symbols"]])


class _Order:
    """The gate, and the order that leaves its pipeline now: what it is, what was true of it."""

    def __init__(self, m, registered, cut=(*_CUT, "limits")):
        from tickgate_hdl.risk.gate import Gate

        self._m, config = m, CardConfig(**_SIZES, registered=registered)
        self.gate = gate = Gate(config)
        self.opened = opened = Opened(gate)
        opened.cut(*cut)
        m.submodules.dut = opened.module
        self._since_look = gate.latency - registered
        self.enters = gate.order.valid & gate.order.ready
        self.entered = delayed(m, self.enters, "spec_entered", gate.latency)
        self.request = _REQUEST(delayed(
            m, gate.order.payload.body, "spec_request", gate.latency, reset_less=True))
        self.passes = opened.port("leaving.passes")
        self.opens = self.passes & (self.request.action != ord("X"))
        self.buys = self.request.side == ord("B")
        # For the induction: what is gathered before the verdict is what the checks say.
        m.d.comb += Assert(opened.port("judge.refused") == opened.port("judge.checks").any())

    def arrived(self, value, name):
        """Return what something was in the cycle in which the order entered."""
        return delayed(self._m, Value.cast(value), f"spec_arrived_{name}", self.gate.latency)

    def verdict(self, value, name):
        """Return what something was in the cycle of its verdict."""
        return delayed(self._m, Value.cast(value), f"spec_verdict_{name}")

    def looked(self, value, name, after=0):
        """Return what something was when it looked its rows up, or so many cycles after."""
        return delayed(self._m, Value.cast(value), f"spec_look_{name}", self._since_look - after)


def states(registered):
    def make(m):
        order = _Order(m, registered)
        gate, request, verdict = order.gate, order.request, order.verdict

        def off(mask, index, name):
            mask = verdict(mask, name)
            return (index < len(mask)) & ~mask.bit_select(index[:(len(mask) - 1).bit_length()], 1)

        accounts, symbols = _row_kills(gate)
        m.d.comb += [
            Assert(~order.opens | holds) for holds in (
                verdict(gate.status__armed, "armed"),
                verdict(gate.status__watchdog_ok, "watchdog"),
                verdict(gate.status__lease_good, "lease"),
                ~verdict(gate.kill_all__on, "kill_all"),
                off(gate.kill_session__mask, request.session, "session"),
                off(accounts, request.account, "account"),
                off(symbols, request.symbol, "symbol"),
                off(gate.kill_strategy__mask, request.strategy, "strategy"),
                verdict(gate.session_up, "session_up"),
                verdict(gate.events_room, "events_room"))]
        m.d.comb += Assert(~order.passes | verdict(gate.session_up, "venue"))
        return order.opened.inputs()

    return make


def arming(registered):
    def make(m):
        order = _Order(m, registered)
        gate = order.gate
        armed, generation = gate.status__armed, gate.limit_active_generation__value
        was_armed = order.verdict(armed, "armed")
        commanded = order.verdict(gate.control__arm, "arm")
        ever, renewed = Signal(name="spec_ever"), Signal(name="spec_renewed")
        last = Signal(32, name="spec_last")
        with m.If(armed):
            m.d.sync += [ever.eq(1), last.eq(generation), renewed.eq(0)]
        with m.Elif(generation != last):
            m.d.sync += renewed.eq(1)
        opens = armed & ~was_armed
        m.d.comb += [
            Assert(~opens | commanded),
            Assert(~opens | ~ever | renewed),
            # For the induction: what the gate keeps is what it was armed with.
            Assert(~ever | (order.opened["guard.last"] == last)),
            Assert(~was_armed | ever),
        ]
        return order.opened.inputs()

    return make


def tables(registered):
    def make(m):
        order = _Order(m, registered)
        gate, opened, looked = order.gate, order.opened, order.looked
        account, symbol = (opened.port(f"limits.{name}") for name in ("account", "symbol"))
        rows = {name: opened.port(f"limits.{name}_row")
                for name in ("account", "symbol", "session", "strategy", "firm", *_OWNERS)}
        pair = opened.port("limits.position_row")
        side = order.request.side
        buys, shorts = side == ord("B"), (side == ord("T")) | (side == ord("E"))
        permitted = looked(rows["account"].permissions, "permissions", 1)
        flags = looked(pair.flags, "flags", 1)
        restricted = looked(rows["symbol"].restricted, "restricted", 1)[:3] | flags[:3]
        top, status = gate.query_top, gate.query_status
        bid = looked(top.bid, "bid", 1)
        phase = looked(status.system_event, "phase", 1)
        test = looked(status.reg_sho, "price_test", 1)
        price = order.request.price
        given, now = (opened.port(f"references.{name}") for name in ("reference", "now"))
        national, low, high, window, stamp, uploaded = (
            looked(given[name], name, 1)
            for name in ("national_bid", "band_low", "band_high", "window", "stamp", "uploaded"))
        age = (looked(now, "now", 1) - stamp)[:len(now)]
        oldest, collar, waived = (
            looked(rows["symbol"][name], name, 1)
            for name in ("max_reference_age", "window_collar", "waived"))
        test_bid = Mux(waived[0], bid, national)
        m.d.comb += [
            Assert(~order.opens | holds) for holds in (
                looked(account, "account") == order.request.account,
                looked(symbol, "symbol") == order.request.symbol,
                looked(opened.port("limits.session"), "session") == order.request.session,
                looked(opened.port("limits.strategy"), "strategy") == order.request.strategy,
                order.arrived(opened.port("limits.of_account"), "of_account")
                == order.request.account,
                *(looked(opened.port(f"limits.{name}"), name)
                  == order.arrived(opened.port(f"limits.{name}_of"), f"{name}_of")
                  for name in _OWNERS),
                looked(gate.query_symbol, "query") == order.request.symbol,
                looked(opened.port("references.symbol"), "referred") == order.request.symbol,
                looked(gate.limit_active_generation__value, "generation") != 0,
                *(looked(row.enabled[0], f"{name}_enabled", 1) for name, row in rows.items()),
                flags[3],
                ~(restricted & Cat(buys, ~buys, shorts)).any(),
                ~(Cat(buys, side == ord("S"), side == ord("T"), side == ord("E"),
                      order.request.time_in_force == ord("0"),
                      order.request.time_in_force == ord("3"),
                      order.request.intermarket_sweep == ord("Y")) & ~permitted[:7]).any(),
                ~looked(top.stale, "stale", 1),
                (bid != 0) | (looked(top.ask, "ask", 1) != 0),
                looked(top.trading_state, "trading", 1) == ord("T"),
                (phase == ord("Q")) | (permitted[7] & ((phase == ord("S")) | (phase == ord("M")))),
                (side != ord("T")) | ((test != ord("1")) & (test != ord("2")))
                | ((price > test_bid) & (test_bid != 0)),
                waived[:3].all() | (uploaded & (age <= oldest)),
                waived[1] | ((low != 0) & (high != 0) & Mux(buys, price <= high, price >= low)),
                waived[2] | ((window != 0) & Mux(
                    buys, price <= window + collar, price + collar >= window)),
                permitted[8] | ~order.verdict(opened.port("self_match.crosses"), "crosses"),
                *(looked(opened.port(f"self_match.{name}"), f"own_{name}") == of
                  for name, of in (
                      ("group", order.arrived(opened.port("limits.group_of"), "own_group_of")),
                      ("symbol", order.request.symbol), ("sells", ~buys),
                      ("price", order.request.price))))]
        m.d.comb += Assert(
            order.opens == order.verdict(opened.port("self_match.commit"), "own_commit"))
        return opened.inputs()

    return make


def decisions(registered):
    def make(m):
        order = _Order(m, registered)
        decided, decision = (order.opened.port(f"decisions.{name}")
                             for name in ("verdict", "decision"))
        m.d.comb += [
            Assert(decided == order.entered),
            Assert(order.passes == (decided & (decision.checks == 0))),
            Assert(~decided | (Cat(
                decision.user_ref_num, decision.account, decision.symbol, decision.quantity)
                == Cat(order.request.user_ref_num, order.request.account, order.request.symbol,
                       order.request.quantity))),
            Assert(~order.passes | (
                Value.cast(order.opened.port("leaving.order").record.body)
                == Value.cast(order.request))),
        ]
        return order.opened.inputs()

    return make


def offers(registered):
    def make(m):
        order = _Order(m, registered)
        gate = order.gate
        offered = _REQUEST(gate.passed.payload.record.body)
        accounts, symbols = _row_kills(gate)

        def clear(at):
            return at(gate.status__armed, "armed") & ~at(gate.kill_all__on, "all") & ~Cat(
                at(mask, name).bit_select(index[:(len(mask) - 1).bit_length()], 1)
                for mask, index, name in (
                    (gate.kill_session__mask, offered.session, "session"),
                    (accounts, offered.account, "account"),
                    (symbols, offered.symbol, "symbol"),
                    (gate.kill_strategy__mask, offered.strategy, "strategy"))).any()

        fresh = order.passes & (Value.cast(offered) == Value.cast(order.request))
        m.d.comb += Assert(
            ~gate.passed.valid | (offered.action == ord("X")) | clear(lambda value, _: value)
            | (fresh & clear(order.verdict)))
        if registered:
            from tickgate_hdl.risk.layouts import PassedOrder

            # For the induction: what is kept of the oldest that waits is what it is.
            there, kept = order.opened["leaving.there"], order.opened["leaving.oldest"]
            oldest = _REQUEST(PassedOrder(kept).record.body)
            m.d.comb += Assert(
                ~there | (order.opened["leaving.opens"] == (oldest.action != ord("X"))))
            for scope in ("session", "account", "symbol", "strategy"):
                row = order.opened[f"leaving.is_{scope}"]
                bits = (len(row) - 1).bit_length()
                m.d.comb += Assert(~there | (row == 1 << oldest[scope][:bits]))
        return order.opened.inputs()

    return make


def reserved(registered):
    def make(m):
        order = _Order(m, registered)
        opened, request, given = order.opened, order.request, 2 if registered else 1
        is_open = request.action != ord("X")
        value = order.looked(opened.port("judge.value"), "value", given)
        # What the slot of its original says of a replacement, whatever that is.
        further, rises, lower = (
            order.looked(opened.port(f"orders.{name}"), name, given)
            for name in ("further", "rises", "lower"))
        gain = order.looked(opened["gain"], "gain", given).as_signed()
        enters = request.action != ord("U")
        amounts = {
            "": 0, "1": 1, "quantity": request.quantity, "value": value, "order": enters,
            "more_quantity": Mux(enters, request.quantity, Mux(rises, further, 0)),
            "more_value": Mux(enters | (lower & rises), value,
                              Mux(lower | (gain < 0), 0, gain[:52]))}
        rows = {"pair": Cat(request.symbol[:1], request.account[:1]),
                "account": request.account[:1], "firm": 0, "strategy": request.strategy[:5],
                **{name: order.arrived(opened.port(f"limits.{name}_of"), f"{name}_of")
                   for name in _OWNERS}}

        def on(sides):
            return Cat(request.side == ord(side) for side in sides).any()

        for name, (scope, adds, amount, limit, held) in _TOTALS.items():
            port = {each: opened.port(f"total_{name}.{each}") for each in (
                "row", "amount", "weighed", "limit", "forces", "held", "over", "over_if",
                "commit")}
            over, is_held = port["over"], 1
            if registered:
                is_held = order.looked(port["held"], f"{name}_held", given + 1)
                if name not in _TOLD:
                    over = Mux(delayed(m, port["commit"], f"spec_{name}_before"),
                               port["over_if"][1], port["over_if"][0])
            m.d.comb += [
                Assert(~order.passes | (
                    order.verdict(port["commit"], f"{name}_commit") == (name not in _TOLD))),
                Assert(~order.passes | ~order.looked(port["forces"], f"{name}_forces", given)),
                Assert(~order.passes | ~is_open | (
                    order.looked(port["row"], f"{name}_row") == rows[scope])),
                Assert(~order.passes | (
                    order.looked(port["amount"], f"{name}_amount", given).as_signed()
                    == Mux(is_open & on(adds), amounts[amount], 0))),
                Assert(~order.opens | ~on(held) | (amounts[amount] == 0) | (
                    ~order.verdict(over, f"{name}_over") & is_held
                    & (order.looked(port["weighed"], f"{name}_weighed", given).as_signed()
                       == amounts[amount]))),
            ]
            if limit:
                table, _, field = limit.partition(".")
                row = getattr(opened.port(f"limits.{table}"), field) if field else Const(int(limit))
                m.d.comb += Assert(~order.opens | (
                    order.looked(port["limit"], f"{name}_limit", given)
                    == order.looked(row, f"{name}_row_limit", 1)[:len(port["limit"])]))
        return opened.inputs()

    return make


def use(registered):
    def make(m):
        order = _Order(m, registered, cut=_CUT)
        gate, opened, lead = order.gate, order.opened, 3 if registered else 1
        state, names = opened.state("settlement.fsm")
        m.d.comb += [
            Assert(~gate.busy | ~(order.enters | opened.port("settlement.operate")
                                  | opened.port("refill.done"))),
            # For the induction: what is settled waits for the sweep before it begins.
            Assert(~gate.busy | Cat(
                state == names[name]
                for name in ("Idle", "Wait", "Load Wait", "Clear Wait")).any()),
        ]
        for name in _ACCUMULATORS:
            looks = [opened.port(f"{name}.looks")]
            for at in range(1, lead + 3):
                looks.append(delayed(m, looks[-1], f"spec_{name}_looks_{at}"))
            settles = delayed(m, opened.port("settlement.operate"), f"spec_{name}_settles",
                              lead + 1 + registered)
            m.d.comb += [
                Assert(~opened.port(f"{name}.commit") | looks[lead + 1]),
                Assert(~(opened.port(f"{name}.sweep") & Cat(looks).any())),
                Assert(~(settles & looks[lead])),
            ]
        gone = opened.port("self_match.gone")
        entered = [order.enters]
        for at in range(1, gate.latency + 1):
            entered.append(delayed(m, entered[-1], f"spec_entered_{at}"))
        m.d.comb += [
            Assert(~gone | ~Cat(entered).any()),
            Assert(~order.enters | ~delayed(m, gone, "spec_gone")),
            Assert(~opened.port("self_match.commit") | entered[gate.latency - 1]),
        ]
        fills = delayed(m, opened.port("refill.done"), "spec_fills", lead + 1 + registered)
        for name in _RATES:
            row = opened.port(f"{name}.row")
            behind = delayed(m, row, f"spec_{name}_behind", lead)
            before = delayed(m, row, f"spec_{name}_row", lead + 1)
            m.d.comb += Assert(~(fills & looks[lead] & (behind == before)))
        return opened.inputs()

    return make
