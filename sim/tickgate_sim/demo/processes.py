"""Child processes with log files that are always stopped, whatever ends the demo."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

STOP_GRACE_S = 5.0
POLL_S = 0.02


class ProcessError(RuntimeError):
    """A child ended early or was not ready in time; the message ends with the tail of its log."""


class Process:
    """One child in a session of its own: Ctrl-C on the terminal reaches only the supervisor."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as stream:
            self._child = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, **env},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        """Exit status, or None while the child runs."""
        return self._child.poll()

    def wait_until(self, ready: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Poll ``ready`` until true; raise ProcessError when the child ends or time is over."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            status = self.returncode
            if status is not None:
                raise ProcessError(
                    f"{self.name} ended with status {status} before {what}{self._tail()}"
                )
            if time.monotonic() > deadline:
                raise ProcessError(
                    f"{self.name}: {what} took more than {timeout_s:.0f} s{self._tail()}"
                )
            time.sleep(POLL_S)

    def kill(self, signum: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to the child itself; SIGKILL waits for its end."""
        self._child.send_signal(signum)
        if signum == signal.SIGKILL:
            self._child.wait(STOP_GRACE_S)

    def stop(self) -> None:
        """Ask the child's session to end, then make it."""
        for signum, grace in ((signal.SIGTERM, STOP_GRACE_S), (signal.SIGKILL, STOP_GRACE_S)):
            if self._child.poll() is not None:
                return
            try:
                os.killpg(self._child.pid, signum)
            except ProcessLookupError:
                return
            try:
                self._child.wait(grace)
            except subprocess.TimeoutExpired:
                print(f"{self.name} did not stop on {signum.name}", file=sys.stderr)

    def _tail(self, lines: int = 12) -> str:
        text = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "".join(f"\n    {line}" for line in text) + f"\n    (whole log: {self.log})"


class Supervisor:
    """Starts processes in order and stops them in reverse order on leaving the ``with`` block."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._env = dict(env or {})
        self.processes: dict[str, Process] = {}
        """By name; a process that is started again takes the name over."""

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in reversed(self.processes.values()):
            process.stop()

    def start(self, name: str, command: Sequence[str]) -> Process:
        """Start a child; its output goes to ``<folder>/<name>.log``."""
        process = Process(name, command, self._folder / f"{name}.log", self._env)
        self.processes[name] = process
        return process

    def ended(self) -> list[Process]:
        """Children that are no longer running."""
        return [process for process in self.processes.values() if process.returncode is not None]
