"""Verilated models that cocotb drives, kept by what they are made from: ``build``.

Here: how they are built. Not here: the tests that run on them (``tickgate_sim.runner``), models
that C++ of ours drives (``tickgate_sim.verilated``).
"""

import hashlib
import re
import shutil
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from cocotb_tools import config

from tickgate_sim import toolchain, verilated

__all__ = ["BUILD_ROOT", "build"]

BUILD_ROOT = verilated.BUILD_ROOT / "cocotb"

_PREFIX = "Vtop"
"""The class that cocotb's main program expects."""
_OPTIMISE = "-O1"
"""A model here runs for less time than gcc takes with more optimisation than this."""
_PORT = re.compile(r"\b(?:input|output)\s+(?:reg\s+)?(?:\[\d+:0\]\s*)?(\w+)")


def build(
    text: str,
    name: str,
    *,
    waivers: Sequence[Path] = (),
    flags: Sequence[str] = (),
    internals: Iterable[tuple[str, str]] = (),
) -> Path:
    """Return the folder of a model of Verilog's module ``name``, and of a program of that name.

    The folder is ``build/cocotb/<name>-<hash>``. It is made only when there is none for this
    Verilog, waivers, flags and Verilator. Tests reach the ports, and of the rest only what
    ``internals`` lists as module (with wildcards) and variable: what they might write, Verilator
    cannot simplify. Raises BuildError when a tool fails, ValueError when there is no such module.
    """
    visible = _visible(text, name, internals)
    digest = hashlib.sha256()
    parts = [text, visible, version("verilator"), version("cocotb"), *flags]
    for part in (*parts, *(path.read_text() for path in waivers)):
        digest.update(part.encode() + b"\0")
    folder = BUILD_ROOT / f"{name}-{digest.hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with toolchain.alone(folder):
        built = folder / "built"
        if not built.exists():
            source, control = folder / f"{name}.v", folder / "visible.vlt"
            source.write_text(text)
            control.write_text(visible)
            _verilate(folder, name, [*waivers, control, source], flags)
            _compile(folder, flags)
            built.touch()
    return folder


def _visible(text: str, name: str, internals: Iterable[tuple[str, str]]) -> str:
    """Return a control file of Verilator that makes ports and some more visible."""
    module = re.search(rf"^module {name} ?\(.*?^endmodule", text, re.MULTILINE | re.DOTALL)
    if module is None:
        raise ValueError(f"the Verilog has no module {name}")
    variables = [*((name, port) for port in _PORT.findall(module[0])), *internals]
    lines = [f'public_flat_rw -module "{where}" -var "{what}"' for where, what in variables]
    return "\n".join(("`verilator_config", *lines, ""))


def _verilate(folder: Path, name: str, sources: Sequence[Path], flags: Sequence[str]) -> None:
    main = config.share_dir / "lib" / "verilator" / "verilator.cpp"
    link = f"-Wl,-rpath,{config.libs_dir} -L{config.libs_dir} -lcocotbvpi_verilator"
    verilated.run([
        "verilator_bin", "--cc", "--exe", "--vpi", "-Wall", *flags, "--timescale", "1ns/1ps",
        "--top-module", name, "--prefix", _PREFIX, "--Mdir", str(folder), "-o", name,
        "-LDFLAGS", link, str(main), *map(str, sources),
    ])  # fmt: skip


def _compile(folder: Path, flags: Sequence[str]) -> None:
    """Compile a model and link it, with the objects of Verilator's own library made only once."""
    make = ["make", "-C", str(folder), "-f", f"{_PREFIX}.mk", "-j2", f"OPT_FAST={_OPTIMISE}"]
    words = "\0".join((version("verilator"), *flags))
    library = BUILD_ROOT / f"library-{hashlib.sha256(words.encode()).hexdigest()[:12]}"
    library.mkdir(exist_ok=True)
    with toolchain.alone(library):
        built = library / "built"
        if not built.exists():
            verilated.run([*make, "libverilated.a"])
            for part in folder.glob("verilated*.o"):
                shutil.copyfile(part, library / part.name)
            built.touch()
    for part in library.glob("*.o"):
        shutil.copyfile(part, folder / part.name)  # newer than its makefile: not compiled again
    verilated.run(make)
