"""An engine that stands still for long: the card has the exchange cancel its orders by itself."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tickgate.fix import orders, tags

from tests.system.machine.peer import Peer
from tests.system.machine.rig import Rig, until
from tests.system.machine.test_gate_shut import (
    DOLLAR,
    WATCHDOG_S,
    an_order_passes,
    arms_with_a_new_generation,
    nothing_passes,
)

pytestmark = pytest.mark.system

CANCEL_S = 4.0
"""From the first stage of the watchdog to the second."""
RESTING = [("AAPL", orders.BUY), ("AAPL", orders.BUY), ("MSFT", orders.BUY)]


@pytest.fixture(scope="module")
def hasty(idle: Rig) -> Rig:
    """A machine whose card does not wait for long."""
    config = idle.settings.folder / "engine.toml"
    text, key = config.read_text(), "watchdog_cancel_ms = "
    long = f"{key}{idle.settings.watchdog_cancel_ms}"
    assert long in text
    config.write_text(text.replace(long, f"{key}{CANCEL_S * 1000:.0f}"))
    idle.machine.start(mode=idle.mode, console=False)
    return idle


@pytest.fixture(scope="module")
def client(hasty: Rig) -> Iterator[Peer]:
    """The probe, logged on."""
    with hasty.peer() as peer:
        yield peer


def rest(client: Peer) -> list[str]:
    """Orders that rest at the exchange, far from the market."""
    ids = [
        client.enter(symbol, side, quantity, DOLLAR)  # no two alike: the gate knows duplicates
        for quantity, (symbol, side) in enumerate(RESTING, 10)
    ]
    for cl_ord_id in ids:
        answer = client.answer(cl_ord_id)
        assert answer.get(tags.ORD_STATUS) == "0", answer.get(tags.TEXT)
    return ids


@contextmanager
def stopped_engine(rig: Rig) -> Iterator[None]:
    """The engine stands still meanwhile."""
    engine = rig.process("engine")
    engine.kill(signal.SIGSTOP)
    try:
        yield
    finally:
        engine.kill(signal.SIGCONT)


def mass_cancels(rig: Rig) -> int:
    """Those that reached the exchange."""
    count: int = rig.records()["inbound"].get("C", {"count": 0})["count"]
    return count


def test_a_host_that_comes_back_in_time_keeps_its_orders(hasty: Rig, client: Peer) -> None:
    ids = rest(client)
    with stopped_engine(hasty):
        time.sleep(WATCHDOG_S + 0.5)  # the first stage has run out, the second has not
    hasty.until_state(
        lambda state: state["card"]["watchdog_ok"] and not state["card"]["armed"],
        "the host is alive again and the gate is shut",
    )
    time.sleep(CANCEL_S)
    assert mass_cancels(hasty) == 0
    assert len(hasty.records()["open_orders"]) == len(ids)
    for (symbol, side), cl_ord_id in zip(RESTING, ids, strict=True):
        client.answer(client.cancel(cl_ord_id, symbol, side), "4")
    arms_with_a_new_generation(hasty)
    an_order_passes(hasty, client)


def test_a_host_that_stays_away_has_its_orders_cancelled(hasty: Rig, client: Peer) -> None:
    assert hasty.state()["card"]["mass_cancel_on"]
    ids = rest(client)
    assert len(hasty.records()["open_orders"]) == len(ids)
    stopped = time.monotonic()
    with stopped_engine(hasty):
        until(lambda: not hasty.records()["open_orders"], "the card cancelled the orders")
        took_s = time.monotonic() - stopped
        assert mass_cancels(hasty) == 1
        time.sleep(WATCHDOG_S)  # once per expiry
        assert mass_cancels(hasty) == 1
    # The engine touches the watchdog four times in its time.
    assert took_s > WATCHDOG_S * 3 / 4 + CANCEL_S - 0.5
    print(f"mass cancel {took_s:.1f} s after the engine stopped")
    for cl_ord_id in ids:
        assert client.answer(cl_ord_id, "4").get(tags.CUM_QTY) == "0"
    hasty.until_state(
        lambda state: "had the venue cancel every order" in state["card"]["reason"],
        "the engine says what the card did",
    )
    state = hasty.state()
    assert not state["open_orders"]
    assert state["card"]["counters"]["mass_cancels"] == 1
    assert not state["card"]["mass_cancel_due"]
    nothing_passes(hasty, client, "gate_closed")
    arms_with_a_new_generation(hasty)
    an_order_passes(hasty, client)  # with a number above the card's
    verdict = hasty.verdict([])
    assert verdict.all_agree, verdict.differences
    assert set(hasty.records()["ignored"]) == set()


def test_it_acts_again_the_next_time(hasty: Rig, client: Peer) -> None:
    ids = rest(client)
    with stopped_engine(hasty):
        until(lambda: not hasty.records()["open_orders"], "the card cancelled the orders")
    for cl_ord_id in ids:
        client.answer(cl_ord_id, "4")
    assert mass_cancels(hasty) == 2
