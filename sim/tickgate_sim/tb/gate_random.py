"""The gate against its golden model, over random operations.

``GATE_TALLY`` names a file for the counts of what was compared. ``GATE_ORDERS`` makes the run go on
until so many orders were.
"""

import os
import random
from collections import Counter, deque
from itertools import pairwise
from pathlib import Path

import cocotb
from tickgate.records.messages import OrderRequest
from tickgate.risk.checks import BY_NAME, CHECKS
from tickgate_hdl.risk.kills import KILL_FIELDS

from tickgate_sim.models.gate import GateModel, Limits, Top
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
from tickgate_sim.tb.gate_tally import Tally
from tickgate_sim.tb.gate_traffic import (
    ACCOUNTS,
    OPEN_ORDERS,
    OWN_PRICES,
    RECENT_ORDERS,
    SYMBOLS,
    Traffic,
    busy,
)

SIZES = ACCOUNTS, SYMBOLS, GROUPS, CLEARING_FIRMS
TABLES = {"symbols": SYMBOLS, "accounts": ACCOUNTS, "open_orders": OPEN_ORDERS, "groups": GROUPS,
          "clearing": CLEARING_FIRMS, "recent_orders": RECENT_ORDERS,
          "own_prices": OWN_PRICES}
VERDICT_CYCLES = 6 if os.environ.get("GATE_REGISTERED") == "1" else 3
ROUNDS = int(os.environ.get("GATE_ROUNDS", "4000"))
_MANY_ROUNDS = 1000
"""After as many, everything that the traffic can bring about has come."""
ORDERS = int(os.environ.get("GATE_ORDERS", "0"))
TALLY = os.environ.get("GATE_TALLY")


class Scoreboard:
    """Applies what the gate took to the model and compares what it gave."""

    def __init__(self, driver, model, tops):
        self.driver, self.model, self.tops = driver, model, tops
        self.taken = 0
        self.answered = 0
        self.tally = Tally()
        self.unsent = deque()
        self.arms = Counter()  # attempts to open a shut gate, by whether it was open then

    def follow(self):
        """Compare everything since the last time. The gate must be at rest."""
        driver, model = self.driver, self.model
        for kind, item in driver.log[self.taken:]:
            if kind == "venue":
                model.venue(item)
                self.tally.events += 1
                continue
            if kind == "withdraw":
                model.withdraw(self.unsent.popleft())
                self.tally.withdrawn += 1
                continue
            if kind == "clear":
                throttle, row = item
                getattr(model, throttle)[row] = 0
                continue
            verdict = model.order(item, self.tops[item.symbol % SYMBOLS])
            decision = driver.decisions[self.answered]
            self.answered += 1
            checks, first = verdict.checks, verdict.first
            if verdict.passed and driver.unsend:
                if item.action == "X":  # it reserved nothing that is to be given back
                    model.withdraw(item)
                else:
                    self.unsent.append(item)
                checks, first = 1 << 7, 7
            got = (decision.user_ref_num, decision.checks, decision.first_check,
                   decision.generation, decision.bid, decision.ask, decision.action,
                   decision.quantity)
            assert got == (item.user_ref_num, checks, first, verdict.generation, verdict.bid,
                           verdict.ask, item.action, item.quantity), (item, decision, verdict)
            self.tally.order(verdict.checks)
        self.taken = len(driver.log)
        assert len(driver.decisions) == self.answered
        assert not self.unsent

    def write_tally(self):
        """Let whoever started the run see how far it is."""
        self.tally.cycles = self.driver.cycle
        if TALLY:
            self.tally.write(Path(TALLY))

    def forget(self):
        """Let go of what was compared, so that a long run needs no more memory than a short one."""
        self.driver.forget()
        self.taken = self.answered = 0

    def _compare_credit(self):
        """Compare what is used of the credit of everyone who has some."""
        dut, model = self.driver.dut, self.model
        rows = {("", account): [account] for account in range(ACCOUNTS)}
        rows["firm_", 0] = [*range(ACCOUNTS)]
        for account, (group, clearing_firm) in model.member.items():
            rows.setdefault(("group_", group), []).append(account)
            rows.setdefault(("clearing_firm_", clearing_firm), []).append(account)
        for (scope, row), accounts in rows.items():
            got = tuple(getattr(dut, f"total_{scope}{name}").memory[row].value.to_signed()
                        for name in ("gross", "net_long", "net_short"))
            assert got == model.credit(accounts), (scope, row)

    async def compare_tables(self):
        """Compare exposure, credit and counts."""
        driver, model = self.driver, self.model
        for account in range(ACCOUNTS):
            for symbol in range(SYMBOLS):
                got = await driver.exposure(account, symbol)
                assert got == model.exposure(account, symbol), (account, symbol)
        self._compare_credit()
        for row in range(32):
            got = await driver.throttles(row, row % ACCOUNTS)
            assert got == (model.executions[row], model.rejects[row % ACCOUNTS]), row
        dut = driver.dut
        assert int(dut.count_unknown_token__count.value) == model.unknown
        assert int(dut.count_duplicates_forgotten__count.value) == model.duplicates.forgotten
        assert int(dut.count_own_prices_merged__count.value) == model.own_prices.merged
        assert int(dut.count_references_ignored__count.value) == model.references_ignored
        assert int(dut.last_token__value.value) == model.last_token
        assert int(dut.status__armed.value) == model.armed
        assert int(dut.status__generation_used.value) == model.generation_used
        for check, count in enumerate(model.refused_first):
            dut.check_select__check.value = check
            await driver.step()
            await driver.step()
            assert int(dut.check_count__count.value) == count
        self.tally.tables += 1
        self.write_tally()


async def _switch(rng, driver, model, traffic, board):
    """Change one state of the gate's surroundings."""
    dut = driver.dut
    # These refuse everything: seldom for long.
    if model.kill_all or not (model.session_up and model.events_room):
        model.kill_all, model.session_up, model.events_room = False, True, True
        await driver.write("events_room", 1)
        await driver.strobe("kill_all__on", 0)
        await driver.write("session_up", 1)
    what = rng.choice(("kill", "kill", "kill", "tick", "tick", "tick", "touch", "arm", "disarm",
                       "session", "room", "top", "top", "commit", "position", "unsend", "list",
                       "reset", "renew", "renew", "references", "references", "references"))
    if what == "kill":
        scope, rows = rng.choice((
            ("all", 1), ("session", 32), ("account", ACCOUNTS), ("strategy", 32),
            ("symbol", SYMBOLS)))
        # That of a symbol, a session or a strategy refuses few orders: it may be on for longer.
        on = rng.random() < (0.5 if scope in ("symbol", "session", "strategy") else 0.15)
        value = 1 << rng.choice(busy(rows)) if on else 0
        if on and scope == "session":  # of one in 32 nobody would send
            value |= rng.getrandbits(rows) & rng.getrandbits(rows)
        board.tally.kills += on
        setattr(model, f"kill_{scope}", value)
        await driver.kill(scope, value)
    elif what == "tick":
        for _ in range(rng.randint(1, 3)):
            model.tick()
            await driver.tick()
    elif what == "touch":
        model.watchdog_timeout = rng.choice((0, 5, 100, 100, 100, 100, 100, 100))
        await driver.write("watchdog_timeout__ms", model.watchdog_timeout)
        model.touch()
        model.armed = model.armed and model.watchdog_ok
        await driver.strobe("watchdog_touch__touch")
    elif what == "renew":
        model.lease_ms = rng.choice((0, 3, 50, 1000, 1000, 1000, 1000))
        named = model.generation if rng.random() < 0.9 else rng.getrandbits(32)
        model.renew(named)
        await driver.lease(model.lease_ms, named)
    elif what == "references":
        await _refer(driver, model, traffic, rng.choice(busy(SYMBOLS)))
        if rng.random() < 0.1:
            await _refer(driver, model, traffic, rng.choice((SYMBOLS, 65535)))
    elif what == "arm":
        model.arm()
        await driver.strobe("control__arm")
    elif what == "disarm" and rng.random() < 0.2:
        model.armed = False
        await driver.strobe("control__disarm")
    elif what == "session":
        model.session_up = rng.random() < 0.5
        await driver.write("session_up", model.session_up)
    elif what == "room":
        model.events_room = rng.random() < 0.7
        await driver.write("events_room", model.events_room)
    elif what == "top":
        symbol = rng.choice(busy(SYMBOLS))
        traffic.tops[symbol] = driver.tops[symbol] = traffic.top()
    elif what == "commit" and rng.random() < 0.4:
        await _commit(rng, driver, model, traffic.limits())
        board.tally.commits += 1
    elif what == "position":
        account, symbol = rng.choice(busy(ACCOUNTS)), rng.choice(busy(SYMBOLS))
        shares = rng.choice((0, 0, 0, 0, 100, -100, 2**31 - 1, -(2**31)))
        await driver.load_position(account, symbol, shares)
        await driver.settle()  # a row shows what was loaded some cycles later
        if not model.armed:
            model.position[account, symbol] = shares
    elif what == "unsend":
        driver.unsend = rng.random() < 0.07
    elif what == "list":
        symbol = rng.choice(busy(SYMBOLS))
        enable = rng.random() < 0.9
        (model.listed.add if enable else model.listed.discard)(symbol)
        await driver.list_symbol(symbol, f"SYM{symbol}", enable)
    elif what == "reset" and rng.random() < 0.02:
        await board.compare_tables()
        await driver.reset()
        board.tally.resets += 1
        model.__init__(**TABLES)
        traffic.token = 0
        # The registers are not the gate's: the bank that keeps them is reset with it.
        for name in (*KILL_FIELDS, "watchdog_timeout__ms", "limit_lease__ms", "session_up",
                     "events_room"):
            getattr(dut, name).value = 0
        await board.compare_tables()
        await _set_up(rng, driver, model, traffic)


async def _refer(driver, model, traffic, symbol):
    references = traffic.references()
    model.upload(symbol, references)
    await driver.refer(symbol, references)


async def _commit(rng, driver, model, limits):
    crc, generation = limits.crc(*SIZES), rng.choice((1, 2, 7, (1 << 32) - 1))
    if rng.random() < 0.1:
        crc ^= 1 << rng.randrange(32)
    elif rng.random() < 0.05:
        generation = 0
    bad_crc = crc != limits.crc(*SIZES) or generation == 0
    committed = model.commit(limits, crc, generation)
    await driver.upload(limits, crc, generation)
    assert int(driver.dut.limit_status__committed.value) == committed
    assert int(driver.dut.limit_status__bad_crc.value) == bad_crc
    assert bad_crc or int(driver.dut.limit_status__bad_member.value) == (not committed)
    assert int(driver.dut.limit_active_generation__value.value) == model.generation


async def _begin(dut):
    """Start the gate; it, its model and what drives and compares both."""
    rng = random.Random(cocotb.RANDOM_SEED)
    driver = GateDriver(dut, symbols=SYMBOLS, accounts=ACCOUNTS)
    model = GateModel(**TABLES)
    traffic = Traffic(rng, model, {})
    await driver.start()
    return rng, driver, model, traffic, Scoreboard(driver, model, traffic.tops)


def _connect(driver, model):
    model.session_up = model.events_room = True
    driver.dut.session_up.value = 1
    driver.dut.events_room.value = 1


async def _arm(driver, model):
    model.watchdog_timeout = 100
    model.touch()
    model.arm()
    await driver.write("watchdog_timeout__ms", 100)
    await driver.strobe("watchdog_touch__touch")
    model.lease_ms = 1000
    model.renew(model.generation)
    await driver.lease(model.lease_ms, model.generation)
    await driver.strobe("control__arm")


async def _set_up(rng, driver, model, traffic):
    _connect(driver, model)
    for symbol in range(SYMBOLS):
        traffic.tops[symbol] = driver.tops[symbol] = traffic.top()
        model.listed.add(symbol)
        await driver.list_symbol(symbol, f"SYM{symbol}")
        if rng.random() < 0.8:  # of the others nothing is known for a while
            await _refer(driver, model, traffic, symbol)
    await _commit(rng, driver, model, traffic.limits())
    await _arm(driver, model)


async def _rounds(rng, driver, model, traffic, board):
    """Run bursts of traffic, and compare after each."""
    await _set_up(rng, driver, model, traffic)
    round_ = 0
    while round_ < ROUNDS or board.tally.orders < ORDERS:
        driver.send_delay = rng.choice((1, 1, 1, 5, 20))
        for _ in range(rng.choice((1, 1, 2, 4, 4, 30))):
            driver.orders.append(traffic.order())
        updates = rng.choice((0, 1, 1, 2, 4)) + len(model.orders) // (OPEN_ORDERS // 2) * 3
        for _ in range(updates):
            driver.updates.append(traffic.update())
        if rng.random() < 0.3:
            driver.clears.append(traffic.clear())
        await driver.settle()
        board.follow()
        board.forget()
        if rng.random() < 0.4:
            await _switch(rng, driver, model, traffic, board)
            if not model.armed and rng.random() < 0.5 and model.watchdog_ok:
                if rng.random() < 0.8:  # else it is ignored
                    await _commit(rng, driver, model, traffic.limits())
                    board.tally.commits += 1
                model.arm()
                await driver.strobe("control__arm")
                board.arms[model.armed] += 1
        round_ += 1
        if round_ % 50 == 0:
            await board.compare_tables()
    await board.compare_tables()


@cocotb.test(timeout_time=1, timeout_unit="sec")
async def equals_the_model(dut):
    """Orders and venue messages in bursts, states changed between them: nothing differs."""
    rng, driver, model, traffic, board = await _begin(dut)
    try:
        await _rounds(rng, driver, model, traffic, board)
    finally:
        board.write_tally()
    tally = board.tally
    refused = {check.name: model.refused_first[check.bit] for check in CHECKS}
    dut._log.info("%d orders compared, %d passed, refused first: %s",
                  tally.orders, tally.passed, refused)
    assert tally.passed > tally.orders // 8, "the traffic must reach the venue"
    if ROUNDS >= _MANY_ROUNDS:  # a run of fewer may end before
        assert board.arms[True], "a gate that was disarmed must be armed again"
        assert board.arms[False], "arming must be ignored without another generation"
        assert not tally.unseen, "every check must have failed"


@cocotb.test(timeout_time=1, timeout_unit="sec")
async def takes_an_order_in_every_cycle(dut):
    """10,000 orders of one account, one in each cycle: each sees all before it, none waits."""
    rng, driver, model, traffic, board = await _begin(dut)
    _connect(driver, model)
    traffic.tops[0] = driver.tops[0] = Top(1_000_000, 1_000_200)
    model.listed.add(0)
    await driver.list_symbol(0, "SYM0")
    free = (0xFFFF_FFFF, 0x7FFF_FFFF)
    limits = Limits(
        account={0: (1, 1000, *free, *OPEN_RATE, 0x1FF, 10**6, *free * 6, 0, 0, 0, *OPEN_RATE,
                     NEVER)},
        symbol={0: symbol_row(1, 1000)}, session=EVERY_SESSION, strategy=EVERY_STRATEGY,
        position={(0, 0): (OPEN_ORDERS * 3 // 4, 0, 8, 0)}, firm=OPEN_CREDIT[0],
        group=OPEN_CREDIT, clearing=OPEN_CREDIT)
    await driver.upload(limits, limits.crc(*SIZES), 1)
    assert model.commit(limits, limits.crc(*SIZES), 1)
    await _arm(driver, model)
    for token in range(1, 10_001):
        cancels = rng.random() < 0.2
        driver.orders.append(OrderRequest(
            user_ref_num=token, price=0 if cancels else 1_000_000, quantity=0 if cancels else 1,
            account=0, symbol=0, session=1, action="X" if cancels else "O", side="B",
            time_in_force="0", display="Y", capacity="P", intermarket_sweep="N", cross_type="N",
            clordid="x"))
    first = len(driver.cycles["order"])
    await driver.settle()
    board.follow()
    taken = driver.cycles["order"][first:]
    assert [later - cycle for cycle, later in pairwise(taken)] == [1] * 9_999
    assert {decision.gate_cycles for decision in driver.decisions} == {VERDICT_CYCLES}
    assert driver.cycles["passed"][0] == taken[0] + VERDICT_CYCLES
    refused = sum(decision.checks != 0 for decision in driver.decisions)
    dut._log.info("%d passed, %d refused", 10_000 - refused, refused)
    assert model.exposure(0, 0) == (0, OPEN_ORDERS * 3 // 4, 0)


@cocotb.test(timeout_time=1, timeout_unit="sec")
async def every_row_has_a_kill_of_its_own(dut):
    """Of accounts and symbols, from the first row to the last: it stops its own orders only, and
    is told with the number of its register."""
    _, driver, model, _, board = await _begin(dut)
    _connect(driver, model)
    board.tops.update(dict.fromkeys(busy(SYMBOLS), Top()))
    for scope, rows in (("account", ACCOUNTS), ("symbol", SYMBOLS)):
        kill = BY_NAME[f"kill_{scope}"]
        for killed in busy(rows):
            setattr(model, f"kill_{scope}", 1 << killed)
            told_before, before = len(driver.events), len(driver.decisions)
            tells = await driver.kill(scope, 1 << killed)
            for row in busy(rows):
                driver.orders.append(OrderRequest(
                    user_ref_num=1, action="O", side="B", time_in_force="0", price=100, quantity=1,
                    **{"account": 0, "symbol": 0} | {scope: row}))
            await driver.settle()
            board.follow()
            stopped = [decision.checks >> kill.bit & 1 for decision in driver.decisions[before:]]
            assert stopped == [row == killed for row in busy(rows)], (scope, killed)
            told = [(event.kind, event.code, event.word, event.value)
                    for event in driver.events[told_before:]]
            assert told == [("K", *each) for each in tells]
        setattr(model, f"kill_{scope}", 0)
        await driver.kill(scope, 0)
