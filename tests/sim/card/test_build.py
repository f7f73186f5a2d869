"""The build: cached, whole, and clear when a tool fails."""

import subprocess
import sys
from pathlib import Path

import pytest
from tickgate_sim.card.build import BuildError, build_verilog
from tickgate_sim.card.sources import fingerprint

HERE = Path(__file__).parent

pytestmark = pytest.mark.sim


def test_a_second_build_finds_the_first(probe):
    said: list[str] = []
    assert build_verilog(HERE / "probe.v", HERE / "probe.vlt", said.append) == probe
    assert said == []


def test_what_the_tool_says_is_in_the_error(tmp_path, monkeypatch):
    monkeypatch.setenv("TICKGATE_BUILD", str(tmp_path))
    source = tmp_path / "card.v"
    source.write_text("module card (input clk); frobnicate; endmodule\n")
    said: list[str] = []
    with pytest.raises(BuildError, match="frobnicate"):
        build_verilog(source, None, said.append)
    assert said == ["card: verilating the model ..."]
    assert not list((tmp_path / "card").glob("card-*")), "a build that failed leaves none behind"


def test_the_fingerprint_stays_while_nothing_changes():
    assert fingerprint() == fingerprint()


@pytest.mark.parametrize(
    ("words", "problem"), [([], "required"), (["run"], "--socket"), (["frob"], "invalid choice")]
)
def test_wrong_arguments_are_explained(words, problem):
    command = [sys.executable, "-m", "tickgate_sim.card", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert problem in done.stderr
