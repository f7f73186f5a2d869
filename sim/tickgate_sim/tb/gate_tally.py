"""What a run of the gate against its model went through."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tickgate.risk.checks import CHECKS

__all__ = ["Tally"]


def _zeros() -> dict[str, int]:
    return {check.name: 0 for check in CHECKS}


@dataclass
class Tally:
    """Counts of what was compared and was equal, over a run."""

    orders: int = 0
    passed: int = 0
    events: int = 0
    """Venue messages."""
    withdrawn: int = 0
    """Orders that passed and were taken back, as the wire did not take them."""
    commits: int = 0
    """Limits images, the refused ones among them."""
    kills: int = 0
    """Kill switches set."""
    resets: int = 0
    tables: int = 0
    """Times that all exposures and counts were read and compared."""
    cycles: int = 0
    alone: dict[str, int] = field(default_factory=_zeros)
    """By check: orders that it alone refused."""
    together: dict[str, int] = field(default_factory=_zeros)
    """By check: orders that it and others refused."""

    @property
    def unseen(self) -> list[str]:
        """Checks that never failed."""
        return [
            check.name for check in CHECKS if not self.alone[check.name] + self.together[check.name]
        ]

    @property
    def failed(self) -> int:
        """How many checks failed at least once."""
        return len(CHECKS) - len(self.unseen)

    def order(self, checks: int) -> None:
        """Count an order and the checks that failed."""
        self.orders += 1
        self.passed += not checks
        kind = self.together if checks & (checks - 1) else self.alone
        for check in CHECKS:
            if checks >> check.bit & 1:
                kind[check.name] += 1

    def write(self, path: Path) -> None:
        """Write it to a file, whole: who looks finds either this or the one before."""
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self)))
        partial.replace(path)

    @classmethod
    def read(cls, path: Path) -> "Tally":
        """Return what was written to a file last; nothing so far when there is none."""
        return cls(**json.loads(path.read_text())) if path.exists() else cls()

    def __add__(self, other: "Tally") -> "Tally":
        """Return the counts of two runs together."""
        mine, theirs = asdict(self), asdict(other)
        return Tally(**{
            name: {check: count + theirs[name][check] for check, count in value.items()}
            if isinstance(value, dict) else value + theirs[name]
            for name, value in mine.items()})  # fmt: skip
