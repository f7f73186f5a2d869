"""The gate's figures in ``make bench`` are what docs/gate.md promises."""

from pathlib import Path

import pytest
from tickgate_sim.bench import gate

pytestmark = pytest.mark.sim


def test_what_the_bench_measures(tmp_path: Path) -> None:
    measured = gate.measure(tmp_path)
    assert [(each.profile, each.cycles) for each in measured] == [("latency", 3), ("ecp5", 6)]
    assert {each.orders for each in measured} == {10_000}
    assert {each.kill for each in measured} == {1}  # the very next verdict
    assert gate.figures(measured)["gate.cycles.ecp5_profile"] == 6
    assert len(gate.table(measured)) == 4
