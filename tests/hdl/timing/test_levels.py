"""LUT levels are counted on netlists whose depth one can see."""

import pytest
from tickgate_hdl.timing.levels import LevelsError, deepest_paths

PINS = {
    "LUT2": {"I0": "input", "I1": "input", "O": "output"},
    "LUT6": {f"I{n}": "input" for n in range(6)} | {"O": "output"},
    "INV": {"I": "input", "O": "output"},
    "MUXF7": {"I0": "input", "I1": "input", "S": "input", "O": "output"},
    "FDRE": {"C": "input", "CE": "input", "D": "input", "R": "input", "Q": "output"},
    "CARRY4": {"CI": "input", "CYINIT": "input", "S": "input", "DI": "input",
               "O": "output", "CO": "output"},
    "RAMB18E2": {"ADDRARDADDR": "input", "CLKARDCLK": "input", "DOUTADOUT": "output"},
    "RAM64X1D": {"A": "input", "DPRA": "input", "D": "input", "WCLK": "input",
                 "DPO": "output", "SPO": "output"},
    "DSP48E2": {"A": "input", "B": "input", "P": "output"},
    "SRL16E": {"A0": "input", "D": "input", "CLK": "input", "Q": "output"},
}
CLOCK = 1


def cell(kind, parameters=None, **connections):
    """A cell as in Yosys' JSON; a connection is one net or a list of them."""
    return {
        "type": kind, "parameters": parameters or {}, "port_directions": PINS[kind],
        "connections": {pin: nets if isinstance(nets, list) else [nets]
                        for pin, nets in connections.items()},
    }


def netlist(cells, names=None, ports=None):
    """A flat module as in Yosys' JSON."""
    return {
        "cells": cells,
        "netnames": {name: {"hide_name": 0, "bits": bits} for name, bits in (names or {}).items()},
        "ports": {name: {"direction": direction, "bits": bits}
                  for name, (direction, bits) in (ports or {}).items()},
    }


def chain(length, start, first):
    """LUT2s in a row, from net ``start``; the nets between are ``first`` and up."""
    nets = [start, *range(first, first + length)]
    return {f"lut{first + n}": cell("LUT2", I0=nets[n], I1="0", O=nets[n + 1])
            for n in range(length)}, nets[-1]


def flip_flop(d, q):
    return cell("FDRE", C=CLOCK, CE="1", D=d, R="0", Q=q)


def test_luts_between_two_registers_are_levels():
    luts, last = chain(3, 10, 20)
    path, = deepest_paths(netlist(
        {"a": flip_flop("0", 10), "b": flip_flop(last, 11), **luts},
        {"source": [10], "sink": [11], "middle": [21]}))
    assert (path.luts, path.others) == (3, 0)
    assert (path.start, path.end, path.nets) == ("source", "sink (FDRE D)", ("middle",))


def test_a_register_with_nothing_before_it_has_no_levels():
    path = deepest_paths(netlist({"a": flip_flop(9, 10)}, ports={"i": ("input", [9])}))[0]
    assert (path.luts, path.others) == (0, 0)


def test_no_register_and_no_port_is_no_path():
    assert deepest_paths(netlist({})) == []


def test_input_and_output_ports_begin_and_end_paths():
    luts, last = chain(2, 5, 20)
    path, = deepest_paths(netlist(
        luts, {"i": [5], "o": [last]}, {"i": ("input", [5]), "o": ("output", [last])}))
    assert (path.luts, path.start, path.end) == (2, "i (port)", "o[0] (port)")


def test_enable_and_reset_end_paths_and_the_clock_does_not():
    enable, last = chain(2, 10, 20)
    clock, clocked = chain(5, 10, 40)
    path = deepest_paths(netlist({
        "a": flip_flop("0", 10), **enable, **clock,
        "b": cell("FDRE", C=clocked, CE=last, D="0", R="0", Q=11)}, {"b": [11]}))[0]
    assert (path.luts, path.end) == (2, "b (FDRE CE)")


def test_an_inverter_is_a_level_and_a_wide_multiplexer_is_not():
    path = deepest_paths(netlist({
        "a": flip_flop("0", 10), "inv": cell("INV", I=10, O=20),
        "mux": cell("MUXF7", I0=20, I1="0", S="1", O=21), "b": flip_flop(21, 11)}))[0]
    assert (path.luts, path.others) == (1, 1)


def test_carry_cells_are_counted_apart_and_only_lower_bits_reach_an_output():
    deep, last = chain(4, 10, 20)
    shallow, low = chain(1, 10, 30)

    def carry(output):
        return {"a": flip_flop("0", 10), **deep, **shallow, "b": flip_flop(output, 11),
                "carry": cell("CARRY4", CI="0", CYINIT="0", S=[low, "0", last, "0"],
                              DI=["0"] * 4, O=[50, 51, 52, 53], CO=[60, 61, 62, 63])}

    assert [(path.luts, path.others) for path in deepest_paths(netlist(carry(51)))[:1]] == [(1, 1)]
    assert [(path.luts, path.others) for path in deepest_paths(netlist(carry(52)))[:1]] == [(4, 1)]


def test_of_two_paths_with_as_many_luts_the_one_with_more_other_cells_is_told():
    one, last = chain(2, 10, 20)
    two, before = chain(2, 10, 30)
    path = deepest_paths(netlist({
        "a": flip_flop("0", 10), **one, **two, "b": flip_flop(last, 11),
        "mux": cell("MUXF7", I0=before, I1="0", S="0", O=40), "c": flip_flop(40, 12)},
        {"b": [11], "c": [12]}))[0]
    assert (path.luts, path.others, path.end) == (2, 1, "c (FDRE D)")


def test_a_block_ram_ends_a_path_at_its_address_and_begins_one_at_its_output():
    to, address = chain(3, 10, 20)
    after, last = chain(1, 60, 40)
    paths = deepest_paths(netlist({
        "a": flip_flop("0", 10), **to, **after, "b": flip_flop(last, 11),
        "ram": cell("RAMB18E2", ADDRARDADDR=[address, "0"], CLKARDCLK=CLOCK, DOUTADOUT=[60])},
        {"rows": [60], "b": [11]}), 2)
    assert [(path.luts, path.start, path.end) for path in paths] == [
        (3, "a", "rows (RAMB18E2 ADDRARDADDR)"), (1, "rows (RAMB18E2)", "b (FDRE D)")]


def test_reading_a_memory_of_luts_by_logic_is_a_level_but_its_written_data_ends_a_path():
    deep, data = chain(4, 10, 20)
    near, address = chain(1, 10, 40)
    paths = deepest_paths(netlist({
        "a": flip_flop("0", 10), **deep, **near, "b": flip_flop(50, 11),
        "ram": cell("RAM64X1D", A=["0"], DPRA=[address], D=data, WCLK=CLOCK, DPO=50, SPO=51)},
        {"read": [50], "b": [11]}), 9)
    assert {path.end: path.luts for path in paths}["b (FDRE D)"] == 2
    assert {path.end: path.luts for path in paths}["read (RAM64X1D D)"] == 4


def test_a_shift_register_with_a_fixed_tap_begins_a_path():
    after, last = chain(1, 50, 40)
    deep, data = chain(3, 10, 20)
    paths = deepest_paths(netlist({
        "a": flip_flop("0", 10), **deep, **after, "b": flip_flop(last, 11),
        "srl": cell("SRL16E", A0="1", D=data, CLK=CLOCK, Q=50)}, {"b": [11], "tap": [50]}), 9)
    assert {path.end: path.luts for path in paths} == {
        "b (FDRE D)": 1, "tap (SRL16E D)": 3}


@pytest.mark.parametrize(("registers", "ends"), [
    (("0", "0", "0"), [("b (FDRE D)", 3, 1)]),
    (("0", "0", "1"), [("product (DSP48E2 A)", 2, 0), ("b (FDRE D)", 1, 0)]),
    (("1", "0", "0"), [("product (DSP48E2 A)", 2, 0), ("b (FDRE D)", 1, 0)]),
])
def test_a_multiplier_is_passed_through_only_where_it_has_no_register(registers, ends):
    to, factor = chain(2, 10, 20)
    after, last = chain(1, 60, 40)
    parameters = {"BREG": "1", "CREG": "1", "DREG": "1",
                  **dict(zip(("AREG", "MREG", "PREG"), registers, strict=True))}
    paths = deepest_paths(netlist({
        "a": flip_flop("0", 10), **to, **after, "b": flip_flop(last, 11),
        "dsp": cell("DSP48E2", parameters, A=[factor], B=["0"], P=[60])},
        {"product": [60], "b": [11]}), 9)
    assert [(path.end, path.luts, path.others) for path in paths] == ends


def test_bits_of_a_vector_are_one_end_point_and_the_deepest_is_told():
    one, first = chain(1, 10, 20)
    two, second = chain(2, 10, 30)
    paths = deepest_paths(netlist({
        "a": flip_flop("0", 10), **one, **two, "b0": flip_flop(first, 11),
        "b1": flip_flop(second, 12)}, {"b": [11, 12]}), 9)
    assert [(path.end, path.luts) for path in paths] == [("b[1] (FDRE D)", 2)]


def test_a_loop_without_a_register_is_refused():
    with pytest.raises(LevelsError, match="net loop must not depend on itself"):
        deepest_paths(netlist({
            "x": cell("LUT2", I0=20, I1="0", O=21), "y": cell("LUT2", I0=21, I1="0", O=20),
            "b": flip_flop(20, 11)}, {"loop": [20], "other": [21]}))


def test_a_cell_of_unknown_type_is_refused():
    unknown = {**cell("INV", I=1, O=2), "type": "LATCHING_THING"}
    with pytest.raises(LevelsError, match=r"cell x must be of a type .* was LATCHING_THING"):
        deepest_paths(netlist({"x": unknown}))
