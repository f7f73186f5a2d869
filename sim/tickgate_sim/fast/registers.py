"""Registers without a variable for what they become.

Amaranth's Verilog, and Verilator's code for registers that are assigned in parts, work out what a
register becomes in a variable of its own, and put that into the register later: at the next clock
edge, or in the same one behind all who read what it was. Two statements are run, and watched for
changes, where often none need be since the register keeps its value. Here both become one that is
run where the register is written, so that ``x = r; if (c) x = y; ... r = x;`` is
``if (c) r = y;``.
"""

import re
from collections import defaultdict
from itertools import dropwhile

from tickgate_sim.fast.conditions import Node, nodes
from tickgate_sim.fast.cpp_reader import LOCAL_MARK, LOCALS, Reader, Statement
from tickgate_sim.fast.grouping import Parts, reached
from tickgate_sim.fast.ordering import earliest

__all__ = ["direct"]

_COPY = re.compile(
    r"(?:vlSelfRef\.)?(\w+)(\[\w+\])?\s*=\s*"
    r"(?:\([IQ]Data\))?\(?(?:vlSelfRef\.)?(\w+)(\[\w+\])?\)?;")
_WORDS = re.compile(r"VlWide<(\d+)>")


def direct(
    statements: list[Statement],
    kinds: dict[str, str],
    masks: dict[str, int],
    memories: set[str],
    outside: set[str],
) -> list[Statement]:
    """Return statements that do the same with fewer variables.

    ``kinds`` and ``masks`` are types of variables and the bits that they have; new ones may be
    added. ``memories`` are as of ``Reader``; ``outside`` are those that something else reads or
    writes between clock edges.
    """
    parts = Parts.of(statements)
    members, behind = parts.members, parts.behind
    writers: dict[str, set[int]] = defaultdict(set)
    readers: dict[str, set[int]] = defaultdict(set)
    for number, part in enumerate(members):
        for statement in part:
            for name in statement.writes:
                writers[name].add(number)
            for name in statement.reads:
                readers[name].add(number)
    for number, part in enumerate(members):
        register, value = _copied(part, kinds) if part else ("", "")
        if not register or value in outside or masks.get(value) != masks.get(register) or (
                readers[value] - writers[value] != {number}) or len(writers[value]) != 1:
            continue
        (source,) = writers[value]
        if source == number or any(found.writes != {value} for found in members[source]):
            continue
        reads = {name for found in members[source] for name in found.reads}
        inputs = reads - {register, value}
        before = {other for other, others in enumerate(behind) if number in others}
        after = set(behind[number])
        if source < number:
            before |= {other for other, others in enumerate(behind) if source in others}
            after |= behind[source]
        else:  # what it reads must be what it was at the end of the cycle before
            if any(name in outside or name.startswith(LOCAL_MARK)
                   or max(writers[name], default=-1) > source for name in inputs):
                continue
            after |= {writer for name in inputs for writer in writers[name]}
        before -= {source}
        after -= {source, number}
        if reached(behind, after, without=source) & (before | {number}):
            continue
        for others in behind:
            others.discard(source)
        for other in before - {number}:
            behind[other].add(number)
        behind[source], behind[number] = set(), after
        members[number] = _joined(members[source], part, register, value,
                                  kinds, masks, memories)
        members[source] = []
        for name in reads:
            readers[name] -= {source}
            readers[name] |= {number}
    return [statement for number in earliest(behind) for statement in members[number]]


def _copied(part: list[Statement], kinds: dict[str, str]) -> tuple[str, str]:
    """Return the names of two variables if a part copies the whole second to the first."""
    pairs = set(map(_copy, part))
    register, value = pairs.pop()
    wide = _WORDS.fullmatch(kinds.get(register, ""))
    if pairs or not register or kinds[register] != kinds.get(value) or (
            len(part) != (int(wide[1]) if wide else 1)):
        return "", ""
    return register, value


def _copy(statement: Statement) -> tuple[str, str]:
    """Return the names of two variables if the second, or a word of it, is put into the first."""
    match = _COPY.fullmatch(statement.text.strip())
    return (match[1], match[3]) if match and match[2] == match[4] else ("", "")


def _joined(
    worked_out: list[Statement],
    copies: list[Statement],
    register: str,
    value: str,
    kinds: dict[str, str],
    masks: dict[str, int],
    memories: set[str],
) -> list[Statement]:
    """Return the part that writes a register at once, from that of its new value and the copy."""
    name = re.compile(rf"\bvlSelfRef\.{value}\b|\b{value}\b")
    kept = list(dropwhile(lambda found: _copy(found) == (value, register), worked_out))
    tree = nodes(((statement.text, statement.writes) for statement in kept), masks)
    if _read_late(tree, register, written=False) is None:
        local = f"{LOCAL_MARK}0_{value}"
        kinds[local] = kinds[value]
        text = "\n".join(name.sub(local, statement.text) for statement in (*worked_out, *copies))
    else:
        text = "\n".join(name.sub(f"vlSelfRef.{register}", statement.text) for statement in kept)
    names = {local: local for local in LOCALS.findall(text)}
    return Reader(text, names, memories).statements()


def _read_late(tree: list[Node], register: str, *, written: bool) -> bool | None:
    """Return whether nodes write, or ``written``; None if they read a register after that."""
    word = re.compile(rf"\b{register}\b")
    for node in tree:
        if not node.condition:
            reads = word.search(node.text)
            if reads and (written or node.text.lstrip().startswith("VL_")):
                return None
            written = True
            continue
        if written and word.search(node.condition):
            return None
        sides = [_read_late(side, register, written=written) for side in (node.then, node.other)]
        if None in sides:
            return None
        written = any(sides)
    return written
