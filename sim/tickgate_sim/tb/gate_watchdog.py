"""The watchdog's second stage: when a mass cancel is due, once, and with which UserRefNum."""

import random

import cocotb

from tickgate_sim.models.gate import GateModel
from tickgate_sim.tb.gate_bench import LIMITS as IMAGE
from tickgate_sim.tb.gate_bench import MANY, REGISTERED, SIZES, Bench, mask, test

TIMEOUT, CANCEL = 3, 4
LAST = (1 << 32) - 1


async def opened(dut, *, timeout=TIMEOUT, cancel=CANCEL):
    """An open gate whose watchdog has just been touched."""
    bench = Bench(dut)
    await bench.start()
    await bench.write("watchdog_cancel__ms", cancel)
    await bench.set_up(IMAGE)
    await bench.write("watchdog_timeout__ms", timeout)
    await bench.strobe("watchdog_touch__touch")
    return bench


async def ticks(bench, count):
    for _ in range(count):
        await bench.tick()


async def expire(bench):
    """Let the first stage run out."""
    await ticks(bench, TIMEOUT)
    assert not bench.dut.status__watchdog_ok.value
    assert not bench.dut.status__armed.value


async def until_taken(bench):
    """Let both stages run out, until entry takes the mass cancel."""
    await expire(bench)
    await ticks(bench, CANCEL - 1)
    bench.pulse("ms_tick")
    while not bench.mass_cancels:
        await bench.step()


def kinds(bench):
    return "".join(event.kind for event in bench.events if event.kind in "WMN")


def shown(bench):
    """What the host reads: whether it is on, whether one is due, how many were sent."""
    dut = bench.dut
    return (int(dut.status__mass_cancel_on.value), int(dut.status__mass_cancel_due.value),
            int(dut.count_mass_cancels__count.value))


@test
async def it_is_due_when_the_host_stays_away(dut):
    bench = await opened(dut)
    assert await bench.checks() == 0
    await expire(bench)
    await ticks(bench, CANCEL - 1)
    assert bench.mass_cancels == []
    assert kinds(bench) == "W"
    await bench.tick()
    assert bench.mass_cancels == [bench.token + 1]
    assert int(dut.last_token__value.value) == bench.token + 1
    assert kinds(bench) == "WM"
    told = bench.events[-1]
    assert (told.kind, told.value, told.generation) == ("M", bench.token + 1, 1)
    await ticks(bench, 5 * (TIMEOUT + CANCEL))
    assert len(bench.mass_cancels) == 1  # once per expiry
    assert shown(bench) == (1, 0, 1)
    # A host that comes back numbers its orders above, and opens the gate as always.
    await bench.strobe("watchdog_touch__touch")
    await bench.arm_again(IMAGE)
    assert await bench.checks() == mask("token")  # the number that the card has used
    assert await bench.checks() == 0


@test
async def it_acts_again_only_after_the_watchdog_was_good(dut):
    bench = await opened(dut)
    for count in range(1, 4):
        await expire(bench)
        await ticks(bench, CANCEL)
        assert len(bench.mass_cancels) == count
        await ticks(bench, 2 * CANCEL)
        assert bench.mass_cancels == list(range(1, count + 1))
        await bench.strobe("watchdog_touch__touch")
    assert kinds(bench) == "WM" * 3


@test
async def a_touch_stops_it_until_the_last_moment(dut):
    for late in range(CANCEL):  # after so many milliseconds of the second stage
        bench = await opened(dut)
        await expire(bench)
        await ticks(bench, late)
        await bench.strobe("watchdog_touch__touch")
        await ticks(bench, TIMEOUT - 1)
        assert (bench.mass_cancels, kinds(bench)) == ([], "W")
        await ticks(bench, 1 + CANCEL)  # it ran out again
        assert len(bench.mass_cancels) == 1


@test
async def a_touch_in_the_cycle_of_the_last_tick_wins(dut):
    for offset in range(-3, 5):  # cycles between the touch and the tick that makes it due
        bench = await opened(dut)
        await expire(bench)
        await ticks(bench, CANCEL - 1)
        for cycle in range(-4, 6):
            if cycle == offset:
                bench.pulse("watchdog_touch__touch")
            if cycle == 0:
                bench.pulse("ms_tick")
            await bench.step()
        await bench.steps(20)
        # The driver takes it two cycles after the tick; what it has taken is sent.
        assert len(bench.mass_cancels) == (offset > 1), offset
        assert kinds(bench) == ("WM" if offset > 1 else "W"), offset
        assert shown(bench)[1] == 0
        assert int(dut.last_token__value.value) == len(bench.mass_cancels)


@test
async def a_touch_as_the_first_stage_runs_out_leaves_the_second_alone(dut):
    for offset in range(-2, 4):
        bench = await opened(dut)
        await ticks(bench, TIMEOUT - 1)
        await bench.write("watchdog_timeout__ms", 100)
        for cycle in range(-3, 5):
            if cycle == offset:
                bench.pulse("watchdog_touch__touch")
            if cycle == 0:
                bench.pulse("ms_tick")
            await bench.step()
        assert dut.status__watchdog_ok.value
        await ticks(bench, 2 * CANCEL)
        assert bench.mass_cancels == []


@test
async def a_touch_that_does_not_make_the_watchdog_good_stops_it_too(dut):
    bench = await opened(dut)
    await bench.write("watchdog_timeout__ms", 0)  # out at once
    await ticks(bench, CANCEL - 1)
    await bench.strobe("watchdog_touch__touch")
    await ticks(bench, 3 * CANCEL)
    assert bench.mass_cancels == []
    await bench.write("watchdog_timeout__ms", TIMEOUT)
    await bench.strobe("watchdog_touch__touch")
    await bench.write("watchdog_timeout__ms", 0)
    if REGISTERED:  # it is out a cycle later
        await bench.step()
    await ticks(bench, CANCEL)
    assert len(bench.mass_cancels) == 1
    assert kinds(bench) == "WWM"


@test
async def off_is_off(dut):
    bench = await opened(dut, cancel=0)
    assert shown(bench) == (0, 0, 0)
    await expire(bench)
    await ticks(bench, 3)
    await bench.write("watchdog_cancel__ms", 1)  # not for this expiry
    assert shown(bench) == (1, 0, 0)
    await ticks(bench, 10)
    assert bench.mass_cancels == []
    await bench.strobe("watchdog_touch__touch")
    await expire(bench)
    await bench.write("watchdog_cancel__ms", 0)  # before it is due
    await bench.tick()
    await bench.write("watchdog_cancel__ms", 1)
    await ticks(bench, 10)
    assert bench.mass_cancels == []
    dut.session_up.value = 0
    await bench.strobe("watchdog_touch__touch")
    await ticks(bench, TIMEOUT + 1)
    assert shown(bench) == (1, 1, 0)
    await bench.write("watchdog_cancel__ms", 0)  # when it is
    await bench.write("session_up", 1)
    await ticks(bench, 10)
    assert bench.mass_cancels == []
    assert kinds(bench) == "WWWN"
    assert shown(bench) == (0, 0, 0)


@test
async def after_reset_nothing_is_due(dut):
    bench = Bench(dut)
    await bench.start()
    await bench.write("watchdog_cancel__ms", 1)
    await bench.write("session_up", 1)
    await ticks(bench, 10)
    assert bench.mass_cancels == []


@test
async def a_reset_forgets_what_was_due(dut):
    for when in ("counting", "waiting", "leaving"):
        bench = await opened(dut)
        bench.mass_cancel_delay = 200
        bench.takes_mass_cancel = when == "leaving"
        await expire(bench)
        await ticks(bench, CANCEL - (when == "counting"))
        assert len(bench.mass_cancels) == (when == "leaving")
        assert shown(bench)[1] == (when != "counting")
        await bench.reset()
        bench.takes_mass_cancel, bench.mass_cancel_delay = True, 3
        bench.forget()
        bench.mass_cancels.clear()
        await ticks(bench, 2 * (TIMEOUT + CANCEL))
        assert bench.mass_cancels == []
        assert shown(bench) == (1, 0, 0)
        assert int(dut.last_token__value.value) == 0
        await bench.set_up(IMAGE)  # and it acts again as ever
        await bench.write("watchdog_timeout__ms", TIMEOUT)
        await bench.strobe("watchdog_touch__touch")
        await expire(bench)
        await ticks(bench, CANCEL)
        assert bench.mass_cancels == [1]
        assert kinds(bench) == "WM"


@test
async def without_a_session_it_waits_for_one(dut):
    bench = await opened(dut)
    await bench.write("session_up", 0)
    await expire(bench)
    await ticks(bench, CANCEL)
    assert shown(bench) == (1, 1, 0)
    assert kinds(bench) == "WN"
    await ticks(bench, 10)
    await bench.write("session_up", 1)
    await bench.steps(20)
    assert bench.mass_cancels == [1]
    assert kinds(bench) == "WNM"
    # A touch meanwhile stops it.
    await bench.strobe("watchdog_touch__touch")
    await bench.write("session_up", 0)
    await expire(bench)
    await ticks(bench, CANCEL)
    await bench.strobe("watchdog_touch__touch")
    await bench.write("session_up", 1)
    await bench.steps(20)
    assert bench.mass_cancels == [1]
    assert kinds(bench) == "WNMWN"


@test
async def one_that_did_not_leave_whole_is_due_again(dut):
    bench = await opened(dut)
    bench.cuts, bench.mass_cancel_delay = True, 10
    await until_taken(bench)
    await bench.step()
    dut.session_up.value = 0
    await bench.steps(30)
    assert shown(bench) == (1, 1, 0)
    assert kinds(bench) == "WN"
    bench.cuts = False
    await bench.write("session_up", 1)
    await bench.steps(30)
    assert bench.mass_cancels == [1, 2]  # the first number may be known to the venue
    assert int(dut.last_token__value.value) == 2
    assert (kinds(bench), bench.events[-1].value) == ("WNM", 2)
    assert shown(bench) == (1, 0, 1)


@test
async def one_that_did_not_leave_is_not_repeated_once_the_host_is_back(dut):
    bench = await opened(dut)
    bench.cuts, bench.mass_cancel_delay = True, 10
    await until_taken(bench)
    bench.pulse("watchdog_touch__touch")
    await bench.steps(30)
    bench.cuts = False
    await ticks(bench, TIMEOUT - 1)
    assert bench.mass_cancels == [1]
    assert kinds(bench) == "W"
    assert shown(bench) == (1, 0, 0)


@test
async def what_was_taken_leaves_although_the_host_is_back(dut):
    bench = await opened(dut)
    bench.mass_cancel_delay = 40
    await until_taken(bench)
    await bench.strobe("watchdog_touch__touch")
    await bench.steps(60)
    assert bench.mass_cancels == [1]
    assert kinds(bench) == "WM"
    assert shown(bench) == (1, 0, 1)


@test
async def its_number_is_above_every_other(dut):
    """Orders, refused since the gate is shut, come in every cycle meanwhile."""
    for start in range(12):
        bench = await opened(dut)
        assert await bench.checks() == 0
        await expire(bench)
        await ticks(bench, CANCEL - 1)
        for _ in range(12):
            bench.orders.append(bench.good())
        await bench.steps(start)
        bench.pulse("ms_tick")
        while not bench.mass_cancels:
            await bench.step()
        await bench.settle()
        number, = bench.mass_cancels
        assert number > 1
        judged = [decision.user_ref_num for decision in bench.decisions[1:]]
        assert len(judged) == 12
        assert all(decision.checks & mask("gate_closed") for decision in bench.decisions[1:])
        assert int(dut.last_token__value.value) == max(number, *judged)
        refused = [decision.user_ref_num for decision in bench.decisions[1:]
                   if decision.checks & mask("token")]
        assert len(refused) <= 1  # the one order that had the number that the card has used
        assert refused in ([], [number])


@test
async def the_last_number_there_is_does_not_wrap(dut):
    bench = await opened(dut)
    bench.token = LAST - 1
    assert await bench.checks() == 0
    await expire(bench)
    await ticks(bench, CANCEL)
    assert bench.mass_cancels == [LAST]
    assert int(dut.last_token__value.value) == LAST


@test
async def cancels_pass_between(dut):
    """The gate stays cancel-only: before it is due, while it waits and when it is gone."""
    bench = await opened(dut)
    bench.takes_mass_cancel = False
    await bench.lease(MANY, 1)
    for _ in range(TIMEOUT + CANCEL + 2):
        await bench.tick()
        assert (await bench.ask(bench.good(action="X", price=0, quantity=0))).checks == 0
    assert bench.mass_cancels == []
    bench.takes_mass_cancel = True
    assert (await bench.ask(bench.good(action="X", price=0, quantity=0))).checks == 0
    await bench.steps(20)
    assert bench.mass_cancels == [1]  # a cancel uses no number
    assert (await bench.ask(bench.good(action="X", price=0, quantity=0))).checks == 0


@test
async def it_does_as_the_model(dut):
    """Ticks, touches, session and settings at random, in small numbers."""
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = Bench(dut)
    await bench.start()
    await bench.set_up(IMAGE)
    model = GateModel(symbols=SIZES[1], accounts=SIZES[0], open_orders=16, recent_orders=16,
                      groups=SIZES[2], clearing=SIZES[3], own_prices=2)
    model.watchdog_timeout, model.session_up = 1000, True
    model.touch()
    expected = []
    for _ in range(600):
        what = rng.choices(("tick", "touch", "timeout", "cancel", "session", "order"),
                           (60, 6, 3, 3, 6, 4))[0]
        if what == "tick":
            model.tick()
            await bench.tick()
        elif what == "touch":
            model.touch()
            await bench.strobe("watchdog_touch__touch")
        elif what == "timeout":
            model.set_timeout(rng.choice((0, 1, 2, 5)))
            await bench.write("watchdog_timeout__ms", model.watchdog_timeout)
        elif what == "cancel":
            model.set_cancel(rng.choice((0, 1, 2, 5)))
            await bench.write("watchdog_cancel__ms", model.cancel_ms)
        elif what == "session":
            model.session_up = not model.session_up
            await bench.write("session_up", model.session_up)
        else:
            bench.token = model.last_token
            model.last_token += 1
            await bench.checks()
        await bench.steps(12)
        token = model.mass_cancel()
        expected += [] if token is None else [token]
        assert bench.mass_cancels == expected
        assert int(dut.last_token__value.value) == model.last_token
        assert int(dut.status__watchdog_ok.value) == model.watchdog_ok
        assert shown(bench) == (model.cancel_ms != 0, model.cancel_due, len(expected))
    assert len(expected) > 5
