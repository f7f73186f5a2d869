"""Registers that are written at once: they have what they had, in every cycle."""

import random
import re

import pytest
from tickgate_sim.fast.cpp_reader import Reader
from tickgate_sim.fast.registers import direct

_ASSIGNMENT = re.compile(r"(?:if \((?P<test>[^{]*)\) \{ )?(?P<target>[\w.]+) = (?P<value>[^;]*);")
_WIDTH = 8


def statements(lines: list[str]):
    return Reader("\n".join(lines), {}, set()).statements()


def made(lines: list[str], *, outside: frozenset[str] = frozenset()) -> tuple[list[str], set[str]]:
    """Return the texts of what becomes of some lines, and the variables that are new."""
    names = set(re.findall(r"vlSelfRef\.(\w+)", " ".join(lines)))
    kinds = dict.fromkeys(names, "CData")
    found = direct(statements(lines), kinds, dict.fromkeys(names, 255), set(), set(outside))
    return [statement.text.replace("vlSelfRef.", "") for statement in found], set(kinds) - names


def run(lines: list[str], values: dict[str, int]) -> None:
    for line in lines:
        match = _ASSIGNMENT.match(line.replace("vlSelfRef.", ""))
        assert match, line
        if match["test"] is None or eval(match["test"], {}, values):
            values[match["target"]] = eval(match["value"], {}, values) % 256


def test_what_keeps_its_value_is_not_written():
    lines = ["vlSelfRef.r = vlSelfRef.n;", "vlSelfRef.y = vlSelfRef.i;",
             "vlSelfRef.n = vlSelfRef.r;", "if (vlSelfRef.c) { vlSelfRef.n = vlSelfRef.y; }"]
    texts, new = made(lines)
    assert not new
    assert texts == ["if (c) { r = y; }", "y = i;"]


def test_what_others_read_or_write_stays():
    lines = ["vlSelfRef.r = vlSelfRef.n;", "vlSelfRef.n = (vlSelfRef.y + vlSelfRef.r);"]
    assert len(made(lines)[0]) == 1
    assert len(made(lines, outside=frozenset("n"))[0]) == 2
    assert len(made(lines, outside=frozenset("y"))[0]) == 2
    assert len(made([*lines, "vlSelfRef.z = vlSelfRef.n;"])[0]) == 3
    assert len(made([*lines, "vlSelfRef.y = vlSelfRef.z;"])[0]) == 3  # behind who reads it


def test_in_one_cycle():
    lines = ["vlSelfRef.d = vlSelfRef.r;", "if (vlSelfRef.c) { vlSelfRef.d = (vlSelfRef.r + 1U); }",
             "vlSelfRef.s = vlSelfRef.r;", "vlSelfRef.r = vlSelfRef.d;"]
    assert made(lines)[0] == ["s = r;", "if (c) { r = (r + 1U); }"]


def test_an_old_value_that_is_needed_is_kept():
    lines = ["vlSelfRef.r = vlSelfRef.n;", "vlSelfRef.n = vlSelfRef.r;",
             "if (vlSelfRef.c) { vlSelfRef.n = vlSelfRef.y; }",
             "if (vlSelfRef.e) { vlSelfRef.n = (vlSelfRef.r + 1U); }"]
    texts, new = made(lines)
    assert new == {"local_0_n"}
    assert texts[0] == "local_0_n = r;"
    assert texts[-1] == "r = local_0_n;"


@pytest.mark.parametrize("seed", range(40))
def test_random_registers(seed):
    choose = random.Random(seed)
    registers = [f"r{number}" for number in range(_WIDTH)]
    copies = [f"vlSelfRef.{name} = vlSelfRef.n{name};" for name in registers]
    blocks = []
    for name in registers:
        a, b, c, d = (f"vlSelfRef.{choose.choice(registers)}" for _ in range(4))
        block = [f"vlSelfRef.n{name} = ({a} + {b});"]
        if choose.random() < 0.7:
            block = [f"vlSelfRef.n{name} = vlSelfRef.{name};"]
            for one, other in ((a, b), (c, d))[:choose.choice((1, 2))]:
                block.append(f"if (({one} & 1) == 0) {{ vlSelfRef.n{name} = ({other} + 1); }}")
        blocks.append(block)
    choose.shuffle(copies)
    choose.shuffle(blocks)
    following = [line for block in blocks for line in block]
    texts, _ = made(copies + following)
    assert len(texts) < len(copies + following)
    values = {name: choose.randrange(256) for name in registers}
    run(following, values)
    others = dict(values)
    for _ in range(20):
        run(copies + following, values)
        run(texts, others)
        assert [values[name] for name in registers] == [others[name] for name in registers]
