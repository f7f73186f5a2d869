"""Runs a Yosys script: ``python -m tickgate_hdl.timing.yosys SCRIPT``, a command a line.

A process of its own, because Yosys ends the process at an error, and may crash.
"""

import sys
from pathlib import Path

from pyosys import libyosys

if __name__ == "__main__":
    design = libyosys.Design()
    for command in Path(sys.argv[1]).read_text().splitlines():
        libyosys.run_pass(command, design)
