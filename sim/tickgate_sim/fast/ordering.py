"""The order in which parts are run: one that means the same, with few pieces."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush

from tickgate_sim.fast.grouping import Parts

__all__ = ["earliest", "in_groups"]

_OPENING = 0.2
"""What it is worth to let another group go on that is run in every cycle, beside 1 for a group that
is run to its end."""


def earliest(behind: Sequence[set[int]]) -> Iterator[int]:
    """Yield all parts, by those that must come behind each, each as early as these let."""
    waits = _waits(behind)
    ready = [number for number in range(len(behind)) if not waits[number]]
    while ready:
        number = heappop(ready)
        yield number
        for other in behind[number]:
            waits[other] -= 1
            if not waits[other]:
                heappush(ready, other)


def in_groups(
    parts: Parts,
    groups: Sequence[int],
    shares: Sequence[float],
    condition: Callable[[str], str],
) -> list[int]:
    """Return the parts in an order that means the same, those of a group together as far as can be,
    and in them those whose first statements have the same condition.

    A group that is left before its end costs another test, and another call, in the share of the
    cycles in which it is run, which ``shares`` says of each: better one that is run seldom.
    """
    behind, waits, left = parts.behind, _waits(parts.behind), Counter(groups)
    conditions = [condition(part[0].text) for part in parts.members]
    ready: dict[int, list[int]] = defaultdict(list)
    for part, group in enumerate(groups):
        if not waits[part]:
            ready[group].append(part)

    def gain(group: int) -> float:
        """Return how good it is to run a group now, as far as can be."""
        waiting: dict[int, int] = {}
        run, opened = list(ready[group]), set()
        for part in run:  # which grows
            for other in behind[part]:
                waiting[other] = waiting.get(other, waits[other]) - 1
                if not waiting[other] and groups[other] == group:
                    run.append(other)
                elif not waiting[other]:
                    opened.add(groups[other])
        return (len(run) / left[group] - shares[group]
                + _OPENING * sum(shares[other] for other in opened))

    found: list[int] = []
    while ready:
        group, under = max(ready, key=lambda name: (gain(name), -name)), ""
        while group in ready:
            part = next((part for part in ready[group] if under and conditions[part] == under),
                        ready[group][0])
            ready[group].remove(part)
            under = conditions[part]
            if not ready[group]:
                del ready[group]
            found.append(part)
            left[group] -= 1
            for other in sorted(behind[part]):
                waits[other] -= 1
                if not waits[other]:
                    ready[groups[other]].append(other)
    return found


def _waits(behind: Sequence[set[int]]) -> Counter[int]:
    """Return for how many others each part waits."""
    return Counter(other for others in behind for other in others)
