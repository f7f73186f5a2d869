"""Measures the gate: cycles to a verdict, orders back to back, cycles from a kill to shut.

Run by ``tickgate_sim.bench.gate``, which names the file for the figures in ``GATE_FIGURES``.
"""

import json
import os
from itertools import cycle
from pathlib import Path

import cocotb
from tickgate.records.messages import OrderRequest
from tickgate.risk.checks import BY_NAME

from tickgate_sim.models.gate import Limits, Top, Update
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

ACCOUNTS, SYMBOLS, OPEN_ORDERS = 2, 4, 16
SIZES = ACCOUNTS, SYMBOLS, GROUPS, CLEARING_FIRMS
MAX_QUANTITY = 1_000
WINDOW = 10_000
"""Cycles in which orders are counted."""
KILL_AFTER = range(1, 9)
"""Cycles from a burst's first order to the kill: before, at and after the first verdict."""
FREE = (0xFFFF_FFFF, 0x7FFF_FFFF)
KILLED = 1 << BY_NAME["kill_all"].bit
ALONE = (
    {}, {"action": "X"}, {"quantity": MAX_QUANTITY + 1}, {"side": "?"}, {"price": 1},
    {"price": 1_500_000}, {"symbol": 1}, {"account": 1}, {"user_ref_num": 0},
)  # fmt: skip
"""Orders that pass or are refused, each for another reason: changes to one that passes."""


class Bench(GateDriver):
    """An open gate whose clock of the day counts cycles, so that each verdict says when it fell."""

    def __init__(self, dut):
        super().__init__(dut, symbols=SYMBOLS, accounts=ACCOUNTS)
        self.token = 0

    async def step(self):
        """Run one cycle."""
        await super().step()
        self.dut.time_ns.value = self.cycle

    async def open(self):
        """Start the gate and do what lets orders of account 0 and symbol 0 pass."""
        await self.start()
        self.dut.session_up.value = self.dut.events_room.value = 1
        await self.list_symbol(0, "AAPL")
        self.tops[0] = Top(1_000_000, 1_000_200)
        limits = Limits(
            account={0: (1, MAX_QUANTITY, *FREE, *OPEN_RATE, 0x7F, 10**6, *FREE * 6, 0, 0, 0,
                         *OPEN_RATE, NEVER)},
            symbol={0: symbol_row(1, 1000)}, session=EVERY_SESSION,
            strategy=EVERY_STRATEGY,
            position={(0, 0): (10**6, 10**6, 8)}, firm=OPEN_CREDIT[0],
            group=OPEN_CREDIT, clearing=OPEN_CREDIT)
        await self.upload(limits, limits.crc(*SIZES), 1)
        await self.write("watchdog_timeout__ms", 100)
        await self.strobe("watchdog_touch__touch")
        await self.lease(1 << 31, 1)
        await self.strobe("control__arm")
        return self

    def order(self, **changes):
        """An order that passes, but for ``changes``."""
        self.token += 1
        return OrderRequest(**{
            "user_ref_num": self.token, "price": 1_000_000, "quantity": 1, "account": 0,
            "symbol": 0, "session": 1, "action": "O", "side": "B", "time_in_force": "0",
            "display": "Y", "capacity": "P", "intermarket_sweep": "N", "cross_type": "N",
            "clordid": "x", **changes})

    async def forget(self):
        """Let the venue reject whatever passed, so that its place is free."""
        self.updates.extend(
            Update("J", decision.user_ref_num) for decision in self.decisions
            if decision.checks == 0 and decision.action == "O")
        await self.settle()
        self.decisions.clear()


@cocotb.test(timeout_time=1, timeout_unit="sec")
async def measure(dut):
    """Write the figures."""
    bench = await Bench(dut).open()
    stamped, cycles = await verdict_cycles(bench)
    figures = {
        "cycles": cycles,
        "orders": await orders_in_window(bench),
        "kill": await kill_to_shut(bench, stamped),
    }
    Path(os.environ["GATE_FIGURES"]).write_text(json.dumps(figures))


async def verdict_cycles(bench):
    """Cycles from a time stamp to the verdict it is of, and from an order's arrival to a verdict.

    A pass shows in the cycle of its verdict, a refusal only when it is told; but both are stamped
    at the same stage. So the stamps of passes tell what those of refusals mean.
    """
    found = {True: set(), False: set()}
    after_stamp = set()
    for changes in ALONE:
        decision = await bench.ask(bench.order(**changes))
        arrived = bench.cycles["order"][-1]
        if decision.checks == 0:
            after_stamp.add(bench.cycles["passed"][-1] - decision.time_ns)
            found[True].add(bench.cycles["passed"][-1] - arrived)
        else:
            found[False].add(decision.time_ns - arrived)
    assert len(after_stamp) == 1, after_stamp
    (stamped,) = after_stamp
    found[False] = {cycles + stamped for cycles in found[False]}
    assert found[True] == found[False], f"passes {found[True]}, refusals {found[False]}"
    (cycles,) = found[True]
    await bench.forget()
    return stamped, cycles


async def orders_in_window(bench):
    """Orders that enter in 10,000 cycles when there is always another: some pass, some don't."""
    first = len(bench.cycles["order"])
    kinds = cycle(({"action": "X"}, {"quantity": 1}, {"quantity": MAX_QUANTITY + 1}))
    bench.orders.extend(bench.order(**next(kinds)) for _ in range(WINDOW + 100))
    await bench.settle()
    verdicts = {decision.checks == 0 for decision in bench.decisions}
    assert verdicts == {True, False}
    entered = bench.cycles["order"][first:]
    await bench.forget()
    return sum(at < entered[0] + WINDOW for at in entered)


async def kill_to_shut(bench, stamped):
    """Most cycles from the kill register's new value to the first verdict that it refuses.

    Orders enter in every cycle, so there is a verdict in each; none after that one may pass.
    """
    found = []
    for after in KILL_AFTER:
        for _ in range(OPEN_ORDERS - 2):
            bench.orders.append(bench.order())
        await bench.steps(after)
        bench.dut.kill_all__on.value = 1
        bench.pulse("kill_all__on__we")
        in_force = bench.cycle + 1  # the value is there from the edge just now to the next
        await bench.settle()
        verdicts = [(decision.time_ns + stamped, decision.checks) for decision in bench.decisions]
        shut = min(at for at, checks in verdicts if checks == KILLED)
        assert all(checks == KILLED for at, checks in verdicts if at >= shut)
        assert all(checks == 0 for at, checks in verdicts if at < shut)
        if len({checks for _, checks in verdicts}) > 1:  # verdicts fell before the kill and after
            found.append(shut - in_force)
        await bench.strobe("kill_all__on", 0)
        await bench.forget()
    assert found
    return max(found)
