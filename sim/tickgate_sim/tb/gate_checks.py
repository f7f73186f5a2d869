"""Each check of the gate alone, each two together, and each limit one below, at and one above."""

from dataclasses import replace
from itertools import combinations

import cocotb
from tickgate.records.messages import OrderRequest
from tickgate.risk.checks import BY_NAME, CHECKS

from tickgate_sim.models.gate import GateModel, Limits, References, Top
from tickgate_sim.tb.gate_driver import (
    CLEARING_FIRMS,
    GROUPS,
    NEVER,
    OPEN_CREDIT,
    OPEN_RATE,
    GateDriver,
    symbol_row,
)

ACCOUNTS, SYMBOLS, OPEN_ORDERS, RECENT_ORDERS, OWN_PRICES = 2, 4, 16, 16, 2
SIZES = ACCOUNTS, SYMBOLS, GROUPS, CLEARING_FIRMS
ACCOUNT, SYMBOL, STRATEGY = 1, 2, 31
PRICE, QUANTITY = 1_000_001, 101  # on no tick but 0.0001, in no lot but 1
VALUE = PRICE * QUANTITY
FREE = (1 << 63) - 1
MAX_AGE = 3
NATIONAL, LULD, WINDOW = 0b001, 0b010, 0b100
"""Bits of references that are waived."""

AT = {  # the first word of each limit, and how many: in a row of an account, of its owners
    "max_quantity": (1, 1), "max_value": (2, 2), "max_orders": (7, 1), "open_quantity": (8, 2),
    "open_value": (10, 2), "day_quantity": (12, 2), "day_value": (14, 2), "gross_credit": (16, 2),
    "net_credit": (18, 2),
    **{f"{who}_{name}_credit": (at, 2)
       for who in ("firm", "group", "clearing_firm") for name, at in (("gross", 2), ("net", 4))},
}
OWNERS = {"firm": "firm", "grou": "group", "clea": "clearing"}
"""Rows of those that accounts belong to, by how the names of their checks begin."""


class Case:
    """An order that passes, and what spoils it."""

    def __init__(self, model):
        self.model = model
        self.order = {"price": PRICE, "quantity": QUANTITY, "side": "B", "action": "O"}
        self.states = {}
        self.top = Top(PRICE, PRICE)
        self.account = [1, 10**6, *_words(FREE, 2), 0, 65535, 0x1FF, 1000]
        for _ in range(6):
            self.account += _words(FREE, 2)
        self.account += [0, 0, 0, *OPEN_RATE, NEVER]
        self.symbol = [*symbol_row(1, 1000, 0, 0, 0, 500, MAX_AGE, 0)]
        self.session = [1, *OPEN_RATE]
        self.strategy = [1, NEVER]
        self.references = References(
            national_bid=PRICE - 1, band_low=PRICE, band_high=PRICE, window=PRICE)
        self.age = 0
        """Milliseconds since the references came; None: they never do."""
        self.pair = [10**6, 10**6, 8, 2**31 - 1]
        self.owners = {name: list(OPEN_CREDIT[0]) for name in OWNERS.values()}

    def limit(self, name, value):
        """Set a limit by its name."""
        row = self.owners[OWNERS[name[:4]]] if name[:4] in OWNERS else self.account
        at, words = AT[name]
        row[at:at + words] = _words(value, words)

    def used(self, name):
        """What counts towards a limit, with this order."""
        model = self.model
        traded = model.traded[ACCOUNT]
        mine, everyone = model.credit([ACCOUNT]), model.credit([*range(ACCOUNTS)])
        working = model.working(ACCOUNT)
        return {
            "max_quantity": QUANTITY, "max_value": VALUE, "max_orders": len(working) + 1,
            "open_quantity": sum(order.remaining for order in working) + QUANTITY,
            "open_value": sum(order.reserved for order in working) + VALUE,
            "day_quantity": traded.ordered + QUANTITY, "day_value": traded.ordered_value + VALUE,
            "gross_credit": mine[0] + VALUE, "net_credit": mine[1] + VALUE,
            **{f"{who}_{name}_credit": everyone[place] + VALUE
               for who in ("firm", "group", "clearing_firm")
               for place, name in enumerate(("gross", "net"))},
        }[name]

    def limits(self):
        """The image."""
        return Limits(
            account={ACCOUNT: tuple(self.account)}, symbol={SYMBOL: tuple(self.symbol)},
            position={(ACCOUNT, SYMBOL): tuple(self.pair)}, firm=tuple(self.owners["firm"]),
            group={0: tuple(self.owners["group"])}, clearing={0: tuple(self.owners["clearing"])},
            session={3: tuple(self.session)}, strategy={STRATEGY: tuple(self.strategy)})

    def spoil(self, name):
        """Make one check fail."""
        if name in AT:
            self.limit(name, max(0, self.used(name) - 1))
            return
        {
            "gate_closed": lambda: self.states.update(armed=False),
            "kill_all": lambda: self.states.update(kill_all=1),
            "kill_session": lambda: self.states.update(kill_session=1 << 3),
            "kill_account": lambda: self.states.update(kill_account=1 << ACCOUNT),
            "kill_symbol": lambda: self.states.update(kill_symbol=1 << SYMBOL),
            "no_limits": lambda: self.account.__setitem__(0, 0),
            "host_stale": lambda: self.states.update(watchdog=False),
            "venue_down": lambda: self.states.update(session_up=False),
            "events_full": lambda: self.states.update(events_room=False),
            "malformed": lambda: self.order.update(reserved_b=1),
            "token": lambda: self.order.update(user_ref_num=0),
            "halted": lambda: self._top(trading_state="H"),
            "no_reference": lambda: self._top(stale=True),
            "price_collar": lambda: (
                self._top(bid=PRICE + 1, ask=PRICE - 1), self.symbol.__setitem__(1, 0)),
            "position_limit": lambda: self.pair.__setitem__(slice(0, 2), [0, 0]),
            "message_rate": lambda: self.account.__setitem__(5, 0),
            "session_rate": lambda: self.session.__setitem__(2, 0),
            "symbol_rate": lambda: self.symbol.__setitem__(9, 0),
            "cancel_rate": lambda: self.account.__setitem__(24, 0),
            "entitlement": lambda: self.pair.__setitem__(2, self.pair[2] & ~8),
            "restricted": lambda: self.symbol.__setitem__(4, 0b111),
            "permission": lambda: self.account.__setitem__(6, self.account[6] & ~(1 << 4)),
            "tick": lambda: self.symbol.__setitem__(2, 0b111),
            "lot": lambda: self.symbol.__setitem__(3, 0b10011),
            "short_mark": lambda: self.order.update(side="S"),
            "lease": lambda: self.states.update(lease=False),
            "session_phase": lambda: self._top(phase="E"),
            "short_price": lambda: (
                self.order.update(side="T"), self._top(reg_sho="1"),
                self.refer(national_bid=PRICE)),
            "duplicative": lambda: (
                self.states.update(duplicate=True), self.account.__setitem__(22, 10**6)),
            "self_match": lambda: (
                self.states.update(self_match=True),
                self.account.__setitem__(6, self.account[6] & ~(1 << 8))),
            "locate_budget": lambda: (self.order.update(side="T"), self.pair.__setitem__(3, 0)),
            "luld_band": lambda: self.refer(band_low=PRICE + 1, band_high=PRICE - 1),
            "window_collar": lambda: self.refer(window=0),
            "reference_age": lambda: setattr(self, "age", MAX_AGE + 1),
            "kill_strategy": lambda: self.states.update(kill_strategy=1 << STRATEGY),
            "algo_id": lambda: self.strategy.__setitem__(0, 0),
            "repeated_executions": lambda: self.strategy.__setitem__(1, 0),
            "consecutive_rejects": lambda: self.account.__setitem__(25, 0),
        }[name]()

    def refer(self, **changes):
        """Change references."""
        self.references = replace(self.references, **changes)

    def _top(self, **changes):
        self.top = Top(**{
            "bid": self.top.bid, "ask": self.top.ask, "trading_state": self.top.trading_state,
            "stale": self.top.stale, "phase": self.top.phase, "reg_sho": self.top.reg_sho,
            **changes})


def _words(value, words):
    return [value >> 32 * word & 0xFFFF_FFFF for word in range(words)]


def never_alone(name):
    """What fails with a check whatever else is right: a stopped watchdog closes the gate."""
    return {"gate_closed"} if name == "host_stale" else set()


def apart(one, other):
    """Whether two checks are never told together: what an order without sense is not asked."""
    states = {"gate_closed", "kill_all", "kill_session", "kill_account", "kill_symbol",
              "kill_strategy", "no_limits", "host_stale", "venue_down", "events_full", "lease"}
    unlimited = {"token", "halted", "no_reference"} | states
    for name, friends in (("malformed", states), ("no_limits", unlimited | {"malformed"})):
        if name in (one, other) and not {one, other} - {name} <= friends:
            return True
    # A long sale is no short sale.
    short = {"short_price", "locate_budget"}
    return {one, other} in (
        {"no_reference", "price_collar"}, {"algo_id", "repeated_executions"}) or (
        "short_mark" in (one, other) and bool({one, other} & short))


class Bench(GateDriver):
    """A gate and its model."""

    def __init__(self, dut):
        super().__init__(dut, symbols=SYMBOLS, accounts=ACCOUNTS)
        self.model = GateModel(
            symbols=SYMBOLS, accounts=ACCOUNTS, open_orders=OPEN_ORDERS, groups=GROUPS,
            clearing=CLEARING_FIRMS, recent_orders=RECENT_ORDERS, own_prices=OWN_PRICES)
        self.token, self.generation = 0, 0
        self.image, self.shadow = None, None
        """Images in force and in the shadow bank, once they were written."""

    async def open(self):
        """List the symbol."""
        await self.start()
        self.model.listed.add(SYMBOL)
        await self.list_symbol(SYMBOL, "AAPL")
        return self

    async def pass_one(self, **changes):
        """Let an order pass that is as a case's own, but for its limits."""
        case = Case(self.model)
        case.order.update(changes)
        assert await self.ask_case(case, give_back=False) == 0
        return self.token

    async def tell_both(self, *args, **kwargs):
        """Give gate and model one venue message."""
        await self.tell(*args, **kwargs)
        self.model.venue(self.log[-1][1])

    async def ask_case(self, case, give_back=True):
        """Set everything as the case says, ask, and compare with the model; the answer."""
        if not case.states.get("self_match"):
            return await self._ask_again(case, give_back)
        other = await self.pass_one(
            side="E" if case.order["side"] == "B" else "B", quantity=QUANTITY + 1)
        checks = await self._ask_again(case, give_back)
        await self.tell_both("J", other)
        return checks

    async def _ask_again(self, case, give_back):
        if not case.states.get("duplicate"):
            return await self._ask_case(case, give_back)
        order = {name: case.order[name] for name in ("price", "quantity", "side")}
        if order["side"] != "S":
            await self.tell_both("J", await self.pass_one(**order))
            return await self._ask_case(case, give_back)
        # A long sale passes once, if there are shares for one.
        bought = await self.pass_one(**order | {"side": "B"})
        await self.tell_both("E", bought, QUANTITY, match_number=1, price=PRICE)
        sold = await self.pass_one(**order)
        checks = await self._ask_case(case, give_back)
        await self.tell_both("E", sold, QUANTITY, match_number=2, price=PRICE)
        return checks

    async def _put_in_force(self, image):
        """Upload what the shadow bank does not hold yet, and commit as a new generation."""
        held = set(self.shadow.words(*SIZES) if self.shadow else ()) & set(image.words(*SIZES))
        self.generation += 1
        crc = image.crc(*SIZES)
        await self.upload(
            image, crc, self.generation, leave_out={address for address, _ in held})
        assert self.model.commit(image, crc, self.generation)
        self.image, self.shadow = image, self.image

    async def _ask_case(self, case, give_back):
        model, states = self.model, case.states
        opens = states.get("armed", True) and states.get("watchdog", True)
        if case.limits() != self.image or (opens and not model.armed and model.generation_used):
            await self._put_in_force(case.limits())
        if case.age is not None:
            model.upload(SYMBOL, case.references)
            await self.refer(SYMBOL, case.references)
            for _ in range(case.age):
                model.tick()
                await self.tick()
        model.kill_all = states.get("kill_all", 0)
        model.kill_session = states.get("kill_session", 0)
        model.kill_account = states.get("kill_account", 0)
        model.kill_symbol = states.get("kill_symbol", 0)
        model.kill_strategy = states.get("kill_strategy", 0)
        model.session_up = states.get("session_up", True)
        model.events_room = states.get("events_room", True)
        model.watchdog_timeout = 100 * states.get("watchdog", True)
        model.touch()
        if opens:
            model.arm()
        else:
            model.armed = False
        model.lease_ms = 100 * states.get("lease", True)
        model.renew(model.generation)
        for name, value in (
            ("session_up", model.session_up), ("events_room", model.events_room),
            ("kill_all__on", model.kill_all), ("kill_session__mask", model.kill_session),
            ("kill_account_0__mask", model.kill_account),
            ("kill_symbol_0__mask", model.kill_symbol),
            ("kill_strategy__mask", model.kill_strategy),
            ("watchdog_timeout__ms", model.watchdog_timeout),
        ):
            getattr(self.dut, name).value = value
        await self.strobe("watchdog_touch__touch")
        await self.lease(model.lease_ms, model.generation)
        await self.strobe("control__arm" if model.armed else "control__disarm")
        self.tops[SYMBOL] = case.top

        self.token += 1
        request = OrderRequest(**{
            "user_ref_num": self.token, "account": ACCOUNT, "symbol": SYMBOL, "session": 3,
            "time_in_force": "0", "display": "Y", "capacity": "P", "intermarket_sweep": "N",
            "cross_type": "N", "clordid": "x", "strategy": STRATEGY, **case.order})
        verdict = model.order(request, case.top)
        decision = await self.ask(request)
        assert (decision.checks, decision.first_check) == (verdict.checks, verdict.first)
        if verdict.passed and give_back:
            await self.tell_both("J", request.user_ref_num)
        return decision.checks


def mask(names):
    return sum(1 << BY_NAME[name].bit for name in names)


@cocotb.test(timeout_time=1, timeout_unit="sec")
async def each_check_fails_alone(dut):
    bench = await Bench(dut).open()
    assert await bench.ask_case(Case(bench.model)) == 0
    for check in CHECKS:
        case = Case(bench.model)
        case.spoil(check.name)
        wanted = {check.name} | never_alone(check.name)
        assert await bench.ask_case(case) == mask(wanted), check.name
        assert await bench.ask_case(Case(bench.model)) == 0


@cocotb.test(timeout_time=1, timeout_unit="sec")
async def each_two_fail_together(dut):
    bench = await Bench(dut).open()
    together = 0
    for one, other in combinations((check.name for check in CHECKS), 2):
        case = Case(bench.model)
        case.spoil(one)
        case.spoil(other)
        checks = await bench.ask_case(case)
        both = mask({one, other})
        assert (checks & both == both) != apart(one, other), (one, other, hex(checks))
        together += not apart(one, other)
    dut._log.info("%d pairs fail together", together)
    assert together > 500


@cocotb.test(timeout_time=1, timeout_unit="sec")
async def each_limit_binds_at_its_value(dut):
    bench = await Bench(dut).open()
    await bench.ask_case(Case(bench.model))
    for name in AT:
        for distance, fails in ((-1, True), (0, False), (1, False)):
            case = Case(bench.model)
            case.limit(name, case.used(name) + distance)
            assert await bench.ask_case(case) == mask({name} if fails else ()), (name, distance)
    for side, at in (("B", 0), ("T", 1)):
        for distance, fails in ((-1, True), (0, False), (1, False)):
            case = Case(bench.model)
            case.order["side"] = side
            case.pair[at] = QUANTITY + distance
            assert await bench.ask_case(case) == mask({"position_limit"} if fails else ())
    for price, tick, good in (
        (100, 0b111, True), (150, 0b111, False), (150, 0b101, True), (125, 0b101, False),
        (1_999_999_900, 0b111, True), (1_999_999_899, 0b111, False), (1, 0, True),
    ):
        case = Case(bench.model)
        case.order["price"], case.order["quantity"] = price, 1
        case.symbol[1], case.symbol[2] = 0xFFFF_FFFF, tick
        case.symbol[7] = NATIONAL | LULD | WINDOW
        assert await bench.ask_case(case) == mask(() if good else {"tick"}), (price, tick)
    for quantity, lot, good in (
        (10, 0b01001, True), (15, 0b01001, False), (12, 0b01001, False), (40, 0b01111, True),
        (80, 0b01111, True), (60, 0b01111, False), (100, 0b10011, True), (150, 0b10011, False),
        (999_900, 0b10011, True), (999_999, 0b10011, False), (999_999, 0, True),
    ):
        case = Case(bench.model)
        case.order["price"], case.order["quantity"] = PRICE, quantity
        case.symbol[3] = lot
        assert await bench.ask_case(case) == mask(() if good else {"lot"}), (quantity, lot)


AROUND = ((-1, True), (0, False), (1, False))
"""A distance to a limit, and whether it refuses; of limits that bind on the other side, negated."""


@cocotb.test(timeout_time=1, timeout_unit="sec")
async def each_reference_binds_at_its_value(dut):
    bench = await Bench(dut).open()
    sale = {"side": "T"}
    for distance, fails in AROUND:
        for check, order, changes in (
            ("luld_band", {}, {"band_high": PRICE + distance}),
            ("luld_band", sale, {"band_low": PRICE - distance}),
            ("window_collar", {}, {"window": PRICE - 500 + distance}),
            ("window_collar", sale, {"window": PRICE + 500 - distance}),
            ("short_price", sale, {"national_bid": PRICE - 1 - distance}),
        ):
            case = Case(bench.model)
            case.order.update(order)
            case.refer(**changes)
            case.top = Top(PRICE, PRICE, reg_sho="2")  # at the venue's own bid: it isn't asked
            assert await bench.ask_case(case) == mask({check} if fails else ()), (check, distance)

        case = Case(bench.model)
        case.age = MAX_AGE - distance
        assert await bench.ask_case(case) == mask({"reference_age"} if fails else ()), distance
    for at, value in ((5, 0), (5, 0xFFFF_FFFF), (6, 0), (6, 0xFFFF_FFFF)):
        case = Case(bench.model)
        case.symbol[at] = value
        assert await bench.ask_case(case) == 0, (at, value)


@cocotb.test(timeout_time=1, timeout_unit="sec")
async def a_reference_that_is_not_known_refuses_unless_it_is_waived(dut):
    bench = await Bench(dut).open()
    short = {"side": "T"}
    for order, checks in (({}, {}), (short, {"short_price": NATIONAL})):
        needed = {"luld_band": LULD, "window_collar": WINDOW, **checks}
        for waived in range(8):
            case = Case(bench.model)
            case.order.update(order)
            case.symbol[7] = waived
            case.age = None
            # Below the venue's own bid the sale is right when that is what it is held to.
            case.top = Top(PRICE - 1, PRICE, reg_sho="1")
            wanted = {check for check, bit in needed.items() if not waived & bit}
            wanted |= {"reference_age"} if waived != 7 else set()
            assert await bench.ask_case(case) == mask(wanted), (order, waived)
    for change in ({"band_low": 0}, {"band_high": 0}):  # half a band is none, for either side
        for side in "BT":
            case = Case(bench.model)
            case.order["side"] = side
            case.refer(**change)
            assert await bench.ask_case(case) == mask({"luld_band"}), (change, side)


@cocotb.test(timeout_time=1, timeout_unit="sec")
async def a_price_test_that_is_waived_nationally_is_the_venues_own(dut):
    bench = await Bench(dut).open()
    for bid, fails in ((PRICE - 1, False), (PRICE, True), (0, True)):
        case = Case(bench.model)
        case.order["side"] = "T"
        case.symbol[7] = NATIONAL
        case.refer(national_bid=PRICE + 1)
        case.top = Top(bid, PRICE, reg_sho="1")
        assert await bench.ask_case(case) == mask({"short_price"} if fails else ()), bid
