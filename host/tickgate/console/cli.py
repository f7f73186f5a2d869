"""``tickgate console``: serve the console, manage its users."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the console's subcommands."""
    console = typer.Typer(help="The console: pages and REST API.", no_args_is_help=True)
    app.add_typer(console, name="console")

    @console.command()
    def serve(
        config: Annotated[Path, typer.Option(help="TOML file with the table [console]")],
    ) -> None:
        """Serve the console until it is stopped."""
        import uvicorn

        from tickgate.console.app import create
        from tickgate.console.settings import ConsoleSettings, SettingsError

        try:
            settings = ConsoleSettings.load(config)
        except SettingsError as error:
            raise typer.BadParameter(str(error)) from error
        typer.echo(f"console: http://{settings.host}:{settings.port}/")
        uvicorn.run(
            create(settings),
            host=settings.host,
            port=settings.port,
            log_level="warning",
            ws_max_size=2**20,
        )

    @console.command("add-user")
    def add_user(
        name: Annotated[str, typer.Argument(help="letters, digits and _")],
        users_file: Annotated[Path, typer.Option(help="the users file")],
        role: Annotated[str, typer.Option(help="viewer or risk")] = "viewer",
    ) -> None:
        """Add or replace a user; the password is read from standard input."""
        from tickgate.console.users import UserError, UserStore

        password = (
            typer.prompt("Password", hide_input=True)
            if sys.stdin.isatty()
            else sys.stdin.readline().rstrip("\n")
        )
        try:
            UserStore(users_file).add(name, role, password)
        except UserError as error:
            raise typer.BadParameter(str(error)) from error
        typer.echo(f"user {name} may log in as {role}")
