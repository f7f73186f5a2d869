"""The re-request server (moldudp64.md): lost messages of the day once more, in unicast UDP.

One request gets at most one packet, which may hold fewer messages than were asked for. What gets
no answer is counted by cause; a requester cannot tell it from a lost packet, and asks again.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from random import Random

from tickgate.protocols import moldudp64
from tickgate.protocols.kinds import WireError

from tickgate_sim.exchange.clock import SECOND_NS
from tickgate_sim.exchange.impairment import MILLION
from tickgate_sim.exchange.mold import MoldStream

REQUESTS_A_TURN = 64
"""Requests answered before the feed and the clients have their turn."""
LONGEST_READ = moldudp64.Request.LENGTH + 1
"""Enough to see that a request is too long."""


class Rerequests:
    """Answers requests from the stored day, without a socket.

    ``per_second`` limits the answers, after a burst of one second's worth; 0 = no limit.
    ``loss_ppm`` is the chance of an answer to be lost on purpose. ``counts``: ``requests``,
    ``answered``, and for what got no answer ``malformed``, ``wrong_session``, ``count_zero``,
    ``sequence_zero``, ``not_yet`` (no such message so far), ``over_limit`` and ``lost``; the
    server adds ``unsent`` for answers that the system did not take.
    """

    def __init__(self, stream: MoldStream, *, seed: str, per_second: int, loss_ppm: int) -> None:
        self.per_second = per_second
        self.loss_ppm = loss_ppm
        self.counts: Counter[str] = Counter()
        self._stream = stream
        self._chance = Random(seed)
        self._paid_until = 0

    def answer(self, data: bytes, now: int) -> bytes | None:
        """The packet that answers the request in ``data`` at time ``now`` (ns), None for none."""
        self.counts["requests"] += 1
        packet, outcome = self._find(data, now)
        self.counts[outcome] += 1
        return packet

    def _find(self, data: bytes, now: int) -> tuple[bytes | None, str]:
        """The answer, or None, and the name under which it counts."""
        try:
            request = moldudp64.Request.decode(data)
        except WireError:
            return None, "malformed"
        if request.session != self._stream.session:
            return None, "wrong_session"
        if request.requested_message_count == 0:
            return None, "count_zero"
        if request.sequence_number == 0:
            return None, "sequence_zero"
        packet = self._stream.packet_from(request.sequence_number, request.requested_message_count)
        if packet is None:
            return None, "not_yet"
        if not self._in_limit(now):
            return None, "over_limit"
        if self._chance.randrange(MILLION) < self.loss_ppm:
            return None, "lost"
        return packet, "answered"

    def _in_limit(self, now: int) -> bool:
        if not self.per_second:
            return True
        interval = SECOND_NS // self.per_second
        paid_until = max(self._paid_until, now) + interval
        if paid_until - now > SECOND_NS:
            return False
        self._paid_until = paid_until
        return True


class RerequestServer:
    """The UDP socket in front of Rerequests."""

    def __init__(self, rerequests: Rerequests, clock: Callable[[], int]) -> None:
        self._rerequests = rerequests
        self._clock = clock
        self._socket: socket.socket | None = None

    def listen_on(self, sock: socket.socket) -> tuple[str, int]:
        """Serve on a bound socket that does not block, closed with the server; its address."""
        self._socket = sock
        asyncio.get_running_loop().add_reader(sock, self._serve, sock)
        address: tuple[str, int] = sock.getsockname()
        return address

    def close(self) -> None:
        """Stop."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _serve(self, sock: socket.socket) -> None:
        for _ in range(REQUESTS_A_TURN):
            try:
                data, requester = sock.recvfrom(LONGEST_READ)
            except OSError:  # none waits, or word that an earlier answer found nobody
                return
            answer = self._rerequests.answer(data, self._clock())
            if answer is None:
                continue
            try:
                sock.sendto(answer, requester)
            except OSError:  # the system has no room for it or no way to it
                self._rerequests.counts["unsent"] += 1
