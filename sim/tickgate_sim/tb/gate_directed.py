"""The gate, one property at a time: checks, exposure, states, refills."""

from tickgate_sim.models.gate import Top, Update
from tickgate_sim.tb.gate_bench import (
    ACCOUNT,
    ACCOUNTS,
    GOOD,
    LIMITS,
    MANY,
    REGISTERED,
    SIZES,
    STRATEGY,
    SYMBOL,
    SYMBOLS,
    VERDICT_CYCLES,
    Bench,
    account,
    limits,
    mask,
    test,
)

VENUE_CYCLES = 18 if REGISTERED else 13
REFUSAL_CYCLES = 4 if REGISTERED else 2  # from the verdict to the decision that tells it


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
            assert bench.cycles["decision"][-1] == arrived + VERDICT_CYCLES + REFUSAL_CYCLES
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
