"""Operators: kill, limits, arming, and a command channel that lets nobody else in."""

import json
import socket
import stat
import time

import pytest
from tickgate.cli import build
from tickgate.engine import cli as engine_cli
from tickgate.engine.client import EngineError
from tickgate.engine.commandserver import CommandError
from tickgate.engine.config import EngineConfig
from tickgate.engine.core import Core
from tickgate.engine.inputs import Command, LimitsSet, decode
from tickgate.risk.limits import NO_LIMITS
from typer.testing import CliRunner

from tests.host.engine.world import LIMITS

ONE_MORE = """
[symbols.NOPE]
collar = "1.00"
tick = "0.01"
lot = 1
"""
"""A symbol that the engine has not."""


def limits(world):
    return (world.directory / "limits.toml").read_text()


def through_engine(world, monkeypatch):
    """Let the command line ask this world's engine."""

    def ask(_socket, _state, _actor, command, **arguments):
        return world.ask(command, **arguments)

    monkeypatch.setattr(EngineConfig, "load", lambda _: world.config)
    monkeypatch.setattr(engine_cli, "ask", ask)


def test_kill_stops_orders_in_the_card_and_lets_cancels_pass(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    before = time.time_ns()
    answer = world.ask("kill", scope="all", target=None, on=True, cancel=False)
    assert before <= answer["received_ns"] <= answer["confirmed_ns"] <= time.time_ns()
    assert answer["kill"] == {
        "all": True, "sessions": [], "accounts": [], "symbols": [], "strategies": []
    }  # fmt: skip
    assert world.card.kills.all
    client.order("2")
    assert client.expect(150, "8", 11, "2").get(58).startswith("RISK kill_all: ")
    client.cancel("3", "1")
    client.expect(150, "4", 11, "3")
    world.ask("kill", scope="all", on=False)
    client.order("4")
    client.expect(150, "0", 11, "4")


def test_kill_can_cancel_the_open_orders_of_its_scope(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    client.order("2", symbol="MSFT")
    client.expect(150, "0")
    answer = world.ask("kill", scope="symbol", target="MSFT", on=True, cancel=True)
    assert answer["cancels_sent"] == 1
    assert client.expect(150, "4").get(11) == "2"
    assert world.ask("state")["open_orders"] == 1


@pytest.mark.parametrize(
    ("scope", "target", "name", "bit"),
    [
        ("account", "BETA", "accounts", 1),
        ("symbol", "MSFT", "symbols", 1),
        ("session", "C1", "sessions", 0),
    ],
)
def test_kill_scopes_reach_their_switch(world, scope, target, name, bit):
    world.start()
    answer = world.ask("kill", scope=scope, target=target, on=True, cancel=False)
    assert getattr(world.card.kills, name) == 1 << bit
    assert answer["kill"][name] == [target]


def test_a_kill_survives_engine_and_card(world, fresh_card):
    world.start()
    world.ask("kill", scope="account", target="ALPHA", on=True, cancel=False)
    world.kill()
    world.card = fresh_card(world.venue)
    world.start()
    assert world.card.kills.accounts == 1
    client = world.trader()
    client.order("1")
    assert client.expect(150, "8").get(58).startswith("RISK kill_account")


def test_a_kill_without_a_card_is_set_before_the_next_one_is_armed(world):
    world.start()
    world.lose_card()
    with pytest.raises(EngineError, match="noted, and set as soon as a card is there"):
        world.ask("kill", scope="all", on=True)
    world.card.dead = False
    world.card.armed = False
    world.until(lambda: world.card.armed)
    assert world.card.kills.all


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scope": "planet"}, "scope must be one of all, session, account, symbol, strategy"),
        ({"scope": "all", "target": "X"}, "scope all has no target"),
        ({"scope": "symbol", "target": "NOPE"}, "symbol must be one of AAPL, MSFT, was 'NOPE'"),
        ({"scope": "account", "target": None}, "account must be one of ALPHA, BETA"),
        ({"scope": "all", "on": "yes"}, "must be true or false"),
    ],
)
def test_kills_that_cannot_be_are_refused(world, arguments, message):
    world.start()
    with pytest.raises(EngineError, match=message):
        world.ask("kill", **arguments)
    assert not world.card.kills.all


def test_limits_take_effect_with_a_new_generation(world):
    world.start()
    client = world.trader()
    text = limits(world).replace("max_quantity = 1000", "max_quantity = 50", 1)
    assert world.ask("set_limits", toml=text) == {"generation": 2}
    client.order("1", 51)
    assert "limits generation 2" in client.expect(150, "8").get(58)
    client.order("2", 50)
    client.expect(150, "0")
    shown = world.ask("limits")
    assert (shown["generation"], "max_quantity = 50" in shown["toml"]) == (2, True)


def test_limits_outlive_a_restart_and_an_edited_file_replaces_them(world):
    world.start()
    text = limits(world)
    world.ask("set_limits", toml=text.replace("max_quantity = 1000", "max_quantity = 50", 1))
    world.kill()
    world.start()
    assert world.card.words[1] == 50
    world.kill()
    (world.directory / "limits.toml").write_text(text.replace("= 1000", "= 70", 1))
    world.start()
    assert world.card.words[1] == 70
    assert world.engine.core.generation == 3


def test_limits_are_applied_from_the_command_line(world, monkeypatch, tmp_path):
    world.start()
    through_engine(world, monkeypatch)
    file = tmp_path / "new.toml"
    apply = ["limits", "apply", "--config", "engine.toml", str(file)]
    file.write_text(LIMITS.replace("max_quantity = 1000", "max_quantity = 50", 1))
    done = CliRunner().invoke(build(), apply)
    assert done.output.startswith("generation 2 is in force, sha256 "), done.output
    assert world.card.words[1] == 50
    file.write_text(LIMITS.replace("symbols.MSFT", "symbols.NOPE"))
    refused = CliRunner().invoke(build(), apply)
    assert refused.exit_code == 1
    assert "symbols.NOPE is not configured in the engine" in refused.output
    file.write_text("firm = 5")
    refused = CliRunner().invoke(build(), apply)
    assert refused.exit_code == 1
    assert f"{file}: line 1: firm must be a table" in refused.output
    assert world.card.generation == 2


def tighter(world):
    return limits(world).replace("max_quantity = 1000", "max_quantity = 50", 1)


def test_limits_roll_back_under_a_new_generation_and_back(world):
    world.start()
    first = world.ask("limits")
    assert first["previous"] is None
    world.ask("set_limits", toml=tighter(world))
    shown = world.ask("limits")
    assert shown["previous"] == {"toml": first["toml"], "generation": 1}
    answer = world.ask("rollback", why="a typing error")
    assert answer == {"generation": 3, "restored": 1, "hash": first["hash"]}
    assert (world.card.words[1], world.card.generation) == (1000, 3)
    *_, command, change = [
        value
        for value in map(decode, world.engine.journal.entries())
        if isinstance(value, (Command, LimitsSet))
    ]
    wanted = {"why": "a typing error", "hash": first["hash"], "restores": 1}
    assert command == Command("tester", "rollback", wanted)
    assert change == LimitsSet(
        3, first["toml"], first["hash"], "", "rolled back to those of generation 1"
    )
    assert world.ask("rollback")["restored"] == 2  # what was in force before that
    assert (world.card.words[1], world.card.generation) == (50, 4)


def test_there_may_be_nothing_to_roll_back_to(world):
    world.start()
    for _ in range(2):
        with pytest.raises(EngineError, match="nothing to roll back to"):
            world.ask("rollback")
        world.ask("set_limits", toml=limits(world))  # the same limits: not other ones
    assert world.card.generation == 3


def test_a_roll_back_outlives_restarts_and_opening_again(world):
    world.start()
    world.ask("set_limits", toml=tighter(world))
    world.ask("disarm")
    world.ask("arm")  # the same limits, as generation 3
    world.kill()
    world.start()
    assert world.ask("rollback") == {
        "generation": 4, "restored": 1, "hash": world.engine.core.limits_hash
    }  # fmt: skip
    assert world.card.words[1] == 1000
    assert world.card.armed
    world.kill()
    world.start()
    assert (world.card.words[1], world.card.generation) == (1000, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"previous": 7}, "would restore generation 1, not 7"),
        ({"previous": "1"}, "previous must be a generation"),
        ({"previous": True}, "previous must be a generation"),
        ({"why": 5}, "why must be at most 200 printable characters"),
        ({"why": "x" * 201}, "why must be at most 200 printable characters"),
        ({"why": "a\nb"}, "why must be at most 200 printable characters"),
    ],
)
def test_a_roll_back_that_is_not_right_changes_nothing(world, arguments, message):
    world.start()
    world.ask("set_limits", toml=tighter(world))
    with pytest.raises(EngineError, match=message):
        world.ask("rollback", **arguments)
    assert world.card.generation == 2
    assert world.ask("rollback", previous=1, why="x" * 200)["generation"] == 3


@pytest.mark.parametrize("toml", ["[symbols.AAPL]\ncollar = '1.00'", LIMITS + ONE_MORE])
def test_limits_that_can_no_longer_be_used_are_not_rolled_back_to(world, toml):
    world.start()
    world.engine.core.handle(LimitsSet(2, toml, "hash"), 1000, 0)
    world.ask("set_limits", toml=limits(world))
    with pytest.raises(EngineError, match="generation 2 can't be put into force any more: "):
        world.ask("rollback")
    assert world.card.generation == 3


def test_limits_are_rolled_back_from_the_command_line(world, monkeypatch):
    world.start()
    through_engine(world, monkeypatch)
    rollback = ["limits", "rollback", "--config", "engine.toml", "--why", "a typing error"]
    refused = CliRunner().invoke(build(), rollback)
    assert refused.exit_code == 1
    assert "nothing to roll back to" in refused.output
    world.ask("set_limits", toml=tighter(world))
    done = CliRunner().invoke(build(), rollback)
    said = "generation 3 is in force, the limits of generation 1, sha256 "
    assert done.output == f"{said}{world.engine.core.limits_hash}\n"
    assert world.card.words[1] == 1000


def test_limits_of_an_older_version_refuse_until_the_file_is_put_into_force():
    core = Core()
    core.handle(LimitsSet(7, "[symbols.AAPL]\ncollar = '1.00'", "hash", "file"), 1, 0)
    assert (core.generation, core.limits, core.limits_file_hash) == (7, NO_LIMITS, "file")


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("\n[accounts.ALPHA]", "line 2: accounts.ALPHA.max_quantity is missing"),
        (LIMITS.replace("symbols.MSFT", "symbols.NOPE"), "symbols.NOPE is not configured in the"),
        (LIMITS.replace('"all"', '["NOPE"]', 1), "accounts.ALPHA.symbols.NOPE is not configured"),
        (5, "toml must be the text"),
    ],
)
def test_wrong_limits_change_nothing(world, toml, message):
    world.start()
    words = dict(world.card.words)
    with pytest.raises(EngineError, match=message):
        world.ask("set_limits", toml=toml)
    assert (world.card.words, world.card.generation) == (words, 1)


def test_a_gate_that_was_shut_can_be_armed_after_the_card_came_back_fresh(world, fresh_card):
    world.start()
    world.ask("disarm")
    world.lose_card()
    world.card = fresh_card(world.venue)
    world.card.ready = False
    world.until(lambda: world.engine.link.phase == "sweeping")
    world.card.ready = True
    world.until(lambda: world.engine.link.phase == "venue")
    with pytest.raises(CommandError, match="the card is not ready to be armed"):
        world.engine.operator.execute("tester", "arm", {})
    world.until(lambda: world.engine.link.phase == "armed")
    assert not world.card.armed
    world.ask("arm")
    assert world.card.armed
    client = world.trader()
    client.order("1")
    client.expect(150, "0")


def test_disarm_lasts_until_an_operator_arms(world):
    world.start()
    world.ask("disarm")
    assert not world.card.armed
    world.kill()
    world.start(armed=False)
    world.until(lambda: world.engine.link.phase == "armed")
    assert not world.card.armed
    assert world.ask("state")["card"]["reason"] == "an operator shut the gate"
    assert world.ask("arm") == {"generation": 2}
    assert world.card.armed


def test_a_gate_that_shut_itself_waits_for_an_operator(world):
    world.start()
    world.card.armed = False
    world.until(lambda: "watchdog" in world.engine.link.reason)
    words = world.card.words
    assert world.ask("arm") == {"generation": 2}
    world.until(lambda: world.engine.link.reason == "")
    assert (world.card.words, world.card.generation) == (words, 2)
    assert world.ask("arm") == {"generation": 2}  # it is open


def test_opening_again_is_journalled_as_such(world):
    world.start()
    before = world.ask("limits")
    world.ask("disarm")
    world.ask("arm")
    assert world.ask("limits") == before | {"generation": 2}
    *_, arm, again = [
        value
        for value in map(decode, world.engine.journal.entries())
        if isinstance(value, (Command, LimitsSet))
    ]
    assert (arm.name, arm.actor) == ("arm", "tester")
    assert again == LimitsSet(
        2, before["toml"], before["hash"], "", "the gate is opened again"
    )


def test_an_engine_that_finds_a_shut_gate_opens_it_with_a_new_generation(world):
    world.start()
    world.kill()
    world.card.armed = False  # the watchdog ran out meanwhile
    world.start()
    assert world.card.generation == 2
    world.kill()
    world.start()  # the gate is still open
    assert world.card.generation == 2


def test_arm_and_disarm_by_the_command_line(world, monkeypatch):
    world.start()

    through_engine(world, monkeypatch)
    for command, said in (
        ("disarm", "the gate is shut\n"),
        ("arm", "the gate is open, limits generation 2\n"),
    ):
        done = CliRunner().invoke(build(), [command, "--config", "engine.toml"])
        assert (done.exit_code, done.output) == (0, said)
    assert world.card.armed


def test_shutdown_logs_clients_out(world):
    world.start()
    client = world.trader()
    assert world.ask("shutdown") == {}
    assert world.engine.stopping
    world.engine.close()
    world.engine = None
    client.turn = lambda: None
    client.expect(35, "5")


def test_the_socket_and_the_token_are_the_owners(world):
    world.start()
    token = world.config.state_dir / "command.token"
    for path in (world.config.command_socket, token):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("line", "error", "counter"),
    [
        (b"hello\n", "one JSON object a line", "command: not a JSON object"),
        (b"[]\n", "one JSON object a line", "command: not a JSON object"),
        (b"{}\n", "the token must be", "command: wrong token"),
        (b'{"token": "x", "command": "state"}\n', "the token must be", "command: wrong token"),
    ],
)
def test_requests_without_the_secret_are_refused_and_counted(world, line, error, counter):
    world.start()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(world.config.command_socket))
        client.sendall(line)
        client.setblocking(False)
        answer = b""

        def answered():
            nonlocal answer
            try:
                answer += client.recv(65536)
            except BlockingIOError:
                return False
            return answer.endswith(b"\n")

        world.until(answered)
    assert error in json.loads(answer)["error"]
    assert world.engine.counters[counter] == 1


def test_an_unknown_command_is_refused(world):
    world.start()
    with pytest.raises(EngineError, match="unknown command 'dance'"):
        world.ask("dance")


def test_state_has_what_the_console_shows(world):
    from tickgate.engine.commands import State

    world.start()
    client = world.trader()
    world.card.quote(1, 100, 200)
    world.until(lambda: world.engine.market.updates)
    state = world.ask("state")
    assert set(state) - {"ok"} == set(State.__annotations__)
    first, second = state["sessions"]
    assert (first["comp_id"], first["state"], first["account"]) == ("C1", "logged_on", "ALPHA")
    assert first["peer"].startswith("127.0.0.1:")
    assert second["state"] == "down"
    assert [(top["symbol"], top["bid"], top["ask"]) for top in state["tops"]] == [
        ("MSFT", 100, 200)
    ]
    assert state["card"]["connected"]
    assert client.comp_id == "C1"


def test_a_journal_without_room_refuses_new_orders_and_still_books_fills(world):
    world.start()
    client = world.trader()
    client.order("1")
    client.expect(150, "0")
    world.engine.journal.full = "no room"
    client.order("2")
    assert "journal has no room" in client.expect(150, "8", 11, "2").get(58)
    world.venue.fill(1, 100, 5)
    client.expect(150, "F")


def test_a_slow_consumer_is_disconnected_and_gets_everything_later(world, monkeypatch):
    world.start()
    client = world.trader()
    monkeypatch.setattr("tickgate.engine.connection.QUEUE_LIMIT", 100)
    connection = world.engine.fix.by_session["C1"]
    connection.write = lambda: None
    client.order("1")
    world.until(lambda: "C1" not in world.engine.fix.by_session)
    assert world.engine.fix.counters["slow consumer"] == 1
    monkeypatch.undo()
    client.connect().logon()
    client.expect(150, "0", 11, "1")


def test_strangers_are_turned_away(world):
    world.start()
    stranger = world.client("WHO")
    stranger.connect().send("A", (98, 0), (108, 30))
    world.until(lambda: world.engine.fix.registry.counters.unknown_session)
    noise = world.client("C1").connect()
    noise.sock.sendall(b"GET / HTTP/1.1\r\n" * 100)
    world.until(lambda: world.engine.fix.registry.counters.not_fix)
    assert world.ask("state")["bad_input"]["fix: unknown_session"] == 1
