"""What is printed and written of measurements, from results made up here."""

import json
from pathlib import Path

import pytest
from tickgate_hdl.timing.ecp5 import Late, Placed, Route, read_report
from tickgate_hdl.timing.report import (
    document,
    ecp5_figures,
    ecp5_lines,
    latency_figures,
    latency_lines,
)
from tickgate_hdl.timing.tools import Kept, ToolError, release, yosys
from tickgate_hdl.timing.xcup import Mapped

PAGE = "# Timing\n\n<!-- figures: begin -->\nold\n<!-- figures: end -->\n\nNotes.\n"


def test_figures_take_their_place_in_a_page_and_the_rest_stays():
    page = document(PAGE, ["book: 1 MHz", "", "line: 2 MHz", ""])
    assert page == (
        "# Timing\n\n<!-- figures: begin -->\n```\nbook: 1 MHz\n\nline: 2 MHz\n```\n"
        "<!-- figures: end -->\n\nNotes.\n")
    assert document(page, ["book: 3 MHz"]).count("MHz") == 1


@pytest.mark.parametrize("page", [
    "no place", "<!-- figures: begin -->\nno end", PAGE + PAGE])
def test_a_page_without_one_place_for_figures_is_refused(page):
    with pytest.raises(ValueError, match="one place for figures"):
        document(page, ["book: 1 MHz"])


def _placed(seed, fmax):
    return Placed(
        seed, fmax, 6.4 - 1000 / fmax, Route("a", "b", 8.0, 6.0, ("n", "m")),
        (Late("b", 16, -1.6), Late("c", 2, -0.5)) if fmax < 150 else (),
        {"lut": 1000, "ff": 500, "dp16kd": 4, "mult18": 0},
        {"lut": 84000, "ff": 84000, "dp16kd": 208, "mult18": 156})


def test_the_worst_seed_is_told_and_the_harness_is_left_out():
    placed = [_placed(1, 160.0), _placed(2, 125.0), _placed(3, 170.0)]
    figures = ecp5_figures("book", placed, harness=100)
    assert figures["book.ecp5.fmax_mhz.worst_seed"] == 125.0
    assert figures["book.ecp5.fmax_mhz.median"] == 160.0
    assert figures["book.ecp5.slack_ns.worst_seed"] == -1.6
    assert figures["book.ecp5.late_endpoints.worst_seed"] == 18
    assert figures["book.ecp5.seeds"] == 3
    assert figures["book.ecp5.seeds_met"] == 2
    assert figures["book.ecp5.period_met"] == 0
    assert figures["book.ecp5.ff"] == 400
    assert figures["book.ecp5.critical_path.routing_percent"] == 75.0
    text = "\n".join(ecp5_lines("book", placed, harness=100))
    assert "seed 2:  125.00 MHz, slack -1.60 ns, missed by 1.60 ns" in text
    assert "seed 3:  170.00 MHz, slack +0.52 ns, met" in text
    assert "    18 endpoints of 2 registers are late: b 1.60 ns, c 0.50 ns" in text
    assert text.count("late") == 1


def test_a_block_without_logic_has_no_levels():
    mapped = Mapped((), {"lut": 0, "ff": 3})
    assert latency_figures("book", mapped)["book.latency_profile.lut_levels"] == 0
    assert latency_lines("book", mapped)[-1] == "  resources: ff 3"


def _report(**changes):
    step = {"from": {"cell": "dut.a_TRELLIS_FF_Q_3", "port": "Q"},
            "to": {"cell": "dut.b_TRELLIS_FF_Q_DI_LUT4_Z", "port": "A"}}
    used = {cell: {"used": 7, "available": 10}
            for cell in ("TRELLIS_COMB", "TRELLIS_FF", "DP16KD", "MULT18X18D")}
    return json.dumps({
        "fmax": {"clk": {"achieved": 100.0, "constraint": 156.25}},
        "critical_paths": [
            {"from": "<async>", "to": "posedge clk", "path": []},
            {"from": "posedge clk", "to": "posedge clk", "path": [
                {"type": "clk-to-q", "delay": 0.5, **step},
                {"type": "routing", "delay": 7.5, "net": "wire", **step},
                {"type": "setup", "delay": 2.0, **step}]}],
        "detailed_net_timings": [
            _net("dut.b_TRELLIS_FF_Q_DI", 8.0, 4.3), _net("dut.c_TRELLIS_FF_Q_1_DI", 4.5),
            _net("dut.c_TRELLIS_FF_Q_2_DI", 5.0), _net("port", 9.0, event="<async>")],
        "utilization": used, **changes})


def _net(cell, *latest, event="posedge clk"):
    return {"event": "posedge clk", "endpoints": [
        {"cell": cell, "event": event, "delay": [0.1, delay]} for delay in latest]}


def test_a_report_of_nextpnr_is_read():
    placed = read_report(_report(), 5)
    assert (placed.seed, placed.fmax_mhz, placed.slack_ns) == (5, 100.0, pytest.approx(-3.6))
    assert placed.route == Route("dut.a", "dut.b", 10.0, 7.5, ("wire",))
    assert placed.used["lut"] == 7
    assert [(late.name, late.endpoints) for late in placed.late] == [("dut.b", 1), ("dut.c", 2)]
    assert [late.slack_ns for late in placed.late] == pytest.approx([-3.6, -0.6])


@pytest.mark.parametrize(("changes", "message"), [
    ({"fmax": {}}, "exactly one clock"), ({"critical_paths": []}, "must be a path")])
def test_a_report_without_a_clock_or_a_path_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        read_report(_report(**changes), 1)


def test_a_result_is_kept_until_an_input_changes_and_only_the_newest(tmp_path):
    kept, made = Kept(tmp_path), []

    def make(path):
        made.append(path)
        path.write_text(str(len(made)))

    assert kept.file("x", ".txt", ("a", b"b"), make).read_text() == "1"
    assert kept.file("x", ".txt", ("a", b"b"), make).read_text() == "1"
    assert kept.file("x", ".txt", ("ab", b""), make).read_text() == "2"
    assert kept.file("x", ".txt", ("a", b"b"), make).read_text() == "3"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_was_not_finished_is_no_result(tmp_path):
    def fail(path):
        path.write_text("half")
        raise ToolError("stopped")

    with pytest.raises(ToolError):
        Kept(tmp_path).file("x", ".txt", ("a",), fail)
    assert Kept(tmp_path).file(
        "x", ".txt", ("a",), lambda path: path.write_text("whole")).read_text() == "whole"


@pytest.mark.parametrize(("said", "tried"), [
    ("ERROR: abc_ops_reintegrate", 2), ("ended with status -6", 2), ("ERROR: no such file", 1)])
def test_another_recipe_is_tried_after_a_crash_of_the_mapper_only(
        tmp_path, monkeypatch, said, tried):
    ran = []

    def run(module, arguments, *, folder, log):
        ran.append(Path(folder, arguments[0]).read_text())
        if len(ran) == 1:
            raise ToolError(said)

    monkeypatch.setattr("tickgate_hdl.timing.tools.run", run)
    if tried == 1:
        with pytest.raises(ToolError, match="no such file"):
            yosys([["one"], ["two"]], folder=tmp_path, name="x")
    else:
        assert yosys([["one"], ["two"]], folder=tmp_path, name="x") == 1
    assert ran == ["one\n", "two\n"][:tried]


def test_a_tool_that_is_not_installed_is_told():
    with pytest.raises(ToolError, match="no-such-tool must be installed"):
        release("no-such-tool")
