"""The risk engine in the engine: refused before the ring, and asked without sending."""

from dataclasses import replace

import pytest
from tickgate.cli import build
from tickgate.engine import cli as engine_cli
from tickgate.engine.client import EngineError
from tickgate.engine.config import EngineConfig
from tickgate.engine.inputs import NewOrder, decode
from tickgate.journal import Entry
from tickgate.risk.preview import NOT_PREVIEWED
from typer.testing import CliRunner

from tests.host.engine.world import LIMITS

POWER = LIMITS.replace("max_long = 10000", 'buying_power = "30000.00"\nmax_long = 10000', 1)


def start(world, **settings):
    (world.directory / "limits.toml").write_text(POWER)
    world.config = replace(world.config, **settings)
    world.start()
    world.card.quote(0, 1_499_900, 1_500_000)
    world.turn()
    return world.trader()


def test_buying_power_refuses_before_the_ring(world):
    client = start(world)
    client.order("1", 150)
    client.expect(150, "0")
    client.order("2", 51)
    refused = client.expect(150, "8", 11, "2")
    assert refused.get(58) == "the account's buying power would be exceeded"
    assert refused.get(103) == "3"
    assert [request.quantity for request in world.venue.received] == [150]
    client.replace("3", "1", 201, "150.00")
    assert "buying power" in client.expect(35, "9", 11, "3").get(58)
    client.replace("4", "1", 200, "150.00")
    client.expect(150, "5", 11, "4")
    assert world.ask("state")["rejected"] == {"host:buying_power": 2}


def test_fills_tie_up_buying_power_over_a_restart(world):
    client = start(world)
    client.order("1", 150)
    client.expect(150, "0")
    world.venue.fill(1, 150, 1_500_000)
    client.expect(150, "F")
    world.kill()
    world.start()
    asked = {"session": "C1", "symbol": "AAPL", "side": "B", "price": 1_500_000}
    answers = [world.ask("preview", **asked, quantity=quantity) for quantity in (50, 51)]
    named = [{check["name"] for check in answer["checks"]} for answer in answers]
    assert named[1] - named[0] == {"buying_power"}


def test_what_a_client_says_of_its_capacity_goes_to_the_venue(world):
    client = start(world)
    for name, given_, sent in (("1", None, "A"), ("2", "P", "P"), ("3", "R", "R")):
        order(client, name, [(528, given_)] if given_ else [])
        client.expect(150, "0", 11, name)
        assert world.venue.received[-1].capacity == sent
    client.replace("4", "3", 60, "150.00")
    client.expect(150, "5", 11, "4")
    assert world.venue.received[-1].capacity == "R"
    order(client, "5", [(528, "W")])
    assert "OrderCapacity (528) must be" in client.expect(150, "8", 11, "5").get(58)


def test_tags_are_asked_for_where_the_settings_say_so(world):
    client = start(world, fix_require=("capacity", "locate"))
    order(client, "1", [])
    assert "OrderCapacity (528)" in client.expect(150, "8", 11, "1").get(58)
    order(client, "2", [(528, "A")], side="5")
    assert "LocateReqd (114)" in client.expect(150, "8", 11, "2").get(58)
    order(client, "3", [(114, "Y"), (528, "A")], side="5")
    assert "LocateReqd (114)" in client.expect(150, "8", 11, "3").get(58)
    order(client, "4", [(114, "N"), (528, "A")], side="5")
    client.expect(150, "0", 11, "4")
    rejected = world.ask("state")["rejected"]
    assert rejected == {"host:capacity": 1, "host:locate": 2}


def order(client, name, more, side="1"):
    client.send(
        "D", (11, name), (55, "AAPL"), (54, side), (38, 50), (40, "2"), (44, "150.00"),
        (60, "20260101-00:00:00.000"), *more,
    )  # fmt: skip


def test_an_order_journalled_before_there_were_tags_is_judged_as_then():
    old = b'{"session":"C","cl_ord_id":"1","account":"A","symbol":"X","side":"T","quantity":1,'
    old += b'"order_type":"2","price":3,"time_in_force":"0"}'
    new = decode(Entry(1, NewOrder.KIND, 0, old))
    assert (new.capacity, new.locate) == ("A", None)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({}, []),
        ({"price": None}, []),
        ({"quantity": 0}, ["malformed"]),
        ({"quantity": 1001, "price": 250_000}, ["max_quantity"]),
        ({"price": 1_510_001}, ["price_collar"]),
        ({"symbol": "NOPE"}, ["unknown_symbol", "no_limits", "no_reference", "halted"]),
        ({"symbol": "MSFT"}, ["halted", "no_reference"]),
        ({"side": "S"}, ["short_mark"]),
        ({"side": "T", "locate": "Y"}, ["locate"]),
        ({"quantity": 201}, ["buying_power"]),
        ({"time_in_force": "4"}, ["time_in_force", "malformed"]),
    ],
)
def test_a_preview_says_what_would_refuse(world, change, names):
    start(world)
    asked = {"session": "C1", "symbol": "AAPL", "side": "B", "quantity": 100, "price": 1_500_000}
    answer = world.ask("preview", **{**asked, **change})
    assert {check["name"] for check in answer["checks"]} == set(names)
    assert answer["passes"] == (not names)
    assert answer["generation"] == 1
    assert answer["not_previewed"] == list(NOT_PREVIEWED)
    assert not world.venue.received


def test_a_preview_knows_gate_and_kills(world):
    start(world)
    asked = {"session": "C1", "symbol": "AAPL", "side": "B", "quantity": 1, "price": 1_500_000}
    world.ask("kill", scope="account", target="ALPHA", on=True)
    world.ask("kill", scope="all", on=True)
    world.ask("disarm")
    world.until(lambda: not world.engine.link.status.armed)
    answer = world.ask("preview", **asked)
    names = [check["name"] for check in answer["checks"]]
    assert names == ["gate_closed", "kill_all", "kill_account"]
    assert {check["by"] for check in answer["checks"]} == {"card"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"session": "NOBODY"}, "session must be one of C1, C2"),
        ({"side": "X"}, "side must be B, S, T or E"),
        ({"symbol": 5}, "side must be B, S, T or E, and symbol a text"),
        ({"quantity": -1}, "quantity must be a whole number, 0 to 999999, was -1"),
        ({"quantity": True}, "quantity must be a whole number"),
        ({"price": "1.00"}, "price must be a whole number"),
        ({"capacity": "W"}, "capacity must be A, P or R"),
    ],
)
def test_questions_that_cannot_be_are_refused(world, change, message):
    start(world)
    asked = {"session": "C1", "symbol": "AAPL", "side": "B", "quantity": 1, "price": 1}
    with pytest.raises(EngineError, match=message):
        world.ask("preview", **{**asked, **change})


def test_the_command_line_asks_too(world, monkeypatch):
    start(world)
    monkeypatch.setattr(EngineConfig, "load", lambda _: world.config)
    monkeypatch.setattr(engine_cli, "ask", lambda _s, _d, _a, command, **x: world.ask(command, **x))

    def run(*arguments):
        line = ["preview", "--config", "engine.toml", "C1", *arguments]
        return CliRunner().invoke(build(), line)

    passes = run("B", "100", "AAPL", "150.00")
    assert passes.exit_code == 0
    assert "would pass, limits generation 1" in passes.output
    refused = run("B", "201", "AAPL")
    assert refused.exit_code == 2
    assert "host buying_power: the account's buying power would be exceeded" in refused.output
    assert run("B", "1", "AAPL", "x").exit_code == 1
