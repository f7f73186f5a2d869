"""What a long run against the model counts."""

from pathlib import Path

from tickgate.risk.checks import BY_NAME
from tickgate_sim.soak import gate
from tickgate_sim.soak.gate import GateRun
from tickgate_sim.tb.gate_tally import Tally

TOKEN, LOT = (1 << BY_NAME[name].bit for name in ("token", "lot"))


def tally() -> Tally:
    counted = Tally(events=3)
    for checks in (0, TOKEN, TOKEN | LOT):
        counted.order(checks)
    return counted


def test_a_check_fails_alone_or_with_others() -> None:
    counted = tally()
    assert (counted.orders, counted.passed, counted.failed) == (3, 1, 2)
    assert (counted.alone["token"], counted.together["token"]) == (1, 1)
    assert (counted.alone["lot"], counted.together["lot"]) == (0, 1)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "tally.json"
    assert Tally.read(path) == Tally()
    tally().write(path)
    assert Tally.read(path) == tally()


def test_a_run_that_differs_is_counted_and_shown(tmp_path: Path) -> None:
    runs = [
        GateRun("latency", 1, tally(), False, tmp_path / "one.log"),
        GateRun("ecp5", 2, tally(), True, tmp_path / "other.log"),
    ]
    figures = gate.figures(runs, 1.0)
    assert (figures["gate.orders"], figures["gate.events"]) == (6, 6)
    assert figures["gate.differences"] == 1
    assert figures["gate.checks_failed_at_least_once"] == 2
    lines = "\n".join(gate.table(runs, 1.0))
    assert "ecp5 differs: " in lines
    assert "latency differs" not in lines
