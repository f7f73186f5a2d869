"""An engine on real sockets with a card and a venue in plain Python behind the driver's API."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.host.engine.card import Card
from tests.host.engine.venue import Venue
from tests.host.engine.world import World


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    """The silences that the engine waits for are for real machines; here nothing is on its way."""
    for name, milliseconds in (("STATUS", 2), ("DRAIN", 10), ("QUIET", 20), ("RETRY", 20)):
        monkeypatch.setattr(f"tickgate.engine.cardlink.{name}_NS", milliseconds * 1_000_000)


@pytest.fixture
def world(tmp_path: Path):
    world = World(tmp_path)
    yield world
    if world.engine is not None:
        world.engine.close()


@pytest.fixture
def fresh_card() -> Callable[[Venue], Card]:
    return Card
