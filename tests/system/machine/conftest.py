"""Machines for the tests of this folder: real processes, each with its log in the test's folder."""

from collections.abc import Iterator

import pytest
from tickgate_sim.card.build import build
from tickgate_sim.demo.processes import ProcessError

from tests.system.machine.rig import Rig, rig


@pytest.fixture(scope="session")
def card_is_built() -> None:
    """The Verilated card, so that no start of a machine waits for a compiler."""
    build()


@pytest.fixture(scope="module")
def idle(card_is_built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A machine of which nothing runs yet."""
    with rig(tmp_path_factory.mktemp("machine")) as machine:
        yield machine


@pytest.fixture(scope="module")
def running(idle: Rig) -> Rig:
    """A machine that is open for trading, console included."""
    try:
        idle.machine.start(mode=idle.mode)
    except ProcessError:
        idle.explain()
        raise
    return idle
