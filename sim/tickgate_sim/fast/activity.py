"""Makes a Verilated model skip what has nothing to do.

Verilator's code for a design with one clock works all of it out in every cycle. Here its statements
are put into groups, and a group is run only when something that it reads has changed since its last
run. What a group leaves behind then is what it would have left anyway: results are the same, cycle
for cycle, whatever the design does. (The idea is that of essential signal simulation: Beamer and
Donofrio, "Efficiently exploiting low activity factors to accelerate RTL simulation", DAC 2020.)

Which statements make a group only decides the speed. ``log_activity`` makes a model of single
parts that logs which had to be run, and ``skip_idle`` groups those that had to in the same cycles.

What is read is the C++ that Verilator writes (``cpp_reader``); what is not known there is an error.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tickgate_sim.fast.conditions import condition
from tickgate_sim.fast.cpp_reader import LOCAL_MARK, Reader, Statement
from tickgate_sim.fast.emission import Plan, Variables
from tickgate_sim.fast.grouping import Habits, Parts, alike
from tickgate_sim.fast.ordering import earliest, in_groups
from tickgate_sim.fast.registers import direct
from tickgate_sim.verilated import BuildError

__all__ = ["GROUPS", "log_activity", "skip_idle"]

GROUPS = 128
"""Groups that a model has at most."""

_FUNCTION = re.compile(r"^void (\w+___nba_sequent__TOP__\d+)\((\w+)\* vlSelf\) \{\n(.*?)^\}\n",
                       re.MULTILINE | re.DOTALL)
_LOCAL = re.compile(r"^    ([A-Z]\w*(?:<\d+>)?)(?:/\*[\d:]+\*/)? (\w+);\n", re.MULTILINE)
_MEMBER = re.compile(r"^ +(\w+(?:<.*>)?)(?:/\*[\d:]+\*/)? (\w+);$", re.MULTILINE)
_WIDTH = re.compile(r"^ +[CSIQ]Data/\*(\d+):0\*/ (\w+);$", re.MULTILINE)
_PORT = re.compile(r"^ +VL_(IN|OUT)(8|16|64|W)?\(&?(\w+),(?:\d+,)*(\d+)\);$", re.MULTILINE)
_PORT_KINDS = {"8": "CData", "16": "SData", "": "IData", "64": "QData"}
_INPUT_LOGIC = re.compile(r"^\w.*___ico_\w+\(.*?^\}\n", re.MULTILINE | re.DOTALL)
_MEMBERS_BEGIN = "    // DESIGN SPECIFIC STATE\n"
_TABLE = re.compile(r"^extern const .*;\n", re.MULTILINE)
_SMALL_TABLE = 256
"""Elements up to which a table is compared as a whole."""


def skip_idle(folder: Path, prefix: str, active: NDArray[np.bool_]) -> None:
    """Rewrite the model ``prefix`` in ``folder`` so that groups of statements are skipped.

    ``active`` is what the same model logged, by cycle and part. Raises BuildError when the code has
    anything that is not known here.
    """
    _rewrite(folder, prefix, lambda parts: alike(parts, active, GROUPS), active)


def log_activity(folder: Path, prefix: str) -> int:
    """Rewrite the model so that it logs which parts are run; return how many there are.

    With ``activity_left`` set, each cycle writes a bit for each part to ``activity_log``, which
    moves on, in words of 64 bits. Raises BuildError as ``skip_idle``.
    """
    return _rewrite(folder, prefix, lambda parts: list(range(len(parts.members))), None)


def _rewrite(
    folder: Path,
    prefix: str,
    grouped: Callable[[Parts], list[int]],
    active: NDArray[np.bool_] | None,
) -> int:
    header = folder / f"{prefix}___024root.h"
    declared = header.read_text()
    kinds = {name: kind for kind, name in _MEMBER.findall(declared)}
    inputs = set()
    for direction, width, name, words in _PORT.findall(declared):
        kinds[name] = _PORT_KINDS.get(width, f"VlWide<{words}>")
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

    masks = {name: (2 << int(msb)) - 1 for msb, name in _WIDTH.findall(declared)}
    statements: list[Statement] = []
    for number, function in enumerate(functions):
        locals_, _, body = function.match[3].partition("    // Body\n")
        names = {name: f"{LOCAL_MARK}{number}_{name}" for _, name in _LOCAL.findall(locals_)}
        kinds.update((names[name], kind) for kind, name in _LOCAL.findall(locals_))
        statements += Reader(body, names, memories).statements()

    # What is written elsewhere may change without being noticed here: it is compared first.
    input_logic = "".join(match[0] for text in files.values()
                          for match in _INPUT_LOGIC.finditer(text))
    outside = inputs | set(
        re.findall(r"vlSelfRef\.(\w+)(?:\[\w+\])*\s*=(?!=)", input_logic))
    ports = {match[3] for match in _PORT.finditer(declared)}
    statements = direct(statements, kinds, masks, memories,
                        ports | set(re.findall(r"vlSelfRef\.(\w+)", input_logic)))
    parts = Parts.of(statements)
    groups = grouped(parts)
    habits = None if active is None else Habits(groups, active)
    order = earliest(parts.behind) if habits is None else in_groups(
        parts, groups, habits.shares, lambda text: condition(text, masks))
    plan = Plan([(groups[part], parts.members[part]) for part in order],
                Variables(kinds, memories, outside, masks), habits)
    tables = "".join(sorted({line for text in files.values() for line in _TABLE.findall(text)}))
    shares = plan.shares(len(functions))
    for function, share in zip(functions, shares, strict=True):
        body = plan.function(function.name, function.match[2], share,
                             first=function is functions[0], last=function is functions[-1])
        files[function.path] = files[function.path].replace(
            function.match[0], f"{tables}{body}", 1)
    has_input_logic = any("___eval_ico(" in text for text in files.values())
    for path, text in files.items():
        path.write_text(_at_once(text, f"{prefix}___024root", has_input_logic=has_input_logic))
    header.write_text(declared.replace(_MEMBERS_BEGIN, f"{_MEMBERS_BEGIN}{plan.members()}", 1))
    return len(parts.members)


def _at_once(text: str, root: str, *, has_input_logic: bool) -> str:
    """Return a file in which an evaluation does what there is to do without asking what it is.

    Verilator's code comes back to it until nothing is left; with one clock that is the first time.
    """
    self = f"({root}* vlSelf)"
    inputs = has_input_logic * (
        f"    vlSelf->__VicoTriggered[0U] = 1ULL;\n    {root}___eval_ico(vlSelf);\n")
    called = ("eval_ico", "eval_triggers_vec__act", "eval_nba")[not has_input_logic:]
    declared = "".join(f"void {root}___{name}{self};\n" for name in called)
    body = (
        f"{declared}\nvoid {root}___eval{self} {{\n{inputs}"
        f"    {root}___eval_triggers_vec__act(vlSelf);\n"
        "    vlSelf->__VnbaTriggered[0U] = vlSelf->__VactTriggered[0U];\n"
        f"    {root}___eval_nba(vlSelf);\n}}\n"
    )
    pattern = re.compile(rf"^void {re.escape(root + '___eval' + self)} \{{\n.*?^\}}\n",
                         re.MULTILINE | re.DOTALL)
    return pattern.sub(lambda _: body, text)


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
