"""``tickgate limits``: check a limits file, show it in canonical form, compare two."""

from pathlib import Path
from typing import Annotated

import typer

from tickgate.risk.changes import changes
from tickgate.risk.limits import Limits, LimitsError, load

_File = Annotated[Path, typer.Argument(help="Limits file (TOML).", show_default=False)]


def register(app: typer.Typer) -> typer.Typer:
    """Add ``tickgate limits`` to the program; returns it for commands that need an engine."""
    limits = typer.Typer(
        help="Check, show, compare and apply limits files.", no_args_is_help=True
    )
    limits.command("check")(check)
    limits.command("show")(show)
    limits.command("diff")(diff)
    app.add_typer(limits, name="limits")
    return limits


def check(file: _File) -> None:
    """Say whether a limits file is valid; exit status 1 with line and reason when it is not."""
    limits = read(file)
    typer.echo(
        f"{file}: valid, {len(limits.accounts)} accounts, {len(limits.symbols)} symbols, "
        f"sha256 {limits.hash()}"
    )


def show(file: _File) -> None:
    """Print a limits file in canonical form: the text whose hash is journalled."""
    typer.echo(read(file).text(), nl=False)


def diff(
    old: Annotated[Path, typer.Argument(help="Limits before.", show_default=False)],
    new: Annotated[Path, typer.Argument(help="Limits after.", show_default=False)],
) -> None:
    """List each field that differs, marked as loosened or tightened; exit status 1 if any does.

    Exit status 2 when a file is not valid.
    """
    found = changes(read(old, 2), read(new, 2))
    for change in found:
        typer.echo(str(change))
    raise typer.Exit(1 if found else 0)


def read(file: Path, status: int = 1) -> Limits:
    """Load a file, or print what is wrong and exit with ``status``."""
    try:
        return load(file)
    except LimitsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(status) from error
