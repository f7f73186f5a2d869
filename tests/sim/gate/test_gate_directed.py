"""The gate's gateware, one property at a time."""

import pytest
from tickgate_hdl.risk.gate import Gate
from tickgate_hdl.top.config import CardConfig
from tickgate_sim.runner import run

pytestmark = pytest.mark.sim


def test_gate_keeps_each_promise():
    run(
        Gate(CardConfig(symbols=4, accounts=2, open_orders=16)),
        name="gate",
        tb="tickgate_sim.tb.gate_directed",
    )
