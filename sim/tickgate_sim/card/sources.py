"""Where the card's Verilog comes from, and a fingerprint that says when it must be made again."""

import hashlib
import subprocess
import sys
from pathlib import Path

from tickgate_hdl.top.sources import WAIVERS, gateware_files

__all__ = ["HARNESS", "WAIVERS", "fingerprint", "write_verilog"]

HARNESS = Path(__file__).parent / "harness"
"""The C++ around the Verilated card."""


def fingerprint() -> str:
    """Return a hash over everything that the card's Verilog is made from."""
    digest = hashlib.sha256(sys.version.encode())
    for name, path in gateware_files():
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def write_verilog(folder: Path) -> None:
    """Write ``card.v`` to ``folder``. Raises CalledProcessError when that
    fails."""
    command = [sys.executable, "-m", "tickgate_hdl.top.verilog", "--out", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
