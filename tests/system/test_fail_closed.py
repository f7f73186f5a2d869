"""Whatever breaks on the host's side, the live card's gate is shut: orders are refused by name."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from tickgate.card import registers as reg
from tickgate.card.driver import CardDriver
from tickgate.card.errors import CardNotReady
from tickgate.card.limits import image_addresses, image_crc
from tickgate.records.messages import CardEvent, GateDecision
from tickgate.risk.checks import failed
from tickgate_sim.card.process import LiveCard

from tests.system.live_card import (
    LIMITS,
    PATIENCE_S,
    RING_LOG2,
    attach,
    card_events,
    decisions,
    events,
    image,
    order,
    set_up,
)

pytestmark = [pytest.mark.sim, pytest.mark.system]

WATCHDOG_MS = 300
CASES = ("half, no commit", "half, committed", "wrong CRC")
"""What is wrong with an upload of limits."""
OVER_THE_LIMIT = 1001
"""Shares, one more than the limits of ``image`` allow."""


def answer(card: CardDriver, token: int, **changes: int | str) -> GateDecision:
    """Send one order and return the gate's decision."""
    assert card.submit(order(token, **changes))
    card.ring_doorbell()
    return decisions(events(card, lambda found: bool(decisions(found))))[0]


def names(decision: GateDecision) -> set[str]:
    """The checks that failed."""
    return {check.name for check in failed(decision.checks)}


# ---- a host that stops ----


def keep_open(socket: Path, said: Connection) -> None:
    """Be a host: open the gate and show the card that it is alive, for ever."""
    card = set_up(socket)
    card.upload_limits(image(), 7)
    card.set_watchdog(WATCHDOG_MS)
    card.touch_watchdog()
    card.arm()
    said.send("armed")
    while True:
        card.touch_watchdog()
        time.sleep(WATCHDOG_MS / 1000 / 10)


@contextmanager
def a_host(socket: Path) -> Iterator[int]:
    """A host in a process of its own whose gate is open; its process id."""
    context = multiprocessing.get_context("spawn")
    hears, says = context.Pipe()
    host = context.Process(target=keep_open, args=(socket, says))
    host.start()
    try:
        assert hears.poll(PATIENCE_S)
        assert hears.recv() == "armed"
        assert host.pid is not None
        yield host.pid
    finally:
        host.kill()
        host.join()


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSTOP])
def test_a_host_that_stops_leaves_a_shut_gate(process: LiveCard, signum: signal.Signals) -> None:
    with a_host(process.socket) as pid:
        time.sleep(2 * WATCHDOG_MS / 1000)  # it is the touches that keep the gate open
        stopped_ns = time.time_ns()
        os.kill(pid, signum)
        time.sleep(3 * WATCHDOG_MS / 1000)  # the stimulus itself: a stopped host holds the card
        next_ns = time.time_ns()
    card = attach(process.socket)
    try:
        card.attach_rings()
        told = events(card, lambda found: "W" in card_events(found))
        assert card_events(told) == ["L", "A", "W"]
        (shut,) = [event for event in told if isinstance(event, CardEvent) and event.kind == "W"]
        assert stopped_ns < shut.time_ns < next_ns
        assert not card.status().armed
        assert {"gate_closed", "host_stale"} <= names(answer(card, 1))
        card.touch_watchdog()  # a live host alone does not open it
        assert "gate_closed" in names(answer(card, 2))
        assert not card.status().armed
        with pytest.raises(CardNotReady, match="limits of another generation than 7"):
            card.arm()
        assert "gate_closed" in names(answer(card, 3))
        card.upload_limits(image(), 8)
        card.set_watchdog(60_000)
        card.touch_watchdog()
        card.arm()
        assert "gate_closed" not in names(answer(card, 4))
    finally:
        card.transport.close()


def test_a_mass_cancel_waits_for_the_venue_until_the_host_is_back(card: CardDriver) -> None:
    card.set_watchdog_cancel(WATCHDOG_MS, "TICK")
    card.set_watchdog(WATCHDOG_MS)
    assert card.status().mass_cancel_on
    card.touch_watchdog()
    touched_ns = time.time_ns()
    told = events(card, lambda found: "N" in card_events(found))
    assert card_events(told) == ["W", "N"]
    ran_out, waits = (event.time_ns for event in told if isinstance(event, CardEvent))
    assert abs(waits - ran_out - WATCHDOG_MS * 1_000_000) < 20_000_000
    assert waits > touched_ns + WATCHDOG_MS * 1_000_000
    assert card.status().mass_cancel_due
    before = card.last_token()
    card.touch_watchdog()
    status = card.status()
    assert (status.mass_cancel_on, status.mass_cancel_due) == (True, False)
    card.set_watchdog_cancel(0)
    assert not card.status().mass_cancel_on
    assert (card.counters()["mass_cancels"], card.last_token()) == (0, before)


# ---- limits that are not whole ----


def write_limits(card: CardDriver, words: dict[int, int], part: float) -> None:
    """Write the first part of an image to the shadow bank."""
    found = card.identify()
    addresses = [at for table in image_addresses(found.tables) for at in table]
    for address in addresses[: int(part * len(addresses))]:
        card.registers.write(reg.LIMIT_ADDRESS, address)
        card.registers.write(reg.LIMIT_DATA, words.get(address, 0))


def commit(card: CardDriver, crc: int, generation: int) -> bool:
    """Ask the card to put its shadow bank into force. Whether it did."""
    card.registers.write_checked(reg.LIMIT_CRC, crc)
    card.registers.write_checked(reg.LIMIT_GENERATION, generation)
    card.registers.set(reg.LIMIT_COMMIT, commit=1)
    deadline = time.monotonic() + PATIENCE_S
    while (status := card.registers.fields(reg.LIMIT_STATUS))["busy"]:
        assert time.monotonic() < deadline
    assert status["bad_crc"] != status["committed"]
    return bool(status["committed"])


def whole_crc(card: CardDriver) -> int:
    """CRC of the whole image on this card."""
    found = card.identify()
    return image_crc(image(), found.tables)


def bad_commit(card: CardDriver, case: str, generation: int) -> None:
    """Upload limits with a fault, and commit them unless the host is gone before."""
    crc = whole_crc(card)
    write_limits(card, image(), 1.0 if case == "wrong CRC" else 0.5)
    if case != "half, no commit":
        assert not commit(card, crc ^ (case == "wrong CRC"), generation)


@pytest.mark.parametrize("case", CASES)
def test_limits_that_are_not_whole_do_not_open_a_gate(card: CardDriver, case: str) -> None:
    bad_commit(card, case, 1)
    card.set_watchdog(60_000)
    card.touch_watchdog()
    with pytest.raises(CardNotReady, match="limits_valid"):
        card.arm()
    decision = answer(card, 1)
    assert {"gate_closed", "no_limits"} <= names(decision)
    assert decision.generation == 0
    write_limits(card, image(), 1.0)
    assert commit(card, whole_crc(card), 2)  # the same limits, whole
    card.arm()


@pytest.mark.parametrize("case", CASES)
def test_limits_that_are_not_whole_leave_those_in_force(card: CardDriver, case: str) -> None:
    card.upload_limits(image(), 7)
    write_limits(card, {}, 1.0)  # the other bank lets nobody do anything, but for what comes now
    bad_commit(card, case, 8)
    assert card.status().generation == 7
    decision = answer(card, 1, quantity=OVER_THE_LIMIT)
    assert decision.generation == 7
    assert "max_quantity" in names(decision)
    assert "no_limits" not in names(decision)
    assert "max_quantity" not in names(answer(card, 2))


# ---- references that do not come ----


def test_references_that_do_not_come_any_more_refuse_orders(card: CardDriver) -> None:
    waived = 'waived = ["national", "luld", "window"]'
    assert waived in LIMITS
    asked = LIMITS.replace(waived, 'window_collar = "1.00"\nmax_reference_age = 1000')
    card.upload_limits(image(asked), 7)
    checks = {"luld_band", "window_collar", "reference_age"}
    assert names(answer(card, 1)) & checks == checks
    price = 100_0000
    good = {"national_bid": price, "band_low": price, "band_high": price, "window": price}
    card.write_reference(0, **good)
    assert names(answer(card, 2)) & checks == set()
    deadline, token = time.monotonic() + PATIENCE_S, 3
    while "reference_age" not in names(answer(card, token)):
        assert time.monotonic() < deadline
        token += 1
    assert names(answer(card, token + 1)) & checks == {"reference_age"}
    card.write_reference(0, **good)
    assert names(answer(card, token + 2)) & checks == set()
    card.write_reference(0, **(good | {"band_high": price - 1}))
    assert names(answer(card, token + 3)) & checks == {"luld_band"}
    counts = card.counters()
    assert (counts["references"], counts["references_ignored"]) == (3, 0)


# ---- a host that takes no events ----


def test_a_full_events_ring_refuses_orders_until_there_is_room(card: CardDriver) -> None:
    slots = 1 << RING_LOG2
    count = slots - 16  # so many answers that the ring is nearly full, and all are to be seen
    for token in range(1, count + 1):
        assert card.submit(order(token))
    card.ring_doorbell()
    deadline = time.monotonic() + PATIENCE_S
    while card.counters()["orders_refused"] < count:
        assert time.monotonic() < deadline
    assert not card.status().events_room
    told = decisions(events(card, lambda found: len(decisions(found)) >= count))
    stopped = ["events_full" in names(decision) for decision in told]
    assert not stopped[0]
    assert stopped[-1]
    assert stopped == sorted(stopped)  # from one order on, all of them
    assert card.status().events_room
    assert "events_full" not in names(answer(card, count + 1))
