"""What the system tests share."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tickgate.card.driver import CardDriver
from tickgate_sim.card.build import build
from tickgate_sim.card.process import LiveCard, live_card

from tests.system.live_card import set_up


@pytest.fixture(scope="session")
def quickfix_dictionary() -> Path:
    """QuickFIX's FIX 4.4 dictionary; the test is skipped without it."""
    if importlib.util.find_spec("quickfix") is None:
        pytest.skip("the QuickFIX peer (quickfix-ssl) is not installed")
    path = Path(sys.prefix) / "share" / "quickfix" / "FIX44.xml"
    if not path.exists():
        pytest.skip(f"QuickFIX's dictionary is not at {path}")
    return path


@pytest.fixture
def process(tmp_path: Path) -> Iterator[LiveCard]:
    """A card as a process, to which no host is attached."""
    with live_card(tmp_path / "card", program=build().program) as process:
        yield process


@pytest.fixture
def card(process: LiveCard) -> Iterator[CardDriver]:
    """The driver of a card that was just reset, with rings and a symbol."""
    driver = set_up(process.socket)
    yield driver
    driver.transport.close()
