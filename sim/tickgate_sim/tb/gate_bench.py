"""A gate of 4 symbols, 2 accounts and 16 open orders, and limits images for it."""

import os

import cocotb
from tickgate.records.messages import OrderRequest
from tickgate.risk.checks import BY_NAME, CHECKS

from tickgate_sim.models.gate import Limits, Top
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
