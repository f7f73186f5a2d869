"""Long comparisons: ``python -m tickgate_sim.soak [--only feed|gate] [--messages N] ...``.

feed: a day of the simulated exchange with eight symbols goes through feed, book and gate; the best
bid and offer after every message must be the golden model's and that of two independent peers.

gate: random orders and venue messages, with commits, kills and resets between them, go through the
gate of both profiles; verdict, failed checks, generation and exposures must be the golden model's
every time.

Prints a table of each, writes ``soak.json``; the exit status is 1 when anything differs. Of a run
with ``--only`` the figures of the other part stay as they were.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from tickgate_sim.soak import feed, gate

__all__ = ["main"]

_WRONG = ("soak.differences.", "soak.stale", "soak.types", "gate.differences")
"""Beginnings of the figures that must be 0."""


def main(arguments: list[str] | None = None) -> int:
    """Run the program. Return its exit status."""
    parser = argparse.ArgumentParser(
        "python -m tickgate_sim.soak", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--only", choices=("feed", "gate"), help="one of the two")
    parser.add_argument("--messages", type=int, default=1_000_000,
                        help="messages of the feed (1000000)")
    parser.add_argument("--gate-orders", type=int, default=1_000_000,
                        help="orders of the gate, its venue messages not among them (1000000)")
    parser.add_argument("--seed", type=int, default=7, help="seed of both (7)")
    parser.add_argument("--out", type=Path, default=Path("build"), metavar="FOLDER",
                        help="folder for soak.json and the runs' files (build)")
    options = parser.parse_args(arguments)
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {line}", file=sys.stderr, flush=True)

    folder = options.out / "soak"
    target = options.out / "soak.json"
    figures: dict[str, float] = {}
    tables = []
    if options.only != "gate":
        found, lines = feed.compare(folder, options.messages, options.seed, say)
        figures |= found
        tables.append(lines)
    if options.only != "feed":
        started = time.monotonic()
        runs = gate.compare(folder, options.gate_orders, options.seed, say)
        seconds = time.monotonic() - started
        figures |= gate.figures(runs, seconds)
        tables.append(gate.table(runs, seconds))
    kept = json.loads(target.read_text()) if options.only and target.exists() else {}
    target.write_text(json.dumps(kept | figures, indent=1, sort_keys=True) + "\n")
    print("\n\n".join("\n".join(lines) for lines in tables) + f"\nfigures: {target}")
    return int(any(count for name, count in figures.items() if name.startswith(_WRONG)))


if __name__ == "__main__":
    sys.exit(main())
