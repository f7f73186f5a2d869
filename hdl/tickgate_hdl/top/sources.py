"""The files that the card's Verilog is made from: what its build id and its build cache hash.

Imports no Amaranth, so that a cached build is found without it.
"""

from collections.abc import Iterator
from pathlib import Path

import tickgate

import tickgate_hdl

__all__ = ["DECLARATIONS", "WAIVERS", "gateware_files"]

WAIVERS = Path(__file__).parent / "waivers.vlt"
"""Verilator's warnings that Amaranth's Verilog causes on purpose, in the card and in each bench."""

DECLARATIONS = (
    "card/kills.py",
    "card/registers.py",
    "card/regmap.py",
    "protocols",
    "records/schema.py",
    "risk/checks.py",
    "risk/image.py",
)
"""Files and folders of the host whose tables the gateware reads; its others may change freely."""
_AROUND = ("prove", "timing")
"""Folders beside the gateware: what proves and measures it is not in the card."""


def gateware_files() -> Iterator[tuple[str, Path]]:
    """Yield name and path of each file: the gateware itself, then the host's declarations."""
    host = Path(tickgate.__file__).parent
    gateware = Path(tickgate_hdl.__file__).parent
    for root in (gateware, *(host / name for name in DECLARATIONS)):
        base = root.parent if root.is_file() else root
        for path in [root] if root.is_file() else sorted(root.rglob("*")):
            around = root == gateware and path.relative_to(root).parts[0] in _AROUND
            if path.suffix in {".py", ".vlt"} and not around:
                yield f"{root.name}/{path.relative_to(base)}", path
