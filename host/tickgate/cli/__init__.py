"""The ``tickgate`` command: subcommands of the host, and those that other packages register.

Here: assembling the program. Not here: what a subcommand does; each lives in the ``cli`` module of
its component.
Other packages add theirs through the entry-point group ``tickgate.commands`` (a function that takes
the Typer app).
"""

from importlib.metadata import entry_points

import typer

from tickgate.console import cli as console_cli
from tickgate.engine import cli as engine_cli
from tickgate.risk import cli as risk_cli

ENTRY_POINT_GROUP = "tickgate.commands"


def build() -> typer.Typer:
    """The whole program, with every subcommand that is installed."""
    app = typer.Typer(
        name="tickgate",
        help="Tickgate: a market-access gateway whose orders pass one risk gate in hardware.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    engine_cli.register(app)
    engine_cli.register_limits(risk_cli.register(app))
    console_cli.register(app)
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name):
        entry.load()(app)
    return app


def main() -> None:
    """Run the program."""
    build()()
