"""The C++ of a model whose statements are in groups: what is due is run, and tells who reads it."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

from tickgate_sim.fast.conditions import Node, nodes, written
from tickgate_sim.fast.cpp_reader import LOCAL_MARK, LOCALS, Statement
from tickgate_sim.fast.grouping import Habits, reached

__all__ = ["Plan", "Variables"]

_WORD = re.compile(r"\w+")
_KINDS = ("due", "next")
"""When a change matters: later in this cycle, or in the next one."""
_MOST = 12_000
"""Length of the text of a function; longer ones are slow to compile."""
_DIFFERS = """
typedef uint64_t Block __attribute__((vector_size(16)));

template <typename T>
static inline Block block(const T& of, size_t number) {
    Block found;
    std::memcpy(&found, reinterpret_cast<const char*>(of.m_storage) + number * sizeof found,
                sizeof found);
    return found;
}

template <typename T>
static inline uint64_t differs(const T& a, const T& b) {
    if constexpr (std::is_integral_v<T>) {
        return a ^ b;
    } else {
        constexpr size_t elements = sizeof a.m_storage / sizeof a.m_storage[0];
        constexpr size_t blocks = sizeof a.m_storage / sizeof(Block);
        uint64_t found = 0;
        if constexpr (blocks > 0) {
            Block wide = block(a, 0) ^ block(b, 0);
            for (size_t at = 1; at < blocks; ++at) wide |= block(a, at) ^ block(b, at);
            found = wide[0] | wide[1];
        }
        for (size_t at = blocks * sizeof(Block) / sizeof a.m_storage[0]; at < elements; ++at)
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
    still to come are run.

    A piece need not look for changes that would make due a group which ``habits`` have running
    nearly always behind its own: that is made due at once. No groups may so keep each other due.
    Without ``habits`` the model logs which groups are run.
    """

    def __init__(
        self,
        parts: list[tuple[int, list[Statement]]],
        variables: Variables,
        habits: Habits | None,
    ) -> None:
        self._variables, self._habits = variables, habits
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
            inside |= _written(piece)
        self._shared = {
            name for name, places in homes.items()
            if name.startswith(LOCAL_MARK) and len(places) > 1
        }
        """Local variables of Verilator's functions that more than one piece needs."""
        self._outside = {
            name: name in inside for name in sorted(variables.outside) if self._readers[name]}
        """What is compared before the pieces are run, and whether they write to it, too."""
        self._sure = self._found_sure()
        """Pairs of groups: who reads what one writes, and is due whenever that is run."""

    def members(self) -> str:
        """Return what the model's class needs besides."""
        kinds = self._variables.kinds
        kept = "".join(f"    {kinds[name]} {name};\n" for name in sorted(self._shared))
        seen = "".join(f"    {kinds[name]} seen_{name};\n" for name in self._outside)
        return (
            f"    uint64_t due[{self._words}];\n    uint64_t next[{self._words}];\n"
            f"    bool next_is_set = false;\n{kept}{seen}\n"
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
        for seldom, run in groupby(numbers, key=self._is_seldom):
            tests = [(self._test([number]), number) for number in run]
            found = "".join(
                f"    if ({self._expected(number, test)}) piece_{number}(vlSelf);\n"
                for test, number in tests)
            if seldom and len(tests) > 2:
                found = f"    if ({self._test(number for _, number in tests)}) {{\n{found}    }}\n"
            calls += found
        if last:
            calls += "".join(f"    vlSelf->seen_{name} = vlSelf->{name};\n"
                             for name, written_inside in self._outside.items() if written_inside)
            calls += "" if self._habits else _LOG
        log = _LOG_VARIABLES if last and not self._habits else ""
        return f"{log}{_DIFFERS}{pieces}void {name}({model}* vlSelf) {{\n{calls}}}\n"

    def _is_seldom(self, number: int) -> bool:
        return self._habits is not None and self._habits.is_seldom(self._groups[number])

    def _expected(self, number: int, test: str) -> str:
        """Return a piece's test with how often it is true: what is run often is then in line."""
        if self._habits is None:
            return test
        share = self._habits.shares[self._groups[number]]
        return f"__builtin_expect_with_probability(({test}) != 0, 1, {share:.2f})"

    def _test(self, numbers: Iterable[int]) -> str:
        """Return an expression that says whether one of some pieces is due."""
        return " | ".join(f"(vlSelf->due[{word}] & {bits:#x}ull)"
                          for word, bits in _words(self._groups[number] for number in numbers))

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
            ((LOCALS.sub(self._placed, statement.text), statement.writes) for statement in piece),
            self._variables.masks)
        names = _written(piece)
        body = self._body(number, found, names)
        before, after = "", ""
        here = self._groups[number]
        told = {found for name in names for found in self._told(number, name)}
        for kind in _KINDS:
            sure = dict(_words(group for when, group in told
                               if when == kind and (here, group, kind) in self._sure))
            for word in range(self._words):
                if f"{kind}_{word} |=" in body or word in sure:
                    before += f"    uint64_t {kind}_{word} = {sure.get(word, 0):#x}ull;\n"
                    after += f"    vlSelfRef.{kind}[{word}] |= {kind}_{word};\n"
        return (
            f"{self._place(number)} static void piece_{number}({model}* vlSelf) {{\n"
            f"    auto& vlSelfRef = *vlSelf;\n{before}{''.join(own)}{body}{after}}}\n\n"
        )

    def _place(self, number: int) -> str:
        """Return what is before a piece: the code of one that is run often is where it is run, so
        that the processor reads on instead of calling, and saves and fetches no registers."""
        often = self._habits is not None and self._habits.is_often(self._groups[number])
        return "__attribute__((always_inline)) inline" if often else "__attribute__((noinline))"

    def _body(self, number: int, found: list[Node], names: set[str]) -> str:
        """Return the code of nodes of a piece, with what tells of changes of some variables."""
        # What is written in one branch only is looked at only there.
        branches = [(node, side) for node in found for side in (node.then, node.other)]
        places: dict[str, list[int]] = defaultdict(list)
        for place, (node, side) in enumerate(branches):
            text = written(side) if node.condition else node.text
            for name in names & node.names & set(_WORD.findall(text)):
                places[name].append(place)
        inside: dict[int, set[str]] = defaultdict(set)
        for name, where in places.items():
            if len(where) == 1 and branches[where[0]][0].condition:
                inside[where[0]].add(name)
        body = ""
        for place, (node, side) in enumerate(branches):
            if not node.condition:
                body += "" if place % 2 else str(node)
            elif side:
                told = self._body(number, side, inside[place])
                test = f"if {node.condition}" if not place % 2 else f"if (!{node.condition})"
                body += f"{'else' if place % 2 and node.then else test} {{\n{told}}}\n"
        return self._watched(number, [*names - set().union(*inside.values())], body)

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
        here = self._groups[number]
        return "".join(
            f" {kind}_{word} |= changed & {bits:#x}ull;"
            for kind in _KINDS
            for word, bits in _words(
                group for when, group in self._told(number, name)
                if when == kind and (here, group, kind) not in self._sure)
        )

    def _told(self, number: int, name: str) -> Iterator[tuple[str, int]]:
        """Yield when, and for which groups, a change of a variable in a piece matters."""
        if name.startswith(LOCAL_MARK) and name not in self._shared:
            return
        here = self._groups[number]
        for reader in self._readers.get(name, []):
            group = self._groups[reader]
            if reader <= number:
                yield "next", group
            elif group != here:
                yield "due", group

    def _found_sure(self) -> set[tuple[int, int, str]]:
        """Return which groups are made due, and when, whenever a group is run."""
        if self._habits is None:
            return set()
        wanted = sorted({
            (self._groups[number], group, kind)
            for number, piece in enumerate(self._pieces)
            for name in _written(piece)
            for kind, group in self._told(number, name)
        })
        sure: set[tuple[int, int, str]] = set()
        after: dict[int, set[int]] = defaultdict(set)
        for here, group, kind in wanted:
            if self._habits.follows(here, group, _KINDS.index(kind)) and (
                    here not in reached(after, {group})):
                after[here].add(group)
                sure.add((here, group, kind))
        return sure


def _written(piece: list[Statement]) -> set[str]:
    """Return the names of what some statements write."""
    return {name for statement in piece for name in statement.writes}


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
