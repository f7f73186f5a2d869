"""Times the gateware: ``python -m tickgate_hdl.timing [--block NAME ...] [--quick]``.

Each design is made as two profiles: ``ecp5`` is placed and routed, ``latency`` is mapped and its
LUT levels counted. Prints a table, writes ``build/timing.json``, which says what this run measured
and nothing else. A target that is missed is told; only a design or a tool that fails makes the exit
status 1. What has not changed since the last run is not run again.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from tickgate_hdl.timing.designs import DEFAULT, DESIGNS
from tickgate_hdl.timing.ecp5 import place
from tickgate_hdl.timing.harness import Harness
from tickgate_hdl.timing.levels import LevelsError
from tickgate_hdl.timing.netlist import sources_hash, write_rtlil
from tickgate_hdl.timing.report import (
    document,
    ecp5_figures,
    ecp5_lines,
    latency_figures,
    latency_lines,
)
from tickgate_hdl.timing.tools import Kept, ToolError
from tickgate_hdl.timing.xcup import map_block
from tickgate_hdl.top.config import PROFILES

__all__ = ["main", "measure"]

class DesignError(Exception):
    """A design cannot be made: its module is not there, or its gateware is broken."""


_HARNESS = "# flip-flops of the harness: "


def measure(kept, name, design, profile, *, seeds, jobs, progress):
    """Measure one design as one profile. Return its figures by name, and the table's lines.

    Raises DesignError when it cannot be made, ToolError when a tool fails, LevelsError when its
    netlist cannot be walked.
    """
    label = f"{name}.{profile}"

    def gateware(path):
        progress(f"{label}: gateware")
        try:
            component = design.make(PROFILES[profile]())
            if profile == "ecp5":
                component = Harness(component)
                write_rtlil(component, path, note=f"{_HARNESS}{component.flip_flops}")
            else:
                write_rtlil(component, path)
        except Exception as error:  # whatever is wrong with one design, the others are measured
            raise DesignError(f"{type(error).__name__}: {error}") from error

    rtlil = kept.file(f"{label}.gateware", ".rtlil", (sources_hash(),), gateware)
    if profile == "ecp5":
        with rtlil.open() as text:
            harness = int(text.readline().partition(_HARNESS)[2])
        placed = place(kept, label, rtlil, seeds, jobs=jobs, progress=progress)
        return ecp5_figures(name, placed, harness), ecp5_lines(name, placed, harness)
    mapped = map_block(kept, label, rtlil, progress=progress)
    return latency_figures(name, mapped), latency_lines(name, mapped)


def _seeds(text):
    """Return the seeds of a list such as 1,2,3."""
    seeds = tuple(int(part) for part in text.split(","))
    if min(seeds) < 1 or len(set(seeds)) < len(seeds):
        raise ValueError
    return seeds


def main(arguments=None):
    """Run the program. Return its exit status."""
    parser = argparse.ArgumentParser(
        "python -m tickgate_hdl.timing", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--block", nargs="+", choices=sorted(DESIGNS), default=DEFAULT,
                        metavar="NAME", help=f"designs to measure, of {', '.join(DESIGNS)}")
    parser.add_argument("--profile", nargs="+", choices=sorted(PROFILES), default=sorted(PROFILES),
                        metavar="NAME", help=f"profiles to measure, of {', '.join(PROFILES)}")
    parser.add_argument("--seeds", type=_seeds, default=(1, 2, 3), metavar="LIST",
                        help="seeds of place and route (1,2,3)")
    parser.add_argument("--quick", action="store_true", help="the first seed only")
    parser.add_argument("--jobs", type=int, choices=(1, 2), default=2,
                        help="nextpnr that run at a time (2)")
    parser.add_argument("--out", type=Path, default=Path("build"), metavar="FOLDER",
                        help="folder for timing.json and timing/ (build)")
    parser.add_argument("--document", type=Path, metavar="PAGE",
                        help="page of documentation whose figures become these")
    options = parser.parse_args(arguments)
    began = time.monotonic()

    def progress(line):
        print(f"[{time.monotonic() - began:5.0f} s] {line}", flush=True)

    kept = Kept(options.out / "timing")
    figures, table, failed = {}, [], 0
    for name in options.block:
        for profile in options.profile:
            try:
                numbers, lines = measure(
                    kept, name, DESIGNS[name], profile, jobs=options.jobs, progress=progress,
                    seeds=options.seeds[:1] if options.quick else options.seeds)
            except (DesignError, ToolError, LevelsError) as error:
                failed += 1
                lines = [f"{name}, {profile}: FAILED", *str(error).splitlines()]
            else:
                figures |= numbers
            table += [*lines, ""]
    path = options.out / "timing.json"
    path.write_text(json.dumps(figures, indent=1) + "\n")
    print("\n" + "\n".join(table) + f"\nfigures: {path}")
    if options.document:
        options.document.write_text(document(options.document.read_text(), table))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
