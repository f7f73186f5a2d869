"""The demo's verdict: whatever differs is found and named, and the exit status says so."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from tickgate.engine.commands import State
from tickgate_sim.clients.trader import ClientSummary
from tickgate_sim.demo import cli
from tickgate_sim.demo.judge import judge
from tickgate_sim.demo.processes import ProcessError
from typer.testing import CliRunner

STATE: Any = {
    "fills": 2,
    "positions": [
        {"account": "MAKER", "symbol": "AAPL", "position": 100, "cash": -1_000},
        {"account": "TAKER", "symbol": "AAPL", "position": -40, "cash": 500},
    ],
}
VENUE: dict[str, Any] = {
    "positions": {"AAPL": 60},
    "cash": -500,
    "fills": [{}, {}],
    "open_orders": [],
}
MAKER = ClientSummary(
    comp_id="ALPHA",
    account="MAKER",
    orders_sent=1,
    replaces_sent=0,
    cancels_sent=0,
    acked=1,
    rejects={},
    fills=1,
    shares=100,
    positions={"AAPL": 100},
    cash=-1_000,
    latencies_ns=(),
    unanswered=(),
    unknown_reports=0,
    logons=1,
    problems=(),
)

Change = Callable[[Any, Any], ClientSummary | None]


def test_all_agree() -> None:
    verdict = judge(STATE, VENUE, [MAKER])
    assert verdict.all_agree
    assert verdict.positions_agree


def position_at_exchange(state: State, venue: dict[str, Any]) -> None:
    venue["positions"]["AAPL"] = 61


def position_at_exchange_only(state: State, venue: dict[str, Any]) -> None:
    venue["positions"]["MSFT"] = -5


def position_in_engine_only(state: State, venue: dict[str, Any]) -> None:
    venue["positions"] = {}


def cash(state: State, venue: dict[str, Any]) -> None:
    venue["cash"] += 1


def a_fill_is_lost(state: State, venue: dict[str, Any]) -> None:
    state["fills"] -= 1


def an_order_stays_open(state: State, venue: dict[str, Any]) -> None:
    venue["open_orders"].append({})


def client_has_another_position(state: State, venue: dict[str, Any]) -> ClientSummary:
    return replace(MAKER, positions={"AAPL": 200})


def client_has_another_symbol(state: State, venue: dict[str, Any]) -> ClientSummary:
    return replace(MAKER, positions={"AAPL": 100, "MSFT": 1})


def client_has_other_cash(state: State, venue: dict[str, Any]) -> ClientSummary:
    return replace(MAKER, cash=0)


def client_was_not_answered(state: State, venue: dict[str, Any]) -> ClientSummary:
    return replace(MAKER, unanswered=("X-1",))


def client_heard_of_a_strange_order(state: State, venue: dict[str, Any]) -> ClientSummary:
    return replace(MAKER, unknown_reports=1)


def client_was_logged_out(state: State, venue: dict[str, Any]) -> ClientSummary:
    return replace(MAKER, problems=("MsgSeqNum too low",))


@pytest.mark.parametrize(
    ("change", "named", "positions_agree"),
    [
        (position_at_exchange, "AAPL: engine +60, exchange +61", False),
        (position_at_exchange_only, "MSFT: engine +0, exchange -5", False),
        (position_in_engine_only, "AAPL: engine +60, exchange +0", False),
        (cash, "cash: engine -500, exchange -499", False),
        (a_fill_is_lost, "fills: engine 1, exchange 2", True),
        (an_order_stays_open, "1 orders are open at the exchange", True),
        (client_has_another_position, "ALPHA AAPL: engine +100, client +200", True),
        (client_has_another_symbol, "ALPHA MSFT: engine +0, client +1", True),
        (client_has_other_cash, "ALPHA cash: engine -1,000, client 0", True),
        (client_was_not_answered, "ALPHA: 1 orders were never answered", True),
        (client_heard_of_a_strange_order, "ALPHA: 1 reports of unknown orders", True),
        (client_was_logged_out, "ALPHA: MsgSeqNum too low", True),
    ],
)
def test_each_difference_is_named(change: Change, named: str, positions_agree: bool) -> None:
    state, venue = deepcopy(STATE), deepcopy(VENUE)
    client = change(state, venue) or MAKER
    verdict = judge(state, venue, [client])
    assert verdict.differences == [named]
    assert verdict.positions_agree is positions_agree
    assert not verdict.all_agree


@pytest.mark.parametrize(
    ("outcome", "status"), [(True, 0), (False, 1), (ProcessError("card ended"), 2)]
)
def test_the_exit_status_tells(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, outcome: bool | Exception, status: int
) -> None:
    def run(*_: object, **__: object) -> bool:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(cli, "_run", run)
    app = typer.Typer()
    app.command()(cli.demo)
    result = CliRunner().invoke(app, ["--mode", "relay", "--build", str(tmp_path)])
    assert result.exit_code == status, result.output
