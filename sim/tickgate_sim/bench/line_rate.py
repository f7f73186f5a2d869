"""What is lost at line rate: full frames back to back on both lines, for each mix of messages."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tickgate_sim.bench.mixes import MIXES, Mix, frames, real_mix
from tickgate_sim.fast import FastFeed, beats

__all__ = ["LineRate", "line_rate", "run_mix"]

_MESSAGES = 20_000
_REAL_MESSAGES = 60_000
_QUIET_LOAD = 0.3
"""Load at which the books are filled, so that high-water marks are those of the burst."""


@dataclass(frozen=True, slots=True)
class LineRate:
    """How a mix went at line rate on both lines at once."""

    mix: str
    messages: int
    """Messages of the burst, each on both lines."""
    lost: int
    """Messages that the book did not get, or got and could not apply."""
    lost_frames: int
    """Frames of either line that found no room."""
    cycles_per_message: float
    """Cycles that the wire takes for a message."""
    line_high_water: int
    """Most beats in a line's input FIFO."""
    window_high_water: int
    """Most messages that waited for the book."""
    worst_cycles: int
    """Most cycles from a message's last byte to its best bid and offer, waiting included."""


def run_mix(name: str, mix: Mix) -> LineRate:
    """Fill the books, then send the burst at line rate on both lines, which may not wait."""
    with FastFeed(symbols=mix.symbols) as feed:
        before = feed.run(beats(frames(mix.before, 1), load=_QUIET_LOAD))
        first = len(mix.before) + 1
        lines = [beats(frames(mix.burst, first, line=line), load=1.0) for line in (0, 1)]
        result = feed.run(*lines, drop=True)
    counts = result.counters
    misapplied = counts["book_unknown_reference"] + counts["book_order_overflow"]
    misapplied -= before.counters["book_unknown_reference"]
    misapplied -= before.counters["book_order_overflow"]
    changed = result.tops["book_cycles"]
    return LineRate(
        mix=name,
        messages=len(mix.burst),
        lost=len(mix.burst) - result.messages + misapplied,
        lost_frames=sum(len(line.lost) for line in result.lines),
        cycles_per_message=float(lines[0]["cycle"][-1] + 1) / len(mix.burst),
        line_high_water=result.high_water_lines,
        window_high_water=result.high_water_window,
        worst_cycles=int(changed.max()) if len(changed) else 0,
    )


def line_rate(folder: Path) -> Iterator[LineRate]:
    """Measure every mix; ``folder`` keeps the recorded day."""
    for name, make in MIXES.items():
        yield run_mix(name, make(_MESSAGES))
    yield run_mix("real_mix", real_mix(_REAL_MESSAGES, folder))
