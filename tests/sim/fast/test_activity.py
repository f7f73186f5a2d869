"""Rewriting of Verilator's C++: what is read and written, what stays in order, what is refused."""

import random

import numpy as np
import pytest
from tickgate_sim.fast import activity
from tickgate_sim.fast.activity import skip_idle
from tickgate_sim.fast.conditions import condition, nodes, written
from tickgate_sim.fast.cpp_reader import Reader
from tickgate_sim.fast.grouping import Parts, alike
from tickgate_sim.fast.ordering import in_groups
from tickgate_sim.verilated import BuildError


def read(text: str, *, names: tuple[str, ...] = (), memories: tuple[str, ...] = ()):
    return Reader(text, {name: f"local_0_{name}" for name in names}, set(memories)).statements()


def test_an_assignment():
    (one,) = read("vlSelfRef.x = (vlSelfRef.a + tmp);", names=("tmp",))
    assert (one.reads, one.writes) == ({"a", "local_0_tmp"}, {"x"})
    assert one.text == "vlSelfRef.x = (vlSelfRef.a + local_0_tmp);"
    assert one.sure == {("x", "")}


def test_branches_write_but_not_surely():
    (one,) = read("if (vlSelfRef.c) { vlSelfRef.x = 1U; } else { vlSelfRef.y[2U] = 3U; }")
    assert (one.reads, one.writes, one.sure) == ({"c"}, {"x", "y"}, set())


def test_what_was_surely_written_is_not_fed():
    (one,) = read("{ vlSelfRef.x = 1U; vlSelfRef.y = vlSelfRef.x; vlSelfRef.z = vlSelfRef.y; }")
    assert one.fed == set()
    (one,) = read("if (vlSelfRef.c) { vlSelfRef.x = vlSelfRef.x; }")
    assert one.fed == {("c", ""), ("x", "")}


def test_words_of_wide_variables():
    (one,) = read("{ vlSelfRef.w[0U] = 1U; vlSelfRef.a = vlSelfRef.w[0U] + vlSelfRef.w[1U]; }")
    assert one.fed == {("w", "1")}
    assert one.sure == {("w", "0"), ("a", "")}


def test_a_memory_says_that_it_was_stored():
    (one,) = read("if (vlSelfRef.c) { vlSelfRef.m[vlSelfRef.i] = 5U; }", memories=("m",))
    assert one.stores == {"m"}
    assert "stored_m = true; vlSelfRef.m[vlSelfRef.i] = 5U;" in one.text


def test_macros_with_a_target():
    (one,) = read("VL_SUB_W(3, tmp, vlSelfRef.a, vlSelfRef.b);", names=("tmp",))
    assert (one.reads, one.writes) == ({"a", "b"}, {"local_0_tmp"})
    nested = "vlSelfRef.x = VL_GTE_W(3, VL_AND_W(3, tmp, vlSelfRef.a, vlSelfRef.b), vlSelfRef.c);"
    (one,) = read(nested, names=("tmp",))
    assert (one.reads, one.writes) == ({"a", "b", "c"}, {"x", "local_0_tmp"})
    loop = "while ((5U >= tmp)) { vlSelfRef.x[tmp] = 1U; tmp = (1U + tmp); }"
    (one,) = read(loop, names=("tmp",))
    assert one.writes == {"x", "local_0_tmp"}


@pytest.mark.parametrize(
    "text",
    [
        "frobnicate(vlSelfRef.x);",
        "vlSelfRef.x += 1U;",
        "vlSelfRef.x = VL_RANDOM_I();",
        "VL_FROB_W(3, vlSelfRef.x);",
        "for (;;) { vlSelfRef.x = 1U; }",
        "vlSelfRef.x = (1U",
        "VL_ADD_W(3);",
        "VL_EQ_W(3, vlSelfRef.x, vlSelfRef.y);",
    ],
)
def test_what_is_not_known_is_refused(text):
    with pytest.raises(BuildError, match="Verilator's code"):
        read(text)


def test_an_order_that_means_the_same():
    """Random programs, run in the order given and in that of groups drawn at random."""
    rng = random.Random(5)
    for _ in range(200):
        names = [f"{block}__DOT__v{n}" for block in "abc" for n in range(4)]
        text = ""
        for _ in range(rng.randrange(2, 25)):
            target, one, other = (rng.choice(names) for _ in range(3))
            if rng.random() < 0.4:
                condition = f"if (vlSelfRef.{rng.choice(names)})"
                text += f"{condition} {{ vlSelfRef.{target} = vlSelfRef.{one}; }}\n"
            else:
                text += f"vlSelfRef.{target} = vlSelfRef.{one} ^ vlSelfRef.{other};\n"
        statements = read(text)
        parts = Parts.of(statements)
        groups = [rng.randrange(4) for _ in parts.members]
        shares = [rng.random() for _ in range(4)]
        order = in_groups(parts, groups, shares, lambda text: text[:20])
        reordered = [statement for part in order for statement in parts.members[part]]
        assert sorted(map(id, reordered)) == sorted(map(id, statements))
        start = {name: rng.randrange(2) for name in names}
        assert executed(reordered, start) == executed(statements, start)


def ordered(text: str, groups: list[int], shares: list[float]) -> list[str]:
    parts = Parts.of(read(text))
    order = in_groups(parts, groups, shares, lambda text: "")
    return [statement.text.replace("vlSelfRef.", "")
            for part in order for statement in parts.members[part]]


def test_a_group_that_is_run_often_is_left_seldom():
    # Of groups 0 and 1, which wait for each other, one must be left before its end.
    text = "vlSelfRef.b = vlSelfRef.a;\nvlSelfRef.d = vlSelfRef.c;\n" \
           "vlSelfRef.e = vlSelfRef.d;\nvlSelfRef.f = vlSelfRef.b;\n"
    groups = [0, 1, 0, 1]
    assert ordered(text, groups, [0.9, 0.1]) == ["d = c;", "b = a;", "e = d;", "f = b;"]
    assert ordered(text, groups, [0.1, 0.9]) == ["b = a;", "d = c;", "f = b;", "e = d;"]


def executed(statements, start):
    values = dict(start)
    for statement in statements:
        text = statement.text.replace("vlSelfRef.", "").rstrip(";}\n ")
        if text.startswith("if"):
            condition, _, text = text.removeprefix("if (").partition(") { ")
            if not values[condition]:
                continue
            text = text.rstrip("; ")
        target, _, value = text.partition(" = ")
        values[target] = eval(value, {}, values)
    return values


def grouped_parts(active, count):
    """Groups of parts that are run as given, one string of 0 and 1 for each."""
    text = "".join(f"vlSelfRef.top__DOT__v{number} = 1U;\n" for number in range(len(active)))
    runs = np.array([[letter == "1" for letter in part] for part in active]).T
    return alike(Parts.of(read(text)), runs, count)


def test_groups_are_of_parts_that_run_in_the_same_cycles():
    one, two, three, four, never = grouped_parts(["1100", "0011", "1100", "0111", "0000"], 4)
    assert one == three
    assert len({one, two, four, never}) == 4
    one, two, three, four, never = grouped_parts(["1100", "0011", "1100", "0111", "0000"], 3)
    assert one == three != two == four
    assert never not in {one, two}


def branched(text, masks=None):
    """What statements become, in one line."""
    found = nodes(((one.text, one.writes) for one in read(text)), masks or {})
    return " ".join(written(found).replace("vlSelfRef.", "").split())


def test_what_keeps_its_value_becomes_a_branch():
    assert branched("vlSelfRef.x = ((IData)(vlSelfRef.c) ? vlSelfRef.y : vlSelfRef.x);") == (
        "if ((IData)(c)) { x = y; }")
    assert branched("vlSelfRef.x = (vlSelfRef.c ? (IData)(vlSelfRef.x) : vlSelfRef.y);") == (
        "if (!(c)) { x = y; }")
    kept = "vlSelfRef.x = (1U & ((IData)(vlSelfRef.c) ? (IData)(vlSelfRef.x) : vlSelfRef.w[0U]));"
    assert branched(kept, {"x": 1}) == "if (!((IData)(c))) { x = (1U & w[0U]); }"
    # Bits that the mask takes away would stay.
    assert branched(kept, {"x": 3}).startswith("x = (1U & ((IData)(c) ?")
    assert branched("vlSelfRef.x = (vlSelfRef.c ? vlSelfRef.y : vlSelfRef.z);").startswith("x = ")


def test_statements_with_the_same_condition_share_a_branch():
    words = "".join(
        f"vlSelfRef.w[{n}U] = (vlSelfRef.c ? vlSelfRef.y[{n}U] : vlSelfRef.z[{n}U]);\n"
        for n in range(2)
    )
    assert branched(words) == (
        "if (c) { w[0U] = y[0U]; w[1U] = y[1U]; } else { w[0U] = z[0U]; w[1U] = z[1U]; }")
    nested = (
        "if (vlSelfRef.c) { if (vlSelfRef.d) { vlSelfRef.x = 1U; } }\n"
        "if (vlSelfRef.c) { if (vlSelfRef.d) { vlSelfRef.y = 1U; } else { vlSelfRef.z = 2U; } }"
    )
    assert branched(nested) == "if (c) { if (d) { x = 1U; y = 1U; } else { z = 2U; } }"


def test_a_condition_that_was_written_is_another():
    changed = "".join(f"if (vlSelfRef.c) {{ vlSelfRef.{name} = 0U; }}\n" for name in "cx")
    assert branched(changed) == "if (c) { c = 0U; } if (c) { x = 0U; }"
    assert condition("vlSelfRef.x = (vlSelfRef.c ? vlSelfRef.y : vlSelfRef.x);", {}) == (
        "(vlSelfRef.c)")
    assert condition("vlSelfRef.x = vlSelfRef.y;", {}) == ""


def test_a_clock_edge_that_does_more_is_refused(tmp_path):
    (tmp_path / "M___024root.h").write_text("class M {\n    // CONSTRUCTORS\n};\n")
    (tmp_path / "M___024root__0.cpp").write_text(
        "void M___024root___nba_sequent__TOP__0(M* vlSelf) {\n    // Body\n}\n"
        "void M___024root___eval_nba(M* vlSelf) {\n"
        "    M___024root___nba_sequent__TOP__0(vlSelf);\n"
        "    M___024root___nba_comb__TOP__0(vlSelf);\n}\n")
    with pytest.raises(BuildError, match="at a clock edge, calls"):
        skip_idle(tmp_path, "M", np.zeros((1, 0), bool))


def test_large_memories_are_not_compared():
    assert activity._is_memory("VlUnpacked<VlWide<3>/*95:0*/, 64>")
    assert activity._is_memory("VlUnpacked<IData/*31:0*/, 4096>")
    assert not activity._is_memory("VlUnpacked<CData/*0:0*/, 128>")
    assert not activity._is_memory("QData")
