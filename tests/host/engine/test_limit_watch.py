"""The watch on limits: once a second, a few scopes a turn, each level journalled once each way."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tickgate.engine.core import Core
from tickgate.engine.inputs import LimitsSet, LimitWarning, Started, decode, encode
from tickgate.engine.limitwatch import ROUND_NS, SCOPES_A_TURN, LimitWatch
from tickgate.journal import Entry
from tickgate.risk.warnings import Scope

from tests.host.engine.exposure_machine import LIMITS, Machine

WARNED = LIMITS + "[warnings]\npercent = [50, 80]\n"


class Still:
    """Core and watch in which nothing happens but time; every input is kept as journalled."""

    def __init__(self, toml=WARNED):
        self.now_ns = 10 * ROUND_NS
        self.core = Core()
        self.entries = []
        self.take(Started(["ALPHA", "BETA"], ["AAPL", "MSFT"], [], ""))
        self.take(LimitsSet(1, toml, ""))
        self.watch = LimitWatch(self.core, self.take, clock=lambda: self.now_ns)

    def take(self, value):
        self.entries.append(Entry(len(self.entries) + 1, value.KIND, 0, encode(value)))
        self.core.handle(value, len(self.entries), 0)

    @property
    def told(self):
        inputs = map(decode, self.entries)
        return [value for value in inputs if isinstance(value, LimitWarning)]

    def round(self):
        self.now_ns += ROUND_NS
        for _ in range(3):
            self.watch.work()

    def long(self, shares):
        self.core.exposure.hold("ALPHA", "AAPL", shares)


def warning(percent, used, over=False):
    return LimitWarning("position", "ALPHA", "AAPL", "max_long", percent, used, 60, over)


def test_a_level_is_told_once_when_it_is_reached_and_once_when_it_is_over():
    still = Still()
    for shares in (29, 30, 47, 48, 60, 45, 44, 27, 26, 0):
        still.long(shares)
        still.round()
        still.round()
    assert still.told == [
        warning(50, 30),
        warning(80, 48),
        warning(80, 44, over=True),
        warning(50, 26, over=True),
    ]
    assert still.core.warned == {"reached": 2, "over": 2}
    assert still.core.warnings.levels == {}


def test_between_rounds_nothing_is_looked_at():
    still = Still()
    still.round()
    still.long(60)
    still.now_ns += ROUND_NS - 1
    still.watch.work()
    assert still.told == []
    still.now_ns += 1
    still.watch.work()
    assert still.told == [warning(50, 60), warning(80, 60)]
    assert still.watch.counters == {"rounds": 2}


def test_a_turn_looks_at_a_few_scopes_and_a_round_at_all():
    still = Still(WARNED.replace("max_long = 60", "max_long = 1"))
    for number in range(2 * SCOPES_A_TURN):
        still.core.exposure.hold("ALPHA", f"S{number}", 1)
    told = []
    still.now_ns += ROUND_NS
    for _ in range(4):
        still.watch.work()
        told.append(len({value.symbol for value in still.told}))
    there = 5  # the firm, its clearing firm, its group, two strategies
    assert told == [
        SCOPES_A_TURN - there, 2 * SCOPES_A_TURN - there, 2 * SCOPES_A_TURN, 2 * SCOPES_A_TURN
    ]  # fmt: skip


def test_without_percentages_nothing_is_told():
    still = Still(LIMITS)
    still.long(60)
    still.round()
    assert still.told == []


@pytest.mark.parametrize("toml", [LIMITS, "not limits", WARNED.replace("[50, 80]", "[90]")])
def test_other_limits_end_what_they_do_not_want(toml):
    still = Still()
    still.long(50)
    still.round()
    still.take(LimitsSet(2, toml, ""))
    still.round()
    assert [(value.percent, value.over) for value in still.told[2:]] == [(50, True), (80, True)]
    assert still.core.warnings.levels == {}


def test_another_limit_changes_what_stands():
    still = Still()
    still.long(50)
    still.round()
    still.take(LimitsSet(2, WARNED.replace("max_long = 60", "max_long = 100"), ""))
    still.round()
    assert still.told[2:] == [
        LimitWarning("position", "ALPHA", "AAPL", "max_long", 80, 50, 100, over=True)
    ]
    assert still.core.warnings.levels == {Scope("position", "ALPHA", "AAPL"): {"max_long": (50,)}}


def test_a_restart_tells_nothing_twice():
    still = Still()
    still.long(50)
    still.round()
    again = Still()
    again.take(LimitsSet(1, WARNED, ""))
    for value in still.told:
        again.take(value)
    again.take(Started(["ALPHA", "BETA"], ["AAPL", "MSFT"], [], ""))
    assert again.core.warnings.levels == still.core.warnings.levels
    before = len(again.told)
    again.long(50)
    again.round()
    assert len(again.told) == before


TIGHT = (
    WARNED.replace("max_orders = 100000", "max_orders = 4")
    .replace('max_open_value = "1000000"', 'max_open_value = "20"')
    .replace("max_day_quantity = 100000", "max_day_quantity = 90")
    .replace('gross_credit = "1000000"', 'gross_credit = "70"')
    .replace('net_credit = "1000000"', 'net_credit = "20"')
    .replace("max_short = 60", "max_short = 20")
)


def watched(seed):
    """Random traffic with a watch on it, and its inputs as journalled."""
    entries = []

    class Journalled(Core):
        def handle(self, value, sequence, time_ns):
            entries.append(Entry(sequence, value.KIND, time_ns, encode(value)))
            return super().handle(value, sequence, time_ns)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.host.engine.exposure_machine.Core", Journalled)
        machine = Machine(seed, TIGHT, withdrawn=0)
    watch = LimitWatch(machine.core, machine.take, clock=lambda: machine.now_ns * 20)
    return machine, watch, entries


@settings(max_examples=30)
@given(st.integers(0, (1 << 32) - 1))
def test_a_replay_of_the_journal_shows_the_same_warnings(seed):
    machine, watch, entries = watched(seed)
    for _ in range(150):
        machine.step()
        watch.work()
    again = Core()
    for entry in entries:
        again.handle(decode(entry), entry.sequence, entry.time_ns)
    for core in (again, machine.core):
        assert core.warned["reached"] - core.warned["over"] == sum(
            len(levels) for limits in core.warnings.levels.values() for levels in limits.values()
        )
    assert again.warnings.levels == machine.core.warnings.levels
    assert again.warned == machine.core.warned
    shown = [list(c.warnings.now(c.limits, c.exposure)) for c in (again, machine.core)]
    assert shown[0] == shown[1]


def test_the_random_traffic_warns_of_each_scope_and_limit():
    """What the property above rests on."""
    told, over = set(), set()
    for seed in range(25):
        machine, watch, entries = watched(seed)
        for _ in range(300):
            machine.step()
            watch.work()
        for value in map(decode, entries):
            if isinstance(value, LimitWarning):
                (over if value.over else told).add((value.scope, value.limit))
    shared = {
        (scope, f"{kind}_credit")
        for scope in ("firm", "group", "clearing_firm", "account")
        for kind in ("gross", "net")
    }
    own = {"max_orders", "max_open_value", "max_day_quantity"}
    assert told >= shared | {("account", name) for name in own} | {("position", "max_short")}
    assert ("account", "max_orders") in over
