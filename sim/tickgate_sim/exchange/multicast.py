"""One line's way out: a multicast socket with a limit on bursts, and packets that leave later."""

import asyncio
import socket
import time
from collections import deque
from collections.abc import Sequence

SECOND_NS = 1_000_000_000
BURST_PACKETS = 32
"""Packets that may leave back to back before the limit holds them."""


def open_multicast(interface: str, ttl: int) -> socket.socket:
    """A UDP socket that sends multicast by ``interface`` and loops it to this machine."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    except OSError:
        sock.close()
        raise
    return sock


class FeedSender:
    """Sends packets in order, at once while bursts are short, at a steady rate when they are not.

    Counters: ``sent``, ``failed`` (refused by the system: a listener sees a gap, as it would from
    a lossy network).
    """

    def __init__(
        self, sock: socket.socket, destination: tuple[str, int], packets_per_second: int
    ) -> None:
        self._sock = sock
        self._destination = destination
        self._interval_ns = SECOND_NS // packets_per_second
        self._queue: deque[tuple[int, bytes]] = deque()
        self._paid_until = 0
        self._timer: asyncio.TimerHandle | None = None
        self.sent = 0
        self.failed = 0

    @property
    def queued(self) -> int:
        """Packets that wait for their turn."""
        return len(self._queue)

    def send(self, packets: Sequence[bytes], *, not_before_ns: int = 0) -> None:
        """Send after all that was given before, and not before a monotonic time."""
        self._queue.extend((not_before_ns, packet) for packet in packets)
        if self._timer is None:
            self._drain()

    def flush(self) -> None:
        """Send all that waits, at any rate and before its time: for the end of the process."""
        while self._queue:
            self._transmit(self._queue.popleft()[1], time.monotonic_ns())

    def close(self) -> None:
        """Send what waits and close the socket."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.flush()
        self._sock.close()

    def _drain(self) -> None:
        self._timer = None
        while self._queue:
            now = time.monotonic_ns()
            turn = self._paid_until - (BURST_PACKETS - 1) * self._interval_ns
            ahead = max(turn, self._queue[0][0]) - now
            if ahead > 0:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(ahead / SECOND_NS, self._drain)
                return
            self._transmit(self._queue.popleft()[1], now)

    def _transmit(self, packet: bytes, now: int) -> None:
        self._paid_until = max(self._paid_until, now) + self._interval_ns
        try:
            self._sock.sendto(packet, self._destination)
        except OSError:
            self.failed += 1
        else:
            self.sent += 1
