"""What tests of the real card, as a process, share: a host's first steps, orders, events."""

import select
import time
from collections.abc import Callable
from pathlib import Path

from tickgate.card.driver import CardDriver
from tickgate.card.errors import CardBusy
from tickgate.card.simulated import connect
from tickgate.records.codec import pack, unpack
from tickgate.records.messages import CardEvent, GateDecision
from tickgate.records.schema import ORDER_REQUEST
from tickgate.risk.compile import RowNames, compile_image
from tickgate.risk.image import USUAL_SIZES
from tickgate.risk.limits import parse

from tests.limits_text import shared_tables, symbol_table

PATIENCE_S = 60.0
RING_LOG2 = 8


def attach(path: Path) -> CardDriver:
    """Connect as soon as the card has noticed that the host before is gone."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            driver = CardDriver(connect(path))
        except CardBusy:
            assert time.monotonic() < deadline
        else:
            driver.identify()
            return driver


def set_up(path: Path) -> CardDriver:
    """Attach as the first host of a card, with rings and a symbol."""
    driver = attach(path)
    driver.wait_ready(PATIENCE_S)
    driver.setup_rings(RING_LOG2, RING_LOG2, RING_LOG2)
    driver.load_symbol(0, "AAPL")
    return driver


def events(card: CardDriver, enough: Callable[[list[object]], bool]) -> list[object]:
    """Collect events, waiting for the card's interrupt between them, until there are enough."""
    found: list[object] = []
    while True:
        slots = card.poll_events(100)
        found += [unpack(slot)[1] for slot in slots]
        card.consume_events(len(slots))
        if enough(found):
            return found
        if not slots:
            card.arm_interrupts()
            ready, _, _ = select.select([card.transport.irqs[0]], [], [], PATIENCE_S)
            assert ready, f"no interrupt came; so far: {found}"
            card.transport.irqs[0].acknowledge()


def order(token: int, **changes: int | str) -> bytes:
    fields: dict[str, int | str] = {
        "user_ref_num": token, "orig_user_ref_num": 0, "price": 100_0000, "quantity": 100,
        "account": 0, "symbol": 0, "session": 0, "action": "O", "side": "B", "time_in_force": "0",
        "display": "Y", "capacity": "P", "intermarket_sweep": "N", "cross_type": "N",
        "clordid": f"id{token}", "strategy": 0,
    }  # fmt: skip
    return pack(ORDER_REQUEST, **(fields | changes))


def decisions(found: list[object]) -> list[GateDecision]:
    return [event for event in found if isinstance(event, GateDecision)]


def card_events(found: list[object]) -> list[str]:
    return [event.kind for event in found if isinstance(event, CardEvent)]


LIMITS = """
[accounts.ONE]
group = "DESK"
clearing_firm = "CLEAR"
permissions = ["buy", "day"]
symbols = "all"
max_quantity = 1000
max_value = "400000.00"
rate = 1000
burst = 1000
duplicate_window = 0
cancel_rate = 65535
cancel_burst = 65535
max_orders = 1000
max_open_quantity = 1000000
max_open_value = "100000000.00"
max_day_quantity = 1000000
max_day_value = "100000000.00"
gross_credit = "100000000.00"
net_credit = "100000000.00"
max_long = 1000
max_short = 1000
locates = 100000
max_rejects = 3
""" + symbol_table("AAPL", "10.00", "0.01") + shared_tables("1000000000.00", "C1")


def image(toml: str = LIMITS) -> dict[int, int]:
    limits = parse(toml)
    names = RowNames(["ONE"], ["AAPL"], ["DESK"], ["CLEAR"], ["C1"], ["ALGO"])
    return compile_image(limits, names, USUAL_SIZES).words
