"""The small card on cocotbext-pcie's root complex and UltraScale+ hard block."""

import pytest
from tickgate_sim.tb.card_runner import run_card

pytestmark = pytest.mark.sim


def test_registers_orders_and_ticks():
    run_card("tickgate_sim.tb.card_tests")


def test_rings_and_interrupts():
    run_card("tickgate_sim.tb.card_ring_tests")
