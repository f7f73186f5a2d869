"""The gate's gateware, one property at a time, in both profiles."""

import pytest
from tickgate_hdl.risk.gate import Gate
from tickgate_hdl.top.config import CardConfig
from tickgate_sim.runner import run

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
    run(
        Gate(
            CardConfig(
                symbols=4,
                accounts=2,
                groups=2,
                clearing_firms=2,
                open_orders=16,
                recent_orders=16,
                own_prices=2,
                registered=registered,
            )
        ),
        name="gate",
        tb=f"tickgate_sim.tb.{tb}",
        random_memories=True,
        environment={"GATE_REGISTERED": str(int(registered))},
    )
