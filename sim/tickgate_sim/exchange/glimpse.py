"""GLIMPSE 5.0 over SoupBinTCP: whoever logs in gets the state of the market, and the end.

A snapshot is taken whole at the moment of its log-in, so it is of one sequence number. It is sent
as fast as the client reads; a client that has not read all of it in time is closed.
"""

import asyncio
from collections.abc import Callable, Iterator
from itertools import islice

from tickgate.protocols import soupbintcp

from tickgate_sim.exchange.soup import CLOSE_SECONDS, SoupConnection, SoupServer, authorised

FIRST = 1
"""The only sequence number to log in for: each snapshot is a stream of its own."""
MESSAGES_A_TURN = 256
"""Messages written before other connections and the feed have their turn."""


class GlimpseServer(SoupServer):
    """The snapshot listener: one user, as many connections at once as ``max_clients``."""

    def __init__(
        self,
        take_snapshot: Callable[[], list[bytes]],
        *,
        session: str,
        username: str,
        password: str,
        max_clients: int,
        snapshot_timeout_ms: int,
        heartbeat_ms: int,
        client_timeout_ms: int,
    ) -> None:
        super().__init__(
            session=session, heartbeat_ms=heartbeat_ms, client_timeout_ms=client_timeout_ms
        )
        self.take_snapshot = take_snapshot
        self.username = username
        self.password = password
        self.max_clients = max_clients
        self.snapshot_timeout_s = snapshot_timeout_ms / 1000

    def connection(self) -> "GlimpseConnection":
        """A connection that nobody has logged in on."""
        return GlimpseConnection(self)


class GlimpseConnection(SoupConnection):
    """One client and its snapshot."""

    def __init__(self, server: GlimpseServer) -> None:
        super().__init__(server)
        self._glimpse = server
        self._pending: Iterator[bytes] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._paused = False

    @property
    def logged_in(self) -> bool:
        """Whether a snapshot is under way."""
        return self._pending is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a log-in, unless there are too many clients already."""
        super().connection_made(transport)
        if len(self._glimpse.connections) > self._glimpse.max_clients:
            self.refuse("too_many_clients", "too many clients at once")

    def log_in(self, login: soupbintcp.LoginRequest) -> None:
        """Take the snapshot and begin to send it."""
        server = self._glimpse
        if not authorised(login, server.username, server.password):
            self.reject("A")
            return
        if (
            login.requested_session not in ("", server.session)
            or login.requested_sequence_number != FIRST
        ):
            self.reject("S")
            return
        server.counts["logins"] += 1
        self.write(soupbintcp.LoginAccepted(session=server.session, sequence_number=FIRST).encode())
        self._pending = iter(server.take_snapshot())
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(server.snapshot_timeout_s, self._too_slow)
        self._send()

    def log_out(self) -> None:
        """Drop what was not sent."""
        self._pending = None
        if self._deadline is not None:
            self._deadline.cancel()

    def pause_writing(self) -> None:
        """Wait: the client does not keep up."""
        self._paused = True

    def resume_writing(self) -> None:
        """Go on."""
        self._paused = False
        self._send()

    def _send(self) -> None:
        """Write some of the snapshot; the session ends after its last message."""
        if self._pending is None or self._paused:
            return
        batch = [
            soupbintcp.SequencedData(item).encode()
            for item in islice(self._pending, MESSAGES_A_TURN)
        ]
        if batch:
            self.write(b"".join(batch))
            asyncio.get_running_loop().call_soon(self._send)
            return
        self._glimpse.counts["snapshots"] += 1
        left = CLOSE_SECONDS
        if self._deadline is not None:
            left = max(left, self._deadline.when() - asyncio.get_running_loop().time())
        self.end_session(left)

    def _too_slow(self) -> None:
        self._glimpse.counts["reads_too_slowly"] += 1
        if self._transport is not None:
            self._transport.abort()
