"""Looks once a second how much of each limit is used, and journals each level's beginning and end.

On the host only: it holds nothing up, and the card refuses whether it warned or not. Which levels
stand is the core's, from the journal, so a restart tells nothing twice.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

from tickgate.engine.core import Core
from tickgate.engine.inputs import Input, LimitWarning
from tickgate.risk.warnings import Scope

ROUND_NS = 1_000_000_000
SCOPES_A_TURN = 8
"""Most scopes looked at in one turn of the loop: some microseconds each."""


class LimitWatch:
    """Goes through the scopes round robin, a few a turn."""

    def __init__(
        self,
        core: Core,
        take: Callable[[Input], None],
        *,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """``take`` journals an input and handles it; ``clock`` is monotonic, in ns."""
        self.counters: Counter[str] = Counter()
        """Rounds begun."""
        self._core = core
        self._take = take
        self._clock = clock
        self._due: Iterator[Scope] = iter(())
        self._started_ns = 0

    def work(self) -> None:
        """Do what is due."""
        due = self._next()
        if not due:
            now_ns = self._clock()
            if now_ns - self._started_ns < ROUND_NS:
                return
            core = self._core
            self._due = core.warnings.scopes(core.limits, core.exposure)
            self._started_ns = now_ns
            self.counters["rounds"] += 1
            due = self._next()
        for scope in due:
            self._look(scope)

    def _next(self) -> list[Scope]:
        return list(islice(self._due, SCOPES_A_TURN))

    def _look(self, scope: Scope) -> None:
        core = self._core
        for use, percent, over in core.warnings.changes(scope, core.limits, core.exposure):
            self._take(LimitWarning(*scope, use.limit, percent, use.used, use.most, over))
