"""Statements into groups that are run or skipped together."""

import re
from collections import defaultdict

from tickgate_sim.fast.cpp_reader import Statement

__all__ = ["grouped"]

_MADE = re.compile(r"^(?:local_\d+_)?(?:__V[a-z]+(?:Set|Val|Dim\d+)?__)?")
"""What Verilator and this module put before the name of a variable of the design."""
_LEAST, _MOST = 600, 6000
"""Length of a group's text: it is ended when it has the least and the block changes, or the most.
Found by trying; half or twice as much makes little difference."""



def grouped(statements: list[Statement]) -> list[list[Statement]]:
    """Return the statements in groups, in an order that means the same."""
    return _groups(_order(statements))


def _order(statements: list[Statement]) -> list[tuple[str, list[Statement]]]:
    """Return the statements in an order that means the same, those of one block together, with
    their blocks.

    Statements that write the same variable, and what must stay between them, stay in one list.
    """
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
    component = _components(after)
    members: dict[int, list[int]] = defaultdict(list)
    for number, part in enumerate(component):
        members[part].append(number)
    behind_of: dict[int, set[int]] = {part: set() for part in members}
    waits: dict[int, int] = dict.fromkeys(members, 0)
    for number, behind in enumerate(after):
        for other in behind:
            if component[other] != component[number]:
                behind_of[component[number]].add(component[other])
    for others in behind_of.values():
        for other in others:
            waits[other] += 1
    blocks = {part: _block(statements[numbers[0]]) for part, numbers in members.items()}
    ready: dict[str, list[int]] = defaultdict(list)
    for part, count in waits.items():
        if not count:
            ready[blocks[part]].append(part)
    ordered, block = [], ""
    while ready:
        if block not in ready:
            block = max(ready, key=lambda name: len(ready[name]))
        part = ready[block].pop(0)
        if not ready[block]:
            del ready[block]
        ordered.append((block, [statements[number] for number in members[part]]))
        for other in sorted(behind_of[part]):
            waits[other] -= 1
            if not waits[other]:
                ready[blocks[other]].append(other)
    return ordered


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


def _block(statement: Statement) -> str:
    """Return the block of the design that a statement belongs to."""
    counts: dict[str, int] = defaultdict(int)
    for name in (*statement.writes, *statement.reads):
        path = _MADE.sub("", name).split("__DOT__")
        if len(path) > 1:
            counts["__DOT__".join(path[:-1])] += 1 + 3 * (name in statement.writes)
    return max(counts, key=lambda name: (counts[name], name), default="")


def _groups(ordered: list[tuple[str, list[Statement]]]) -> list[list[Statement]]:
    groups: list[list[Statement]] = []
    size, block = _MOST, ""
    for here, part in ordered:
        length = sum(len(statement.text) for statement in part)
        if size + length > _MOST or (here != block and size > _LEAST):
            groups.append([])
            size = 0
        groups[-1] += part
        size, block = size + length, here
    return groups
