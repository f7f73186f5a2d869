"""Executions at the exchange stop a strategy in the card, and a person lets it go on."""

import subprocess
import sys
from collections.abc import Iterator
from urllib.error import HTTPError

import pytest
from tickgate.engine.commands import ThrottleRow
from tickgate.fix import orders, tags

from tests.system.machine.peer import Peer
from tests.system.machine.rig import PROBE, Rig
from tests.system.machine.test_gate_shut import SYMBOL, an_order_passes, nothing_passes

pytestmark = pytest.mark.system

MOST = 3


@pytest.fixture(scope="module")
def client(running: Rig) -> Iterator[Peer]:
    """The probe, logged on."""
    with running.peer() as peer:
        yield peer


def counted(rig: Rig) -> ThrottleRow:
    """What the card has counted of the probe's strategy."""
    rows = rig.state()["throttles"]
    return next(x for x in rows if (x["scope"], x["name"]) == ("strategy", PROBE.strategy))


def is_counted(rig: Rig, executions: int) -> None:
    """Wait until the card has counted so many."""
    rig.until_state(lambda _: counted(rig)["counted"] == executions, f"{executions} are counted")


def buy_until_it_is_stopped(rig: Rig, client: Peer) -> None:
    """Buy a share at a time at the offer until the card refuses; each fill counted once."""
    for _ in range(10 * MOST):
        before, fills = counted(rig)["counted"], len(rig.records()["fills"])
        cl_ord_id = client.enter(
            SYMBOL, orders.BUY, 1, rig.top(SYMBOL)["ask"], orders.IMMEDIATE_OR_CANCEL
        )
        answer = client.answer(cl_ord_id, "2", "4", "8")
        if answer.get(tags.ORD_STATUS) == "8":
            assert (answer.get(tags.TEXT) or "").startswith("RISK repeated_executions: ")
            assert before >= MOST
            return
        assert before < MOST
        traded = len(rig.records()["fills"]) - fills
        is_counted(rig, before + traded)
    raise AssertionError("the strategy was never stopped")


def test_executions_stop_a_strategy_until_a_person_lets_it_go_on(
    running: Rig, client: Peer
) -> None:
    engine = running.machine.engine
    full = engine.call("limits")["toml"]
    wanted = f"max_executions = {MOST}\n"
    table = full.index(f"[strategies.{PROBE.strategy}]")
    line = full.index("max_executions", table)
    engine.call("set_limits", toml=full[:line] + wanted + full[full.index("\n", line) + 1 :])
    assert counted(running) == {
        "scope": "strategy", "name": PROBE.strategy, "counted": 0, "most": MOST
    }  # fmt: skip

    buy_until_it_is_stopped(running, client)
    nothing_passes(running, client, "repeated_executions")
    stopped = counted(running)["counted"]
    who = {"scope": "strategy", "target": PROBE.strategy}
    assert running.rest("POST", "resume", who)["counted"] == stopped
    an_order_passes(running, client)

    buy_until_it_is_stopped(running, client)
    config = str(running.settings.folder / "engine.toml")
    command = [sys.executable, "-m", "tickgate.cli", "resume", "--config", config]
    subprocess.run([*command, "strategy", PROBE.strategy], check=True, timeout=30)
    an_order_passes(running, client)
    assert counted(running)["counted"] == 0
    with pytest.raises(HTTPError, match="422"):
        running.rest("POST", "resume", {"scope": "session", "target": PROBE.comp_id})
    engine.call("set_limits", toml=full)
