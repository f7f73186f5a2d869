"""The engine warns of limits that are used up to a percentage: shown, journalled, over again."""

import json

import pytest
from tickgate.cli import build
from tickgate.engine import limitwatch
from tickgate.engine.inputs import LimitWarning, decode
from tickgate.journal import read
from typer.testing import CliRunner

from tests.host.engine.world import LIMITS

WARNED = LIMITS + "[warnings]\npercent = [80, 95]\n"


@pytest.fixture(autouse=True)
def _fast_rounds(monkeypatch):
    monkeypatch.setattr(limitwatch, "ROUND_NS", 5_000_000)


@pytest.fixture
def warned(world):
    """A running engine whose accounts may have 10 orders, and a client of ALPHA."""
    (world.directory / "limits.toml").write_text(
        WARNED.replace("max_orders = 1000", "max_orders = 10")
    )
    world.start()
    return world, world.trader()


def warnings(world):
    return world.ask("state")["warnings"]


def journalled(world):
    entries = map(decode, read(world.directory / "state" / "journal"))
    return [value for value in entries if isinstance(value, LimitWarning)]


def trade(client, first, last):
    for number in range(first, last):
        client.order(str(number), 1)
        client.expect(150, "0", 11, str(number))


def rounds(world, count=2):
    watch = world.engine.limit_watch
    wanted = watch.counters["rounds"] + count
    world.until(lambda: watch.counters["rounds"] >= wanted)


def test_a_warning_comes_before_the_limit_and_goes_when_use_falls(warned):
    world, client = warned
    trade(client, 1, 8)
    rounds(world)
    assert warnings(world)["standing"] == []
    trade(client, 8, 9)
    world.until(lambda: world.engine.core.warnings.levels)
    shown = warnings(world)
    assert shown["percent"] == [80, 95]
    row = {"scope": "account", "name": "ALPHA", "symbol": "", "limit": "max_orders"}
    assert shown["standing"] == [{**row, "used": 8, "most": 10, "percent": 80}]
    assert shown["counters"]["reached"] == 1
    trade(client, 9, 11)
    world.until(lambda: warnings(world)["standing"][0]["percent"] == 95)
    for number in range(1, 5):
        client.cancel(f"x{number}", str(number))
        client.expect(150, "4", 11, f"x{number}")
    world.until(lambda: not world.engine.core.warnings.levels)
    assert warnings(world)["counters"]["over"] == 2
    told = [(value.percent, value.over) for value in journalled(world)]
    assert told[:2] == [(80, False), (95, False)]
    assert sorted(told[2:]) == [(80, True), (95, True)]


def test_a_restart_has_the_warnings_and_tells_none_again(warned):
    world, client = warned
    trade(client, 1, 10)
    world.until(lambda: world.engine.core.warnings.levels)
    before, levels = journalled(world), world.engine.core.warnings.levels
    world.kill()
    world.start()
    assert world.engine.core.warnings.levels == levels
    rounds(world)
    assert journalled(world) == before
    assert warnings(world)["standing"][0]["used"] == 9


def test_limits_that_are_set_without_warnings_end_them(warned):
    world, client = warned
    trade(client, 1, 10)
    world.until(lambda: world.engine.core.warnings.levels)
    world.ask("set_limits", toml=LIMITS)
    world.until(lambda: not world.engine.core.warnings.levels)
    assert warnings(world)["percent"] == []
    world.ask("rollback", why="warnings again")
    assert world.engine.core.limits.warnings == (80, 95)
    world.ask("set_limits", toml=LIMITS + "[warnings]\npercent = [9]\n")
    rounds(world)
    assert warnings(world)["standing"] == []


def test_without_a_card_it_still_warns(warned):
    world, client = warned
    trade(client, 1, 10)
    world.lose_card()
    world.until(lambda: world.engine.core.warnings.levels)


def test_the_card_gets_the_same_words_with_or_without_warnings(world):
    world.start()
    words = dict(world.card.words)
    world.ask("set_limits", toml=WARNED)
    assert world.card.words == words
    assert world.card.generation == 2


def test_the_state_command_prints_them(world, monkeypatch, tmp_path):
    standing = {"warnings": {"percent": [80], "counters": {}, "standing": []}}
    monkeypatch.setattr("tickgate.engine.cli._ask", lambda *_: standing)
    printed = CliRunner().invoke(build(), ["state", "--config", str(tmp_path / "e.toml")])
    assert json.loads(printed.output) == standing
