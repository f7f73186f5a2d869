"""Build of the Verilated card, cached under ``build/card`` by the hash of what goes into it."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tickgate.card.mailbox import c_constants

from tickgate_sim.card.sources import HARNESS, WAIVERS, fingerprint, write_verilog
from tickgate_sim.verilated import BuildError, Cache, Model, Say, harness_digest, run

__all__ = ["BuildError", "BuiltCard", "build", "build_verilog"]

_SHARED = ("card", "pcie", "streams")
_LIBRARY = ("library",)
_PROCESS = ("main", "host_link", "wire_link", "system")


@dataclass(frozen=True, slots=True)
class BuiltCard:
    """A card that is ready to run: a shared library for ctypes, and a program."""

    library: Path
    program: Path


def build(say: Say | None = None) -> BuiltCard:
    """Return the card made from the sources as they are, built now or before.

    ``say`` gets a line for each step that takes time. Raises BuildError when a tool fails.
    """
    cache = Cache("card", say)
    mark = cache.root / f"verilog-{fingerprint()}"
    with cache.lock():
        if not (mark / "card.v").exists():
            with cache.step("writing the card's Verilog"):
                try:
                    cache.fill(mark, write_verilog)
                except subprocess.CalledProcessError as error:
                    raise BuildError("the card's Verilog was not written (see above)") from error
    return build_verilog(mark / "card.v", WAIVERS, say)


def build_verilog(source: Path, waivers: Path | None = None, say: Say | None = None) -> BuiltCard:
    """Return the harness built around ``source``, a module ``card`` with the card's ports."""
    cache = Cache("card", say)
    model = Model(source, "card", "Vcard", waivers)
    harness = harness_digest(
        sorted(HARNESS.glob("*.[ch]pp")), str(c_constants()), model.digest())
    folder = cache.root / f"card-{harness}"
    built = BuiltCard(folder / "libtickgate_card.so", folder / "tickgate-card")
    if built.library.exists() and built.program.exists():
        os.utime(folder)  # in use: not to be removed
        return built
    with cache.lock():
        libraries = cache.model(model)
        if not built.program.exists():
            cache.fill(folder, lambda folder: _make_harness(cache, folder, libraries, model))
    return built


def _make_harness(cache: Cache, folder: Path, libraries: Path, model: Model) -> None:
    with cache.step("compiling the harness"):
        header = "".join(f"constexpr uint32_t {n} = {v}u;\n" for n, v in c_constants().items())
        (folder / "mailbox_layout.hpp").write_text(
            f"// Made from tickgate.card.mailbox.\n#pragma once\n#include <cstdint>\n{header}"
        )
        sources = [HARNESS / f"{name}.cpp" for name in (*_SHARED, *_LIBRARY, *_PROCESS)]
        objects = cache.compile(sources, folder, libraries, [HARNESS, folder])
        archives = [*(str(libraries / name) for name in model.archives), "-lpthread"]
        shared = [objects[name] for name in _SHARED]
        library = [*shared, *(objects[name] for name in _LIBRARY), *archives]
        run(["g++", "-shared", "-o", str(folder / "libtickgate_card.so"), *library])
        program = [*shared, *(objects[name] for name in _PROCESS), *archives]
        run(["g++", "-o", str(folder / "tickgate-card"), *program])
