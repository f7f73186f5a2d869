"""The gate's gateware against its golden model."""

import pytest
from tickgate_hdl.risk.gate import Gate
from tickgate_hdl.top.config import CardConfig
from tickgate_sim.runner import run

pytestmark = pytest.mark.sim


@pytest.mark.parametrize(
    ("config", "rounds", "seed"),
    [
        (CardConfig(symbols=4, accounts=2, open_orders=16), 2500, 1),
        (CardConfig(symbols=4, accounts=2, open_orders=16), 2500, 2),
        (CardConfig(), 800, 3),
    ],
)
def test_gate_equals_its_model(config, rounds, seed):
    run(
        Gate(config),
        name="gate",
        tb="tickgate_sim.tb.gate_random",
        seed=seed,
        environment={
            "GATE_SYMBOLS": str(config.symbols),
            "GATE_ACCOUNTS": str(config.accounts),
            "GATE_OPEN_ORDERS": str(config.open_orders),
            "GATE_ROUNDS": str(rounds),
        },
    )
