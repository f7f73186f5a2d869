"""Reads the C++ that Verilator writes for a clock edge: statements, and what each reads and writes.

Only forms that are known are accepted; any other is an error, so that another version of Verilator
cannot be taken wrongly in silence.
"""

import re
from dataclasses import dataclass, field

from tickgate_sim.verilated import BuildError

__all__ = ["Reader", "Statement"]

_NAME = re.compile(r"\b(vlSelfRef\.)?([A-Za-z_]\w*)(?:\[(?:0x)?([0-9a-fA-F]+)U\])?")
_CALL = re.compile(r"\bVL_\w+")
_PURE = re.compile(
    r"VL_(?:(?:LTE?S|GTE?S)_I[IQ][IQ]|EXTENDS_[IQ][IQ]|COUNTONES_[IQ]|REDXOR_\w+"
    r"|SHIFT[LR]S?_[IQ][IQ][IQ]|MULS?_[IQ][IQ][IQ]|UNLIKELY|LIKELY)$")
_OUT_ARGUMENT = {
    "VL_SUB_W": 1, "VL_ADD_W": 1, "VL_ASSIGN_W": 1, "VL_ZERO_W": 1,
    "VL_SHIFTR_WWI": 3, "VL_SHIFTL_WWI": 3,
}  # fmt: skip


@dataclass
class Statement:
    """A statement with the variables that it reads and writes."""

    text: str
    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    stores: set[str] = field(default_factory=set)
    """Of the variables written, those that are memories."""
    fed: set[tuple[str, str]] = field(default_factory=set)
    """Variables that are read before the statement has surely written them, and which word, if it
    is one of known number."""
    sure: set[tuple[str, str]] = field(default_factory=set)
    """Variables that are written whatever happens (word ""), or words of them."""


class Reader:
    """Reads the statements of one function."""

    def __init__(self, text: str, names: dict[str, str], memories: set[str]) -> None:
        self._text, self._names, self._memories = text, names, memories
        self._at = 0

    def statements(self) -> list[Statement]:
        """Return the statements of the whole text."""
        found = []
        while self._skip():
            statement = Statement("")
            begin = self._at
            marks: list[tuple[int, str]] = []
            self._statement(statement, marks, statement.sure)
            text = self._text[begin : self._at]
            for place, memory in reversed(marks):
                text = f"{text[:place - begin]}stored_{memory} = true; {text[place - begin:]}"
            statement.text = _NAME.sub(self._renamed, text)
            found.append(statement)
        return found

    def _renamed(self, match: re.Match[str]) -> str:
        if match[1] or match[2] not in self._names:
            return match[0]
        return match[0].replace(match[2], self._names[match[2]], 1)

    def _skip(self) -> bool:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._at < len(self._text)

    def _statement(
        self, found: Statement, marks: list[tuple[int, str]], sure: set[tuple[str, str]]
    ) -> None:
        """Read one statement. ``sure`` is what was surely written before, and grows."""
        self._skip()
        text = self._text
        if text.startswith(("if (", "while ("), self._at):
            loops = text.startswith("while", self._at)
            begin = text.index("(", self._at)
            self._at = self._closed(begin)
            self._read(found, text[begin : self._at], sure)
            self._statement(found, marks, set(sure))
            end = self._at
            self._skip()
            if not loops and text.startswith("else", self._at):
                self._at += 4
                self._statement(found, marks, set(sure))
            else:
                self._at = end
        elif text.startswith("{", self._at):
            self._at += 1
            while self._skip() and text[self._at] != "}":
                self._statement(found, marks, sure)
            self._at += 1
        else:
            begin = self._at
            self._at = self._end(begin)
            self._simple(found, begin, text[begin : self._at], marks, sure)

    def _simple(
        self,
        found: Statement,
        begin: int,
        text: str,
        marks: list[tuple[int, str]],
        sure: set[tuple[str, str]],
    ) -> None:
        call = _CALL.match(text)
        if call and call[0] == "VL_WRITEF_NX":  # a failed check says so
            return
        if call:
            if call[0] not in _OUT_ARGUMENT:
                raise BuildError(f"Verilator's code has a statement that is not known: {text}")
            inner = text[text.index("(") + 1 : text.rindex(")")]
            arguments = _split(inner)
            target = arguments.pop(_OUT_ARGUMENT[call[0]])
            self._read(found, ",".join(arguments), sure)
            name = self._variable(target.strip())
            if name is None:
                raise BuildError(f"Verilator's code writes to what is not known: {text}")
            found.writes.add(name)
            return
        at = re.match(r"(?:vlSelfRef\.)?\w+", text)
        if at is None:
            raise BuildError(f"Verilator's code has a statement that is not known: {text}")
        end = at.end()
        while end < len(text) and text[end] == "[":
            end = self._closed(begin + end) - begin
        operator = re.match(r"\s*=(?!=)", text[end:])
        name = self._variable(text[: at.end()])
        if operator is None or name is None:
            raise BuildError(f"Verilator's code has a statement that is not known: {text}")
        self._read(found, text[at.end() : end], sure)
        self._read(found, text[end + operator.end() :], sure)
        found.writes.add(name)
        index = re.fullmatch(r"\[(?:0x)?([0-9a-fA-F]+)U\]", text[at.end() : end].strip())
        if name in self._memories:
            found.stores.add(name)
            marks.append((begin, name))
        elif end == at.end():
            sure.add((name, ""))
        elif index:
            sure.add((name, index[1]))

    def _read(self, found: Statement, text: str, sure: set[tuple[str, str]]) -> None:
        for call in _CALL.finditer(text):
            if not _PURE.match(call[0]):
                raise BuildError(f"Verilator's code has a call that is not known: {call[0]}")
        for match in _NAME.finditer(text):
            name = self._variable(f"{match[1] or ''}{match[2]}")
            if name is not None:
                found.reads.add(name)
                word = (name, match[3] or "")
                if word not in sure and (name, "") not in sure:
                    found.fed.add(word)

    def _variable(self, text: str) -> str | None:
        if text.startswith("vlSelfRef."):
            return text.removeprefix("vlSelfRef.")
        return self._names.get(text)

    def _closed(self, begin: int) -> int:
        """Return the place behind the bracket that closes the one at ``begin``."""
        depth = 0
        for match in re.compile(r"[()\[\]]").finditer(self._text, begin):
            depth += 1 if match[0] in "([" else -1
            if not depth:
                return match.end()
        raise BuildError("Verilator's code has a bracket that is not closed")

    def _end(self, begin: int) -> int:
        end = self._text.find(";", begin)
        if end < 0:
            raise BuildError("Verilator's code has a statement that does not end")
        return end + 1


def _split(text: str) -> list[str]:
    """Arguments of a call."""
    parts, depth, begin = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and not depth:
            parts.append(text[begin:place])
            begin = place + 1
    return [*parts, text[begin:]]
