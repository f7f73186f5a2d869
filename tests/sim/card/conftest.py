"""The stand-in card, built once."""

from pathlib import Path

import pytest
from tickgate_sim.card.build import BuiltCard, build_verilog

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def probe() -> BuiltCard:
    """The harness around ``probe.v``."""
    return build_verilog(HERE / "probe.v", HERE / "probe.vlt")
