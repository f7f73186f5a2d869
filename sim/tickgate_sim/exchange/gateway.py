"""OUCH 5.0 over SoupBinTCP: one TCP listener, one port for each username.

A port outlives its connections. Logging in again takes the port over: the older connection is
closed.
"""

from collections.abc import Callable

from tickgate.protocols import soupbintcp

from tickgate_sim.exchange.core import Exchange
from tickgate_sim.exchange.ports import Port
from tickgate_sim.exchange.soup import SoupConnection, SoupServer, authorised

MAX_UNREAD_BYTES = 16 * 1024 * 1024
"""A client that leaves more than this unread is closed; its messages stay in the history."""


class Gateway(SoupServer):
    """The order-entry listener."""

    def __init__(
        self,
        exchange: Exchange,
        clock: Callable[[], int],
        *,
        session: str,
        heartbeat_ms: int,
        client_timeout_ms: int,
    ) -> None:
        super().__init__(
            session=session, heartbeat_ms=heartbeat_ms, client_timeout_ms=client_timeout_ms
        )
        self.exchange = exchange
        self.clock = clock

    def connection(self) -> "Connection":
        """A connection that nobody has logged in on."""
        return Connection(self)

    def authorise(self, login: soupbintcp.LoginRequest) -> Port | None:
        """The port that ``login`` opens."""
        for port in self.exchange.ports.values():
            if authorised(login, port.account.username, port.account.password):
                return port
        return None

    def take_over(self, port: Port) -> None:
        """Close the connection that holds ``port``, if there is one."""
        for connection in list(self.connections):
            if isinstance(connection, Connection) and connection.port is port:
                self.counts["taken_over"] += 1
                connection.close("logged in from elsewhere")


class Connection(SoupConnection):
    """A client's connection to its port."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self.port: Port | None = None
        self._gateway = gateway
        self._next = 1

    @property
    def logged_in(self) -> bool:
        """Whether the connection holds a port."""
        return self.port is not None

    def log_in(self, login: soupbintcp.LoginRequest) -> None:
        """Take the port, and send what the client has not had."""
        port = self._gateway.authorise(login)
        if port is None:
            self.reject("A")
            return
        wanted = login.requested_sequence_number
        if login.requested_session not in ("", self._gateway.session) or (
            wanted > port.next_sequence
        ):
            self.reject("S")
            return
        self._gateway.take_over(port)
        self._gateway.counts["logins"] += 1
        self._next = wanted or port.next_sequence
        self.write(
            soupbintcp.LoginAccepted(
                session=self._gateway.session, sequence_number=self._next
            ).encode()
        )
        self.port = port
        port.on_message = self._send_history
        self._send_history()

    def log_out(self) -> None:
        """Let go of the port."""
        port, self.port = self.port, None
        if port is not None:
            port.on_message = None
            self._gateway.exchange.disconnected(port, self._gateway.clock())

    def unsequenced(self, payload: bytes) -> None:
        """Hand an OUCH message to the exchange."""
        assert self.port is not None
        self._gateway.exchange.inbound(self.port, payload, self._gateway.clock())

    def _send_history(self) -> None:
        """Send the sequenced messages that this connection has not had."""
        if self.port is None or self._transport is None:
            return
        pending = self.port.history[self._next - 1 :]
        self._next += len(pending)
        self.write(b"".join(soupbintcp.SequencedData(message).encode() for message in pending))
        if self._transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            self._gateway.counts["reads_too_slowly"] += 1
            self._transport.abort()
