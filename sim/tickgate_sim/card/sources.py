"""Where the card's Verilog comes from, and a fingerprint that says when it must be made again."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import tickgate
import tickgate_hdl

__all__ = ["HARNESS", "WAIVERS", "fingerprint", "write_verilog"]

HARNESS = Path(__file__).parent / "harness"
"""The C++ around the Verilated card."""
_HDL = Path(tickgate_hdl.__file__).parent
_HOST = Path(tickgate.__file__).parent
WAIVERS = _HDL / "top" / "waivers.vlt"
"""Verilator's warnings that the generated Verilog is allowed."""
_DECLARATIONS = ("card", "protocols", "records", "risk")
"""Packages of the host whose tables the gateware is made from."""


def fingerprint() -> str:
    """Return a hash over everything that the card's Verilog is made from."""
    digest = hashlib.sha256(sys.version.encode())
    for path in _files():
        digest.update(f"{path}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _files() -> Iterator[Path]:
    for root in (_HDL, *(_HOST / name for name in _DECLARATIONS)):
        for path in sorted(root.rglob("*")):
            if path.suffix in {".py", ".rdl", ".vlt"}:
                yield path


def write_verilog(folder: Path) -> None:
    """Write ``card.v`` to ``folder``. Raises CalledProcessError when that
    fails."""
    command = [sys.executable, "-m", "tickgate_hdl.top.verilog", "--out", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
