"""The gate's gateware against its golden model."""

import pytest
from tickgate_hdl.top.config import CardConfig
from tickgate_sim.gate_model import SMALL, run_gate

pytestmark = pytest.mark.sim


@pytest.mark.parametrize(
    ("config", "rounds", "seed"),
    [
        (CardConfig(**SMALL), 3000, 1),
        (CardConfig(**SMALL), 3000, 2),
        (CardConfig(**SMALL, registered=True), 3000, 5),
        (CardConfig(), 1400, 4),
    ],
    ids=["small", "small again", "registered", "latency profile"],
)
def test_gate_equals_its_model(config, rounds, seed):
    run_gate(config, "gate_random", seed=seed, environment={"GATE_ROUNDS": str(rounds)})


@pytest.mark.parametrize(
    ("sizes", "rounds", "seed"),
    [
        ({"accounts": 256, "groups": 64, "recent_orders": 256}, 60, 6),
        ({"symbols": 1024}, 100, 7),
    ],
    ids=["accounts", "symbols"],
)
def test_a_desks_rows_are_as_good_as_the_first(sizes, rounds, seed):
    run_gate(
        CardConfig(**SMALL | sizes),
        "gate_random",
        seed=seed,
        test_filter="equals_the_model|every_row",
        environment={"GATE_ROUNDS": str(rounds)},
    )
