"""Runs a million messages: ``python -m tickgate_sim.soak [--messages N] [--seed N]``.

A day of the simulated exchange with eight symbols goes through feed, book and gate; the best bid
and offer after every message must be the golden model's and that of two independent peers. Prints
a table, writes ``soak.json``; the exit status is 1 when anything differs.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tickgate_sim.bench.mixes import record_day
from tickgate_sim.replay import replay
from tickgate_sim.soak import oracles
from tickgate_sim.soak.oracles import Change

__all__ = ["differences", "main"]

_ORACLES: dict[str, Callable[[Path, list[str]], list[Change]]] = {
    "golden_model": oracles.golden_model,
    "itchcpp": oracles.itchcpp,
    "itch_book": oracles.itch_book,
}


def differences(mine: list[Change], theirs: list[Change]) -> int:
    """Return how many rows are in one list and not at that place in the other."""
    differ = sum(one != other for one, other in zip(mine, theirs, strict=False))
    return differ + abs(len(mine) - len(theirs))


def main(arguments: list[str] | None = None) -> int:
    """Run the program. Return its exit status."""
    parser = argparse.ArgumentParser(
        "python -m tickgate_sim.soak", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--messages", type=int, default=1_000_000, help="messages (1000000)")
    parser.add_argument("--seed", type=int, default=7, help="seed of the day (7)")
    parser.add_argument("--out", type=Path, default=Path("build"), metavar="FOLDER",
                        help="folder for soak.json and the day (build)")
    options = parser.parse_args(arguments)
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {line}", file=sys.stderr, flush=True)

    say(f"a day of {options.messages:,} messages")
    path = record_day(options.messages, options.out / "soak", seed=options.seed)
    say("replay")
    report = replay(path)
    mine = oracles.changes(report)
    figures = {
        "soak.messages": report.messages,
        "soak.symbols": len(report.symbols),
        "soak.bbo_changes": len(mine),
        "soak.stale_symbols": len(report.stale),
        "soak.types_differ": int(not report.types_agree),
    }
    lines = [
        f"{report.messages:,} messages, {len(report.symbols)} symbols, {len(mine):,} changes of a "
        f"best bid or offer, {len(report.stale)} symbols stale at the end",
        f"  {'compared with':14} {'rows':>10} {'differences':>12}",
    ]
    for name, oracle in _ORACLES.items():
        say(name)
        theirs = oracle(path, report.symbols)
        figures[f"soak.differences.{name}"] = differ = differences(mine, theirs)
        lines.append(f"  {name:14} {len(theirs):10,} {differ:12,}")
    target = options.out / "soak.json"
    target.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")
    print("\n".join(lines) + f"\nfigures: {target}")
    wrong = sum(count for name, count in figures.items()
                if name.startswith(("soak.differences.", "soak.stale", "soak.types")))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
