"""Build of feed, book and gate for fast runs, cached under ``build/fast``."""

import hashlib
import os
import sys
from dataclasses import replace
from pathlib import Path

from tickgate_hdl.top.config import CardConfig
from tickgate_hdl.top.sources import WAIVERS, gateware_files
from tickgate_hdl.top.verilog import feed_gate_verilog

from tickgate_sim.fast.activity import skip_idle
from tickgate_sim.verilated import Cache, Model, Say, harness_digest, run

__all__ = ["build"]

_HARNESS = Path(__file__).parent / "harness"
_LIBRARY = "libtickgate_fast.so"
_SEPARATE = ("--no-assert", "-fno-merge-cond", "-fno-merge-cond-motion")
"""Statements must not be put under common conditions: they could not be grouped then."""
_REWRITERS = ("activity", "cpp_reader", "grouping")


def build(
    config: CardConfig | None = None,
    *,
    locate_bits: int = 16,
    skip: bool = True,
    optimise: str | None = None,
    say: Say | None = None,
) -> Path:
    """Return the shared library of a ``FeedGate`` and its harness, built now or before.

    ``skip`` makes the model skip what has nothing to do (``activity``), ``optimise`` are other
    flags of the compiler than the usual ones (a test needs a quick build); results are the same.
    ``say`` gets a line for each step that takes time. Raises BuildError when a tool fails.
    """
    config = config or CardConfig()
    cache = Cache("fast", say)
    words = repr(config), str(locate_bits), sys.version
    sources = hashlib.sha256("\0".join(words).encode())
    for name, path in gateware_files():
        sources.update(name.encode() + b"\0" + path.read_bytes())
    verilog = cache.root / f"verilog-{sources.hexdigest()[:16]}" / "feed_gate.v"
    with cache.lock():
        if not verilog.exists():
            with cache.step("writing the Verilog of feed, book and gate"):
                text = feed_gate_verilog(config, locate_bits=locate_bits)
                cache.fill(verilog.parent, lambda folder: _write(folder / verilog.name, text))
        model = Model(verilog, "feed_gate", "Vmodel", WAIVERS, ("--no-assert",))
        if optimise is not None:
            model = replace(model, optimise=optimise)
        if skip:
            model = replace(
                model, flags=_SEPARATE, rewrite=skip_idle, rewriters=tuple(map(_file, _REWRITERS)))
        harness = sorted(_HARNESS.glob("*.cpp"))
        folder = cache.root / f"fast-{harness_digest(harness, model.digest())}"
        if not (folder / _LIBRARY).exists():
            libraries = cache.model(model)
            cache.fill(folder, lambda folder: _make_harness(cache, folder, libraries, model))
    os.utime(folder)  # in use: not to be removed
    return folder / _LIBRARY


def _file(module: str) -> Path:
    return Path(__file__).parent / f"{module}.py"


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def _make_harness(cache: Cache, folder: Path, libraries: Path, model: Model) -> None:
    with cache.step("compiling the harness"):
        objects = cache.compile(sorted(_HARNESS.glob("*.cpp")), folder, libraries, [_HARNESS])
        archives = [str(libraries / name) for name in model.archives]
        run(["g++", "-shared", "-o", str(folder / _LIBRARY), *objects.values(), *archives,
             "-lpthread"])
