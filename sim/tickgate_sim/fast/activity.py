"""Makes a Verilated model skip what has nothing to do.

Verilator's code for a design with one clock works all of it out in every cycle. Here its statements
are put into groups, and a group is run only when something that it reads has changed since its last
run. What a group leaves behind then is what it would have left anyway: results are the same, cycle
for cycle, whatever the design does. (The idea is that of essential signal simulation: Beamer and
Donofrio, "Efficiently exploiting low activity factors to accelerate RTL simulation", DAC 2020.)

What is read is the C++ that Verilator writes (``cpp_reader``); what is not known there is an error.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from tickgate_sim.fast.cpp_reader import Reader, Statement
from tickgate_sim.fast.grouping import grouped
from tickgate_sim.verilated import BuildError

__all__ = ["skip_idle"]

_FUNCTION = re.compile(r"^void (\w+___nba_sequent__TOP__\d+)\((\w+)\* vlSelf\) \{\n(.*?)^\}\n",
                       re.MULTILINE | re.DOTALL)
_LOCAL = re.compile(r"^    ([A-Z]\w*(?:<\d+>)?)(?:/\*[\d:]+\*/)? (\w+);\n", re.MULTILINE)
_MEMBER = re.compile(r"^ +(\w+(?:<.*>)?)(?:/\*[\d:]+\*/)? (\w+);$", re.MULTILINE)
_PORT = re.compile(r"^ +VL_(IN|OUT)(8|16|64|W)?\(&?(\w+),[\d,]+\);$", re.MULTILINE)
_INPUT_LOGIC = re.compile(r"^\w.*___ico_\w+\(.*?^\}\n", re.MULTILINE | re.DOTALL)
_LOCAL_MARK = "local_"
_LOCALS = re.compile(r"(?<![\w.])local_\d+_\w+")
_MEMBERS_END = "    // CONSTRUCTORS\n"
_TABLE = re.compile(r"^extern const .*;\n", re.MULTILINE)
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
_SMALL_TABLE = 256
"""Elements up to which a table is compared as a whole."""


def skip_idle(folder: Path, prefix: str) -> None:
    """Rewrite the model ``prefix`` in ``folder`` so that groups of statements are skipped.

    Raises BuildError when its code has anything that is not known here.
    """
    header = folder / f"{prefix}___024root.h"
    declared = header.read_text()
    kinds = {name: kind for kind, name in _MEMBER.findall(declared)}
    inputs = set()
    for direction, width, name in _PORT.findall(declared):
        kinds[name] = "VlWide" if width == "W" else "QData"
        if direction == "IN":
            inputs.add(name)
    memories = {name for name, kind in kinds.items() if _is_memory(kind)}
    files = {path: path.read_text() for path in sorted(folder.glob(f"{prefix}___024root__*.cpp"))}
    functions = sorted(
        (_Function(match, path) for path, text in files.items()
         for match in _FUNCTION.finditer(text)),
        key=lambda function: function.number,
    )
    _check_calls("".join(files.values()), [function.name for function in functions])

    statements: list[Statement] = []
    for number, function in enumerate(functions):
        locals_, _, body = function.match[3].partition("    // Body\n")
        names = {name: f"{_LOCAL_MARK}{number}_{name}" for _, name in _LOCAL.findall(locals_)}
        kinds.update((names[name], kind) for kind, name in _LOCAL.findall(locals_))
        statements += Reader(body, names, memories).statements()

    # What is written elsewhere may change without being noticed here: whoever reads it always runs.
    outside = inputs | {
        name
        for text in files.values()
        for match in _INPUT_LOGIC.finditer(text)
        for name in re.findall(r"vlSelfRef\.(\w+)(?:\[\w+\])*\s*=(?!=)", match[0])
    }
    plan = _Plan(grouped(statements), kinds, memories, outside)
    tables = "".join(sorted({line for text in files.values() for line in _TABLE.findall(text)}))
    share = -(-len(plan.groups) // len(functions))
    for place, function in enumerate(functions):
        mine = range(place * share, min(len(plan.groups), (place + 1) * share))
        body = plan.function(function, mine, first=place == 0)
        files[function.path] = files[function.path].replace(
            function.match[0], f"{tables}{_DIFFERS}{body}", 1)
    for path, text in files.items():
        path.write_text(text)
    header.write_text(declared.replace(_MEMBERS_END, f"{plan.members()}{_MEMBERS_END}", 1))


@dataclass(frozen=True)
class _Function:
    """A function that a clock edge calls, and where it is."""

    match: re.Match[str]
    path: Path

    @property
    def name(self) -> str:
        return self.match[1]

    @property
    def number(self) -> int:
        return int(self.name.rpartition("_")[2])


def _is_memory(kind: str) -> bool:
    """Whether a variable is too large to be compared: what is stored then counts as a change."""
    table = re.fullmatch(r"VlUnpacked<[CSIQ]Data(?:/\*[\d:]+\*/)?, (\d+)>", kind)
    return kind.startswith("VlUnpacked") and not (table and int(table[1]) <= _SMALL_TABLE)


def _check_calls(code: str, names: list[str]) -> None:
    """The functions must be all that a clock edge does, each called once, in their order."""
    match = re.search(r"^void \w+___eval_nba\(.*?^\}\n", code, re.MULTILINE | re.DOTALL)
    called = re.findall(r"(\w+)\(vlSelf\);", match[0]) if match else []
    if not names or called != names:
        raise BuildError(f"Verilator's code must call {names} at a clock edge, calls {called}")


class _Plan:
    """Groups, and who reads what: a group tells those who read what it changes."""

    def __init__(
        self,
        groups: list[list[Statement]],
        kinds: dict[str, str],
        memories: set[str],
        outside: set[str],
    ) -> None:
        self.groups, self._kinds, self._memories = groups, kinds, memories
        self._outside = outside
        self._readers: dict[str, list[int]] = defaultdict(list)
        self._fed = [_fed(group) for group in groups]
        homes: dict[str, set[int]] = defaultdict(set)
        for number, group in enumerate(groups):
            for name in self._fed[number]:
                self._readers[name].append(number)
            for name in _used(group):
                homes[name].add(number)
        self._shared = {
            name for name, places in homes.items()
            if name.startswith(_LOCAL_MARK) and len(places) > 1
        }
        """Local variables of Verilator's functions that more than one group needs."""

    def members(self) -> str:
        """Return what the model's class needs besides."""
        kept = "".join(f"    {self._kinds[name]} {name};\n" for name in sorted(self._shared))
        return (
            f"{kept}    uint64_t due[{len(self.groups) // 64 + 1}];\n"
            f"    bool due_is_set = false;\n\n"
        )

    def function(self, function: _Function, numbers: range, *, first: bool) -> str:
        """Return the code of some groups and of a function that runs those that are due."""
        model = function.match[2]
        groups = "".join(self._group(number, model) for number in numbers)
        calls = ""
        if first:
            calls = (
                "    if (!vlSelf->due_is_set) {\n        vlSelf->due_is_set = true;\n"
                "        for (auto& due : vlSelf->due) due = ~uint64_t(0);\n    }\n"
            )
        for word in sorted({number // 64 for number in numbers}):
            tests = "".join(
                f"        if (vlSelf->due[{word}] & {_bit(number)}) group_{number}(vlSelf);\n"
                for number in numbers
                if number // 64 == word
            )
            calls += f"    if (vlSelf->due[{word}]) {{\n{tests}    }}\n"
        return f"{groups}void {function.name}({model}* vlSelf) {{\n{calls}}}\n"

    def _group(self, number: int, model: str) -> str:
        group = self.groups[number]
        text = "".join(f"    {statement.text}\n" for statement in group)
        text = _LOCALS.sub(
            lambda match: f"vlSelfRef.{match[0]}" if match[0] in self._shared else match[0], text)
        before = [
            f"    {self._kinds[name]} {name}{{}};\n"
            for name in sorted(_used(group))
            if name.startswith(_LOCAL_MARK) and name not in self._shared
        ]
        told: dict[str, list[str]] = defaultdict(list)
        for name in sorted({name for statement in group for name in statement.writes}):
            tell = self._tell(name)
            if name in self._memories:
                before.append(f"    bool stored_{name} = false;\n")
                told[tell].append(f"stored_{name}")
            elif tell:
                before.append(f"    const auto old_{name} = vlSelfRef.{name};\n")
                told[tell].append(f"differs(old_{name}, vlSelfRef.{name})")
        # Without a branch, which would be hard to predict.
        behind = "".join(
            f"    {{ const uint64_t changed = 0 - uint64_t(({' | '.join(changes)}) != 0);"
            f"{tell} }}\n"
            for tell, changes in told.items()
        )
        runs_always = self._fed[number] & self._outside
        done = "" if runs_always else f"    vlSelfRef.due[{number // 64}] &= ~{_bit(number)};\n"
        return (
            f"__attribute__((noinline)) static void group_{number}({model}* vlSelf) {{\n"
            f"    auto& vlSelfRef = *vlSelf;\n{done}{''.join(before)}{text}{behind}}}\n\n"
        )

    def _tell(self, name: str) -> str:
        """Return statements that make those due who read a variable, if it has changed."""
        if name.startswith(_LOCAL_MARK) and name not in self._shared:
            return ""
        masks: dict[int, int] = defaultdict(int)
        for reader in self._readers.get(name, []):
            masks[reader // 64] |= 1 << reader % 64
        return "".join(
            f" vlSelfRef.due[{word}] |= changed & {bits:#x}ull;" for word, bits in masks.items())


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


def _bit(number: int) -> str:
    return f"{1 << number % 64:#x}ull"
