"""The feed's lines: the same packets on every line, each with its own faults and its own group."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from tickgate_sim.exchange.impairment import Impairment
from tickgate_sim.exchange.multicast import FeedSender

MILLISECOND_NS = 1_000_000


class Line:
    """One line: faults, then the socket."""

    def __init__(self, impairment: Impairment, sender: FeedSender) -> None:
        self.impairment = impairment
        self.sender = sender

    def data(self, packet: bytes) -> None:
        """Send a data packet, or not, as the line's faults will have it."""
        self._send(self.impairment.data(packet))

    def control(self, packet: bytes) -> None:
        """Send a heartbeat or end-of-session packet after all that waits."""
        self._send(self.impairment.control(packet))

    def change(self, settings: Mapping[str, Any]) -> None:
        """Change some of the line's LineSettings. Raises ValueError, and changes nothing then."""
        self.impairment.settings = replace(self.impairment.settings, **settings)

    def describe(self) -> dict[str, Any]:
        """Settings and counters."""
        impairment, sender = self.impairment, self.sender
        return {
            "settings": asdict(impairment.settings),
            "is_cut": impairment.is_cut,
            "sent": sender.sent,
            "failed": sender.failed,
            "queued": sender.queued,
            "held": impairment.held,
            "lost": impairment.lost,
            "cut": impairment.cut,
            "duplicated": impairment.duplicated,
            "reordered": impairment.reordered,
            "control_lost": impairment.control_lost,
        }

    def _send(self, packets: Sequence[bytes]) -> None:
        delay_ms = self.impairment.settings.delay_ms
        due = time.monotonic_ns() + delay_ms * MILLISECOND_NS if delay_ms else 0
        self.sender.send(packets, not_before_ns=due)


class FeedLines:
    """All lines together. ``lines`` is by name, in the order in which packets are given to them.

    ``packets`` counts data packets published, ``gapped`` those left out on every line on purpose.
    """

    def __init__(self, lines: Mapping[str, Line]) -> None:
        self.lines = lines
        self.packets = 0
        self.gapped = 0
        self.last_ns = 0
        self._to_skip = 0

    def publish(self, packets: Sequence[bytes]) -> None:
        """Give data packets to every line."""
        for packet in packets:
            self.packets += 1
            self.last_ns = time.monotonic_ns()
            if self._to_skip:
                self._to_skip -= 1
                self.gapped += 1
                continue
            for line in self.lines.values():
                line.data(packet)

    def control(self, packet: bytes) -> None:
        """Give a heartbeat or end-of-session packet to every line."""
        self.last_ns = time.monotonic_ns()
        for line in self.lines.values():
            line.control(packet)

    def gap(self, packets: int) -> None:
        """Leave out the next ``packets`` data packets on every line; heartbeats still go."""
        self._to_skip += packets

    def close(self) -> None:
        """Send what waits and close the sockets."""
        for line in self.lines.values():
            line.sender.close()

    def describe(self) -> dict[str, Any]:
        """Counters of all lines and of each."""
        return {
            "packets": self.packets,
            "packets_gapped": self.gapped,
            "lines": {name: line.describe() for name, line in self.lines.items()},
        }
