"""What the simulator adds to the ``tickgate`` program: ``demo`` and ``replay``."""

import typer

from tickgate_sim.demo import cli as demo_cli
from tickgate_sim.replay import cli as replay_cli


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    demo_cli.register(app)
    replay_cli.register(app)
