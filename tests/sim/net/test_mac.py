"""The MAC in Verilator against cocotbext-eth; the tests themselves are in tickgate_sim.tb."""

import pytest
from tickgate_sim import runner
from tickgate_sim.tb.mac_top import MacTop


@pytest.mark.sim
def test_the_mac_and_a_foreign_xgmii_agree():
    runner.run(MacTop(), name="mac", tb="tickgate_sim.tb.mac_tests", seed=7)
