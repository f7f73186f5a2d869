"""The exported Verilog: its ports are the contract, and Verilator accepts it."""

import re
import subprocess

import pytest
from amaranth.back import verilog
from tickgate_hdl.top.card import Card
from tickgate_hdl.top.verilog import SMALL, SMALL_LOCATE_BITS, WAIVERS, build_id, card_verilog, main
from tickgate_sim import toolchain

PORTS = {  # name: (direction, width); harnesses on every side depend on each of them
    "clk": ("input", 1), "rst": ("input", 1),
    "cq__tdata": ("input", 256), "cq__tkeep": ("input", 8), "cq__tlast": ("input", 1),
    "cq__tuser": ("input", 88), "cq__tvalid": ("input", 1), "cq__tready": ("output", 1),
    "cc__tdata": ("output", 256), "cc__tkeep": ("output", 8), "cc__tlast": ("output", 1),
    "cc__tuser": ("output", 33), "cc__tvalid": ("output", 1), "cc__tready": ("input", 1),
    "rq__tdata": ("output", 256), "rq__tkeep": ("output", 8), "rq__tlast": ("output", 1),
    "rq__tuser": ("output", 62), "rq__tvalid": ("output", 1), "rq__tready": ("input", 1),
    "rc__tdata": ("input", 256), "rc__tkeep": ("input", 8), "rc__tlast": ("input", 1),
    "rc__tuser": ("input", 75), "rc__tvalid": ("input", 1), "rc__tready": ("output", 1),
    "cfg_interrupt_msix_enable": ("input", 4), "cfg_interrupt_msix_mask": ("input", 4),
    "cfg_interrupt_msix_address": ("output", 64), "cfg_interrupt_msix_data": ("output", 32),
    "cfg_interrupt_msix_int": ("output", 1), "cfg_interrupt_msix_sent": ("input", 1),
    "cfg_interrupt_msix_fail": ("input", 1),
    "net_rx_a__payload": ("input", 74), "net_rx_a__valid": ("input", 1),
    "net_rx_a__ready": ("output", 1),
    "net_rx_b__payload": ("input", 74), "net_rx_b__valid": ("input", 1),
    "net_rx_b__ready": ("output", 1),
    "net_tx__payload": ("output", 74), "net_tx__valid": ("output", 1),
    "net_tx__ready": ("input", 1),
    "oe_tx__payload": ("output", 73), "oe_tx__valid": ("output", 1), "oe_tx__ready": ("input", 1),
    "oe_rx__payload": ("input", 73), "oe_rx__valid": ("input", 1), "oe_rx__ready": ("output", 1),
    "oe_link_up": ("input", 1), "oe_connect": ("output", 1),
    "ms_tick": ("input", 1), "time_ns": ("input", 64),
    "tob_tap__valid": ("output", 1), "tob_tap__payload": ("output", 392),
    "busy": ("output", 1),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("card")
    assert main(["--out", str(path), "--small"]) == 0
    return path


@pytest.fixture(scope="module")
def text(folder):
    return (folder / "card.v").read_text()


def top_module(text):
    return re.search(r"^module card\(.*?^endmodule", text, re.MULTILINE | re.DOTALL)[0]


def test_the_ports_are_those_of_the_contract(text):
    ports = {}
    pattern = re.compile(r"^  (input|output) (?:\[(\d+):0\] )?(\w+);$", re.MULTILINE)
    for direction, top, name in pattern.findall(top_module(text)):
        ports[name] = (direction, int(top or 0) + 1)
    assert ports == PORTS


def test_verilator_accepts_it_with_all_warnings(folder):
    command = ["verilator_bin", "--lint-only", "-Wall", "--top-module", "card", str(WAIVERS),
               str(folder / "card.v")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={
        **toolchain.variables(), "VERILATOR_ROOT": str(toolchain.VERILATOR)})
    assert done.returncode == 0, done.stderr
    assert "%Warning" not in done.stderr


def test_every_waiver_says_why():
    lines = WAIVERS.read_text().splitlines()
    waived = [line for line in lines if line.startswith("lint_off")]
    assert 0 < len(waived) <= 8
    assert all(re.fullmatch(r"lint_off -rule [A-Z]+ +// \S.{15,}", line) for line in waived)


def test_no_path_of_this_machine_is_in_it(text):
    assert "/tickgate_hdl/" not in text
    assert "(* src" not in text


def test_only_initial_zeros_are_left_out(text):
    """The public way writes the same but for memories that are all zero."""
    card = Card(SMALL, build_id(SMALL), locate_bits=SMALL_LOCATE_BITS)
    public = verilog.convert(card, name="card", emit_src=False, strip_internal_attrs=True)
    blocks = re.findall(r"^  initial begin\n((?:    .*\n)+?)  end\n", public, re.MULTILINE)
    assert blocks, "there are memories"
    zeros = [b for b in blocks if all(re.search(r"= \d+'[hd]0+;$", row) for row in b.splitlines())]
    kept = re.findall(r"^  initial begin\n((?:    .*\n)+?)  end\n", text, re.MULTILINE)
    assert kept == [block for block in blocks if block not in zeros]
    for block in zeros:
        public = public.replace(f"  initial begin\n{block}  end\n", "")
    # Yosys orders what is parallel by the names that it has seen; the lines are the same.
    written = text.replace("always_comb", "always @*")
    assert sorted(written.splitlines()) == sorted(public.splitlines())


def test_a_constant_slice_is_driven_from_time_zero(text):
    assert not re.search(r"always @\*\n    \S.* = \d+'[bdh][0-9a-f]+;\n", text)


def test_the_same_sources_give_the_same_text(text):
    assert card_verilog(SMALL, locate_bits=SMALL_LOCATE_BITS) == text


def test_the_build_id_follows_the_configuration():
    assert build_id(SMALL) == build_id(SMALL) != build_id(type(SMALL)())
