"""The gate, one property at a time, on a card of 4 symbols, 2 accounts and 16 open orders."""

import os

import cocotb
from tickgate.records.messages import OrderRequest
from tickgate.risk.checks import BY_NAME, CHECKS

from tickgate_sim.models.gate import Limits, References, Top, Update
from tickgate_sim.tb.gate_driver import (
    CLEARING_FIRMS,
    EVERY_SESSION,
    EVERY_STRATEGY,
    GROUPS,
    NEVER,
    OPEN_CREDIT,
    OPEN_RATE,
    GateDriver,
    symbol_row,
)

ACCOUNTS, SYMBOLS = 2, 4
SIZES = ACCOUNTS, SYMBOLS, GROUPS, CLEARING_FIRMS
ACCOUNT, SYMBOL, STRATEGY = 1, 2, 9
REGISTERED = os.environ.get("GATE_REGISTERED") == "1"
VERDICT_CYCLES = 6 if REGISTERED else 3
VENUE_CYCLES = 15 if REGISTERED else 13

MANY = 2**31 - 1
FREE = (0xFFFF_FFFF, 0x7FFF_FFFF)
"""A limit of money that nothing reaches, in two words."""


def account(quantity, low, high, rate, burst, *, permissions=0x1FF, orders=1000, owners=(0, 0),
            window=0, cancels=OPEN_RATE, rejects=NEVER, **more):
    """A row of an account; ``more``: totals that are limited, by name."""
    names = ("open_quantity", "open_value", "day_quantity", "day_value", "gross", "net")
    totals = dict.fromkeys(names, FREE) | {
        name: (value & 0xFFFF_FFFF, value >> 32) for name, value in more.items()}
    return (1, quantity, low, high, rate, burst, permissions, orders,
            *(word for name in names for word in totals[name]), *owners, window, *cancels,
            rejects)


def symbol(collar, *, window=0, age=0, waived=0b111):
    """A row of a symbol, which waives the uploaded references if nothing else is said."""
    return 1, collar, 0, 0, 0, window, age, waived


def limits(accounts, *, symbols=None, positions=None, firm=OPEN_CREDIT[0], group=None,
           clearing=None, sessions=None, strategies=None):
    """An image with this account, and what the others need."""
    return Limits(
        account=accounts,
        symbol={index: row if len(row) > 8 else symbol_row(*row) for index, row in (
            {SYMBOL: (1, 500), 1: (1, 0)} if symbols is None else symbols).items()},
        session=EVERY_SESSION if sessions is None else sessions,
        strategy=EVERY_STRATEGY if strategies is None else strategies,
        position={(ACCOUNT, SYMBOL): (2000, 3000, 8, MANY), (0, SYMBOL): (10**6, 10**6, 8, MANY)}
        if positions is None else positions,
        firm=firm, group=OPEN_CREDIT if group is None else group,
        clearing=OPEN_CREDIT if clearing is None else clearing)


LIMITS = limits({ACCOUNT: account(1000, 10**9, 0, 0, 100), 0: account(10**6, 0, 1 << 20, 0, 2)})
GOOD = OrderRequest(
    user_ref_num=1, price=1_000_200, quantity=100, account=ACCOUNT, symbol=SYMBOL, session=3,
    action="O", side="B", time_in_force="0", display="Y", capacity="P", intermarket_sweep="N",
    cross_type="N", clordid="directed", strategy=STRATEGY)


def test(function):
    return cocotb.test(timeout_time=1, timeout_unit="sec")(function)


def mask(*names):
    return sum(1 << BY_NAME[name].bit for name in names)


class Bench(GateDriver):
    """A gate that lets :data:`GOOD` orders through, once ``open`` was awaited."""

    def __init__(self, dut):
        super().__init__(dut, symbols=SYMBOLS, accounts=ACCOUNTS)
        self.token = 0
        for symbol in range(SYMBOLS):
            self.tops[symbol] = Top(1_000_000, 1_000_200)

    async def open(self, image=LIMITS):
        await self.start()
        await self.set_up(image)
        return self

    async def set_up(self, image):
        """What lets orders pass after a reset."""
        self.token = 0
        self.dut.session_up.value = 1
        self.dut.events_room.value = 1
        await self.list_symbol(SYMBOL, "AAPL")
        await self.upload(image, image.crc(*SIZES), 1)
        await self.write("watchdog_timeout__ms", 1000)
        await self.strobe("watchdog_touch__touch")
        await self.lease(MANY, 1)
        await self.strobe("control__arm")
        await self.settle()

    async def arm_again(self, image=LIMITS):
        """Open a gate that was disarmed: the limits as another generation, then arm."""
        generation = int(self.dut.limit_active_generation__value.value) + 1
        await self.upload(image, image.crc(*SIZES), generation)
        await self.lease(MANY, generation)
        await self.strobe("control__arm")

    def good(self, **changes):
        """A good order with the next UserRefNum, and changes."""
        self.token += 1
        return GOOD._replace(**{"user_ref_num": self.token, **changes})

    async def checks(self, **changes):
        """Ask for a good order with changes; the bitmask of the answer."""
        decision = await self.ask(self.good(**changes))
        failing = [check.bit for check in CHECKS if decision.checks >> check.bit & 1]
        assert decision.first_check == (failing[0] if failing else 255)
        return decision.checks

    async def done(self, **changes):
        """Ask for a good order that must pass, and let the venue cancel it at once."""
        assert await self.checks(**changes) == 0
        await self.tell("J", changes.get("user_ref_num", self.token))


@test
async def is_closed_after_reset(dut):
    bench = Bench(dut)
    await bench.start()
    dut.session_up.value = 1
    dut.events_room.value = 1
    await bench.strobe("control__arm")
    assert await bench.checks() == mask(
        "gate_closed", "no_limits", "host_stale", "malformed", "lease")
    assert not dut.status__armed.value
    assert not dut.status__limits_valid.value
    assert (await bench.ask(GOOD._replace(action="X", price=0))).checks == 0
    assert await bench.exposure(ACCOUNT, SYMBOL) == (0, 0, 0)


@test
async def states_refuse_alone(dut):
    bench = await Bench(dut).open()
    await bench.done()
    for name, value, check in (
        ("kill_all__on", 1, "kill_all"),
        ("kill_session__mask", 1 << 3, "kill_session"),
        ("kill_account_0__mask", 1 << ACCOUNT, "kill_account"),
        ("kill_symbol_0__mask", 1 << SYMBOL, "kill_symbol"),
        ("kill_strategy__mask", 1 << STRATEGY, "kill_strategy"),
    ):
        await bench.strobe(name, value)
        assert dut.status__kill_any.value
        assert await bench.checks() == mask(check)
        cancel = await bench.ask(bench.good(action="X", quantity=0, price=0))
        assert cancel.checks == 0
        others = {"kill_all__on": 0, "kill_session__mask": ~(1 << 3) & 0xFFFF_FFFF,
                  "kill_account_0__mask": 1, "kill_symbol_0__mask": ~(1 << SYMBOL) & 0xFFFF_FFFF,
                  "kill_strategy__mask": ~(1 << STRATEGY) & 0xFFFF_FFFF}
        await bench.strobe(name, others[name])
        await bench.done()
        await bench.strobe(name, 0)
    await bench.strobe("kill_symbol_1__mask", 0xFFFF_FFFF)
    await bench.done()
    await bench.strobe("kill_symbol_1__mask", 0)
    for name, check in (("events_room", "events_full"), ("session_up", "venue_down")):
        await bench.write(name, 0)
        assert await bench.checks() == mask(check)
        cancel = await bench.ask(bench.good(action="X", quantity=0, price=0))
        assert cancel.checks == (mask(check) if check == "venue_down" else 0)
        await bench.write(name, 1)
        await bench.done()
    await bench.strobe("control__disarm")
    assert await bench.checks() == mask("gate_closed")
    assert (await bench.ask(bench.good(action="X", quantity=0, price=0))).checks == 0
    await bench.arm_again()
    await bench.done()


@test
async def fields_out_of_range_are_malformed(dut):
    bench = await Bench(dut).open()
    for change in ({"price": 0}, {"quantity": 0}, {"side": "b"}, {"time_in_force": "5"},
                   {"reserved_b": 1}, {"action": "o"}):
        assert await bench.checks(**change) == mask("malformed"), change
    assert await bench.checks(quantity=1_000_000) == mask("malformed")
    assert await bench.checks(price=1_999_999_901) == mask("malformed")
    for change in ({"account": ACCOUNTS}, {"account": 65535}, {"symbol": SYMBOLS},
                   {"symbol": 65535}, {"session": 32}, {"session": 65535}):
        assert await bench.checks(**change) == mask("malformed", "no_limits"), change
    assert await bench.checks(symbol=1) == mask("malformed")  # has limits, but is not listed
    assert int(dut.last_token__value.value) == 0
    for change in ({"reserved_b": 1}, {"quantity": 1_000_000}):
        cancel = bench.good(action="X", price=0)._replace(**change)
        assert (await bench.ask(cancel)).checks == mask("malformed")
    for side in "BTE":
        price = 1_000_200 if side == "B" else 1_000_000
        await bench.done(side=side, price=price, time_in_force="3", session=31)


@test
async def limits_bind_at_their_values(dut):
    bench = await Bench(dut).open()
    collar = 500
    for change, check in (
        ({"quantity": 1000, "price": 1_000_000}, None),
        ({"quantity": 1001, "price": 900_000}, "max_quantity"),
        ({"quantity": 999, "price": 1_000_700}, None),
        ({"quantity": 1000, "price": 1_000_001}, "max_value"),
        ({"price": 1_000_200 + collar}, None),
        ({"price": 1_000_200 + collar + 1}, "price_collar"),
        ({"side": "T", "price": 1_000_000 - collar}, None),
        ({"side": "T", "price": 1_000_000 - collar - 1}, "price_collar"),
        ({"side": "B", "price": 1}, None),
    ):
        if check is None:
            await bench.done(**change)
        else:
            assert await bench.checks(**change) == mask(check), change


@test
async def the_collar_needs_a_reference(dut):
    bench = await Bench(dut).open()
    sell = {"side": "T"}
    for top, changes, check in (
        (Top(1_000_000, 0), {"price": 1_000_500}, None),  # the near touch stands in
        (Top(1_000_000, 0), {"price": 1_000_501}, "price_collar"),
        (Top(0, 1_000_000), {"price": 999_500, **sell}, None),
        (Top(0, 1_000_000), {"price": 999_499, **sell}, "price_collar"),
        (Top(400, 1_000_000), {"price": 1, **sell}, None),  # bid less collar is below 0
        (Top(0, 0), {}, "no_reference"),
        (Top(1_000_000, 1_000_200, stale=True), {}, "no_reference"),
        (Top(1_000_000, 1_000_200, "H"), {}, "halted"),
        (Top(1_000_000, 1_000_200, " "), {}, "halted"),
    ):
        bench.tops[SYMBOL] = top
        if check is None:
            await bench.done(**changes)
        else:
            assert await bench.checks(**changes) == mask(check), (top, changes)
        assert (bench.decisions[-1].bid, bench.decisions[-1].ask) == (top.bid, top.ask)


@test
async def open_orders_count_as_filled(dut):
    bench = await Bench(dut).open()
    bench.tops[SYMBOL] = Top(10_000, 10_000)
    cheap = {"price": 10_000}
    for quantity in (1000, 999):
        assert await bench.checks(quantity=quantity, **cheap) == 0
    assert await bench.checks(quantity=2, **cheap) == mask("position_limit")
    assert await bench.checks(quantity=1, **cheap) == 0
    assert await bench.exposure(ACCOUNT, SYMBOL) == (0, 2000, 0)
    for _ in range(3):
        assert await bench.checks(quantity=1000, side="T", **cheap) == 0
    assert await bench.checks(quantity=1, side="T", **cheap) == mask("position_limit")
    await bench.tell("E", 1, 1000, match_number=9)
    assert await bench.exposure(ACCOUNT, SYMBOL) == (1000, 1000, 3000)
    assert await bench.checks(quantity=1000, side="T", **cheap) == 0
    await bench.tell("B", 1, match_number=9)
    assert await bench.exposure(ACCOUNT, SYMBOL) == (0, 1000, 4000)
    assert await bench.exposure(0, SYMBOL) == (0, 0, 0)


@test
async def back_to_back_orders_see_each_other(dut):
    bench = await Bench(dut).open()
    bench.tops[SYMBOL] = Top(10_000, 10_000)
    for _ in range(6):
        bench.orders.append(bench.good(quantity=700, price=10_000))
    await bench.settle()
    assert [decision.checks for decision in bench.decisions] == [0, 0] + 4 * [
        mask("position_limit")]


@test
async def tokens_are_used_once(dut):
    bench = await Bench(dut).open()
    await bench.done(user_ref_num=5)
    for token in (0, 4, 5):
        assert await bench.checks(user_ref_num=token) == mask("token")
    assert await bench.checks(user_ref_num=6) == 0
    assert await bench.checks(user_ref_num=6 + 16) == mask("token")  # its slot is taken
    await bench.tell("C", 6, 100)
    assert await bench.checks(user_ref_num=6 + 32) == 0
    assert int(dut.last_token__value.value) == 38
    await bench.tell("E", 22, 10)  # the token that was refused has no order
    assert int(dut.count_unknown_token__count.value) == 1


@test
async def latency_is_fixed(dut):
    bench = await Bench(dut).open()
    for changes in ({}, {"quantity": 5000}, {"side": "?"}, {"action": "X"}):
        await bench.checks(**changes)
        arrived = bench.cycles["order"][-1]
        decision = bench.decisions[-1]
        assert decision.gate_cycles == VERDICT_CYCLES
        if decision.checks == 0:
            assert bench.cycles["passed"][-1] == arrived + VERDICT_CYCLES
            assert decision.wire_cycles == VERDICT_CYCLES + 2  # the bench answers two cycles later
        else:
            assert bench.cycles["decision"][-1] == arrived + VERDICT_CYCLES + 2
            assert decision.wire_cycles == 0
    for update in (Update("A", 1, 100), Update("E", 1, 50, match_number=4), Update("C", 1, 50)):
        offered = bench.cycle + 1
        bench.updates.append(update)
        await bench.settle()
        assert bench.cycles["venue"][-1] == offered + 1 + VENUE_CYCLES
    await bench.checks(action="X")
    bench.updates.append(Update("C", 9, 1))
    bench.orders.append(bench.good())
    await bench.settle()  # the order waits for the venue message, and its age says so
    assert bench.log[-2][0] == "venue"
    assert bench.decisions[-1].gate_cycles > VERDICT_CYCLES


@test
async def neither_side_starves(dut):
    bench = await Bench(dut).open()
    for index in range(20):
        bench.orders.append(bench.good(quantity=0))
        bench.updates.append(Update("E", 1000 + index, 1))
    await bench.settle()
    kinds = [kind for kind, _ in bench.log]
    assert kinds[:38] == ["venue", "order"] * 19


@test
async def a_kill_holds_for_the_next_order(dut):
    bench = await Bench(dut).open()
    for delay in range(8):  # the write falls before, at and after the order's arrival
        await bench.strobe("kill_all__on", 0)
        bench.orders.append(bench.good())
        await bench.steps(delay)
        dut.kill_all__on.value = 1
        bench.pulse("kill_all__on__we")
        in_force = bench.cycle + 1
        count = len(bench.passed)
        await bench.settle()
        if bench.cycles["order"][-1] >= in_force:
            assert len(bench.passed) == count
            assert bench.decisions[-1].checks == mask("kill_all")
        assert await bench.checks() == mask("kill_all")
        await bench.tell("J", bench.token - 1)


@test
async def a_bad_image_is_refused_whole(dut):
    bench = await Bench(dut).open()
    wide = limits({ACCOUNT: account(10**6, 0, 1 << 20, 0, 65535)},
                  positions={(ACCOUNT, SYMBOL): (10**6, 10**6, 8, MANY)})
    crc = wide.crc(*SIZES)
    words = wide.words(*SIZES)
    narrow = {"quantity": 1001, "price": 900_000}
    for arguments in (
        {"crc": crc ^ 1, "generation": 2},
        {"crc": crc, "generation": 0},
    ):
        await bench.upload(wide, **arguments)
        assert dut.limit_status__bad_crc.value
        assert not dut.limit_status__committed.value
        assert int(dut.limit_computed_crc__value.value) == crc
        assert await bench.checks(**narrow) == mask("max_quantity")
        assert bench.decisions[-1].generation == 1
    # A shadow bank with other limits than announced, by one word that never arrived.
    tight = limits({ACCOUNT: account(1, 1, 0, 0, 1)}, symbols={}, positions={})
    await bench.upload(tight, tight.crc(*SIZES) ^ 1, 2)
    await bench.upload(wide, crc, 2, leave_out=[next(a for a, word in words if word > 1)])
    assert dut.limit_status__bad_crc.value
    assert await bench.checks(**narrow) == mask("max_quantity")
    await bench.upload(wide, crc, 2)
    assert dut.limit_status__committed.value
    assert await bench.checks(**narrow) == 0
    assert bench.decisions[-1].generation == 2
    kinds = [(event.kind, event.generation) for event in bench.events if event.kind in "LC"]
    assert kinds == [("L", 1), ("C", 1), ("C", 1), ("C", 1), ("C", 1), ("L", 2)]


@test
async def nothing_changes_behind_the_check(dut):
    bench = await Bench(dut).open()
    await bench.upload(LIMITS, LIMITS.crc(*SIZES), 2)
    for address, word in LIMITS.words(*SIZES):
        dut.limit_address__value.value = address
        bench.pulse("limit_address__value__we")
        await bench.step()
        dut.limit_data__value.value = word
        bench.pulse("limit_data__value__we")
        await bench.step()
    dut.limit_generation__value.value = 3
    dut.limit_crc__value.value = LIMITS.crc(*SIZES)
    bench.pulse("limit_commit__commit")
    await bench.steps(20)
    assert dut.limit_status__busy.value
    dut.limit_address__value.value = 32 * ACCOUNT + 1  # already read by the check
    bench.pulse("limit_address__value__we")
    await bench.step()
    dut.limit_data__value.value = 999_999
    bench.pulse("limit_data__value__we")
    bench.pulse("limit_commit__commit")
    await bench.steps(500)
    assert dut.limit_status__committed.value
    assert await bench.checks(quantity=1001, price=900_000) == mask("max_quantity")
    assert bench.decisions[-1].generation == 3


@test
async def the_shadow_bank_reads_back(dut):
    bench = await Bench(dut).open()
    await bench.upload(LIMITS, 0, 9)
    for address, word in LIMITS.words(*SIZES):
        dut.limit_read_address__value.value = address
        await bench.steps(4)
        assert int(dut.limit_read__value.value) == word
    for address in (32 * ACCOUNTS, 0x1000_0000 + 16 * SYMBOLS,
                    0x2000_0000 + 4 * SYMBOLS * ACCOUNTS, 0x3000_0008, 0x4000_0000 + 8 * GROUPS,
                    0x5000_0000 + 8 * CLEARING_FIRMS, 0x6000_0080, 0x7000_0040, 0x8000_0000,
                    0xF000_0000):
        dut.limit_read_address__value.value = address
        await bench.steps(4)
        assert int(dut.limit_read__value.value) == 0
        dut.limit_address__value.value = address
        bench.pulse("limit_address__value__we")
        await bench.step()
        dut.limit_data__value.value = 0xFFFF_FFFF
        bench.pulse("limit_data__value__we")
        await bench.step()
    await bench.commit(LIMITS.crc(*SIZES), 9)
    assert dut.limit_status__committed.value  # writes outside the tables changed nothing


@test
async def banks_swap_between_operations(dut):
    bench = await Bench(dut).open()
    wide = limits({ACCOUNT: account(10**6, 0, 1 << 20, 0, 65535)},
                  positions={(ACCOUNT, SYMBOL): (10**6, 10**6, 8, MANY)})
    tight = limits({ACCOUNT: account(10, 10, 0, 0, 65535)}, symbols={SYMBOL: symbol(0)},
                   positions={(ACCOUNT, SYMBOL): (10, 10, 8, MANY)})
    expected = {2: 0, 3: mask("max_quantity", "max_value", "position_limit", "price_collar")}
    seen = set()
    for offset in range(12):
        generation = 2 + offset % 2
        image = (wide, tight)[offset % 2]
        await bench.upload(image, image.crc(*SIZES) ^ 1, generation)
        dut.limit_crc__value.value = image.crc(*SIZES)
        bench.pulse("limit_commit__commit")
        start = len(bench.decisions)
        await bench.steps(len(image.words(*SIZES)) - 10 + offset)
        while not dut.limit_status__committed.value:
            if not bench.orders:
                bench.orders.append(bench.good(price=1_000_701, quantity=20))
            await bench.step()
        for _ in range(3):
            bench.orders.append(bench.good(price=1_000_701, quantity=20))
        await bench.settle()
        for decision in bench.decisions[start:]:
            want = expected.get(decision.generation, mask("price_collar"))
            if decision.generation == 2:
                want = mask("price_collar")
            assert decision.checks & ~mask("token") == want, (offset, decision)
            seen.add(decision.generation)
    assert seen >= {2, 3}


@test
async def the_watchdog_disarms(dut):
    bench = await Bench(dut).open()
    await bench.write("watchdog_timeout__ms", 3)
    await bench.strobe("watchdog_touch__touch")
    for _ in range(5):
        await bench.tick()
        await bench.tick()
        await bench.strobe("watchdog_touch__touch")
        assert await bench.checks() == 0
        await bench.tell("J", bench.token)
    for _ in range(3):
        await bench.tick()
    assert await bench.checks() == mask("gate_closed", "host_stale")
    assert (await bench.ask(bench.good(action="X", price=0))).checks == 0
    await bench.strobe("control__arm")  # not without a touch
    assert await bench.checks() == mask("gate_closed", "host_stale")
    await bench.strobe("watchdog_touch__touch")
    assert await bench.checks() == mask("gate_closed")  # a touch alone does not arm
    await bench.strobe("control__arm")  # nor a command with the limits of before
    assert await bench.checks() == mask("gate_closed")
    await bench.arm_again()
    await bench.done()
    await bench.write("watchdog_timeout__ms", 0)
    assert await bench.checks() == mask("gate_closed", "host_stale")
    assert [event.kind for event in bench.events] == list("LAWLAW")


@test
async def arming_again_needs_another_generation(dut):
    bench = await Bench(dut).open()
    crc = LIMITS.crc(*SIZES)

    async def arms():
        await bench.strobe("control__arm")
        return bool(dut.status__armed.value)

    assert dut.status__generation_used.value
    await bench.upload(LIMITS, crc, 2)  # while armed: it is this one that is used
    await bench.lease(MANY, 2)
    await bench.strobe("control__disarm")
    assert dut.status__generation_used.value
    assert not await arms()
    await bench.commit(crc ^ 1, 3)
    assert not await arms()  # it was refused
    await bench.upload(LIMITS, crc, 2)
    assert not await arms()  # the same number
    await bench.strobe("watchdog_touch__touch")
    await bench.strobe("control__disarm")
    assert not await arms()  # to disarm once more makes nothing new
    assert await bench.checks() == mask("gate_closed")
    await bench.upload(LIMITS, crc, 1)  # any other
    assert not dut.status__generation_used.value
    assert not dut.status__armed.value  # a commit alone does not arm
    await bench.lease(MANY, 1)
    assert await arms()
    assert dut.status__generation_used.value
    await bench.done()


@test
async def a_commit_is_before_a_disarm_or_after(dut):
    bench = await Bench(dut).open()
    crc = LIMITS.crc(*SIZES)
    await bench.upload(LIMITS, crc, 2)  # both banks hold them now

    async def commit_and_disarm(disarm_at):
        """Returns the cycle of the swap, and whether the gate was armed after it."""
        before = int(dut.limit_active_generation__value.value)
        dut.limit_generation__value.value = before + 1
        bench.pulse("limit_commit__commit")
        swapped, armed_after = None, False
        for cycle in range(500):
            await bench.step()
            if swapped is None and int(dut.limit_active_generation__value.value) != before:
                swapped = cycle
            armed_after |= swapped is not None and bool(dut.status__armed.value)
            if cycle == disarm_at:
                bench.pulse("control__disarm")
        return swapped, armed_after

    takes, _ = await commit_and_disarm(None)
    seen = set()
    for offset in range(-4, 4):
        swapped, armed_after = await commit_and_disarm(takes + offset)
        assert swapped == takes
        await bench.strobe("control__arm")
        assert dut.status__armed.value != armed_after, offset
        seen.add(armed_after)
        await bench.strobe("control__disarm")
        await bench.arm_again()
    assert seen == {False, True}


@test
async def messages_are_rated(dut):
    bench = await Bench(dut).open(
        limits({ACCOUNT: account(1000, 10**9, 0, 300, 3), 0: LIMITS.account[0]}))
    for _ in range(3):
        await bench.done()
    assert await bench.checks() == mask("message_rate")
    assert await bench.checks(quantity=1001, price=900_000) == mask("max_quantity", "message_rate")
    assert (await bench.ask(bench.good(action="X", price=0))).checks == 0
    assert await bench.checks(account=0) == 0  # a bucket for each account
    for _ in range(3):
        await bench.tick()
    assert await bench.checks() == mask("message_rate")  # 900 of the 1000 that a message costs
    await bench.tick()
    assert await bench.checks(quantity=1001, price=900_000) == mask("max_quantity")  # charged too
    assert await bench.checks() == mask("message_rate")
    for _ in range(20):
        await bench.tick()
    for _ in range(3):
        await bench.done()
    assert await bench.checks() == mask("message_rate")  # never more than the burst


@test
async def ticks_during_orders_lose_nothing(dut):
    bench = await Bench(dut).open(limits({ACCOUNT: account(1000, 10**9, 0, 1000, 100)}))
    costly = {"quantity": 1001, "price": 900_000}  # refused, and charged all the same
    for _ in range(30):
        assert await bench.checks(**costly) == mask("max_quantity")
    for delay in range(12):  # the refill falls on every cycle of an order
        bench.orders.append(bench.good(**costly))
        await bench.steps(delay)
        bench.pulse("ms_tick")
        await bench.settle()
    left = 0
    while await bench.checks(**costly) == mask("max_quantity"):
        left += 1
    assert left == 70


@test
async def an_unknown_account_behind_a_refill_lets_nothing_through(dut):
    """Its number has the low bits, and so the row, of the account that is refilled."""
    bench = await Bench(dut).open(limits({0: account(1000, 10**9, 0, 1000, 3)}))
    costly = {"account": 0, "quantity": 1001, "price": 900_000}  # refused, and charged
    for delay in range(12):  # the orders come before, in and after the refill's cycle
        for _ in range(4):
            await bench.tick()  # nothing is spent
        first = len(bench.decisions)
        bench.pulse("ms_tick")
        await bench.steps(delay)
        bench.orders.append(bench.good(account=ACCOUNTS))
        bench.orders.extend(bench.good(**costly) for _ in range(6))
        await bench.settle()
        unknown, *others = (decision.checks for decision in bench.decisions[first:])
        assert unknown & mask("malformed")
        charged = [checks & mask("message_rate") == 0 for checks in others]
        # The refill finds nothing spent, or waits until no order comes.
        assert charged == [True] * 3 + [False] * 3, delay


@test
async def what_comes_during_the_sweep_waits_for_its_end(dut):
    bench = await Bench(dut).open()
    assert await bench.checks() == 0
    token = bench.token
    dut.rst.value = 1
    await bench.steps(2)
    dut.rst.value = 0
    await bench.step()
    await bench.load_position(ACCOUNT, SYMBOL, 77)
    bench.updates.append(Update("E", token, 100, match_number=5))
    for _ in range(1 << 10):
        assert bench.log[-1][0] != "venue"
        if not dut.busy.value:
            break
        await bench.step()
    await bench.settle()
    assert bench.log[-1][0] == "venue"
    assert await bench.exposure(ACCOUNT, SYMBOL) == (77, 0, 0)
    assert int(dut.count_unknown_token__count.value) == 1


@test
async def an_order_that_cannot_leave_is_taken_back(dut):
    bench = await Bench(dut).open()
    await bench.done()
    bench.unsend = True
    refused = int(dut.count_orders_refused__count.value)
    assert await bench.checks() == mask("venue_down")
    assert bench.decisions[-1].wire_cycles == 0
    assert await bench.exposure(ACCOUNT, SYMBOL) == (0, 0, 0)
    bench.unsend = False
    assert await bench.checks() == 0
    alive = bench.token
    bench.unsend = True
    assert await bench.checks(action="U", orig_user_ref_num=alive) == mask("venue_down")
    assert (await bench.ask(GOOD._replace(action="X", user_ref_num=alive))).checks == mask(
        "venue_down")
    assert await bench.exposure(ACCOUNT, SYMBOL) == (0, 100, 0)
    bench.unsend = False
    assert await bench.checks(action="U", orig_user_ref_num=alive) == 0
    assert int(dut.count_orders_refused__count.value) == refused + 3
    assert int(dut.count_orders_passed__count.value) == 3


@test
async def a_blocked_wire_stops_orders_only(dut):
    bench = await Bench(dut).open()
    bench.send_delay = 400
    bench.orders.extend(bench.good() for _ in range(2))
    await bench.steps(20)
    bench.updates.append(Update("A", 1, 60))
    await bench.steps(60)
    assert [kind for kind, _ in bench.log] == ["order", "order", "venue"]
    assert not bench.decisions
    assert await bench.exposure(ACCOUNT, SYMBOL) == (0, 160, 0)
    bench.send_delay = 1
    await bench.settle()
    assert [decision.checks for decision in bench.decisions] == [0, 0]
    assert bench.decisions[0].wire_cycles >= 400


@test
async def a_kill_stops_what_waits_for_the_wire(dut):
    bench = await Bench(dut).open()
    for name, value, check in (
        ("kill_all__on", 1, "kill_all"), ("kill_session__mask", 1 << 3, "kill_session"),
        ("kill_account_0__mask", 1 << ACCOUNT, "kill_account"),
        ("kill_symbol_0__mask", 1 << SYMBOL, "kill_symbol"),
        ("kill_strategy__mask", 1 << STRATEGY, "kill_strategy"),
        ("control__disarm", None, "gate_closed")):
        first, sent = len(bench.decisions), len(bench.passed)
        dut.passed__ready.value = 0
        bench.orders.extend(bench.good() for _ in range(3))
        bench.orders.append(bench.good(action="X", price=0, quantity=0))
        await bench.steps(40)
        waited = [kind for kind, _ in bench.log].count("order") - first
        assert 1 <= waited <= VERDICT_CYCLES + 1  # the others are not let in
        await bench.strobe(name, value)
        await bench.steps(200)
        assert len(bench.passed) == sent
        dut.passed__ready.value = 1
        await bench.settle()
        decisions = bench.decisions[first:]
        assert [decision.checks for decision in decisions] == [mask(check)] * 3 + [0]
        assert [decision.first_check for decision in decisions][:3] == [BY_NAME[check].bit] * 3
        assert len(bench.passed) == sent + 1  # the cancel
        assert await bench.exposure(ACCOUNT, SYMBOL) == (0, 0, 0)
        if value is None:
            await bench.arm_again()
        else:
            await bench.strobe(name, 0)
        await bench.done()


@test
async def a_blocked_ring_stops_orders_only(dut):
    bench = await Bench(dut).open()
    dut.decision__ready.value = 0
    bench.orders.extend(bench.good(quantity=5000) for _ in range(20))
    bench.updates.extend(Update("E", 99, 1) for _ in range(3))
    await bench.steps(100)
    assert [kind for kind, _ in bench.log].count("order") == 16
    assert int(dut.count_unknown_token__count.value) == 3
    assert not bench.decisions
    dut.decision__ready.value = 1
    await bench.settle()
    assert [decision.user_ref_num for decision in bench.decisions] == list(range(1, 21))


@test
async def changes_are_told(dut):
    bench = await Bench(dut).open()
    bench.events.clear()
    dut.time_ns.value = 77_000
    dut.cycles.value = 4711
    for name, value, code in (
        ("kill_all__on", 1, "A"),
        ("kill_session__mask", 0x8000_0001, "S"),
        ("kill_account_0__mask", 2, "C"),
        ("kill_symbol_0__mask", 5, "Y"),
        ("kill_strategy__mask", 9, "T"),
    ):
        await bench.strobe(name, value)
        event = bench.events[-1]
        assert (event.kind, event.code, event.word, event.value) == ("K", code, 0, value)
        assert (event.time_ns, event.cycles, event.generation) == (77_000, 4711, 1)
    await bench.strobe("control__disarm")
    await bench.strobe("control__disarm")
    await bench.strobe("control__arm")  # ignored
    await bench.arm_again()
    await bench.strobe("control__arm")
    assert [event.kind for event in bench.events] == list("KKKKKDLA")


@test
async def the_newest_kill_is_told_when_the_ring_was_full(dut):
    bench = await Bench(dut).open()
    dut.events__ready.value = 0
    bench.events.clear()
    for value in range(1, 41):
        await bench.strobe("kill_session__mask", value)
    assert not bench.events
    dut.events__ready.value = 1
    await bench.steps(60)
    values = [event.value for event in bench.events]
    assert values[:16] == list(range(1, 17))
    assert len(values) < 20
    assert values[-1] == 40


@test
async def positions_load_only_while_disarmed(dut):
    bench = await Bench(dut).open()
    await bench.load_position(ACCOUNT, SYMBOL, 5)
    assert await bench.exposure(ACCOUNT, SYMBOL) == (0, 0, 0)
    await bench.strobe("control__disarm")
    await bench.load_position(ACCOUNT, SYMBOL, -5)
    await bench.load_position(ACCOUNTS, SYMBOL, 7)
    await bench.load_position(ACCOUNT, SYMBOLS, 8)
    assert await bench.exposure(ACCOUNT, SYMBOL) == (-5, 0, 0)
    assert await bench.exposure(0, SYMBOL) == (0, 0, 0)
    assert await bench.exposure(ACCOUNT, 0) == (0, 0, 0)
    assert await bench.exposure(ACCOUNTS, SYMBOL) == (0, 0, 0)
    await bench.arm_again()
    assert await bench.checks(side="T", quantity=1000, price=1_000_000) == 0
    await bench.tell("E", bench.token, 1000, match_number=3)
    assert await bench.exposure(ACCOUNT, SYMBOL) == (-1005, 0, 0)


@test
async def limits_hold_as_long_as_their_lease(dut):
    bench = await Bench(dut).open()
    await bench.lease(3, 1)
    for _ in range(4):
        for _ in range(2):
            await bench.tick()
        await bench.strobe("limit_renew__value", 1)
        assert await bench.checks() == 0
        await bench.tell("J", bench.token)
    bench.events.clear()
    await bench.strobe("limit_renew__value", 2)  # of other limits: ignored
    for _ in range(3):
        await bench.tick()
    assert await bench.checks() == mask("lease")
    assert [(event.kind, event.generation) for event in bench.events] == [("X", 1)]
    assert dut.status__lease_good.value == 0
    assert dut.status__armed.value == 1
    assert (await bench.ask(bench.good(action="X", price=0))).checks == 0
    await bench.strobe("limit_renew__value", 2)
    assert await bench.checks() == mask("lease")
    await bench.commit(LIMITS.crc(*SIZES) ^ 1, 2)  # refused: 1 stays in force
    await bench.strobe("limit_renew__value", 2)
    assert await bench.checks() == mask("lease")
    await bench.strobe("limit_renew__value", 1)
    await bench.done()
    await bench.lease(0, 1)
    assert await bench.checks() == mask("lease")


@test
async def a_lease_runs_on_over_a_commit(dut):
    bench = await Bench(dut).open()
    await bench.lease(5, 1)
    await bench.upload(LIMITS, LIMITS.crc(*SIZES), 2)
    assert await bench.checks() == 0
    await bench.tell("J", bench.token)
    await bench.strobe("limit_renew__value", 1)  # no longer in force
    for _ in range(5):
        await bench.tick()
    assert await bench.checks() == mask("lease")


@test
async def the_short_sale_price_test_needs_a_better_bid(dut):
    bench = await Bench(dut).open()
    for flag, tested in (("0", False), (" ", False), ("1", True), ("2", True)):
        bench.tops[SYMBOL] = Top(1_000_000, 1_000_200, reg_sho=flag)
        for side, price, fails in (
            ("T", 1_000_000, tested), ("T", 1_000_001, False), ("T", 999_999, tested),
            ("E", 1_000_000, False), ("B", 1_000_000, False),
        ):
            want = mask("short_price") if fails else 0
            assert await bench.checks(side=side, price=price) == want, (flag, side, price)
            await bench.tell("J", bench.token)
    bench.tops[SYMBOL] = Top(0, 1_000_200, reg_sho="1")  # no bid to be above
    assert await bench.checks(side="T", price=1_000_100) == mask("short_price")


REFERRED = limits({ACCOUNT: account(10**6, 0, 1 << 20, 0, 65535)},
                  symbols={SYMBOL: symbol(500, window=100, age=50, waived=0)})
GOOD_REFERENCES = References(999_000, 999_000, 1_001_000, 1_000_200)
BAD_REFERENCES = References(1_100_000, 1_100_000, 1_000_199, 1_000_099)
"""Each of these four refuses."""


@test
async def references_change_whole_between_two_orders(dut):
    bench = await Bench(dut).open(REFERRED)
    bad = mask("luld_band", "window_collar")
    await bench.refer(SYMBOL, GOOD_REFERENCES)
    await bench.done()
    seen = []
    for after in range(24):
        references, wanted = (
            (BAD_REFERENCES, bad) if after % 2 == 0 else (GOOD_REFERENCES, 0))
        first = len(bench.decisions)
        # Of orders that change nothing: the token is used up.
        bench.orders.extend(GOOD._replace(user_ref_num=0) for _ in range(60))
        await bench.stage(references)
        await bench.steps(after // 2)
        dut.reference_symbol__value.value = SYMBOL
        bench.pulse("reference_symbol__value__we")
        await bench.settle()
        checks = [decision.checks & ~mask("token") for decision in bench.decisions[first:]]
        assert len(checks) == 60
        change = checks.index(wanted)
        assert set(checks[:change]) == {bad - wanted}, after
        assert set(checks[change:]) == {wanted}, after
        seen.append(change)
    # One cycle later in each round, so one order later.
    assert seen[::2] == list(range(seen[0], seen[0] + 12))
    assert int(dut.count_references__count.value) == 25
    assert int(dut.count_references_ignored__count.value) == 0


@test
async def references_are_of_one_symbol_and_of_one_time(dut):
    bench = await Bench(dut).open(REFERRED)
    for other in (*range(SYMBOL), *range(SYMBOL + 1, SYMBOLS)):
        await bench.refer(other, GOOD_REFERENCES)
    for unknown in (SYMBOL + SYMBOLS, SYMBOL | 1 << 15):  # whose low bits are those of the symbol
        await bench.refer(unknown, GOOD_REFERENCES)
    assert await bench.checks() == mask("luld_band", "window_collar", "reference_age")
    assert int(dut.count_references__count.value) == SYMBOLS - 1
    assert int(dut.count_references_ignored__count.value) == 2
    await bench.refer(SYMBOL, GOOD_REFERENCES)
    for _ in range(50):
        await bench.tick()
    await bench.stage(BAD_REFERENCES)  # in registers only
    await bench.done()
    await bench.tick()
    assert await bench.checks() == mask("reference_age")
    await bench.refer(SYMBOL, GOOD_REFERENCES)  # the same again, of now
    await bench.done()


@test
async def a_reset_forgets_references(dut):
    bench = await Bench(dut).open(REFERRED)
    await bench.refer(SYMBOL, GOOD_REFERENCES)
    await bench.done()
    dut.rst.value = 1
    await bench.steps(2)
    dut.rst.value = 0
    await bench.step()
    await bench.refer(SYMBOL, GOOD_REFERENCES)  # before the sweep is over: ignored
    assert dut.busy.value
    while dut.busy.value:
        await bench.step()
    assert int(dut.count_references_ignored__count.value) == 1
    bench.token = 0
    await bench.list_symbol(SYMBOL, "AAPL")
    await bench.upload(REFERRED, REFERRED.crc(*SIZES), 1)
    await bench.strobe("watchdog_touch__touch")
    await bench.lease(MANY, 1)
    await bench.strobe("control__arm")
    assert await bench.checks() == mask("luld_band", "window_collar", "reference_age")
    await bench.refer(SYMBOL, GOOD_REFERENCES)
    await bench.done()


@test
async def locates_are_used_up_by_short_orders(dut):
    image = limits({ACCOUNT: account(1000, 10**9, 0, 0, 100)},
                   positions={(ACCOUNT, SYMBOL): (10**6, 10**6, 8, 250)})
    bench = await Bench(dut).open(image)
    for side, quantity, fails in (
        ("T", 100, False), ("E", 100, False), ("T", 51, True), ("B", 500, False),
        ("T", 50, False), ("E", 1, True),
    ):
        want = mask("locate_budget") if fails else 0
        assert await bench.checks(side=side, quantity=quantity) == want, (side, quantity)
        await bench.tell("J", bench.token)  # is not given back


@test
async def a_session_phase_needs_its_permission(dut):
    for permissions, open_in in ((0x1FF, "QSM"), (0x17F, "Q")):
        bench = await Bench(dut).open(limits({ACCOUNT: account(
            1000, 10**9, 0, 0, 100, permissions=permissions)}))
        for phase in " OSQMECA":
            bench.tops[SYMBOL] = Top(1_000_000, 1_000_200, phase=phase)
            want = 0 if phase in open_in else mask("session_phase")
            assert await bench.checks() == want, (permissions, phase)
            if not want:
                await bench.tell("J", bench.token)


@test
async def a_reset_in_traffic_closes_the_gate(dut):
    bench = await Bench(dut).open()
    for delay in range(0, 12, 3):
        bench.orders.append(bench.good())
        await bench.steps(delay)
        await bench.reset()
        bench.decisions.clear()
        assert await bench.exposure(ACCOUNT, SYMBOL) == (0, 0, 0)
        await bench.strobe("control__arm")
        await bench.strobe("watchdog_touch__touch")
        await bench.strobe("control__arm")
        assert await bench.checks() == mask("gate_closed", "no_limits", "malformed", "lease")
        assert int(dut.limit_active_generation__value.value) == 0
