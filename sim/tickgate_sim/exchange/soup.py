"""A SoupBinTCP server (soupbintcp.md) without a meaning: listener, log-in, heartbeats, the end.

Whatever a client sends, the worst that happens to it is a Debug packet that says why, a count, and
a closed connection; other clients notice nothing. What is behind a log-in is for a subclass.
"""

import asyncio
import socket
from abc import ABC, abstractmethod
from collections import Counter

from tickgate.protocols import soupbintcp
from tickgate.protocols.kinds import WireError

CLOSE_SECONDS = 1.0
"""How long a closing connection may take to hand over its last bytes."""


class SoupServer(ABC):
    """The listener and its connections. ``counts`` says what happened, by cause."""

    def __init__(self, *, session: str, heartbeat_ms: int, client_timeout_ms: int) -> None:
        self.session = session
        self.heartbeat_s = heartbeat_ms / 1000
        self.client_timeout_s = client_timeout_ms / 1000
        self.counts: Counter[str] = Counter()
        self.connections: set[SoupConnection] = set()
        self.ended = False
        self._server: asyncio.Server | None = None

    @abstractmethod
    def connection(self) -> "SoupConnection":
        """A new connection."""

    async def listen(self, host: str, port: int) -> int:
        """Start to listen; the TCP port in use. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self.connection, host, port)
        number: int = self._server.sockets[0].getsockname()[1]
        return number

    async def listen_on(self, sock: socket.socket) -> tuple[str, int]:
        """Start to accept on a bound TCP socket, which is closed with the server; its address."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self.connection, sock=sock)
        address: tuple[str, int] = sock.getsockname()
        return address

    async def end_session(self) -> None:
        """Tell every client that the session is over, close, and stop listening."""
        self.ended = True
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.end_session()
        while self.connections:
            await asyncio.sleep(0.005)


class SoupConnection(asyncio.Protocol, ABC):
    """One TCP connection: nothing but a log-in is taken until it has been accepted."""

    def __init__(self, server: SoupServer) -> None:
        self._server = server
        self._reader = soupbintcp.PacketReader()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last_heard = 0.0
        self._last_sent = 0.0

    @property
    @abstractmethod
    def logged_in(self) -> bool:
        """Whether a log-in has been accepted."""

    @abstractmethod
    def log_in(self, login: soupbintcp.LoginRequest) -> None:
        """Accept or reject a log-in."""

    @abstractmethod
    def log_out(self) -> None:
        """Let go of what the log-in gave: the connection is closing. May come more than once."""

    def unsequenced(self, payload: bytes) -> None:
        """Take a client's message; unless overridden there are none that a client may send."""
        self.refuse("misplaced_packet", "a client must not send UnsequencedData")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a log-in."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.counts["connections"] += 1
        self._server.connections.add(self)
        if self._server.ended:
            self.end_session()
            return
        self._last_heard = self._last_sent = asyncio.get_running_loop().time()
        self._tick()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._server.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self.log_out()
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Take whole packets out of the stream, however it was cut."""
        self._last_heard = asyncio.get_running_loop().time()
        if self._reader.error is None:
            self._take(data)

    def end_session(self, within_s: float = CLOSE_SECONDS) -> None:
        """Say that no more sequenced messages will come, and close."""
        self.write(soupbintcp.EndOfSession().encode())
        self.close(None, within_s)

    def close(self, why: str | None, within_s: float = CLOSE_SECONDS) -> None:
        """Close once all is written; ``why`` goes to the client in a Debug packet."""
        if self._transport is None:
            return
        if why is not None:
            self.write(soupbintcp.Debug(why.encode()).encode())
        transport, self._transport = self._transport, None
        transport.close()
        asyncio.get_running_loop().call_later(within_s, transport.abort)
        self.log_out()

    def refuse(self, cause: str, text: str) -> None:
        """Count the cause and close."""
        self._server.counts[cause] += 1
        self.close(text)

    def reject(self, code: str) -> None:
        """Reject a log-in (A not authorised, S session not available) and close."""
        self._server.counts[f"logins_rejected_{code}"] += 1
        self.write(soupbintcp.LoginRejected(reject_reason_code=code).encode())
        self.close(None)

    def write(self, data: bytes) -> None:
        """Write packets, unless the connection is closing."""
        if data and self._transport is not None:
            self._transport.write(data)
            self._last_sent = asyncio.get_running_loop().time()

    def _take(self, data: bytes) -> None:
        try:
            packets = self._reader.feed(data)
        except WireError:  # the reader keeps it
            packets = []
        for packet in packets:
            if self._transport is None:
                return
            self._packet(packet)
        if self._reader.error is not None:
            self.refuse("malformed_packets", f"malformed packet: {self._reader.error}")

    def _packet(self, packet: soupbintcp.SoupPacket) -> None:
        match packet:
            case soupbintcp.LoginRequest() if not self.logged_in:
                self.log_in(packet)
            case soupbintcp.Debug():
                self._server.counts["debug"] += 1
            case _ if not self.logged_in:
                self.refuse("not_logged_in", "the first packet must be a login request")
            case soupbintcp.UnsequencedData():
                self.unsequenced(packet.payload)
            case soupbintcp.ClientHeartbeat():
                pass
            case soupbintcp.LogoutRequest():
                self._server.counts["logouts"] += 1
                self.close(None)
            case _:
                self.refuse("misplaced_packet", f"a client must not send {type(packet).__name__}")

    def _tick(self) -> None:
        """Heartbeat when nothing was sent for a while, close when nothing was heard for long."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._transport is None:
            return
        if now - self._last_heard >= self._server.client_timeout_s:
            self.refuse("timeouts", "nothing was heard for too long")
            return
        if self.logged_in and now - self._last_sent >= self._server.heartbeat_s:
            self.write(soupbintcp.ServerHeartbeat().encode())
        heartbeat_due = self._last_sent if self.logged_in else now
        due = min(
            heartbeat_due + self._server.heartbeat_s,
            self._last_heard + self._server.client_timeout_s,
        )
        self._timer = loop.call_at(max(due, now + 0.001), self._tick)


def authorised(login: soupbintcp.LoginRequest, username: str, password: str) -> bool:
    """Whether a log-in names this user; names and passwords are compared without case."""
    return login.username.upper() == username.upper() and login.password.upper() == password.upper()
