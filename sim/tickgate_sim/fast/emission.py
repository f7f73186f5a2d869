"""The C++ of a model whose statements are in groups: what is due is run, and tells who reads it."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby, pairwise

from tickgate_sim.fast.conditions import Node, nodes, written
from tickgate_sim.fast.cpp_reader import LOCAL_MARK, Statement

__all__ = ["Plan", "Variables"]

_WORD = re.compile(r"\w+")
_LOCALS = re.compile(r"(?<![\w.])local_\d+_\w+")
_MOST = 12_000
"""Length of the text of a function; longer ones are slow to compile."""
_DIFFERS = """
template <typename T>
static inline uint64_t differs(const T& a, const T& b) {
    if constexpr (std::is_integral_v<T>) {
        return a ^ b;
    } else {
        uint64_t found = 0;
        for (size_t at = 0; at < sizeof a.m_storage / sizeof a.m_storage[0]; ++at)
            found |= a.m_storage[at] ^ b.m_storage[at];
        return found;
    }
}

"""
_LOG = (
    "    if (activity_left) {\n        --activity_left;\n"
    "        for (const auto due : vlSelf->due) *activity_log++ = due;\n    }\n"
)
_LOG_VARIABLES = """extern "C" {
uint64_t* activity_log = nullptr;
uint64_t activity_left = 0;
}
"""


@dataclass(frozen=True)
class Variables:
    """What is known of a model's variables.

    ``kinds`` are their types. ``memories`` are those too large to be compared: what is stored then
    counts as a change. ``outside`` are those that change outside the statements, too. ``masks``
    are the bits that one has, as of ``nodes``.
    """

    kinds: dict[str, str]
    memories: set[str]
    outside: set[str]
    masks: dict[str, int]


class Plan:
    """Statements in their order, in pieces of one group each, and who reads what.

    A group has a bit that says that it is due in this cycle, and one for the next. A piece that
    changes a variable sets the bits of the groups that read it: later in this cycle, or, what comes
    before it in the order, in the next. When a bit is set all the pieces of the group that are
    still to come are run. ``logs`` as of ``log_activity``.
    """

    def __init__(
        self, parts: list[tuple[int, list[Statement]]], variables: Variables, *, logs: bool
    ) -> None:
        self._variables, self._logs = variables, logs
        self._groups: list[int] = []
        self._pieces: list[list[Statement]] = []
        for group, members in groupby(parts, key=lambda part: part[0]):
            size = _MOST
            for _, part in members:
                length = sum(len(statement.text) for statement in part)
                if size + length > _MOST and size:
                    self._groups.append(group)
                    self._pieces.append([])
                    size = 0
                self._pieces[-1] += part
                size += length
        self._words = max(self._groups, default=0) // 64 + 1
        self._readers: dict[str, list[int]] = defaultdict(list)
        homes: dict[str, set[int]] = defaultdict(set)
        inside: set[str] = set()
        for number, piece in enumerate(self._pieces):
            for name in _fed(piece):
                self._readers[name].append(number)
            for name in _used(piece):
                homes[name].add(number)
            inside |= {name for statement in piece for name in statement.writes}
        self._shared = {
            name for name, places in homes.items()
            if name.startswith(LOCAL_MARK) and len(places) > 1
        }
        """Local variables of Verilator's functions that more than one piece needs."""
        self._outside = {
            name: name in inside for name in sorted(variables.outside) if self._readers[name]}
        """What is compared before the pieces are run, and whether they write to it, too."""

    def members(self) -> str:
        """Return what the model's class needs besides."""
        kinds = self._variables.kinds
        kept = "".join(f"    {kinds[name]} {name};\n" for name in sorted(self._shared))
        seen = "".join(f"    {kinds[name]} seen_{name};\n" for name in self._outside)
        return (
            f"{kept}{seen}    uint64_t due[{self._words}];\n    uint64_t next[{self._words}];\n"
            f"    bool next_is_set = false;\n\n"
        )

    def shares(self, count: int) -> list[range]:
        """Return the pieces of each of so many functions."""
        sizes = [sum(len(statement.text) for statement in piece) for piece in self._pieces]
        ends, size, total = [0], 0, sum(sizes)
        for number, length in enumerate(sizes):
            size += length
            if size * count >= total * len(ends) and len(ends) < count:
                ends.append(number + 1)
        ends += [len(sizes)] * (count + 1 - len(ends))
        return [range(begin, end) for begin, end in pairwise(ends)]

    def function(
        self, name: str, model: str, numbers: range, *, first: bool, last: bool
    ) -> str:
        """Return the code of some pieces and of a function that runs those that are due."""
        pieces = "".join(self._piece(number, model) for number in numbers)
        calls = self._begin() if first else ""
        for number in numbers:
            word, bit = divmod(self._groups[number], 64)
            calls += f"    if (vlSelf->due[{word}] & {1 << bit:#x}ull) piece_{number}(vlSelf);\n"
        if last:
            calls += "".join(f"    vlSelf->seen_{name} = vlSelf->{name};\n"
                             for name, written_inside in self._outside.items() if written_inside)
            calls += _LOG if self._logs else ""
        log = _LOG_VARIABLES if self._logs and last else ""
        return f"{log}{_DIFFERS}{pieces}void {name}({model}* vlSelf) {{\n{calls}}}\n"

    def _begin(self) -> str:
        """Return the code before the pieces: what is due, and what changed outside."""
        code = (
            "    auto& vlSelfRef = *vlSelf;\n"
            "    if (!vlSelf->next_is_set) {\n        vlSelf->next_is_set = true;\n"
            "        for (auto& next : vlSelf->next) next = ~uint64_t(0);\n    }\n"
            f"    for (int word = 0; word < {self._words}; ++word) {{\n"
            "        vlSelf->due[word] = vlSelf->next[word];\n"
            "        vlSelf->next[word] = 0;\n    }\n"
        )
        for name, written_inside in self._outside.items():
            code += f"    if (differs(vlSelf->seen_{name}, vlSelf->{name})) {{\n"
            for word, bits in _words(self._groups[reader] for reader in self._readers[name]):
                code += f"        vlSelf->due[{word}] |= {bits:#x}ull;\n"
            if not written_inside:
                code += f"        vlSelf->seen_{name} = vlSelf->{name};\n"
            code += "    }\n"
        return code

    def _piece(self, number: int, model: str) -> str:
        piece = self._pieces[number]
        own = [
            f"    {self._variables.kinds[name]} {name}{{}};\n"
            for name in sorted(_used(piece))
            if name.startswith(LOCAL_MARK) and name not in self._shared
        ]
        found = nodes(
            ((_LOCALS.sub(self._placed, statement.text), statement.writes) for statement in piece),
            self._variables.masks)
        # What is written in one branch only is looked at only there.
        places: dict[str, set[int]] = defaultdict(set)
        branches: list[tuple[Node, bool]] = []
        for node in found:
            for side in (True, False):
                branches.append((node, side))
                for name in node.names & set(_WORD.findall(_branch_text(node, side))):
                    places[name].add(len(branches) - 1)
        behind: dict[int, list[str]] = defaultdict(list)
        for name, where in places.items():
            (place,) = where if len(where) == 1 else (-1,)
            behind[place if place >= 0 and branches[place][0].condition else -1].append(name)
        body = ""
        for place, (node, side) in enumerate(branches):
            watched = self._watched(number, behind[place], _branch_text(node, side))
            if not node.condition:
                body += watched if side else ""
            elif side:
                body += f"if {node.condition} {{\n{watched}}}\n"
            elif node.other:
                body += f"else {{\n{watched}}}\n"
        body = self._watched(number, behind[-1], body)
        before, after = "", ""
        for kind in ("due", "next"):
            for word in range(self._words):
                if f"{kind}_{word} |=" in body:
                    before += f"    uint64_t {kind}_{word} = 0;\n"
                    after += f"    vlSelfRef.{kind}[{word}] |= {kind}_{word};\n"
        return (
            f"__attribute__((noinline)) static void piece_{number}({model}* vlSelf) {{\n"
            f"    auto& vlSelfRef = *vlSelf;\n{before}{''.join(own)}{body}{after}}}\n\n"
        )

    def _placed(self, match: re.Match[str]) -> str:
        """Return a local variable by where it is kept."""
        return f"vlSelfRef.{match[0]}" if match[0] in self._shared else match[0]

    def _watched(self, number: int, names: list[str], text: str) -> str:
        """Return code with what tells those who read the variables that it may change."""
        before = []
        told: dict[str, list[str]] = defaultdict(list)
        for name in sorted(names):
            tell = self._tell(number, name)
            if name in self._variables.memories:
                before.append(f"    bool stored_{name} = false;\n")
                told[tell].append(f"stored_{name}")
            elif tell:
                before.append(f"    const auto old_{name} = vlSelfRef.{name};\n")
                told[tell].append(f"differs(old_{name}, vlSelfRef.{name})")
        # Without a branch, which would be hard to predict.
        behind = "".join(
            f"    {{ const uint64_t changed = 0 - uint64_t(({' | '.join(changes)}) != 0);"
            f"{tell} }}\n"
            for tell, changes in told.items() if tell
        )
        return f"{''.join(before)}{text}{behind}"

    def _tell(self, number: int, name: str) -> str:
        """Return statements that make those due who read a variable of a piece, if it changed."""
        if name.startswith(LOCAL_MARK) and name not in self._shared:
            return ""
        here = self._groups[number]
        readers = self._readers.get(name, [])
        later = {self._groups[reader] for reader in readers if reader > number} - {here}
        earlier = {self._groups[reader] for reader in readers if reader <= number}
        return "".join(
            f" {kind}_{word} |= changed & {bits:#x}ull;"
            for kind, groups in (("due", later), ("next", earlier))
            for word, bits in _words(groups)
        )


def _branch_text(node: Node, side: bool) -> str:
    """Return the code of one side of a node; a plain statement has but one."""
    if not node.condition:
        return str(node) if side else ""
    return written(node.then if side else node.other)


def _fed(group: list[Statement]) -> set[str]:
    """Return the variables whose values from before a group matter to it."""
    sure: set[tuple[str, str]] = set()
    found: set[str] = set()
    for statement in group:
        # A variable that was surely written before in the group has no past.
        found |= {
            name for name, word in statement.fed
            if (name, word) not in sure and (name, "") not in sure
        }
        sure |= statement.sure
    return found


def _used(group: list[Statement]) -> set[str]:
    return {name for statement in group for name in statement.reads | statement.writes}


def _words(bits: Iterable[int]) -> list[tuple[int, int]]:
    """Return words of 64 bits, by number, in which some bits are set."""
    words: dict[int, int] = defaultdict(int)
    for bit in set(bits):
        words[bit // 64] |= 1 << bit % 64
    return sorted(words.items())
