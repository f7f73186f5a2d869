"""From a component to RTLIL, and what Yosys' mapped netlists say."""

import hashlib
import json
from collections import Counter
from importlib.metadata import version

from amaranth.back import rtlil

from tickgate_hdl.lib.memories import collisions_undefined, zeros_left_out
from tickgate_hdl.top.sources import gateware_files

__all__ = ["cell_counts", "read_netlist", "sources_hash", "write_rtlil"]


def sources_hash():
    """Return a hash of all gateware sources and of the Amaranth that reads them."""
    digest = hashlib.sha256(version("amaranth").encode())
    for name, path in gateware_files():
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def write_rtlil(component, path, note="# no harness"):
    """Write a component as RTLIL, top module ``top``, without paths of this machine.

    Nothing relies on what a memory gives for a row that is being written.
    ``note`` becomes the first line, a comment.
    """
    with zeros_left_out(), collisions_undefined():
        text = rtlil.convert(component, name="top", emit_src=False)
    path.write_text(f"{note}\n{text}")


def read_netlist(path):
    """Return module ``top`` of the netlist that Yosys' ``write_json`` wrote to ``path``."""
    return json.loads(path.read_text())["modules"]["top"]


def cell_counts(netlist):
    """Return how many cells of each type a netlist has, a Counter."""
    return Counter(cell["type"] for cell in netlist["cells"].values())
