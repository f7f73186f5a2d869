"""``tickgate limits``: check a limits file, show it in canonical form."""

from pathlib import Path
from typing import Annotated

import typer

from tickgate.risk.limits import Limits, LimitsError, load

_File = Annotated[Path, typer.Argument(help="Limits file (TOML).", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add ``tickgate limits`` to the program."""
    limits = typer.Typer(help="Check and show limits files.", no_args_is_help=True)
    limits.command("check")(check)
    limits.command("show")(show)
    app.add_typer(limits, name="limits")


def check(file: _File) -> None:
    """Say whether a limits file is valid; exit status 1 with the reason when it is not."""
    limits = _load(file)
    typer.echo(
        f"{file}: valid, {len(limits.accounts)} accounts, {len(limits.collars)} symbols, "
        f"sha256 {limits.hash()}"
    )


def show(file: _File) -> None:
    """Print a limits file in canonical form: the text whose hash is journalled."""
    typer.echo(_load(file).text(), nl=False)


def _load(file: Path) -> Limits:
    try:
        return load(file)
    except LimitsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
