"""Order entry's gateware: encoding, session, and the receiving side against its model."""

import pytest
from tickgate_hdl.entry.entry import Entry
from tickgate_hdl.top.config import CardConfig
from tickgate_sim.runner import run

pytestmark = pytest.mark.sim


@pytest.mark.parametrize("seed", [1, 2])
def test_entry(seed):
    run(Entry(CardConfig()), name="entry", tb="tickgate_sim.tb.entry", seed=seed)
