"""Run cocotb tests on a component or on Verilog, in Verilator; the only place that knows both."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner
from tickgate_hdl.lib.memories import collisions_undefined
from tickgate_hdl.lib.plain_verilog import plain_verilog
from tickgate_hdl.top.sources import WAIVERS

from tickgate_sim import cocotb_model

__all__ = ["WAIVERS", "run", "run_verilog", "to_verilog"]


def run(dut: Any, *, name: str, tb: str, random_memories: bool = False, **options: Any) -> Path:
    """Build ``dut`` as Verilog module ``name`` and run the cocotb tests of module ``tb`` on it.

    Options, errors and what is returned are those of ``run_verilog``. With ``random_memories`` a
    row that is written while it is read gives any word too, as synthesis lets it.
    """
    text = to_verilog(dut, name, random_memories=random_memories)
    return run_verilog(text, name=name, tb=tb, random_memories=random_memories, **options)


def to_verilog(dut: Any, name: str, *, random_memories: bool = False) -> str:
    """Return a component as the Verilog module that ``run`` gives to Verilator."""
    collisions = collisions_undefined() if random_memories else nullcontext()
    with collisions:
        text: str = plain_verilog(dut, name)
    return text


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
    internals: Iterable[tuple[str, str]] = (),
    random_memories: bool = False,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> Path:
    """Build Verilog whose top module is ``name`` and run the cocotb tests of module ``tb`` on it.

    The model is that of ``cocotb_model.build``; runs of one model may be side by side. Tests see
    its ports, and of the rest what ``internals`` lists as module (with wildcards) and variable.
    ``testcase`` names tests, ``test_filter`` is a regular expression, neither means all.
    ``random_memories`` starts what has no initial value, memories above all, with random words in
    place of zeros; what is undefined is random too. ``environment`` is added to that of the tests.
    ``log`` is for what the tests print, else that goes to the terminal; their results are then
    beside it. Returns the folder of the model. A failing test raises SystemExit, a failing build
    BuildError.
    """
    if random_memories:
        build_args = [*build_args, "--x-initial", "unique", "--x-assign", "unique"]
    folder = cocotb_model.build(
        text, name, waivers=waivers, flags=build_args, internals=internals)
    with TemporaryDirectory(prefix="run-", dir=folder) as own:
        results = get_runner("verilator").test(
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
