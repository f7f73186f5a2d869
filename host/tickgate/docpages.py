"""Pages of docs/ that are made from declarations: written, or found to be stale.

A module that makes pages has its texts by file name and calls ``run`` from its ``main``.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path


def stale(texts: Mapping[str, str], folder: Path) -> list[Path]:
    """Pages in ``folder`` that are missing or have another text, given by file name."""
    return [
        folder / name
        for name, text in texts.items()
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text
    ]


def run(
    program: str,
    doc: str | None,
    texts_for: Callable[[Path], Mapping[str, str]],
    folder: Path,
    arguments: list[str] | None,
) -> int:
    """Run a generator's command; return its exit code, 1 if ``--check`` found a stale page.

    ``texts_for`` has the texts of a folder, which is ``folder`` unless another is asked for.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=doc)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when stale")
    parser.add_argument("--folder", type=Path, default=folder, help="where the pages are")
    options = parser.parse_args(arguments)
    texts = texts_for(options.folder)
    outdated = stale(texts, options.folder)
    if options.check:
        for path in outdated:
            print(f"{path} is stale: run python -m {program}", file=sys.stderr)
        return 1 if outdated else 0
    options.folder.mkdir(parents=True, exist_ok=True)
    for path in outdated:
        path.write_text(texts[path.name], encoding="utf-8")
    return 0
