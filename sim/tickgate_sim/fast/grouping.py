"""Statements into groups that are run or skipped together, and the order in which they are run."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tickgate_sim.fast.cpp_reader import Statement

__all__ = ["Habits", "Parts", "alike", "reached"]

_MADE = re.compile(r"^(?:local_\d+_)?(?:__V[a-z]+(?:Set|Val|Dim\d+)?__)?")
"""What Verilator and ``activity`` put before the name of a variable of the design."""
_SPACE = re.compile(r"\s+")
_RARE = 0.002
"""Share of the cycles below which what is run is grouped by blocks."""

_NEARLY_ALWAYS = 0.9
"""Share of the cycles from which on it costs less to run a group than to look whether to."""

_OFTEN = 0.2
_SELDOM = 0.05


@dataclass(frozen=True)
class Parts:
    """Statements in parts that cannot be divided, and which must come before which.

    Statements that write the same variable, and what must stay between them, are one part.
    """

    members: list[list[Statement]]
    behind: list[set[int]]
    """Of each part, those that must come after it."""

    @classmethod
    def of(cls, statements: list[Statement]) -> "Parts":
        """Return the parts of statements that are run in their order."""
        after = _after(statements)
        component = _components(after)
        numbers: dict[int, list[int]] = defaultdict(list)
        for number, found in enumerate(component):
            numbers[found].append(number)
        place = {found: part for part, found in enumerate(numbers)}
        behind: list[set[int]] = [set() for _ in numbers]
        for number, others in enumerate(after):
            here = place[component[number]]
            behind[here] |= {place[component[other]] for other in others} - {here}
        return cls([[statements[number] for number in part] for part in numbers.values()], behind)

    def sizes(self) -> NDArray[np.float64]:
        """Return about what it costs to run each part."""
        return np.array([sum(len(_SPACE.sub("", statement.text)) for statement in part)
                         for part in self.members], float)


class Habits:
    """Which groups were run behind which others, in cycles of ``active`` by part.

    ``groups`` are those of the parts.
    """

    def __init__(self, groups: Sequence[int], active: NDArray[np.bool_]) -> None:
        runs = np.zeros((len(active), max(groups, default=0) + 1), np.float32)
        for part, group in enumerate(groups):
            runs[:, group] = np.maximum(runs[:, group], active[:, part])
        self.shares: list[float] = runs.mean(0).tolist()
        """Of each group, the share of the cycles in which it is run."""
        counts = np.maximum(1, runs.sum(0))[:, None]
        self._followed = (runs.T @ runs) / counts, (runs[:-1].T @ runs[1:]) / counts

    def follows(self, group: int, other: int, cycles: int) -> bool:
        """Return whether so many cycles (0 or 1) behind a group the other is nearly always run."""
        return bool(self._followed[cycles][group, other] > _NEARLY_ALWAYS)

    def is_often(self, group: int) -> bool:
        """Return whether a group is run so often that its code is better where it is called."""
        return self.shares[group] > _OFTEN

    def is_seldom(self, group: int) -> bool:
        """Return whether a group is run so seldom that it is better asked for with others."""
        return self.shares[group] < _SELDOM


def alike(parts: Parts, active: NDArray[np.bool_], count: int) -> list[int]:
    """Return the number of each part's group, of at most ``count``: parts that are run in the same
    cycles.

    ``active`` says of each cycle which parts had to be run. Two groups are joined as long as there
    are too many, the two for which least is run that need not be.
    """
    often = active.mean(0) > _RARE
    rare = Parts([part for part, busy in zip(parts.members, often, strict=True) if not busy], [])
    quiet = _by_block(rare, max(1, count // 4))
    same: dict[bytes, list[int]] = defaultdict(list)
    for part in np.flatnonzero(often).tolist():
        same[active[:, part].tobytes()].append(part)
    joined = list(same.values())
    sizes = parts.sizes()
    runs = np.array([active[:, members[0]] for members in joined], np.float32)
    weights = np.array([sizes[members].sum() for members in joined])
    shares = runs.mean(1)
    either = shares[:, None] + shares - runs @ runs.T / max(1, len(active))
    wasted = weights[:, None] * (either - shares[:, None]) + weights * (either - shares)
    np.fill_diagonal(wasted, np.inf)
    for _ in range(len(joined) - (count - len(set(quiet)))):
        one, other = divmod(int(np.argmin(wasted)), len(joined))
        joined[one] += joined[other]
        joined[other] = []
        runs[one] = np.maximum(runs[one], runs[other])
        weights[one] += weights[other]
        shares[one] = runs[one].mean()
        wasted[other], wasted[:, other] = np.inf, np.inf
        both = shares[one] + shares - runs @ runs[one] / len(active)
        row = weights[one] * (both - shares[one]) + weights * (both - shares)
        row[np.isinf(wasted[one])] = np.inf
        wasted[one], wasted[:, one] = row, row
    numbers = [0] * len(parts.members)
    busy = [members for members in joined if members]
    for number, members in enumerate(busy):
        for part in members:
            numbers[part] = number
    for part, group in zip(np.flatnonzero(~often).tolist(), quiet, strict=True):
        numbers[part] = len(busy) + group
    return numbers


def reached(
    behind: Sequence[set[int]] | Mapping[int, set[int]], begin: set[int], *, without: int = -1
) -> set[int]:
    """Return all that comes behind some numbers, by what is behind each, and themselves.

    Nothing is followed through ``without``.
    """
    seen, left = set(begin), list(begin)
    while left:
        found = behind[left.pop()] - seen - {without}
        seen |= found
        left += found
    return seen


def _by_block(parts: Parts, count: int) -> list[int]:
    """Return the number of each part's group, of at most ``count``: blocks of the design."""
    paths = [_block(part) for part in parts.members]
    depth = max((len(path) for path in paths), default=0)
    while len({path[:depth] for path in paths}) > count:
        depth -= 1
    numbers: dict[tuple[str, ...], int] = {}
    return [numbers.setdefault(path[:depth], len(numbers)) for path in paths]


def _after(statements: list[Statement]) -> list[set[int]]:
    """Return for each statement those that must come after it, or with it."""
    after: list[set[int]] = [set() for _ in statements]
    writers: dict[str, int] = {}
    readers: dict[str, list[int]] = defaultdict(list)
    for number, statement in enumerate(statements):
        for name in statement.reads:
            if name in writers:
                after[writers[name]].add(number)
        for name in statement.writes:
            for reader in readers.pop(name, []):
                after[reader].add(number)
            if name in writers:
                after[writers[name]].add(number)
                after[number].add(writers[name])
            writers[name] = number
        for name in statement.reads:
            readers[name].append(number)
    for number, behind in enumerate(after):
        behind.discard(number)
    return after


def _components(after: list[set[int]]) -> list[int]:
    """Return for each node a number of its strongly connected component (Tarjan)."""
    index, low = [-1] * len(after), [0] * len(after)
    component = [-1] * len(after)
    stack: list[int] = []
    count = 0
    for root in range(len(after)):
        if index[root] >= 0:
            continue
        work = [(root, iter(sorted(after[root])))]
        index[root] = low[root] = count
        count += 1
        stack.append(root)
        while work:
            node, others = work[-1]
            for other in others:
                if index[other] < 0:
                    index[other] = low[other] = count
                    count += 1
                    stack.append(other)
                    work.append((other, iter(sorted(after[other]))))
                    break
                if component[other] < 0:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    while True:
                        member = stack.pop()
                        component[member] = node
                        if member == node:
                            break
    return component


def _block(part: list[Statement]) -> tuple[str, ...]:
    """Return the block of the design that a part belongs to."""
    counts: dict[tuple[str, ...], int] = defaultdict(int)
    for name in (*part[0].writes, *part[0].reads):
        path = _MADE.sub("", name).split("__DOT__")
        if len(path) > 1:
            counts[tuple(path[:-1])] += 1 + 3 * (name in part[0].writes)
    return max(counts, key=lambda path: (counts[path], path), default=())
