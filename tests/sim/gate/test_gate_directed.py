"""The gate's gateware, one property at a time, in both profiles."""

import pytest
from tickgate_hdl.top.config import CardConfig
from tickgate_sim.gate_model import SMALL, run_gate

pytestmark = pytest.mark.sim


@pytest.mark.parametrize("registered", [False, True], ids=["latency", "ecp5"])
@pytest.mark.parametrize(
    "tb",
    [
        "gate_directed",
        "gate_leaving",
        "gate_limits",
        "gate_references",
        "gate_checks",
        "gate_owners",
        "gate_duplicates",
        "gate_rates",
        "gate_replacements",
        "gate_self_match",
        "gate_throttles",
        "gate_watchdog",
    ],
)
def test_gate_keeps_each_promise(tb, registered):
    run_gate(CardConfig(**SMALL, registered=registered), tb)
