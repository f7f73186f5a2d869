"""Card against host: traffic never makes a drift, one share that stays wrong always does."""

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tickgate.card.errors import CardGone
from tickgate.engine.core import Core
from tickgate.engine.exposurecheck import (
    CONFIRM,
    LOOKS,
    PAIRS_A_TURN,
    ROUND_NS,
    SETTLE_NS,
    ExposureCheck,
)
from tickgate.engine.inputs import CardUp, Drift, Started
from tickgate.risk.exposure import ExposureBook, Tally

from tests.host.engine.exposure_machine import ACCOUNTS, SYMBOLS, Machine

SEEDS = st.integers(0, (1 << 32) - 1)


@settings(max_examples=60)
@given(SEEDS)
def test_an_exact_card_never_drifts_whatever_is_under_way(seed):
    machine = Machine(seed)
    for _ in range(400):
        machine.step()
        assert not machine.core.drifts
    assert not machine.check.counters["different"]
    machine.calm(2)
    assert not machine.core.drifts_told
    assert not machine.core.orders.anomalies
    assert machine.check.counters["equal"] >= 2


@settings(max_examples=60)
@given(SEEDS, st.integers(0, 2), st.sampled_from([-1, 1]))
def test_one_share_too_many_or_too_few_is_told_and_cleared(seed, value, share):
    machine = Machine(seed)
    for _ in range(100):
        machine.step()
    row = machine.random.choice(machine.in_use())
    machine.drift[row] = [share if place == value else 0 for place in range(3)]
    for _ in range(200):
        machine.step()
    machine.calm(CONFIRM + 1)
    pair = ACCOUNTS[row[0]], SYMBOLS[row[1]]
    assert set(machine.core.drifts) == {pair}
    assert machine.core.drifts[pair].difference == machine.drift[row]
    assert machine.core.drifts_told == 1
    machine.drift.clear()
    machine.calm(2)
    assert not machine.core.drifts


@settings(max_examples=30)
@given(SEEDS, st.integers(0, 2), st.sampled_from([-1, 1]))
def test_traffic_does_not_keep_a_drift_from_being_told(seed, value, share):
    """An input every 25 ms or so, of four pairs, never a pause made for the comparison."""
    machine = Machine(seed)
    for _ in range(100):
        machine.step()
    row = machine.random.choice(machine.in_use())
    machine.drift[row] = [share if place == value else 0 for place in range(3)]
    began_ns = machine.now_ns
    while not machine.core.drifts:
        machine.step()
        assert machine.now_ns - began_ns < 10 * ROUND_NS


def test_the_random_traffic_takes_every_way():
    """What the property above rests on: passes, refusals, and each kind of venue message."""
    orders, counters = [], {"equal": 0, "traffic": 0}
    for seed in range(20):
        machine = Machine(seed)
        for _ in range(400):
            machine.step()
        orders += machine.core.orders.orders.values()
        for name in counters:
            counters[name] += machine.check.counters[name]
    assert {order.state.value for order in orders} >= {
        "new", "partially_filled", "filled", "canceled", "replaced", "rejected"
    }  # fmt: skip
    assert any(fill.broken for order in orders for fill in order.chain.fills.values())
    assert min(counters.values()) > 50


class Still:
    """Core, check and card in which nothing happens but time."""

    def __init__(self, symbols=1):
        self.now_ns = 10 * ROUND_NS
        self.core = Core()
        names = [f"S{number}" for number in range(symbols)]
        self.core.handle(Started(["A"], names, [], ""), 1, 0)
        for name in names:
            self.core.exposure.hold("A", name, 10)
        self.inputs = []
        self.shown = (10, 0, 0)
        self.reads = deque()
        self.check = ExposureCheck(self.core, self.take, clock=lambda: self.now_ns)

    def take(self, value):
        self.inputs.append(value)
        self.core.handle(value, 2, 0)

    def exposure(self, account, symbol):
        self.reads.append(symbol)
        return self.shown

    def round(self):
        self.now_ns += ROUND_NS
        self.check.work(self, self.now_ns)
        while self.check._due or self.check._samples:
            self.now_ns += SETTLE_NS
            self.check.work(self, self.now_ns)


@pytest.mark.parametrize("shown", [(11, 0, 0), (9, 0, 0), (10, 1, 0), (10, 0, 1)])
def test_a_drift_is_told_once_after_as_many_samples_as_confirm_it(shown):
    still = Still()
    still.shown = shown
    for _ in range(CONFIRM - 1):
        still.round()
    assert not still.core.drifts
    for _ in range(3):
        still.round()
    assert still.inputs == [Drift("A", "S0", [10, 0, 0], list(shown))]
    still.shown = (10, 0, 0)
    still.round()
    assert still.inputs[1:] == [Drift("A", "S0", [10, 0, 0], [10, 0, 0], over=True)]
    assert not still.core.drifts
    assert still.core.drifts_told == 1


def test_a_drift_that_grows_is_told_again_and_counted_once():
    still = Still()
    for more in range(1, CONFIRM + 2):
        still.shown = (10 + more, 0, 0)
        still.round()
    assert [drift.difference[0] for drift in still.inputs] == [CONFIRM, CONFIRM + 1]
    assert still.core.drifts_told == 1


def test_samples_that_differ_with_an_equal_one_between_are_no_drift():
    still = Still()
    for shown in [(11, 0, 0)] * (CONFIRM - 1) + [(10, 0, 0)] + [(11, 0, 0)] * (CONFIRM - 1):
        still.shown = shown
        still.round()
    assert not still.inputs


def test_a_sample_waits_until_the_events_ring_was_emptied():
    still = Still()
    still.check.work(still, still.now_ns)
    still.check.work(still, still.now_ns + SETTLE_NS - 1)
    assert not still.check.counters["equal"]
    still.check.work(still, still.now_ns + SETTLE_NS)
    assert still.check.counters["equal"] == 1


def test_a_turn_reads_a_few_pairs_and_a_round_all_of_them():
    still = Still(symbols=7)
    still.check.work(still, 0)
    assert len(still.reads) == PAIRS_A_TURN
    for _ in range(10):
        still.check.work(still, 0)
    assert list(still.reads) == list(range(7))
    still.now_ns += SETTLE_NS
    still.check.work(still, still.now_ns)
    assert still.check.counters["rounds"] == 1
    assert still.check.round_ns == SETTLE_NS


def test_a_card_that_does_not_answer_leaves_nothing_behind():
    still = Still(symbols=3)
    still.shown = (11, 0, 0)
    for _ in range(CONFIRM - 1):
        still.round()

    class Gone:
        def exposure(self, account, symbol):
            raise CardGone("no answer")

    still.now_ns += ROUND_NS
    with pytest.raises(CardGone):
        still.check.work(Gone(), still.now_ns)
    still.check.work(None, still.now_ns)
    still.round()
    assert not still.inputs


def test_switched_off_nothing_is_read():
    still = Still()
    still.check.on = False
    still.round()
    assert not still.reads


def test_with_traffic_a_pair_is_read_again_to_find_a_pause():
    still = Still()
    held = still.core.exposure.held["A", "S0"].position
    still.check.work(still, 0)
    for _ in range(2):
        held.move(5)
        held.move(-5)
        still.now_ns += SETTLE_NS
        still.check.work(still, still.now_ns)
    still.now_ns += SETTLE_NS
    still.check.work(still, still.now_ns)
    assert still.check.counters == {"traffic": 2, "equal": 1, "rounds": 1}
    held.pending = 1
    still.round()
    assert still.check.counters["traffic"] == 2 + LOOKS


def test_names_that_are_no_longer_configured_are_not_compared():
    still = Still()
    still.core.exposure.hold("GONE", "S0", 5)
    still.round()
    assert len(still.reads) == 1


@pytest.mark.parametrize(
    ("position", "shown"), [(1 << 40, (1 << 31) - 1), (-(1 << 40), -(1 << 31))]
)
def test_what_the_register_cannot_show_is_compared_as_far_as_it_can(position, shown):
    still = Still()
    still.core.exposure.hold("A", "S0", position)
    still.shown = (shown, 0, 0)
    still.round()
    assert still.check.counters["equal"] == 1


@pytest.mark.parametrize("input_", [CardUp(fresh=True), Started(["A"], ["S0"], [], "")])
def test_a_new_card_or_engine_begins_without_drifts(input_):
    still = Still()
    still.take(Drift("A", "S0", [0, 0, 0], [1, 0, 0]))
    still.take(input_)
    assert not still.core.drifts


def test_a_span_is_what_the_card_can_have_had():
    tally = Tally()
    tally.move(10)
    tally.pending = 3
    mark = tally.mark()
    assert tally.span(mark) == (10, 13)
    tally.move(-4)
    tally.move(5)
    assert tally.span(mark) == (6, 18)
    assert tally.span(tally.mark()) == (11, 14)


def test_a_book_without_orders_holds_nothing():
    assert not ExposureBook().held
