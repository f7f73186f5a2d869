"""The small card on cocotbext-pcie's root complex and UltraScale+ hard block."""

import pytest
from tickgate_sim.tb.card_runner import run_card

pytestmark = pytest.mark.sim


def test_the_card_on_a_pcie_bus():
    run_card("tickgate_sim.tb.card_tests")
