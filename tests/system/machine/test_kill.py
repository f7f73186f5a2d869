"""The kill switch in the middle of trading: nothing passes once the card has confirmed it."""

import subprocess
import sys
import time
import urllib.error
from collections.abc import Callable, Iterator

import pytest
from tickgate.fix import orders, tags

from tests.system.machine.peer import Peer
from tests.system.machine.rig import Rig, until

pytestmark = pytest.mark.system

SYMBOL = "AAPL"
DOLLAR = 10_000


@pytest.fixture(scope="module")
def client(running: Rig) -> Iterator[Peer]:
    """The probe, logged on; the three others trade by themselves."""
    with running.peer() as peer:
        yield peer


def through_rest(rig: Rig) -> tuple[int, int]:
    """Kill all as the console does; when it was asked for and when the card had it."""
    answer = rig.rest("POST", "kill", {"scope": "all"})
    assert answer["kill"]["all"]
    return answer["requested_ns"], answer["confirmed_ns"]


def through_command_line(rig: Rig) -> tuple[int, int]:
    """Kill all as an operator at a terminal does."""
    asked_ns = time.time_ns()
    print(command(rig, "all"))
    return asked_ns, time.time_ns()


def command(rig: Rig, *words: str) -> str:
    """What ``tickgate kill`` prints."""
    config = str(rig.settings.folder / "engine.toml")
    done = subprocess.run(
        [sys.executable, "-m", "tickgate.cli", "kill", "--config", config, *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("way", [through_rest, through_command_line])
def test_kill_in_mid_flow(
    running: Rig, client: Peer, way: Callable[[Rig], tuple[int, int]]
) -> None:
    if way is through_rest:
        running.rest("GET", "limits")  # logged in before anything is timed
    resting, other = (client.enter(SYMBOL, orders.BUY, 1, DOLLAR) for _ in range(2))
    for cl_ord_id in (resting, other):
        client.answer(cl_ord_id, "0")
    start = running.arrived()
    trading = running.trade_aside(8.0)
    until(lambda: running.arrived() > start + 50, "the clients' orders flow")

    refused = running.state()["rejected"].get("kill_all", 0)
    asked_ns, confirmed_ns = way(running)

    # Whatever passed the gate did so before the confirmation, so this count is final ...
    passed = running.state()["card"]["counters"]["orders_passed"]
    # ... and a cancel travels behind all of it on the one stream: when it is done, all is there.
    client.answer(client.cancel(resting, SYMBOL, orders.BUY), "4")
    records = running.records()
    assert running.arrived() == passed
    assert resting not in {row["cl_ord_id"] for row in running.open_orders()}
    until(
        lambda: running.state()["rejected"].get("kill_all", 0) > refused + 10,
        "the clients go on trying",
    )
    answer = client.answer(client.enter(SYMBOL, orders.BUY, 1, DOLLAR))
    assert (answer.get(tags.TEXT) or "").startswith("RISK kill_all: ")
    client.answer(client.cancel(other, SYMBOL, orders.BUY), "4")  # a cancel still may
    clients = trading.join()
    verdict = running.verdict(clients)
    assert verdict.all_agree, verdict.differences

    assert running.arrived() == passed
    assert running.state()["card"]["counters"]["orders_passed"] == passed
    assert running.records()["inbound"]["X"]["count"] > records["inbound"]["X"]["count"]
    last_ns = max(records["inbound"][kind]["last_utc_ns"] for kind in "OU")
    print(
        f"{way.__name__}: in the card {(confirmed_ns - asked_ns) / 1e6:.2f} ms after the request; "
        f"last order at the exchange {(confirmed_ns - last_ns) / 1e6:.2f} ms before that"
    )
    assert "off" in command(running, "all", "--off")
    client.answer(client.enter(SYMBOL, orders.BUY, 1, DOLLAR, orders.IMMEDIATE_OR_CANCEL), "4")
    assert running.arrived() == passed + 1


def test_the_time_to_the_card_is_reported(running: Rig) -> None:
    answer = running.rest("POST", "kill", {"scope": "symbol", "target": SYMBOL})
    assert answer["requested_ns"] <= answer["received_ns"] <= answer["confirmed_ns"]
    assert answer["kill"]["symbols"] == [SYMBOL]
    text = command(running, "symbol", SYMBOL, "--off")
    assert text.startswith(f"kill symbol {SYMBOL} off: in the card "), text
    assert running.state()["kill"]["symbols"] == []


def test_a_kill_with_cancel_takes_resting_orders_back(running: Rig, client: Peer) -> None:
    resting = [client.enter(SYMBOL, orders.BUY, 1, DOLLAR) for _ in range(5)]
    for cl_ord_id in resting:
        client.answer(cl_ord_id, "0")
    answer = running.rest("POST", "kill", {"scope": "all", "cancel": True})
    assert answer["cancels_sent"] == 5
    for cl_ord_id in resting:
        client.answer(cl_ord_id, "4")
    assert running.records()["open_orders"] == []
    running.rest("POST", "kill", {"scope": "all", "on": False})


def test_a_kill_that_cannot_be_is_refused(running: Rig) -> None:
    for body in ({"scope": "everything"}, {"scope": "symbol", "target": "NONE"}):
        with pytest.raises(urllib.error.HTTPError) as caught:
            running.rest("POST", "kill", body)
        assert caught.value.code == 422
    kill = running.state()["kill"]
    assert not any(kill.values())
