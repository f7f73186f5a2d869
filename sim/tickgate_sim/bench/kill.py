"""How long a kill takes from an operator's hand to the card: REST, command line, console.

The card is simulated, so these are times of the host's part and of the simulation on this machine.
Cycles in the card itself are measured by ``gate``.
"""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tickgate.engine.inputs import Slot
from tickgate.journal.tailer import Tailer
from tickgate.records.codec import unpack
from tickgate.records.messages import CardEvent

from tickgate_sim.bench import click
from tickgate_sim.card.build import build
from tickgate_sim.demo.machine import Machine
from tickgate_sim.demo.processes import Supervisor
from tickgate_sim.demo.settings import Settings

__all__ = ["KillTimes", "figures", "measure", "table"]

_TIMES = 15
"""Kills by each way."""
_PATIENCE_S = 60.0
_USER, _PASSWORD = "risk", "a password for the bench"
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class KillTimes:
    """Kills by one way, in ms from the request to when the card says that the kill took effect."""

    way: str
    ms: list[float]


def measure(folder: Path, say: Callable[[str], None]) -> tuple[list[KillTimes], str]:
    """Start the whole machine and kill by each way; logs go into ``folder``.

    The second value says why the click was left out, if it was.
    """
    build(say)
    # A short path: the address of a UNIX socket has room for a hundred characters only.
    with tempfile.TemporaryDirectory(prefix="tickgate-") as short, Supervisor(folder) as supervisor:
        machine = Machine(Settings(Path(short), _LOOPBACK), supervisor, say)
        machine.add_user(_USER, "risk", _PASSWORD)
        machine.start(mode="relay")
        token = _log_in(machine, supervisor)
        shut = _Shut(machine)

        def rest() -> int:
            asked_ns = time.time_ns()
            _post(machine, "kill", token, scope="all")
            return asked_ns

        def command_line() -> int:
            config = str(machine.settings.folder / "engine.toml")
            words = [sys.executable, "-m", "tickgate.cli", "kill", "--config", config, "all"]
            asked_ns = time.time_ns()
            subprocess.run(words, check=True, capture_output=True, timeout=_PATIENCE_S)
            return asked_ns

        times = [shut.by(way, kill) for way, kill in (("rest", rest), ("cli", command_line))]
        left_out = click.missing()
        if not left_out:
            with click.console(machine.console_url, _USER, _PASSWORD) as clicked:
                times.append(shut.by("console_click", clicked))
        return times, left_out


class _Shut:
    """Waits for the card's own word, in the engine's journal, that its gate was shut."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._tailer = Tailer(machine.settings.state_dir / "journal")

    def by(self, way: str, kill: Callable[[], int]) -> KillTimes:
        """Kill some times, and release in between. ``kill`` returns when it was asked for."""
        found = []
        for _ in range(_TIMES):
            asked_ns = kill()
            found.append((self._told_ns(on=True) - asked_ns) / 1e6)
            self._machine.engine.call("kill", scope="all", on=False)
            self._told_ns(on=False)
        return KillTimes(way, found)

    def _told_ns(self, *, on: bool) -> int:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            for entry in self._tailer.poll():
                event = unpack(entry.payload)[1] if entry.type == Slot.KIND else None
                if (
                    isinstance(event, CardEvent)
                    and (event.kind, event.code, event.value) == ("K", "A", int(on))
                ):
                    return event.time_ns
            time.sleep(0.005)
        raise RuntimeError(f"the card told nothing of the kill switch in {_PATIENCE_S:g} s")


def _log_in(machine: Machine, supervisor: Supervisor) -> str:
    found: list[str] = []

    def answers() -> bool:
        try:
            answer = _post(machine, "login", "", user=_USER, password=_PASSWORD)
        except OSError:
            return False
        found.append(answer["token"])
        return True

    supervisor.processes["console"].wait_until(answers, "the console answered", _PATIENCE_S)
    return found[0]


def _post(machine: Machine, path: str, token: str, **body: str) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{machine.console_url}api/v1/{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:
        result: dict[str, Any] = json.load(answer)
    return result


def figures(times: list[KillTimes]) -> dict[str, float]:
    """Figures by name."""
    return {
        f"kill.{each.way}_ms.{name}": round(value, 2)
        for each in times
        for name, value in (("median", median(each.ms)), ("max", max(each.ms)))
    }


def table(times: list[KillTimes], left_out: str) -> list[str]:
    """Lines for a reader."""
    return [
        "Kill: from the request to shut, as the simulated card on this machine tells it",
        f"  {'way':14} {'kills':>6} {'median, ms':>11} {'most, ms':>9}",
        *(f"  {each.way:14} {len(each.ms):6} {median(each.ms):11.2f} {max(each.ms):9.2f}"
          for each in times),
        *([f"  console_click  left out: {left_out}"] if left_out else []),
    ]  # fmt: skip
