"""Proves the gate: ``python -m tickgate_hdl.prove [--proof NAME ...] [--no-faults]``.

Each proof is made of the gateware as it is, then of the gateware with each of its planted faults,
with which it must fail. Prints a table, writes ``build/prove.json``, which says what this run
proved and nothing else. The exit status is 1 if a claim is not proved or a fault is missed. What
has not changed since the last run is not run again.
"""

import argparse
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tickgate_hdl.prove.catalogue import PROOFS
from tickgate_hdl.prove.induction import Outcome, induct, releases
from tickgate_hdl.prove.report import figures, lines
from tickgate_hdl.timing.report import document
from tickgate_hdl.timing.tools import Kept, ToolError, run

__all__ = ["main"]

_FLOW = ("induction.py", "emit.py")


def _outcome(kept, proof, fault, seconds, progress):
    """Return what the tools say of a proof, with the fault of a number or without (-1)."""
    label = proof.name if fault < 0 else f"{proof.name}.fault{fault + 1}"
    source = kept.folder / f"{label}.il"
    run("tickgate_hdl.prove.emit", [proof.name, str(fault), str(source)],
        folder=kept.folder, log=f"{label}.emit.log")

    def make(path):
        progress(f"{label}: begins")
        outcome = induct(source, path, depth=proof.depth, search=proof.search if fault >= 0 else 0,
                         seconds=seconds)
        verdict = "proved" if outcome.holds else "fails" if outcome.finished else "not finished"
        progress(f"{label}: {verdict} ({outcome.seconds} s)")

    flow = [(Path(__file__).parent / name).read_bytes() for name in _FLOW]
    path = kept.file(label, ".json", (
        source.read_bytes(), *flow, *releases(), f"{proof.depth} {proof.search} {seconds}"), make)
    return Outcome(**json.loads(path.read_text()))


def main(arguments=None):
    """Run the program. Return its exit status."""
    parser = argparse.ArgumentParser(
        "python -m tickgate_hdl.prove", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proof", nargs="+", choices=PROOFS, default=list(PROOFS), metavar="NAME",
                        help=f"proofs to make, of {', '.join(PROOFS)}")
    parser.add_argument("--no-faults", action="store_true", help="plant no faults")
    parser.add_argument("--seconds", type=int, default=600,
                        help="what each half of a proof may take (600)")
    parser.add_argument("--jobs", type=int, choices=(1, 2), default=2,
                        help="proofs that run at a time (2)")
    parser.add_argument("--out", type=Path, default=Path("build"), metavar="FOLDER",
                        help="folder for prove.json and prove/ (build)")
    parser.add_argument("--document", type=Path, metavar="PAGE",
                        help="page of documentation whose figures become these")
    options = parser.parse_args(arguments)
    began = time.monotonic()

    def progress(line):
        print(f"[{time.monotonic() - began:5.0f} s] {line}", flush=True)

    kept = Kept((options.out / "prove").resolve())
    jobs = [(proof, fault) for proof in map(PROOFS.get, options.proof)
            for fault in range(-1, 0 if options.no_faults else len(proof.mutations))]

    def work(job):
        proof, fault = job
        try:
            return _outcome(kept, proof, fault, options.seconds, progress)
        except (ToolError, ValueError, OSError, subprocess.SubprocessError) as error:
            progress(f"{proof.name}: FAILED to run: {error}")
            return Outcome(holds=False, cycle=-1, finished=False, seconds=0)

    with ThreadPoolExecutor(options.jobs) as pool:
        done = dict(zip(jobs, pool.map(work, jobs), strict=True))
    results, table = [], []
    for proof in map(PROOFS.get, options.proof):
        outcomes = [outcome for (of, _), outcome in done.items() if of is proof]
        results.append((proof, outcomes))
        table += [*lines(proof, outcomes), ""]
    numbers = figures(results)
    path = options.out / "prove.json"
    path.write_text(json.dumps(numbers, indent=1) + "\n")
    print("\n" + "\n".join(table))
    print(f"{numbers['gate.properties_proved']} proved, {numbers['gate.properties_unproved']} not; "
          f"{numbers['gate.mutations_caught']} planted faults caught, "
          f"{numbers['gate.mutations_missed']} missed; figures: {path}")
    if options.document:
        options.document.write_text(document(options.document.read_text(), table))
    return 1 if numbers["gate.properties_unproved"] or numbers["gate.mutations_missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
