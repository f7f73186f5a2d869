"""How fast the simulation is: cycles of feed, book and gate, and a replay from end to end."""

import tempfile
import time
from pathlib import Path

from tickgate.protocols import binaryfile

from tickgate_sim.fast import FastFeed, beats
from tickgate_sim.replay import replay
from tickgate_sim.replay.packets import GROUP, PORT, frames
from tickgate_sim.replay.source import blocks
from tickgate_sim.traffic.mix import SYMBOLS, real_mix

__all__ = ["measure"]

_MESSAGES = 60_000
_IDLE_CYCLES = 500_000
_TIMES = 3
"""Each figure is the best of so many: what else runs on the machine can only take from it."""


def measure(folder: Path | None = None) -> dict[str, float]:
    """Return figures by name, of this machine at this moment.

    Cycles are those of a second of processor time, on one core. ``sim.cycles_per_second`` is with
    frames of the real mix back to back, so that a line is busy in every cycle;
    ``sim.idle_cycles_per_second`` with no input. ``sim.messages_per_second`` is in real time, a
    replay with its CSV: reading, packing, running, writing; the packing on another core if there is
    one. ``folder`` is for files that are made and removed.
    """
    with tempfile.TemporaryDirectory(dir=folder) as made:
        path = Path(made) / "mix.itch50"
        binaryfile.write(path, real_mix(1, _MESSAGES))
        line = beats([frame for block in blocks(path) for frame, _ in frames(block)])
        busy = idle = messages = 0.0
        for _ in range(_TIMES):
            with FastFeed(symbols=SYMBOLS, line_a=(GROUP, PORT)) as feed:
                start = time.thread_time()
                feed.run_cycles(_IDLE_CYCLES)
                idle = max(idle, _IDLE_CYCLES / (time.thread_time() - start))
                start = time.thread_time()
                cycles = feed.run(line).cycles
                busy = max(busy, cycles / (time.thread_time() - start))
            start = time.perf_counter()
            replay(path, Path(made) / "bbo.csv")
            messages = max(messages, _MESSAGES / (time.perf_counter() - start))
    return {
        "sim.cycles_per_second": round(busy),
        "sim.idle_cycles_per_second": round(idle),
        "sim.messages_per_second": round(messages),
    }
