"""A day of the simulated exchange through feed, book and gate, compared with others' books."""

from collections.abc import Callable
from pathlib import Path

from tickgate_sim.bench.mixes import record_day
from tickgate_sim.replay import replay
from tickgate_sim.soak import oracles
from tickgate_sim.soak.oracles import Change

__all__ = ["compare", "differences"]

_ORACLES: dict[str, Callable[[Path, list[str]], list[Change]]] = {
    "golden_model": oracles.golden_model,
    "itchcpp": oracles.itchcpp,
    "itch_book": oracles.itch_book,
}


def differences(mine: list[Change], theirs: list[Change]) -> int:
    """Return how many rows are in one list and not at that place in the other."""
    differ = sum(one != other for one, other in zip(mine, theirs, strict=False))
    return differ + abs(len(mine) - len(theirs))


def compare(
    folder: Path, messages: int, seed: int, say: Callable[[str], None]
) -> tuple[dict[str, float], list[str]]:
    """Run a day of so many messages; return figures by name, and lines for a reader."""
    say(f"a day of {messages:,} messages")
    path = record_day(messages, folder, seed=seed)
    say("replay")
    report = replay(path)
    mine = oracles.changes(report)
    figures: dict[str, float] = {
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
    return figures, lines
