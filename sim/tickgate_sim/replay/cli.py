"""The command ``tickgate replay``."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from tickgate_sim.fast import FastError
from tickgate_sim.replay.passes import ReplayError, replay
from tickgate_sim.replay.source import SourceError
from tickgate_sim.verilated import BuildError

__all__ = ["register"]

_SAY_EVERY_S = 1.0


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("replay")(replay_command)


def replay_command(
    file: Annotated[Path, typer.Argument(help="ITCH 5.0 in BinaryFILE, plain or gzipped")],
    bbo: Annotated[
        Path | None, typer.Option(help="CSV of the best bid and offer after each change")
    ] = None,
    symbols: Annotated[
        str | None, typer.Option(help="symbols to track, separated by commas; default: all")
    ] = None,
    card: Annotated[
        bool, typer.Option(help="through the whole card, not only feed, book and gate: much slower")
    ] = False,
) -> None:
    """Push a real ITCH 5.0 file through the gateware and print what it made of it."""
    chosen = [name.strip() for name in symbols.split(",")] if symbols is not None else None
    try:
        report = replay(file, bbo, chosen, card=card, progress=_Progress())
    except (SourceError, ReplayError, FastError, BuildError, ValueError, OSError) as error:
        print(f"replay: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    for line in report.lines():
        print(line)
    if bbo is not None:
        print(f"{len(report.changes):,} rows in {bbo}")
    if not report.types_agree:
        raise typer.Exit(1)


class _Progress:
    """Says about once a second how far it is."""

    def __init__(self) -> None:
        self._start = self._said = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._said >= _SAY_EVERY_S:
            self._said = now
            rate = done / (now - self._start)
            line = f"replay: {done:,} of {total:,} messages, {rate:,.0f} a second"
            print(line, file=sys.stderr, flush=True)
