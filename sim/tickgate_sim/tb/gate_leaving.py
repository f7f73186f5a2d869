"""What leaves the gate: orders that wait for the wire, decisions and events for the ring."""

from tickgate.risk.checks import BY_NAME

from tickgate_sim.models.gate import Update
from tickgate_sim.tb.gate_bench import (
    ACCOUNT,
    GOOD,
    STRATEGY,
    SYMBOL,
    VERDICT_CYCLES,
    Bench,
    mask,
    test,
)


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
