"""The engine against a card whose exposure is wrong: told, shown, journalled, over again."""

import pytest
from tickgate.engine import exposurecheck
from tickgate.engine.inputs import Drift, decode
from tickgate.journal import read


@pytest.fixture(autouse=True)
def _fast_rounds(monkeypatch):
    monkeypatch.setattr(exposurecheck, "ROUND_NS", 5_000_000)
    monkeypatch.setattr(exposurecheck, "SETTLE_NS", 1_000_000)


def drifts(world):
    return world.ask("state")["exposure"]["drifts"]


def journalled(world):
    entries = map(decode, read(world.directory / "state" / "journal"))
    return [value for value in entries if isinstance(value, Drift)]


def rounds(world, count):
    check = world.engine.exposure_check
    wanted = check.counters["rounds"] + count
    world.until(lambda: check.counters["rounds"] >= wanted)


def test_a_day_of_orders_makes_no_drift(world):
    world.start()
    client = world.trader()
    for number in range(1, 41):
        client.order(str(number), number, side="1" if number % 2 else "5")
        client.expect(150, "0", 11, str(number))
        token = max(world.venue.orders)
        if number % 3 == 0:
            world.venue.fill(token, 1 + number // 2, 1_500_000)
        if number % 5 == 0:
            client.cancel(f"x{number}", str(number))
            client.expect(150, "4", 11, f"x{number}")
        elif number % 7 == 0 and number % 2:
            client.replace(f"r{number}", str(number), number + 5, "151.00")
            client.expect(150, "5", 11, f"r{number}")
    rounds(world, 4)
    state = world.ask("state")["exposure"]
    assert (state["on"], state["pairs"], state["told"], state["drifts"]) == (True, 1, 0, [])
    assert "different" not in state["counters"]
    assert state["counters"]["equal"] > 0


@pytest.mark.parametrize(
    ("more", "name"),
    [((1, 0, 0), "position"), ((0, 1, 0), "open_buy"), ((0, 0, 1), "open_sell")],
)
def test_one_share_is_told_shown_and_over_again(world, more, name):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    world.venue.fill(1, 40, 1_500_000)
    client.expect(150, "F")
    world.card.held.drift[0, 0] = more
    world.until(lambda: drifts(world))
    (row,) = drifts(world)
    assert (row["account"], row["symbol"]) == ("ALPHA", "AAPL")
    assert (row["host_position"], row["host_open_buy"], row["host_open_sell"]) == (40, 60, 0)
    assert row[f"card_{name}"] == row[f"host_{name}"] + 1
    world.card.held.drift.clear()
    world.until(lambda: not drifts(world))
    assert world.ask("state")["exposure"]["told"] == 1
    assert [(drift.over, drift.difference) for drift in journalled(world)] == [
        (False, list(more)),
        (True, [0, 0, 0]),
    ]


def test_an_order_that_the_gate_has_not_decided_is_no_drift(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    world.card.hold = True
    client.order("2")
    rounds(world, 6)
    counters = world.engine.exposure_check.counters
    assert counters["traffic"] > 0
    assert not counters["different"]


def test_a_drift_is_found_again_after_a_restart(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    world.card.held.drift[0, 0] = (0, -1, 0)
    world.until(lambda: drifts(world))
    world.kill()
    world.start()
    assert not world.engine.core.drifts
    world.until(lambda: world.engine.core.drifts)
    assert world.engine.core.drifts_told == 2


def test_a_card_that_comes_back_fresh_is_compared_from_its_loaded_positions(world, fresh_card):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    world.venue.fill(1, 40, 1_500_000)
    client.expect(150, "F")
    world.lose_card()
    world.card = fresh_card(world.venue)
    world.until(lambda: world.card.armed and world.engine.link.phase == "armed")
    rounds(world, 4)
    assert world.card.exposure(0, 0) == (40, 0, 0)
    assert not world.engine.exposure_check.counters["different"]


def test_a_card_that_ends_while_it_is_read_is_let_go(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    world.lose_card()
    world.card.dead = False
    world.until(lambda: world.engine.link.phase == "armed")
    rounds(world, 2)
    assert not drifts(world)
