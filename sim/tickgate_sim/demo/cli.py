"""``tickgate demo``: the whole machine, 20 seconds of trading, and a verdict."""

import json
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from tickgate.fix.store import MemoryStore

from tickgate_sim.card.build import BuildError
from tickgate_sim.card.build import build as build_card
from tickgate_sim.demo import summary
from tickgate_sim.demo.channels import ChannelError
from tickgate_sim.demo.judge import judge
from tickgate_sim.demo.machine import Machine
from tickgate_sim.demo.processes import ProcessError, Supervisor
from tickgate_sim.demo.settings import VENUE_USER, Settings
from tickgate_sim.demo.trade import trade
from tickgate_sim.wire.mode import choose

SETTLE_S = 10.0
FOREVER_S = 10.0 * 365 * 86400


def register(app: typer.Typer) -> None:
    """Add ``tickgate demo`` to the program."""
    app.command("demo")(demo)


def demo(
    seconds: Annotated[float, typer.Option(help="how long the clients trade")] = 20.0,
    serve: Annotated[bool, typer.Option(help="keep running until Ctrl-C")] = False,
    pcap: Annotated[Path | None, typer.Option(help="record feed and order entry")] = None,
    mode: Annotated[str, typer.Option(help="auto, tap or relay")] = "auto",
    build: Annotated[Path, typer.Option(help="folder for logs and figures")] = Path("build"),
) -> None:
    """Run exchange, card, engine, console and three clients; exit status 0 when all agree."""
    started = time.monotonic()
    logs = build.resolve() / "demo" / f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    logs.mkdir(parents=True)
    signal.signal(signal.SIGTERM, _interrupt)
    plan = choose("relay" if mode == "relay" else "tap" if mode == "tap" else "auto")

    def say(text: str) -> None:
        typer.echo(f"[{time.monotonic() - started:5.1f} s] {text}")

    try:
        build_card(say)
    except BuildError as error:
        typer.echo(f"demo: {error}", err=True)
        raise typer.Exit(2) from error
    say(
        f"wire: {'TAP in a network namespace' if plan.mode == 'tap' else 'user-space relay'}"
        f" ({plan.reason})"
    )
    # Names of UNIX sockets are short (108 bytes): they live in a temporary folder, logs do not.
    with tempfile.TemporaryDirectory(prefix="tickgate-") as folder:
        try:
            with Supervisor(logs) as supervisor:
                agreed = _run(
                    Machine(Settings(Path(folder), plan.address), supervisor, say),
                    supervisor,
                    say,
                    seconds=seconds,
                    serve=serve,
                    pcap=pcap,
                    mode=plan.mode,
                    build=build,
                )
        except (ProcessError, ChannelError) as error:
            typer.echo(f"demo: {error}", err=True)
            typer.echo(f"demo: logs are in {logs}", err=True)
            raise typer.Exit(2) from error
        except KeyboardInterrupt:
            say("stopped")
            raise typer.Exit(130) from None
    raise typer.Exit(0 if agreed else 1)


def _run(
    machine: Machine,
    supervisor: Supervisor,
    say: Callable[[str], None],
    *,
    seconds: float,
    serve: bool,
    pcap: Path | None,
    mode: str,
    build: Path,
) -> bool:
    machine.start(mode=mode, pcap=pcap)
    if pcap is not None:
        say(f"pcap: tshark -r {pcap} {summary.decode_as(machine.settings)}")
    password = secrets.token_urlsafe(9)
    machine.add_user("risk", "risk", password)
    if serve:
        say(f"console: log in as risk with {password}")
    say(f"clients: three FIX clients trade for {seconds:g} s")
    stores = {client.comp_id: MemoryStore() for client in machine.settings.clients}
    clients = trade(machine.settings, seconds, stores)
    _settle(machine)
    state = machine.engine.state()
    venue = machine.exchange.call("records")["users"][VENUE_USER]
    verdict = judge(state, venue, clients)
    typer.echo("")
    for line in summary.lines(state, venue, clients, verdict):
        typer.echo(line)
    figures = summary.figures(state, clients, verdict)
    (build / "demo.json").write_text(json.dumps(figures, indent=1) + "\n")
    ended = [process.name for process in supervisor.ended()]
    if ended:
        raise ProcessError(f"ended during the run: {', '.join(ended)}")
    if serve:
        typer.echo("")
        say(f"serving: open {machine.console_url} and log in as risk with {password}")
        say("market and clients go on; Ctrl-C stops everything")
        try:
            held = {client.comp_id: client.positions for client in clients}
            trade(machine.settings, FOREVER_S, stores, held)
        except KeyboardInterrupt:
            say("stopping")
    return verdict.all_agree


def _settle(machine: Machine) -> None:
    """Wait until no order is open, on either side."""
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        venue = machine.exchange.call("records")["users"][VENUE_USER]
        if not venue["open_orders"] and not machine.engine.state()["open_orders"]:
            return
        time.sleep(0.1)


def _interrupt(signum: int, frame: object) -> None:
    sys.stderr.flush()
    raise KeyboardInterrupt
