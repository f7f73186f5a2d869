"""Statements under the conditions that they share.

Verilator writes a register that keeps its value as ``x = c ? y : x``, and each word of a wide one
as a statement of its own. Here these become branches, one for all that follow each other with the
same condition, so that what is not taken costs nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from tickgate_sim.fast.cpp_reader import closed

__all__ = ["Node", "condition", "nodes", "written"]

_MARKS = re.compile(r"[()?:]")
_NAME = re.compile(r"[A-Za-z_]\w*")
_ASSIGNMENT = re.compile(r"([\w.]+)((?:\s*\[[^\]]*\])*)\s*=(?!=)\s*")
_MASKED = re.compile(r"\(((?:0x)?[0-9a-f]+U) & (?=\()")


@dataclass
class Node:
    """A statement, or two lists of them of which one is run.

    ``names`` are all that may be written in it, and may be more.
    """

    text: str = ""
    condition: str = ""
    then: list["Node"] = field(default_factory=list)
    other: list["Node"] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        if not self.condition:
            return f"{self.text}\n"
        if not self.then:
            return f"if (!{self.condition}) {{\n{written(self.other)}}}\n"
        behind = f" else {{\n{written(self.other)}}}" if self.other else ""
        return f"if {self.condition} {{\n{written(self.then)}}}{behind}\n"


def written(found: Iterable[Node]) -> str:
    """Return the C++ of nodes."""
    return "".join(map(str, found))


def nodes(statements: Iterable[tuple[str, set[str]]], masks: dict[str, int]) -> list[Node]:
    """Return statements, given with what they write, as nodes in their order.

    ``masks`` are the bits that a variable has: one that is assigned ``15 & (c ? y : x)`` keeps
    its value only if it has no others.
    """
    found: list[Node] = []
    for text, writes in statements:
        node = _node(text, writes, masks)
        last = found[-1] if found else None
        if (last is not None and node.condition and last.condition == node.condition
                and not last.names & set(_NAME.findall(node.condition))):
            last.then = _joined(last.then, node.then)
            last.other = _joined(last.other, node.other)
            last.names |= node.names
        else:
            found.append(node)
    return found


def condition(text: str, masks: dict[str, int]) -> str:
    """Return the condition of a statement that is a branch or becomes one, or nothing."""
    found = _branch(text, masks)
    return found[0] if found else ""


def _joined(one: list[Node], other: list[Node]) -> list[Node]:
    """Return two lists of nodes behind each other, joined where they have the same condition."""
    if one and other and one[-1].condition and one[-1].condition == other[0].condition and not (
            one[-1].names & set(_NAME.findall(other[0].condition))):
        last, first = one[-1], other[0]
        last.then, last.other = _joined(last.then, first.then), _joined(last.other, first.other)
        last.names |= first.names
        other = other[1:]
    return one + other


def _node(text: str, writes: set[str], masks: dict[str, int]) -> Node:
    branch = _branch(text, masks)
    if branch is None:
        return Node(text, names=writes)
    chosen, then, other = branch
    return Node("", chosen, nodes(((part, writes) for part in then), masks),
                nodes(((part, writes) for part in other), masks), writes)


def _branch(text: str, masks: dict[str, int]) -> tuple[str, list[str], list[str]] | None:
    """Return condition and both lists of statements of a branch, None if there is none."""
    if text.startswith("if ("):
        end = closed(text, 3)
        then, behind = _first(text[end:])
        other = _first(behind.lstrip()[4:])[0] if behind.lstrip().startswith("else") else ""
        return text[3:end], _inside(then), _inside(other)
    match = _ASSIGNMENT.match(text)
    if match is None:
        return None
    target = f"{match[1]}{match[2]}"
    value, mask = text[match.end():].rstrip("; \n"), ""
    masked = _MASKED.match(value)
    if masked and closed(value, masked.end()) == len(value) - 1:
        value, mask = value[masked.end():-1], masked[1]
        if match[2] or masks.get(match[1].removeprefix("vlSelfRef.")) != int(mask[:-1], 0):
            return None
    chosen = _chosen(value)
    if chosen is None:
        return None
    when, one, two = chosen
    keeps = _plain(target)
    if keeps not in (_plain(one), _plain(two)) and not match[2]:
        return None

    def assigned(to: str) -> list[str]:
        if _plain(to) == keeps:
            return []
        return [f"{target} = ({mask} & {to});" if mask else f"{target} = {to};"]

    return when, assigned(one), assigned(two)


def _chosen(value: str) -> tuple[str, str, str] | None:
    """Return the parts of ``(a ? b : c)``."""
    if not value.startswith("(") or closed(value, 0) != len(value):
        return None
    depth = questions = first = 0
    for match in _MARKS.finditer(value):
        mark = match[0]
        depth += (mark == "(") - (mark == ")")
        if depth == 1 and mark == "?":
            first = first or match.start()
            questions += 1
        elif depth == 1 and mark == ":":
            questions -= 1
            if not questions:
                when = value[1:first].strip()
                if not when.startswith("(") or closed(when, 0) != len(when):
                    when = f"({when})"
                return when, value[first + 1:match.start()].strip(), value[match.end():-1].strip()
    return None


def _plain(value: str) -> str:
    """Return an expression without casts, space, and brackets around it."""
    value = "".join(value.split()).replace("(IData)", "").replace("(QData)", "")
    while value.startswith("(") and closed(value, 0) == len(value):
        value = value[1:-1]
    return value


def _first(text: str) -> tuple[str, str]:
    """Return a text's first statement, and what follows it."""
    text = text.lstrip()
    if text.startswith(("if (", "while (")):
        end = closed(text, text.index("("))
        body, behind = _first(text[end:])
        found = f"{text[:end]} {body}"
        if text.startswith("if") and behind.lstrip().startswith("else"):
            body, behind = _first(behind.lstrip()[4:])
            found = f"{found} else {body}"
        return found, behind
    if text.startswith("{"):
        depth = 0
        for match in re.compile(r"[{}]").finditer(text):
            depth += 1 if match[0] == "{" else -1
            if not depth:
                return text[:match.end()], text[match.end():]
    end = text.index(";") + 1
    return text[:end], text[end:]


def _inside(text: str) -> list[str]:
    """Return the statements of a block, or the one that is without."""
    text = text.strip()
    if text.startswith("{"):
        text = text[1:-1]
    found = []
    while text.strip():
        statement, text = _first(text)
        found.append(statement)
    return found
