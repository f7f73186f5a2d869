"""The gate's gateware against its golden model."""

import pytest
from tickgate_hdl.risk.gate import Gate
from tickgate_hdl.top.config import CardConfig
from tickgate_sim.runner import run

pytestmark = pytest.mark.sim

SMALL = {
    "symbols": 4, "accounts": 2, "groups": 2, "clearing_firms": 2, "open_orders": 16,
    "recent_orders": 16, "own_prices": 2,
}  # fmt: skip


def compare(config, rounds, seed, **options):
    run(
        Gate(config),
        name="gate",
        tb="tickgate_sim.tb.gate_random",
        seed=seed,
        random_memories=True,
        environment={
            "GATE_SYMBOLS": str(config.symbols),
            "GATE_ACCOUNTS": str(config.accounts),
            "GATE_OPEN_ORDERS": str(config.open_orders),
            "GATE_GROUPS": str(config.groups),
            "GATE_CLEARING_FIRMS": str(config.clearing_firms),
            "GATE_RECENT_ORDERS": str(config.recent_orders),
            "GATE_OWN_PRICES": str(config.own_prices),
            "GATE_ROUNDS": str(rounds),
            "GATE_REGISTERED": str(int(config.registered)),
        },
        **options,
    )


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
    compare(config, rounds, seed)


@pytest.mark.parametrize(
    ("sizes", "rounds", "seed"),
    [
        ({"accounts": 256, "groups": 64, "recent_orders": 256}, 60, 6),
        ({"symbols": 1024}, 100, 7),
    ],
    ids=["accounts", "symbols"],
)
def test_a_desks_rows_are_as_good_as_the_first(sizes, rounds, seed):
    config = CardConfig(**SMALL | sizes)
    compare(config, rounds, seed, test_filter="equals_the_model|every_row")
