"""OUCH 5.0 over SoupBinTCP (soupbintcp.md): one TCP listener, one port for each username.

A port outlives its connections. Logging in again takes the port over: the older connection is
closed. Whatever a client sends, the worst that happens to it is a Debug packet that says why, a
count, and a closed connection; other clients notice nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

from tickgate.protocols import soupbintcp
from tickgate.protocols.kinds import WireError

from tickgate_sim.exchange.core import Exchange
from tickgate_sim.exchange.ports import Port

MAX_UNREAD_BYTES = 16 * 1024 * 1024
"""A client that leaves more than this unread is closed; its messages stay in the history."""

CLOSE_SECONDS = 1.0
"""How long a closing connection may take to hand over its last bytes."""


class Gateway:
    """The listener and its connections. ``counts`` says what happened, by cause."""

    def __init__(
        self,
        exchange: Exchange,
        clock: Callable[[], int],
        *,
        session: str,
        heartbeat_ms: int,
        client_timeout_ms: int,
    ) -> None:
        self.exchange = exchange
        self.clock = clock
        self.session = session
        self.heartbeat_s = heartbeat_ms / 1000
        self.client_timeout_s = client_timeout_ms / 1000
        self.counts: Counter[str] = Counter()
        self.connections: set[Connection] = set()
        self.ended = False
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> int:
        """Start to listen; the TCP port in use. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), host, port)
        number: int = self._server.sockets[0].getsockname()[1]
        return number

    def authorise(self, login: soupbintcp.LoginRequest) -> Port | None:
        """The port that ``login`` opens; names and passwords are compared without case."""
        for port in self.exchange.ports.values():
            if (
                port.account.username.upper() == login.username.upper()
                and port.account.password.upper() == login.password.upper()
            ):
                return port
        return None

    def take_over(self, port: Port) -> None:
        """Close the connection that holds ``port``, if there is one."""
        for connection in list(self.connections):
            if connection.port is port:
                self.counts["taken_over"] += 1
                connection.close("logged in from elsewhere")

    async def end_session(self) -> None:
        """Tell every client that the session is over, close, and stop listening."""
        self.ended = True
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.end_session()
        while self.connections:
            await asyncio.sleep(0.005)


class Connection(asyncio.Protocol):
    """One TCP connection: nothing but a login is taken until it has been accepted."""

    def __init__(self, gateway: Gateway) -> None:
        self.port: Port | None = None
        self._gateway = gateway
        self._reader = soupbintcp.PacketReader()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._next = 1
        self._last_heard = 0.0
        self._last_sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a login."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._gateway.counts["connections"] += 1
        self._gateway.connections.add(self)
        if self._gateway.ended:
            self.end_session()
            return
        self._last_heard = self._last_sent = asyncio.get_running_loop().time()
        self._tick()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the port."""
        self._gateway.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self._leave_port()
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Take whole packets out of the stream, however it was cut."""
        self._last_heard = asyncio.get_running_loop().time()
        if self._reader.error is None:
            self._take(data)

    def end_session(self) -> None:
        """Say that no more sequenced messages will come, and close."""
        self._write(soupbintcp.EndOfSession().encode())
        self.close(None)

    def close(self, why: str | None) -> None:
        """Close once all is written; ``why`` goes to the client in a Debug packet."""
        if self._transport is None:
            return
        if why is not None:
            self._write(soupbintcp.Debug(why.encode()).encode())
        transport, self._transport = self._transport, None
        transport.close()
        asyncio.get_running_loop().call_later(CLOSE_SECONDS, transport.abort)
        self._leave_port()

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
            self._refuse("malformed_packets", f"malformed packet: {self._reader.error}")

    def _leave_port(self) -> None:
        port, self.port = self.port, None
        if port is not None:
            port.on_message = None
            self._gateway.exchange.disconnected(port, self._gateway.clock())

    def _refuse(self, cause: str, text: str) -> None:
        self._gateway.counts[cause] += 1
        self.close(text)

    def _packet(self, packet: soupbintcp.SoupPacket) -> None:
        match packet:
            case soupbintcp.LoginRequest() if self.port is None:
                self._login(packet)
            case soupbintcp.Debug():
                self._gateway.counts["debug"] += 1
            case _ if self.port is None:
                self._refuse("not_logged_in", "the first packet must be a login request")
            case soupbintcp.UnsequencedData():
                self._gateway.exchange.inbound(self.port, packet.payload, self._gateway.clock())
            case soupbintcp.ClientHeartbeat():
                pass
            case soupbintcp.LogoutRequest():
                self._gateway.counts["logouts"] += 1
                self.close(None)
            case _:
                self._refuse("misplaced_packet", f"a client must not send {type(packet).__name__}")

    def _login(self, login: soupbintcp.LoginRequest) -> None:
        port = self._gateway.authorise(login)
        if port is None:
            self._reject("A")
            return
        wanted = login.requested_sequence_number
        if login.requested_session not in ("", self._gateway.session) or (
            wanted > port.next_sequence
        ):
            self._reject("S")
            return
        self._gateway.take_over(port)
        self._gateway.counts["logins"] += 1
        self._next = wanted or port.next_sequence
        self._write(
            soupbintcp.LoginAccepted(
                session=self._gateway.session, sequence_number=self._next
            ).encode()
        )
        self.port = port
        port.on_message = self._send_history
        self._send_history()

    def _reject(self, code: str) -> None:
        self._gateway.counts[f"logins_rejected_{code}"] += 1
        self._write(soupbintcp.LoginRejected(reject_reason_code=code).encode())
        self.close(None)

    def _send_history(self) -> None:
        """Send the sequenced messages that this connection has not had."""
        if self.port is None or self._transport is None:
            return
        pending = self.port.history[self._next - 1 :]
        self._next += len(pending)
        self._write(b"".join(soupbintcp.SequencedData(message).encode() for message in pending))
        if self._transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            self._gateway.counts["reads_too_slowly"] += 1
            self._transport.abort()

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None:
            self._transport.write(data)
            self._last_sent = asyncio.get_running_loop().time()

    def _tick(self) -> None:
        """Heartbeat when nothing was sent for a while, close when nothing was heard for long."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._transport is None:
            return
        if now - self._last_heard >= self._gateway.client_timeout_s:
            self._refuse("timeouts", "nothing was heard for too long")
            return
        if self.port is not None and now - self._last_sent >= self._gateway.heartbeat_s:
            self._write(soupbintcp.ServerHeartbeat().encode())
        heartbeat_due = self._last_sent if self.port is not None else now
        due = min(
            heartbeat_due + self._gateway.heartbeat_s,
            self._last_heard + self._gateway.client_timeout_s,
        )
        self._timer = loop.call_at(max(due, now + 0.001), self._tick)
