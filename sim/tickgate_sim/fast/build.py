"""Build of feed, book and gate for fast runs, cached under ``build/fast``."""

import hashlib
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tickgate_hdl.top.config import CardConfig
from tickgate_hdl.top.sources import WAIVERS, gateware_files
from tickgate_hdl.top.verilog import feed_gate_verilog

from tickgate_sim.fast.activity import log_activity, skip_idle
from tickgate_sim.verilated import (
    TRAINING_LIBRARIES,
    Cache,
    Model,
    Say,
    harness_digest,
    make_archives,
    run,
)

__all__ = ["build"]

_HARNESS = Path(__file__).parent / "harness"
_LIBRARY = "libtickgate_fast.so"
_SEPARATE = (
    "--no-assert",
    *("-fno-merge-cond", "-fno-merge-cond-motion", "-fno-reloop"),
    *("--inline-cfuncs", "0", "--inline-cfuncs-product", "0"),
)
"""Statements must not be put under common conditions or into loops: they could not be grouped. And
what a clock edge calls must be functions, the last and short one too: they are what is grouped."""
_CLOSE = " ".join(f"-falign-{what}=1" for what in ("functions", "jumps", "loops", "labels"))
"""The code that a cycle runs does not fit the processor's nearest cache: no gaps in it."""
_REWRITERS = (
    "activity", "conditions", "cpp_reader", "emission", "grouping", "ordering", "registers",
    "session")


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
            model = replace(model, flags=_SEPARATE, optimise=f"{model.optimise} {_CLOSE}",
                            rewriters=tuple(map(_file, _REWRITERS)))
            plain = model

            def rewrite(folder: Path, prefix: str) -> None:
                skip_idle(folder, prefix, _logged(cache, folder, plain, config.symbols))

            model = replace(model, rewrite=rewrite)
            if optimise is None:
                model = replace(
                    model, train=lambda folder: _train(cache, folder, plain, config.symbols))
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


def _logged(cache: Cache, folder: Path, model: Model, symbols: int) -> NDArray[np.bool_]:
    """Return in which cycles of a short session each part of the model in a folder is run."""
    copy = folder.with_name(f"{folder.name}.log")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    try:
        parts = log_activity(copy, model.prefix)
        with cache.step("compiling a model that logs its activity"):
            make_archives(copy, replace(model, optimise="-O0"))
        _make_harness(cache, copy, copy, model)
        path = copy / "active.npy"
        with cache.step("logging a session"):
            run([sys.executable, "-m", "tickgate_sim.fast.session", str(copy / _LIBRARY),
                 str(symbols), str(parts), str(path)])
        active: NDArray[np.bool_] = np.load(path)
        return active
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _train(cache: Cache, folder: Path, model: Model, symbols: int) -> None:
    """Run the short session on the model in a folder."""
    made = folder / "training"
    made.mkdir()
    _make_harness(cache, made, folder, model, TRAINING_LIBRARIES)
    run([sys.executable, "-m", "tickgate_sim.fast.session", str(made / _LIBRARY), str(symbols)])
    shutil.rmtree(made)


def _make_harness(
    cache: Cache, folder: Path, libraries: Path, model: Model, more: Sequence[str] = ()
) -> None:
    with cache.step("compiling the harness"):
        objects = cache.compile(sorted(_HARNESS.glob("*.cpp")), folder, libraries, [_HARNESS])
        archives = [str(libraries / name) for name in model.archives]
        run(["g++", "-shared", "-o", str(folder / _LIBRARY), *objects.values(), *archives,
             "-lpthread", *more])
