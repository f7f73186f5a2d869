"""What ``make bench`` writes and shows, without the measurements themselves."""

import json
from pathlib import Path

import pytest
from tickgate_sim.bench import __main__ as program
from tickgate_sim.bench import kill
from tickgate_sim.bench.kill import KillTimes


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two parts, of which each has a figure."""

    def part(name: str) -> program.Part:
        def measure(_: Path, figures: dict[str, float], say: program.Say) -> list[str]:
            say(name)
            figures[f"{name}.figure"] = 2
            return [f"table of {name}"]

        return measure

    monkeypatch.setattr(program, "_PARTS", {name: part(name) for name in ("one", "other")})


@pytest.mark.usefixtures("parts")
def test_a_part_alone_leaves_the_figures_of_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bench.json"
    path.write_text('{"one.figure": 1, "other.figure": 1}')
    assert program.main(["--only", "other", "--out", str(tmp_path)]) == 0
    assert json.loads(path.read_text()) == {"one.figure": 1, "other.figure": 2}
    assert "table of one" not in capsys.readouterr().out


@pytest.mark.usefixtures("parts")
def test_a_whole_run_has_only_its_own_figures(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    path.write_text('{"old.figure": 1}')
    assert program.main(["--out", str(tmp_path)]) == 0
    assert json.loads(path.read_text()) == {"one.figure": 2, "other.figure": 2}


def test_times_of_a_kill() -> None:
    times = [KillTimes("rest", [1.0, 9.0, 2.0])]
    assert kill.figures(times) == {"kill.rest_ms.median": 2.0, "kill.rest_ms.max": 9.0}
    assert "left out: no Chromium" in kill.table(times, "no Chromium")[-1]
    assert len(kill.table(times, "")) == 3
