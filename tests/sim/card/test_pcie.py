"""The small card on cocotbext-pcie's root complex and UltraScale+ hard block."""

import pytest
from tickgate_hdl.top.verilog import SMALL, SMALL_LOCATE_BITS, card_verilog
from tickgate_sim.runner import run_verilog

pytestmark = pytest.mark.sim


@pytest.fixture(scope="module")
def text() -> str:
    return card_verilog(SMALL, locate_bits=SMALL_LOCATE_BITS)


@pytest.mark.parametrize("tb", ["card_tests", "card_ring_tests"])
def test_small_card(text: str, tb: str) -> None:
    """Registers, orders and ticks; rings and interrupts. The card is as the exporter writes it."""
    run_verilog(
        text,
        name="card",
        tb=f"tickgate_sim.tb.{tb}",
        build_args=["-O3"],
        random_memories=True,
    )
