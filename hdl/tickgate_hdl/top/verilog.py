"""Writes the card as Verilog: ``python -m tickgate_hdl.top.verilog --out DIR [--small]``.

Memories are written without their initial zeros. Amaranth gives every row of a memory a line of
its own, which for the card's tables is most of the file; and what they say is not needed: each
memory is either swept after reset or never read where it was not written. Verilated models fill
memories with random words, so that every test run proves it.

Constant slices of a register come from Yosys as ``always @*`` blocks that read nothing, which a
simulator never runs; they are written as ``always_comb``, which it does.
"""

import argparse
import hashlib
import re
import sys
from dataclasses import astuple
from pathlib import Path

import tickgate.card
import tickgate.records
from amaranth.back import verilog

import tickgate_hdl
from tickgate_hdl.top.card import Card
from tickgate_hdl.top.config import CardConfig

__all__ = ["SMALL", "WAIVERS", "build_id", "card_verilog", "main"]

SMALL = CardConfig(
    symbols=4, accounts=4, levels=16, order_sets=64, order_ways=4, open_orders=64)
"""A card that is quick to build and to sweep, for tests."""

WAIVERS = Path(__file__).parent / "waivers.vlt"
"""Verilator's warnings that this Verilog causes on purpose."""

_INITIAL = re.compile(r"^  initial begin\n((?:    .*\n)+?)  end\n", re.MULTILINE)
_CONSTANT = re.compile(r"^  always @\*\n(    \S.* = \d+'[bdh][0-9a-f_]+;)$", re.MULTILINE)
_ZERO_ROW = re.compile(r"    \S+\[\d+\] = \d+'[hd]0+;")


def build_id(config):
    """Return 32 bits that change when the gateware's parameters, sources or declarations do."""
    digest = hashlib.sha256(repr(astuple(config)).encode())
    for package in (tickgate_hdl, tickgate.card, tickgate.records):
        folder = Path(package.__file__).parent
        for path in sorted(folder.rglob("*.py")):
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return int.from_bytes(digest.digest()[:4], "big")


def _without_zeros(text):
    """Remove the initial blocks in which every row of a memory is zero."""

    def blank(match):
        rows = match[1].splitlines()
        return "" if all(_ZERO_ROW.fullmatch(row) for row in rows) else match[0]

    return _INITIAL.sub(blank, text)


def card_verilog(config):
    """Return the Verilog of a card, module ``card``, without paths of this machine."""
    card = Card(config, build_id(config))
    text = verilog.convert(card, name="card", emit_src=False, strip_internal_attrs=True)
    return _CONSTANT.sub(r"  always_comb\n\1", _without_zeros(text))


def main(arguments=None):
    """Run the program. Return its exit status."""
    parser = argparse.ArgumentParser("python -m tickgate_hdl.top.verilog", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for card.v")
    parser.add_argument("--small", action="store_true", help="a small card, for tests")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "card.v"
    text = card_verilog(SMALL if options.small else CardConfig())
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
