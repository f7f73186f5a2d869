"""The real card as a process: the driver over shared memory, new hosts, and a card that dies."""

import select
import time

import pytest
from tickgate.card import registers as reg
from tickgate.card.errors import CardGone, CardNotReady
from tickgate.records.messages import CardEvent
from tickgate.risk.checks import BY_NAME, CHECKS, failed

from tests.system.live_card import (
    PATIENCE_S,
    attach,
    card_events,
    decisions,
    events,
    image,
    order,
)

SHUT = {
    *("gate_closed", "no_limits", "host_stale", "venue_down", "halted", "no_reference"),
    "lease",
}
"""What refuses a good order on a card that was just reset."""

pytestmark = [pytest.mark.sim, pytest.mark.system]


def test_the_card_says_what_it_is(card):
    found = card.identify()
    assert (found.layout, found.symbols, found.accounts) == (4, 64, 16)
    status = card.status()
    assert status.ready
    assert status.events_room
    assert not any((status.armed, status.limits_valid, status.watchdog_ok, status.session_up))


def test_registers_keep_what_is_written(card):
    card.registers.write_checked(reg.SCRATCH, 0x1234_5678)
    card.registers.write_checked(reg.KILL_SYMBOL_0, 0xFFFF_FFFF)
    card.registers.write_checked(reg.KILL_SYMBOL_1, 0x8000_0001)
    assert card.kill_state().symbols == 0x8000_0001_FFFF_FFFF


def test_the_cards_clock_is_the_machines(card):
    assert abs(card.time_ns() - time.time_ns()) < 10_000_000_000
    assert card.cycles() < card.cycles()


def test_a_shut_gate_refuses_each_order_and_names_the_checks(card):
    for token in range(1, 6):
        assert card.submit(order(token))
    card.ring_doorbell()
    found = decisions(events(card, lambda found: len(decisions(found)) >= 5))
    assert [decision.user_ref_num for decision in found] == [1, 2, 3, 4, 5]
    for decision in found:
        names = {check.name for check in failed(decision.checks)}
        assert names == SHUT
        assert decision.first_check == BY_NAME["gate_closed"].bit
        assert decision.gate_cycles > 0
        assert decision.wire_cycles == 0
    assert card.check_counts() == {
        check.name: 5 if check.name == "gate_closed" else 0 for check in CHECKS
    }
    counters = card.counters()
    assert (counters["orders_in"], counters["orders_refused"], counters["ouch_out"]) == (5, 5, 0)


def test_limits_are_read_back_committed_and_the_gate_arms(card):
    with pytest.raises(CardNotReady, match="limits_valid, watchdog_ok"):
        card.arm()
    card.upload_limits(image(), 7)
    card.set_watchdog(60_000)
    card.touch_watchdog()
    card.arm()
    status = card.status()
    assert (status.armed, status.generation) == (True, 7)
    kinds = card_events(events(card, lambda found: len(found) >= 2))
    assert kinds == ["L", "A"]


def test_a_kill_is_confirmed_and_reported(card):
    confirmed = card.kill("account", 3, True)
    (event,) = events(card, lambda found: len(found) >= 1)
    assert isinstance(event, CardEvent)
    assert (event.kind, event.code, event.value) == ("K", "C", 1 << 3)
    assert abs(event.time_ns - confirmed) < 10_000_000_000
    assert card.kill_state().accounts == 1 << 3


def test_the_watchdog_shuts_the_gate_when_the_host_is_silent(card):
    card.upload_limits(image(), 1)
    card.set_watchdog(100)
    card.touch_watchdog()
    card.arm()
    kinds = card_events(events(card, lambda found: len(found) >= 3))
    assert kinds == ["L", "A", "W"]
    status = card.status()
    assert not status.armed
    assert not status.watchdog_ok
    assert status.generation_used


def test_a_gate_that_was_disarmed_arms_only_with_another_generation(card):
    card.upload_limits(image(), 7)
    assert not card.status().generation_used
    card.set_watchdog(60_000)
    card.touch_watchdog()
    card.arm()
    card.disarm()
    with pytest.raises(CardNotReady, match="missing: limits of another generation than 7"):
        card.arm()
    card.upload_limits(image(), 7)  # a commit, but of the same number
    with pytest.raises(CardNotReady, match="missing: limits of another generation than 7"):
        card.arm()
    card.upload_limits(image(), 8)
    card.arm()
    assert card.status().armed


def test_more_orders_than_the_rings_hold_all_get_their_answer(card):
    tokens = iter(range(1, 2001))
    token = next(tokens, None)
    answered: list[int] = []
    while len(answered) < 2000:
        while token is not None and card.submit(order(token)):
            token = next(tokens, None)
        card.ring_doorbell()
        seen = len(answered)
        answered += [d.user_ref_num for d in decisions(events(card, bool))]
        assert len(answered) > seen
    assert answered == list(range(1, 2001))


def test_the_next_host_goes_on_with_the_same_rings(process, card):
    for token in range(1, 11):
        card.submit(order(token))
    card.ring_doorbell()
    slots: list[bytes] = []
    while len(slots) < 4:
        slots += card.poll_events(4 - len(slots))
    card.consume_events(2)
    last = int.from_bytes(slots[-1][56:], "little")
    card.transport.close()  # what the kernel does for a host that was killed

    after = attach(process.socket)
    after.attach_rings(events_seen=last)
    assert after.last_token() == 10
    after.submit(order(11))
    after.ring_doorbell()
    found = decisions(events(after, lambda found: len(decisions(found)) >= 7))
    assert [decision.user_ref_num for decision in found] == [5, 6, 7, 8, 9, 10, 11]
    after.transport.close()


def test_a_killed_card_is_gone_for_every_call(process, card):
    process.kill()
    assert select.select([card.transport], [], [], PATIENCE_S)[0]
    for call in (card.status, card.ring_doorbell, lambda: card.poll_events(1), card.disarm):
        with pytest.raises(CardGone):
            call()
