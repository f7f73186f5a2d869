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
from tickgate.risk.checks import CHECKS

from tickgate_sim.models.gate import GateModel, Limits, References, Top, Update
from tickgate_sim.tb.gate_driver import (
    CLEARING_FIRMS,
    EVERY_SESSION,
    GROUPS,
    OPEN_CREDIT,
    OPEN_RATE,
    GateDriver,
    symbol_row,
)
from tickgate_sim.tb.gate_tally import Tally

SYMBOLS = int(os.environ.get("GATE_SYMBOLS", "4"))
ACCOUNTS = int(os.environ.get("GATE_ACCOUNTS", "2"))
OPEN_ORDERS = int(os.environ.get("GATE_OPEN_ORDERS", "16"))
RECENT_ORDERS = int(os.environ.get("GATE_RECENT_ORDERS", "16"))
SIZES = ACCOUNTS, SYMBOLS, GROUPS, CLEARING_FIRMS
TABLES = {"symbols": SYMBOLS, "accounts": ACCOUNTS, "open_orders": OPEN_ORDERS, "groups": GROUPS,
          "clearing": CLEARING_FIRMS, "recent_orders": RECENT_ORDERS}
VERDICT_CYCLES = 6 if os.environ.get("GATE_REGISTERED") == "1" else 3
ROUNDS = int(os.environ.get("GATE_ROUNDS", "4000"))
ORDERS = int(os.environ.get("GATE_ORDERS", "0"))
TALLY = os.environ.get("GATE_TALLY")
NEAR = (-2, -1, 0, 0, 1, 2)


class Traffic:
    """Makes operations whose outcome is close to one side or the other of every limit."""

    def __init__(self, rng, model, tops):
        self.rng, self.model, self.tops = rng, model, tops
        self.token = 0
        self.matches = 0
        self.trades = []
        self.recent = deque(maxlen=8)  # orders that may not be decided yet

    def limits(self):
        rng, model = self.rng, self.model

        def money(*around):
            """Two words: without end, or near what is used already."""
            value = (1 << 63) - 1 if rng.random() < 0.75 else rng.choice(around)
            return value & 0xFFFF_FFFF, value >> 32

        def bucket():
            return rng.choice((0, 700, 65535)), rng.choice((3, 50, *[65535] * 10))

        def account(index):
            gross, net_long, net_short = (max(0, used) for used in model.credit([index]))
            working = model.working(index)
            traded = model.traded[index]
            shares = sum(order.remaining for order in working)
            value = sum(order.remaining * order.price for order in working)
            some = rng.choice((0, 10**9, 10**10))
            return (
                rng.random() < 0.97, rng.choice((500, 5000, 10**6)),
                *money(0, 10**9, 5 * 10**9), rng.choice((0, 700, 65535)),
                rng.choice((3, 50, *[65535] * 6)),
                0xFF if rng.random() < 0.75 else rng.randrange(0x100),
                rng.choice((len(working), len(working) + 3, 1000, 1000)),
                *money(shares + 1000)[:2], *money(value + some),
                *money(traded.ordered + 5000), *money(traded.ordered_value + some),
                *money(gross + some), *money(max(net_long, net_short) + some),
                *self._member(index), rng.choice((0, 1, 5, 50, 1000)), *bucket())

        def credit(accounts):
            gross, net_long, net_short = (max(0, used) for used in model.credit(accounts))
            some = rng.choice((0, 10**10, 10**11))
            return (rng.random() < 0.98, 0, *money(gross + some),
                    *money(max(net_long, net_short) + some))

        def members(place, row):
            return [index for index, of in model.member.items() if of[place] == row]

        return Limits(
            account={index: account(index) for index in range(ACCOUNTS)},
            symbol={index: (rng.random() < 0.97, rng.choice((0, 300, 10**5)),
                            rng.choice((*[0] * 6, 0b101, 0b111)),
                            rng.choice((*[0] * 9, 0b01001, 0b01111, 0b10011)),
                            0 if rng.random() < 0.8 else rng.randrange(8),
                            rng.choice((0, 300, 10**5, (1 << 32) - 1)),
                            rng.choice((3, 20, 100, (1 << 32) - 1)),
                            0b111 if rng.random() < 0.6 else rng.randrange(8), *bucket())
                    for index in range(SYMBOLS)},
            position={(account, symbol): (rng.choice((0, 800, 10**6)), rng.choice((0, 800, 10**6)),
                                          8 if rng.random() < 0.8 else rng.randrange(16),
                                          rng.choice((0, model.located.get((account, symbol), 0)
                                                      + 800, 2**31 - 1, 2**31 - 1)))
                      for account in range(ACCOUNTS) for symbol in range(SYMBOLS)},
            firm=credit([*range(ACCOUNTS)]),
            group={row: credit(members(0, row)) for row in range(GROUPS)},
            session={row: (rng.random() < 0.98, *bucket()) for row in range(32)},
            clearing={row: credit(members(1, row)) for row in range(CLEARING_FIRMS)},
        )

    def _member(self, account):
        """Group and clearing firm: those that it has, and seldom what a card must refuse."""
        rng = self.rng
        drawn = rng.randrange(GROUPS), rng.randrange(CLEARING_FIRMS)
        if rng.random() < 0.02:
            return rng.choice((drawn, (GROUPS, 0), (0, CLEARING_FIRMS), (0, 1 << 31)))
        return self.model.member.get(account, drawn)

    def top(self):
        rng = self.rng
        bid = rng.choice((0, 1_000_000, 999_900, 1_000_100)) if rng.random() < 0.3 else 1_000_000
        ask = rng.choice((0, 1_000_200, 1_000_300)) if rng.random() < 0.3 else 1_000_200
        return Top(bid, ask, "T" if rng.random() < 0.93 else rng.choice("HPQ "),
                   rng.random() < 0.04, "Q" if rng.random() < 0.9 else rng.choice(" OSMEC"),
                   "0" if rng.random() < 0.7 else rng.choice("12 "))

    def references(self):
        """References about the book's prices: seldom one that is not known."""
        rng = self.rng

        def some(*prices):
            return 0 if rng.random() < 0.03 else rng.choice(prices)

        return References(
            some(999_900, 1_000_000, 1_000_100), some(500_000, 999_900), some(1_000_300, 1_500_000),
            some(999_900, 1_000_000, 1_000_200, (1 << 32) - 1))

    def _near_a_reference(self, symbol, side):
        """A price at, or beside, one that the symbol's references allow just so."""
        rng, model = self.rng, self.model
        references, _ = model.references.get(symbol, (References(), 0))
        collar = model.limits.symbol.get(symbol, (0,) * 8)[5]
        return rng.choice((
            references.national_bid, references.band_high if side == "B" else references.band_low,
            references.window + (collar if side == "B" else -collar))) + rng.choice(NEAR)

    def order(self):
        rng, model = self.rng, self.model
        action = rng.choices("OUX?", (60, 22, 16, 1))[0]
        account, symbol = rng.randrange(ACCOUNTS), rng.randrange(SYMBOLS)
        side = rng.choice("BBSSTE")
        orig = 0
        known = list(model.orders.values())
        if action == "U" and known and rng.random() < 0.7:
            old = rng.choice(known)
            orig, account, symbol = old.token, old.account, old.symbol
            side = rng.choice("STE") if old.sells else "B"
            if rng.random() < 0.05:
                side = rng.choice("BSTE")
        elif self.recent and rng.random() < 0.5:  # of one row with, and perhaps for, those before
            before = rng.choice(self.recent)
            account, symbol = before.account, before.symbol
            if action == "U":
                orig, side = before.user_ref_num, before.side
        if rng.random() < 0.97:
            self.token += rng.choice((1, 1, 1, 1, 2, OPEN_ORDERS))
        token = self.token
        if action == "X" and known:
            token = rng.choice(known).token

        position, open_buy, open_sell = model.exposure(account, symbol)
        longest, shortest, *_ = model.limits.position.get((account, symbol), (0, 0))
        room = longest - position - open_buy if side == "B" else shortest + position - open_sell
        most = model.limits.account.get(account, (0,) * 20)
        quantity = rng.choice((
            rng.randint(1, 400), rng.randint(1, 400), rng.randint(1, 400),
            room + rng.choice(NEAR), most[1] + rng.choice(NEAR), rng.choice((999_999, 10**6, 0))))
        quantity = max(rng.random() < 0.98, min(quantity, rng.choice((999_999, 1 << 20))))
        top = self.tops[symbol]
        collar = model.limits.symbol.get(symbol, (0, 0))[1]
        edge = (top.ask or top.bid) + collar if side == "B" else (top.bid or top.ask) - collar
        price = rng.choice((edge, edge, edge + rng.choice(NEAR), rng.randint(1, 2_000_000)))
        if rng.random() < 0.1 and quantity:
            price = (most[3] << 32 | most[2]) // quantity + rng.choice(NEAR)
        if rng.random() < 0.01:
            price = rng.choice((0, 1_999_999_900, 1_999_999_901, (1 << 32) - 1))
        price = self._near_a_limit(account, side, quantity, price)
        if rng.random() < 0.3:
            price = self._near_a_reference(symbol, side)
        if rng.random() < 0.4:  # on the tick, in lots
            price, quantity = price // 100 * 100, max(quantity // 200, 1) * 200
        recent = model.duplicates.recent
        if action == "O" and recent and rng.random() < 0.15:  # one that passed, or nearly
            (account, symbol, side, price, quantity), _ = rng.choice(list(recent.values()))
            price += rng.choice((0, 0, 0, 4 * RECENT_ORDERS))
        price = max(0, min(price, (1 << 32) - 1))
        request = OrderRequest(
            user_ref_num=token, orig_user_ref_num=orig, price=price, quantity=quantity,
            account=account, symbol=symbol, session=rng.randrange(32), action=action, side=side,
            time_in_force=rng.choice("03"), display="Y", capacity="P",
            intermarket_sweep=rng.choice("NNNY"), cross_type="N", clordid="x")
        if rng.random() < 0.04:
            request = request._replace(**rng.choice((
                {"account": rng.choice((ACCOUNTS, 65535))},
                {"symbol": rng.choice((SYMBOLS, 65535))},
                {"session": rng.choice((32, 65535))}, {"side": "?"}, {"time_in_force": "5"},
                {"reserved_a": 1}, {"reserved_b": 1 << 31}, {"price": 0})))
        else:
            self.recent.append(request)
        return request

    def _near_a_limit(self, account, side, quantity, price):
        """Sometimes the price with which the order's value is just within a limit, or over."""
        rng, model = self.rng, self.model
        row = model.limits.account.get(account, ())
        if rng.random() < 0.8 or not quantity or len(row) < 20:
            return price
        gross, net_long, net_short = model.credit([account])
        traded = model.traded[account]
        used, at = rng.choice((
            (gross, 16), (net_long if side == "B" else net_short, 18),
            (traded.ordered_value, 14),
            (sum(order.remaining * order.price for order in model.working(account)), 10)))
        room = (row[at] | row[at + 1] << 32) - used
        return min(max(1, room // quantity + rng.choice((0, 0, 1))), 1_999_999_900)

    def update(self):
        rng, model = self.rng, self.model
        known = list(model.orders.values())
        if self.trades and rng.random() < 0.1:
            match, token = rng.choice(self.trades)
            return Update("B", token, match_number=match)
        if not known or rng.random() < 0.05:
            return Update(rng.choice("AUECDJMBZ"), rng.randrange(self.token + 20),
                          quantity=rng.randint(0, 500), match_number=rng.randrange(50))
        order = rng.choice(known)
        if order.replaces is not None and rng.random() < 0.85:
            return Update("U", order.token, rng.choice((order.remaining, rng.randint(0, 500))),
                          order.replaces, dead=rng.random() < 0.1)
        kind = rng.choices("AECDJMU", (30, 35, 20, 3, 5, 2, 2))[0]
        quantity = rng.choice((order.remaining, rng.randint(0, max(1, order.remaining)),
                               order.remaining + 1, rng.randint(0, 2000)))
        if kind == "E":
            self.matches += 1
            self.trades.append((self.matches, order.token))
            del self.trades[:-60]
        return Update(kind, order.token, quantity, rng.choice((0, order.token)),
                      self.matches if kind == "E" else 0, kind in "AU" and rng.random() < 0.1,
                      max(1, order.price + rng.choice((0, -100, 100, 5))) if kind == "E" else 0)


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
        dut = driver.dut
        assert int(dut.count_unknown_token__count.value) == model.unknown
        assert int(dut.count_duplicates_forgotten__count.value) == model.duplicates.forgotten
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
        name, attribute, width = rng.choice((
            ("kill_all__on", "kill_all", 1), ("kill_session__mask", "kill_session", 32),
            ("kill_account__mask", "kill_account", ACCOUNTS),
            ("kill_symbol_low__mask", "kill_symbol", min(SYMBOLS, 32))))
        # That of a symbol or a session refuses few orders, so it may be on for longer.
        on = rng.random() < (0.5 if attribute in ("kill_symbol", "kill_session") else 0.15)
        value = 1 << rng.randrange(width) if on else 0
        if on and attribute == "kill_session":  # of one in 32 nobody would send
            value |= rng.getrandbits(width) & rng.getrandbits(width)
        board.tally.kills += on
        setattr(model, attribute, value)
        await driver.strobe(name, value)
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
        await _refer(driver, model, traffic, rng.randrange(SYMBOLS))
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
        symbol = rng.randrange(SYMBOLS)
        traffic.tops[symbol] = driver.tops[symbol] = traffic.top()
    elif what == "commit" and rng.random() < 0.4:
        await _commit(rng, driver, model, traffic.limits())
        board.tally.commits += 1
    elif what == "position":
        account, symbol = rng.randrange(ACCOUNTS), rng.randrange(SYMBOLS)
        shares = rng.choice((0, 0, 0, 0, 100, -100, 2**31 - 1, -(2**31)))
        await driver.load_position(account, symbol, shares)
        await driver.settle()  # a row shows what was loaded some cycles later
        if not model.armed:
            model.position[account, symbol] = shares
    elif what == "unsend":
        driver.unsend = rng.random() < 0.07
    elif what == "list":
        symbol = rng.randrange(SYMBOLS)
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
        for name in ("kill_all__on", "kill_session__mask", "kill_account__mask",
                     "kill_symbol_low__mask", "watchdog_timeout__ms", "limit_lease__ms",
                     "session_up", "events_room"):
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
    if ROUNDS:  # a run of few orders may end before
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
        account={0: (1, 1000, *free, *OPEN_RATE, 0xFF, 10**6, *free * 6, 0, 0, 0, *OPEN_RATE)},
        symbol={0: symbol_row(1, 1000)}, session=EVERY_SESSION,
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
