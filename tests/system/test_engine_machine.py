"""Exchange, Verilated card and engine as processes: deaths in mid-flow lose and double nothing."""

import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from tickgate.engine.commands import State
from tickgate.fix.store import MemoryStore
from tickgate_sim.card.build import build
from tickgate_sim.demo.judge import judge
from tickgate_sim.demo.machine import Machine
from tickgate_sim.demo.processes import Process, Supervisor
from tickgate_sim.demo.settings import VENUE_USER, Settings
from tickgate_sim.demo.trade import trade

pytestmark = [pytest.mark.sim, pytest.mark.system]

TRADE_S = 8.0
PATIENCE_S = 60.0


class World(NamedTuple):
    """The machine and its processes."""

    machine: Machine
    processes: Mapping[str, Process]


@pytest.fixture
def world() -> Iterator[World]:
    build()
    # A short path: the address of a UNIX socket has room for a hundred characters only.
    with tempfile.TemporaryDirectory() as folder, Supervisor(Path(folder)) as supervisor:
        machine = Machine(Settings(Path(folder), "127.0.0.1"), supervisor, lambda _: None)
        machine.start(mode="relay", console=False)
        yield World(machine, supervisor.processes)


def settled(world: World) -> dict:
    """The exchange's records once neither side has an open order."""
    machine = world.machine

    def records() -> dict:
        return machine.exchange.call("records")["users"][VENUE_USER]

    def quiet() -> bool:
        return not records()["open_orders"] and not machine.engine.state()["open_orders"]

    world.processes["exchange"].wait_until(quiet, "all was settled", PATIENCE_S)
    return records()


def trade_through(machine: Machine, disaster: Callable[[], None]) -> tuple[State, list]:
    """Trade while ``disaster`` strikes in the middle; state and clients' books at the end."""
    timer = threading.Timer(TRADE_S / 3, disaster)
    timer.start()
    stores = {client.comp_id: MemoryStore() for client in machine.settings.clients}
    clients = trade(machine.settings, TRADE_S, stores)
    timer.join()
    return machine.engine.state(), clients


def check(world: World, clients: list) -> None:
    records = settled(world)
    verdict = judge(world.machine.engine.state(), records, clients)
    assert verdict.differences == []
    assert verdict.positions_agree
    assert records["fills"]


def test_an_engine_killed_in_mid_flow_loses_and_doubles_nothing(world):
    def disaster() -> None:
        os.kill(world.processes["engine"].pid, signal.SIGKILL)
        world.machine.start_engine()

    state, clients = trade_through(world.machine, disaster)
    assert state["card"]["armed"]
    assert all(client.logons >= 2 for client in clients)
    check(world, clients)


def test_a_card_killed_in_mid_flow_is_said_and_replaced(world):
    machine, said = world.machine, {}

    def disaster() -> None:
        os.kill(world.processes["card"].pid, signal.SIGKILL)
        world.processes["engine"].wait_until(
            lambda: not machine.engine.state()["card"]["connected"],
            "the engine said that the card is gone",
            PATIENCE_S,
        )
        said.update(machine.engine.state()["card"])
        machine.start_card()

    state, clients = trade_through(machine, disaster)
    assert said["reason"]
    assert sum(client.rejects.get("the card is not there", 0) for client in clients)
    assert state["rejected"]["host:no card"]
    check(world, clients)
    assert machine.engine.state()["card"]["armed"]
