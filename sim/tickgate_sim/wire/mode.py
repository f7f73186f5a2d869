"""Which way to the exchange works on this machine."""

import subprocess
import sys
from dataclasses import dataclass
from typing import Literal

from tickgate_sim.wire.frames import EXCHANGE

__all__ = ["Mode", "ModeError", "Plan", "choose"]

Mode = Literal["auto", "tap", "relay"]
_LOOPBACK = "127.0.0.1"


class ModeError(Exception):
    """The mode that was asked for does not work here."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The way chosen: the mode, why, and the address at which the exchange is to bind and send."""

    mode: Literal["tap", "relay"]
    reason: str
    address: str


def choose(mode: Mode = "auto") -> Plan:
    """Choose TAP where this user may make one, the relay where not.

    Raises ModeError when TAP was asked for and does not work.
    """
    if mode == "relay":
        return Plan("relay", "asked for", _LOOPBACK)
    probe = subprocess.run(
        [sys.executable, "-m", "tickgate_sim.wire.namespace"],
        check=False,
        capture_output=True,
        text=True,
    )
    if probe.returncode == 0:
        return Plan("tap", "this user may make a TAP in a namespace", EXCHANGE.address)
    lines = probe.stderr.strip().splitlines()
    reason = lines[-1] if lines else f"the probe ended with status {probe.returncode}"
    if mode == "tap":
        raise ModeError(f"no TAP can be made here: {reason}")
    return Plan("relay", f"no TAP can be made here: {reason}", _LOOPBACK)
