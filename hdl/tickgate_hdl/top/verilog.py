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

from tickgate_hdl.lib.compare import compared_at_once
from tickgate_hdl.lib.plain_verilog import plain_verilog
from tickgate_hdl.top.card import Card
from tickgate_hdl.top.config import CardConfig
from tickgate_hdl.top.feed_gate import FeedGate
from tickgate_hdl.top.sources import WAIVERS, gateware_files

__all__ = [
    "SMALL", "SMALL_LOCATE_BITS", "WAIVERS", "build_id", "card_verilog", "feed_gate_verilog",
    "main",
]

SMALL = CardConfig(
    symbols=4, accounts=4, front=4, leaf=4, leaves=4, order_sets=64, order_ways=4,
    open_orders=128, window=64, line_fifo=64)
"""Sizes of a card that is quick to build and to sweep, for tests."""

SMALL_LOCATE_BITS = 8
"""Width of the stock locates that the small card tells apart."""

_CONSTANT = re.compile(r"^  always @\*\n(    \S.* = \d+'[bdh][0-9a-f_]+;)$", re.MULTILINE)


def build_id(config):
    """Return 32 bits that change when the gateware's parameters, sources or declarations do."""
    digest = hashlib.sha256(repr(astuple(config)).encode())
    for name, path in gateware_files():
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return int.from_bytes(digest.digest()[:4], "big")


def card_verilog(config, *, locate_bits=16):
    """Return the Verilog of a card, module ``card``, without paths of this machine."""
    return _verilog(Card(config, build_id(config), locate_bits=locate_bits), "card")


def feed_gate_verilog(config, *, locate_bits=16):
    """Return the Verilog of feed, book and gate, module ``feed_gate``, for simulators."""
    with compared_at_once():
        return _verilog(FeedGate(config, locate_bits=locate_bits), "feed_gate")


def _verilog(top, name):
    return _CONSTANT.sub(r"  always_comb\n\1", plain_verilog(top, name))


def main(arguments=None):
    """Run the program. Return its exit status."""
    parser = argparse.ArgumentParser("python -m tickgate_hdl.top.verilog", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for card.v")
    parser.add_argument("--small", action="store_true", help="a small card, for tests")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "card.v"
    if options.small:
        text = card_verilog(SMALL, locate_bits=SMALL_LOCATE_BITS)
    else:
        text = card_verilog(CardConfig())
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
