"""How fast feed, book and gate are simulated on one core of this machine."""

from pathlib import Path
from statistics import median

from tickgate_sim.bench.mixes import record_day
from tickgate_sim.replay import replay

__all__ = ["measure"]

_MESSAGES = 100_000
_ROUNDS = 3


def measure(folder: Path) -> dict[str, float]:
    """Replay a recorded day some times; return medians of clock cycles and messages a second.

    Reading the file and making packets and beats is in it: on another core, while the model runs.
    """
    path = record_day(_MESSAGES, folder)
    reports = [replay(path) for _ in range(_ROUNDS)]
    return {
        "sim.cycles_per_second": round(median(r.cycles / r.seconds for r in reports)),
        "sim.messages_per_second": round(median(r.messages / r.seconds for r in reports)),
        "sim.cycles_per_message": round(reports[0].cycles / reports[0].messages, 2),
    }
