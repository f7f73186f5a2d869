"""The live card as a child process."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tickgate.card.errors import CardGone

from tickgate_sim.card.build import build

__all__ = ["LiveCard", "live_card"]


class LiveCard:
    """A running card process that listens at ``socket``."""

    def __init__(self, process: subprocess.Popen[bytes], socket: Path) -> None:
        self.process = process
        self.socket = socket

    def kill(self) -> None:
        """End the process at once, as a fault would."""
        self.process.kill()
        self.process.wait()

    def stop(self, timeout_s: float = 10.0) -> int:
        """Ask the process to end, and return its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


@contextmanager
def live_card(
    socket: Path, wire: Path | None = None, *, program: Path | None = None, timeout_s: float = 20.0
) -> Iterator[LiveCard]:
    """Start a card, wait until it listens, and end it afterwards.

    Raises CardGone when it ends or does not listen in ``timeout_s``.
    """
    command = [str(program or build().program), "--socket", str(socket)]
    if wire is not None:
        command += ["--wire", str(wire)]
    card = LiveCard(subprocess.Popen(command), socket)
    try:
        deadline = time.monotonic() + timeout_s
        while not socket.exists():
            if card.process.poll() is not None:
                raise CardGone(f"the card's process ended with status {card.process.returncode}")
            if time.monotonic() > deadline:
                raise CardGone(f"the card did not listen at {socket} in {timeout_s} s")
            time.sleep(0.005)
        yield card
    finally:
        card.stop()
