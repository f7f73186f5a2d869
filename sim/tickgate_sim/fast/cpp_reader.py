"""Reads the C++ that Verilator writes for a clock edge: statements, and what each reads and writes.

Only forms that are known are accepted; any other is an error, so that another version of Verilator
cannot be taken wrongly in silence.
"""

import re
from dataclasses import dataclass, field

from tickgate_sim.verilated import BuildError

__all__ = ["LOCALS", "LOCAL_MARK", "Reader", "Statement", "closed"]

LOCAL_MARK = "local_"
"""What stands before the name of a local variable of Verilator's functions."""

LOCALS = re.compile(rf"(?<![\w.]){LOCAL_MARK}\d+_\w+")
"""The names of such variables."""

_NAME = re.compile(r"\b(vlSelfRef\.)?([A-Za-z_]\w*)(?:\[(?:0x)?([0-9a-fA-F]+)U\])?")
_BRACKETS = re.compile(r"[()\[\]]")
_CALL = re.compile(r"\bVL_\w+")
_PURE = re.compile(
    r"VL_(?:(?:LTE?|GTE?|EQ|NEQ)_W|(?:LTE?S|GTE?S)_I\w+|EXTENDS?_[IQ][IQ]|RED(?:AND|OR|XOR)_\w+"
    r"|COUNTONES_[IQW]|ONEHOT0?_[IQW]|(?:BIT)?SEL_[IQ]\w+|CONCAT_[IQ]\w+|REPLICATE_[IQ]\w+"
    r"|SHIFT[LR]S?_[IQ]\w+|MULS?_[IQ][IQ][IQ]|UNLIKELY|LIKELY)$"
)
"""Verilator's functions and macros that only give a value."""
_WRITES = (
    (re.compile(r"VL_(?:ADD|SUB|MUL|AND|OR|XOR|NOT|NEGATE|ASSIGN|ZERO|ALLONES)_W$"), 1),
    (re.compile(r"VL_(?:COND_WIWW|REPLICATE_W\w+|MULS_WWW)$"), 1),
    (re.compile(r"VL_(?:EXTENDS?_W\w|SEL_WWII)$"), 2),
    (re.compile(r"VL_(?:CONCAT_W\w+|SHIFT[LR]S?_WW\w)$"), 3),
)
"""Those that write to an argument, and to which. They give it back, too."""


def _target(call: str) -> int | None:
    """Return the number of the argument that a call writes to; None if it only gives a value.

    Raises BuildError when the call is not known.
    """
    for pattern, number in _WRITES:
        if pattern.match(call):
            return number
    if _PURE.match(call):
        return None
    raise BuildError(f"Verilator's code has a call that is not known: {call}")


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
            self._at = closed(text, begin)
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
            if _target(call[0]) is None:
                raise BuildError(f"Verilator's code has a statement that does nothing: {text}")
            self._read(found, text, sure)
            return
        at = re.match(r"(?:vlSelfRef\.)?\w+", text)
        if at is None:
            raise BuildError(f"Verilator's code has a statement that is not known: {text}")
        end = at.end()
        while end < len(text) and text[end] == "[":
            end = closed(text, end)
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
        """Take in an expression; calls in it may write to an argument."""
        targets = []
        for call in _CALL.finditer(text):
            number = _target(call[0])
            if number is not None:
                begin, end = _argument(text, call.end(), number)
                name = self._variable(text[begin:end].strip())
                if name is None:
                    raise BuildError(f"Verilator's code writes to what is not known: {text}")
                found.writes.add(name)
                targets.append((begin, end))
        for begin, end in targets:
            text = f"{text[:begin]}{' ' * (end - begin)}{text[end:]}"
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

    def _end(self, begin: int) -> int:
        end = self._text.find(";", begin)
        if end < 0:
            raise BuildError("Verilator's code has a statement that does not end")
        return end + 1


def closed(text: str, begin: int) -> int:
    """Return the place behind the bracket that closes the one at ``begin``.

    Raises BuildError when there is none.
    """
    depth = 0
    for match in _BRACKETS.finditer(text, begin):
        depth += 1 if match[0] in "([" else -1
        if not depth:
            return match.end()
    raise BuildError("Verilator's code has a bracket that is not closed")


def _argument(text: str, at: int, number: int) -> tuple[int, int]:
    """Return where an argument of the call whose name ends at ``at`` begins and ends."""
    depth, begin, found = 0, at + 1, 0
    for place in range(at, len(text)):
        letter = text[place]
        depth += (letter in "([") - (letter in ")]")
        if (letter == "," and depth == 1) or not depth:
            if found == number:
                return begin, place
            found, begin = found + 1, place + 1
        if not depth:
            break
    raise BuildError(f"Verilator's code has a call with too few arguments: {text}")
