"""Latency of the book in cycles: of each type alone, and at offered loads up to line rate."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tickgate_sim.bench.mixes import Mix, frames, real_mix
from tickgate_sim.fast import FastFeed, beats

__all__ = ["LOADS", "Spread", "knee", "loaded", "unloaded"]

LOADS = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Offered loads, as parts of line rate."""
_MESSAGES = 40_000
_ALONE = 4_000
"""Messages that are sent alone, each in a frame of its own."""
_APART = 300
"""Cycles between frames that have nothing to do with each other."""
_ONE_MESSAGE = 100
"""Bytes of UDP payload that hold one message, whichever it is, and no second one."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Cycles from the beat with a message's last byte to its best bid and offer."""

    what: str
    count: int
    least: int
    mean: float
    p99: int
    most: int

    @classmethod
    def of(cls, what: str, cycles: NDArray[np.uint16]) -> "Spread":
        """Return the spread of these measurements; there must be one at least."""
        ordered = np.sort(cycles)
        return cls(
            what, len(ordered), int(ordered[0]), float(ordered.mean()),
            int(ordered[min(len(ordered) - 1, -(-99 * len(ordered) // 100))]), int(ordered[-1]),
        )  # fmt: skip


def unloaded(folder: Path) -> tuple[Spread, int, dict[str, Spread]]:
    """Send messages of the real mix alone; return all, the most frequent figure, and each type."""
    mix = real_mix(_MESSAGES, folder)
    first = len(mix.before) + 1
    alone = mix.burst[:_ALONE]
    with FastFeed(symbols=mix.symbols) as feed:
        feed.run(beats(frames(mix.before, 1)))
        single = [frame for number, message in enumerate(alone)
                  for frame in frames([message], first + number)]
        result = feed.run(beats(single, cycles_per_frame=_APART))
    cycles, numbers = result.tops["book_cycles"], result.tops["message"]
    types = np.array([chr(alone[int(number) - first][0]) for number in numbers])
    values, counts = np.unique(cycles, return_counts=True)
    return (
        Spread.of("unloaded", cycles),
        int(values[counts.argmax()]),
        {str(kind): Spread.of(str(kind), cycles[types == kind]) for kind in np.unique(types)
         if kind != "H"},
    )


def loaded(folder: Path) -> Iterator[Spread]:
    """Send the real mix in full frames on both lines at each offered load."""
    mix = real_mix(_MESSAGES, folder)
    for load in LOADS:
        yield _at(mix, load)


def _at(mix: Mix, load: float) -> Spread:
    first = len(mix.before) + 1
    with FastFeed(symbols=mix.symbols) as feed:
        feed.run(beats(frames(mix.before, 1)))
        lines = [beats(frames(mix.burst, first, line=line), load=load) for line in (0, 1)]
        result = feed.run(*lines, drop=True)
    return Spread.of(f"{round(100 * load)} %", result.tops["book_cycles"])


def knee(alone: Spread, spreads: dict[float, Spread]) -> float | None:
    """Return the least load at which the mean is over twice that of one alone; None = at none."""
    for load, spread in sorted(spreads.items()):
        if spread.mean > 2 * alone.mean:
            return load
    return None
