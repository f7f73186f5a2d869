"""``tickgate engine``, and the commands that ask a running one: ``kill``, ``resume``, ``arm``,
``disarm``, ``preview``, ``state``, ``limits apply`` and ``limits rollback``."""

import getpass
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tickgate.engine.client import EngineError, ask
from tickgate.engine.config import ConfigError, EngineConfig
from tickgate.engine.kills import SCOPES
from tickgate.engine.main import run
from tickgate.protocols.ouch50 import MAX_PRICE
from tickgate.risk.cli import read
from tickgate.risk.reader import usd

_Config = Annotated[Path, typer.Option("--config", help="The engine's settings (TOML).")]


def register(app: typer.Typer) -> None:
    """Add the engine's commands to the program."""
    app.command("engine")(engine)
    app.command("kill")(kill)
    app.command("resume")(resume)
    app.command("arm")(arm)
    app.command("disarm")(disarm)
    app.command("preview")(preview)
    app.command("state")(state)


def register_limits(limits: typer.Typer) -> None:
    """Add ``apply`` and ``rollback`` to ``tickgate limits``."""
    limits.command("apply")(apply)
    limits.command("rollback")(rollback)


def engine(config: _Config) -> None:
    """Run the engine until it is told to stop."""
    raise typer.Exit(run(config))


def kill(
    config: _Config,
    scope: Annotated[str, typer.Argument(help=f"{', '.join(SCOPES)}.")] = "all",
    target: Annotated[str | None, typer.Argument(help="Its name.")] = None,
    off: Annotated[bool, typer.Option("--off", help="Let orders pass again.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel open orders too.")] = False,
) -> None:
    """Stop new orders in the card, at once."""
    answer = _ask(config, "kill", scope=scope, target=target, on=not off, cancel=cancel)
    took_us = (answer["confirmed_ns"] - answer["received_ns"]) // 1000
    typer.echo(
        f"kill {scope} {target or ''} {'off' if off else 'on'}: in the card {took_us} us after "
        f"the engine had it; {answer['cancels_sent']} cancels sent"
    )


def resume(
    config: _Config,
    scope: Annotated[str, typer.Argument(help="strategy or account.")],
    target: Annotated[str, typer.Argument(help="Its name.")],
) -> None:
    """Let a strategy go on that had all its executions, or an account with too many rejects."""
    answer = _ask(config, "resume", scope=scope, target=target)
    counted = "executions" if scope == "strategy" else "rejects in a row"
    typer.echo(f"{scope} {target} goes on; it had {answer['counted']} {counted}")


def arm(config: _Config) -> None:
    """Open the gate; after it was shut, with the limits in force as a new generation."""
    answer = _ask(config, "arm")
    typer.echo(f"the gate is open, limits generation {answer['generation']}")


def disarm(config: _Config) -> None:
    """Shut the gate until it is armed again, also over restarts; cancels still pass."""
    _ask(config, "disarm")
    typer.echo("the gate is shut")


def preview(
    config: _Config,
    session: Annotated[str, typer.Argument(help="CompID of the client.")],
    side: Annotated[str, typer.Argument(help="B, S, T (short) or E (short exempt).")],
    quantity: Annotated[int, typer.Argument(help="Shares.")],
    symbol: Annotated[str, typer.Argument()],
    price: Annotated[str | None, typer.Argument(help="USD; none for a market order.")] = None,
    algo_id: Annotated[
        int | None, typer.Option("--algo-id", help="Of the strategy; none: the client's own.")
    ] = None,
) -> None:
    """Say whether a day order would pass, without sending it; exit status 2 when it would not."""
    try:
        limit = None if price is None else usd(price, MAX_PRICE)
    except ValueError as error:
        typer.echo(f"price{error}", err=True)
        raise typer.Exit(1) from error
    answer = _ask(
        config,
        "preview",
        session=session,
        side=side,
        quantity=quantity,
        symbol=symbol,
        price=limit,
        algo_id=algo_id,
    )
    for check in answer["checks"]:
        typer.echo(f"{check['by']} {check['name']}: {check['text']}")
    typer.echo(f"not foretold: {', '.join(answer['not_previewed'])}")
    if not answer["passes"]:
        raise typer.Exit(2)
    typer.echo(f"would pass, limits generation {answer['generation']}")


def apply(
    config: _Config,
    file: Annotated[Path, typer.Argument(help="Limits file (TOML).", show_default=False)],
) -> None:
    """Put a limits file into force on the running engine's card; nothing changes if refused."""
    limits = read(file)
    answer = _ask(config, "set_limits", toml=limits.text())
    typer.echo(f"generation {answer['generation']} is in force, sha256 {limits.hash()}")


def rollback(
    config: _Config,
    why: Annotated[str, typer.Option("--why", help="Reason, for the journal.")] = "",
) -> None:
    """Put the limits that were in force before the present ones into force again, with a new
    generation."""
    answer = _ask(config, "rollback", why=why)
    typer.echo(
        f"generation {answer['generation']} is in force, the limits of generation "
        f"{answer['restored']}, sha256 {answer['hash']}"
    )


def state(config: _Config) -> None:
    """Print the state of a running engine as JSON."""
    typer.echo(json.dumps(_ask(config, "state"), indent=2))


def _ask(config_path: Path, command: str, **arguments: Any) -> dict[str, Any]:
    try:
        config = EngineConfig.load(config_path)
        actor = f"cli:{getpass.getuser()}"
        return ask(config.command_socket, config.state_dir, actor, command, **arguments)
    except (ConfigError, EngineError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
