"""Strategies: whose order it is, their kill switch, and throttles that a person lets go on."""

import pytest
from tickgate.cli import build
from tickgate.engine import cli as engine_cli
from tickgate.engine.client import EngineError
from tickgate.engine.config import EngineConfig
from tickgate.engine.inputs import Command, LimitWarning, decode
from typer.testing import CliRunner

from tests.host.engine.test_engine_restart import again

ALGO, OTHER = 0, 1
OTHER_ID = 1002
REFUSED, NEW, FILLED = (150, "8"), (150, "0"), (150, "F")


def entries(world, kind):
    inputs = [decode(entry) for entry in world.engine.journal.entries()]
    return [value for value in inputs if isinstance(value, kind)]


def throttle(world, scope, name):
    rows = world.ask("state")["throttles"]
    row = next(row for row in rows if (row["scope"], row["name"]) == (scope, name))
    return row["counted"], row["most"]


def execute(world, client, name, times):
    """Have an order of the strategy that is throttled executed, a share at a time."""
    client.order(name, times, algo_id=OTHER_ID)
    client.expect(*NEW)
    token = world.venue.received[-1].user_ref_num
    for _ in range(times):
        world.venue.fill(token, 1, 1_500_000)
        client.expect(*FILLED)


def reject(world, client, name):
    world.venue.silent = True
    client.order(name)
    received = len(world.venue.received)
    world.until(lambda: len(world.venue.received) > received)
    token = world.venue.received[-1].user_ref_num
    world.venue.say(user_ref_num=token, message_type="J", reason=1)
    assert "rejected by the venue" in client.expect(*REFUSED).get(58)
    world.venue.silent = False


def test_an_order_is_of_its_sessions_strategy_or_of_the_one_that_it_names(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(*NEW)
    client.order("2", algo_id=OTHER_ID)
    client.expect(*NEW)
    client.replace("3", "2", 50, "150.00")
    client.expect(150, "5")
    client.replace("4", "3", 60, "150.00", (847, OTHER_ID))
    client.expect(150, "5")
    assert [request.strategy for request in world.venue.received] == [ALGO, OTHER, OTHER, OTHER]
    client.replace("5", "4", 70, "150.00", (847, 7))
    assert "TargetStrategy (847) must be that of the order" in client.expect(35, "9").get(58)


def test_a_strategy_that_has_no_limits_is_refused_by_the_host(world):
    world.start()
    client = world.trader()
    client.order("1", algo_id=1003)
    text = "TargetStrategy (847) 1003 is not the algo id of a strategy that has limits"
    assert client.expect(*REFUSED).get(58) == text
    client.order("2")
    client.expect(*NEW)
    client.replace("3", "2", 50, "150.00", (847, 1003))
    assert client.expect(35, "9").get(58) == text
    client.order("4", algo_id=0)
    assert "TargetStrategy must be 1 to" in client.expect(35, "3").get(58)
    assert len(world.venue.received) == 1
    assert world.ask("state")["rejected"] == {"host:strategy": 2}


def test_a_kill_is_of_one_strategy_and_cancels_its_orders_alone(world, fresh_card):
    world.start()
    client = world.trader()
    for name, more in (("1", {}), ("2", {"algo_id": OTHER_ID})):
        client.order(name, **more)
        client.expect(*NEW)
    answer = world.ask("kill", scope="strategy", target="OTHER", on=True, cancel=True)
    assert (answer["kill"]["strategies"], answer["cancels_sent"]) == (["OTHER"], 1)
    assert client.expect(150, "4").get(11) == "2"
    client.order("3", algo_id=OTHER_ID)
    assert client.expect(*REFUSED).get(58).startswith("RISK kill_strategy")
    client.order("4")
    client.expect(*NEW)
    world.kill()
    world.card = fresh_card(world.venue)
    world.start()
    assert world.card.kills.strategies == 1 << OTHER
    world.ask("kill", scope="strategy", target="OTHER", on=False)
    assert world.card.kills.strategies == 0


def test_executions_stop_a_strategy_until_a_person_lets_it_go_on(world):
    world.start()
    client = world.trader()
    execute(world, client, "1", 2)
    assert throttle(world, "strategy", "OTHER") == (2, 2)
    client.order("2", algo_id=OTHER_ID)
    assert client.expect(*REFUSED).get(58).startswith("RISK repeated_executions")
    asked = {"session": "C1", "symbol": "AAPL", "side": "B", "quantity": 1, "price": 1_500_000}
    names = {c["name"] for c in world.ask("preview", **asked, algo_id=OTHER_ID)["checks"]}
    assert "repeated_executions" in names
    assert "repeated_executions" not in {c["name"] for c in world.ask("preview", **asked)["checks"]}
    client.order("3")
    client.expect(*NEW)
    assert world.ask("resume", scope="strategy", target="OTHER") == {"counted": 2}
    said = entries(world, Command)[-1]
    assert (said.actor, said.name) == ("tester", "resume")
    assert said.arguments == {"scope": "strategy", "target": "OTHER"}
    assert throttle(world, "strategy", "OTHER") == (0, 2)
    names = {c["name"] for c in world.ask("preview", **asked, algo_id=OTHER_ID)["checks"]}
    assert "repeated_executions" not in names
    execute(world, client, "4", 2)
    client.order("5", algo_id=OTHER_ID)
    client.expect(*REFUSED)


def test_rejects_in_a_row_stop_an_account_until_a_person_lets_it_go_on(world):
    world.start()
    client = world.trader()
    reject(world, client, "1")
    reject(world, client, "2")
    client.order("3")
    client.expect(*NEW)  # it ends the row
    for name in ("4", "5", "6"):
        reject(world, client, name)
    assert throttle(world, "account", "ALPHA") == (3, 3)
    client.order("7")
    assert client.expect(*REFUSED).get(58).startswith("RISK consecutive_rejects")
    assert world.ask("resume", scope="account", target="ALPHA") == {"counted": 3}
    client.order("8")
    client.expect(*NEW)


def test_counts_are_those_of_the_journal_and_of_the_card(world, fresh_card):
    world.start()
    execute(world, world.trader(), "1", 2)
    counts = world.engine.core.exposure.throttles
    assert counts.executions == {"OTHER": 2}
    world.kill()
    world.start()
    assert world.engine.core.exposure.throttles.executions == {"OTHER": 2}
    world.kill()
    world.card = fresh_card(world.venue)  # a card that was reset begins anew
    world.start()
    assert not world.engine.core.exposure.throttles.executions
    assert throttle(world, "strategy", "OTHER") == (0, 2)


def test_what_was_stopped_is_killed_when_the_card_was_reset(world, fresh_card):
    world.start()
    client = world.trader()
    execute(world, client, "1", 2)
    for name in ("2", "3"):
        reject(world, client, name)
    world.kill()
    world.start()
    assert (world.card.kills.strategies, world.card.kills.accounts) == (0, 0), "the card knows"
    world.kill()
    world.card = fresh_card(world.venue)
    world.start()
    assert (world.card.kills.strategies, world.card.kills.accounts) == (1 << OTHER, 0)
    assert world.ask("state")["kill"]["strategies"] == ["OTHER"]
    world.kill()
    world.card = fresh_card(world.venue)  # again, before anybody looked
    world.start()
    assert world.card.kills.strategies == 1 << OTHER
    world.ask("kill", scope="strategy", target="OTHER", on=False)
    again(world, client)
    client.order("9", algo_id=OTHER_ID)
    client.expect(*NEW)


def test_use_of_a_strategy_is_warned_of(world):
    (world.directory / "limits.toml").write_text(
        (world.directory / "limits.toml").read_text() + "\n[warnings]\npercent = [50, 100]\n")
    world.start()
    client = world.trader()
    execute(world, client, "1", 2)
    world.until(lambda: len([w for w in entries(world, LimitWarning) if w.name == "OTHER"]) == 2)
    told = [w for w in entries(world, LimitWarning) if w.name == "OTHER"]
    assert [(w.scope, w.limit, w.percent, w.used, w.most) for w in told] == [
        ("strategy", "max_executions", 50, 2, 2), ("strategy", "max_executions", 100, 2, 2)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scope": "session", "target": "C1"}, "scope must be one of strategy, account, was 'ses"),
        ({"scope": "strategy", "target": "NOPE"}, "strategy must be one of ALGO, OTHER, was 'NO"),
        ({"scope": "account"}, "account must be one of ALPHA, BETA, was None"),
        ({}, "scope must be one of strategy, account, was None"),
    ],
)
def test_what_cannot_go_on_is_refused(world, arguments, message):
    world.start()
    with pytest.raises(EngineError, match=message):
        world.ask("resume", **arguments)
    assert not entries(world, Command)


def test_nothing_goes_on_without_a_card(world):
    world.start()
    world.lose_card()
    with pytest.raises(EngineError, match="the card is not there"):
        world.ask("resume", scope="strategy", target="OTHER")
    assert not entries(world, Command)
    assert throttle(world, "strategy", "OTHER") == (0, 2)  # the host's own count


def test_the_command_line_lets_it_go_on(world, monkeypatch):
    world.start()
    execute(world, world.trader(), "1", 1)
    monkeypatch.setattr(EngineConfig, "load", lambda _: world.config)
    monkeypatch.setattr(engine_cli, "ask", lambda _s, _d, _a, command, **x: world.ask(command, **x))
    line = ["resume", "--config", "engine.toml", "strategy"]
    done = CliRunner().invoke(build(), [*line, "OTHER"])
    assert done.output == "strategy OTHER goes on; it had 1 executions\n"
    assert CliRunner().invoke(build(), [*line, "NOPE"]).exit_code == 1
