"""A FIX acceptor on a real socket that answers orders by itself: a stand-in for the engine.

It runs ``tickgate.fix`` in a selectors loop on a thread of its own, with nothing behind it.
"""

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

from tickgate.fix.acceptor import AcceptorConnection, Registry
from tickgate.fix.outputs import AppMessage, Disconnect, LoggedOn, Output, SendBytes
from tickgate.fix.session import Session
from tickgate.fix.values import FieldError

from tickgate_sim.clients.echo_application import EchoApplication

_TIMER_S = 0.02
_Result = TypeVar("_Result")


class EchoAcceptor:
    """Sessions behind one listening port; use it as a context manager.

    Other threads reach the sessions through ``call`` only.
    """

    def __init__(
        self, sessions: Iterable[Session], application: EchoApplication | None = None, port: int = 0
    ) -> None:
        self.registry = Registry(sessions)
        self.application = application or EchoApplication()
        self.logons = 0
        self.paused = False
        """Close each new connection at once, as a gateway does that is about to restart."""
        self._connections: dict[socket.socket, AcceptorConnection] = {}
        self._pending: dict[socket.socket, bytearray] = {}
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.setblocking(False)
        self.host, self.port = self._listener.getsockname()
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="echo-acceptor", daemon=True)

    def __enter__(self) -> "EchoAcceptor":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close everything; harmless when done before."""
        self._stop = True
        self._thread.join()

    def call(self, function: Callable[[], _Result]) -> _Result:
        """Run a function on the acceptor's thread; give its result or raise its exception."""
        future: Future[_Result] = Future()

        def run() -> None:
            try:
                future.set_result(function())
            except Exception as error:
                future.set_exception(error)

        self._calls.put(run)
        return future.result(timeout=10)

    def send(
        self, session: Session, msg_type: str, fields: list[tuple[int, str | bytes | int]]
    ) -> None:
        """Send an application message of the session's own accord."""

        def run() -> None:
            self._carry_out(session, session.send(msg_type, fields, time.time_ns()))

        self.call(run)

    def logout(self, session: Session, text: str) -> None:
        """Ask a client to log out."""
        self.call(lambda: self._carry_out(session, session.logout(text, time.time_ns())))

    def drop_connections(self) -> None:
        """Cut every connection, as a crash or a pulled cable does."""

        def run() -> None:
            for connection in list(self._connections):
                self._close(connection)

        self.call(run)

    def _run(self) -> None:
        self._selector.register(self._listener, selectors.EVENT_READ)
        while not self._stop:
            for key, _ in self._selector.select(_TIMER_S):
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._connections:
                    self._receive(key.fileobj)
            while not self._calls.empty():
                self._calls.get()()
            for connection, acceptor in list(self._connections.items()):
                self._handle(connection, acceptor.on_timer(time.time_ns()))
            for connection in list(self._pending):
                self._flush(connection)
        for connection in list(self._connections):
            self._close(connection)
        self._listener.close()
        self._selector.close()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        if self.paused:
            connection.close()
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[connection] = AcceptorConnection(self.registry)
        self._selector.register(connection, selectors.EVENT_READ)

    def _receive(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(65_536)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self._close(connection)
            return
        self._handle(connection, self._connections[connection].on_bytes(data, time.time_ns()))

    def _handle(self, connection: socket.socket, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, SendBytes):
                self._pending.setdefault(connection, bytearray()).extend(output.data)
                self._flush(connection)
            elif isinstance(output, Disconnect):
                self._close(connection)
            elif isinstance(output, LoggedOn):
                self.logons += 1
            elif isinstance(output, AppMessage):
                session = self._connections[connection].session
                assert session is not None
                self._handle(connection, self._answer(session, output))

    def _answer(self, session: Session, received: AppMessage) -> list[Output]:
        now = time.time_ns()
        try:
            replies = self.application.on_message(session.config.target_comp_id, received, now)
        except FieldError as error:
            return session.reject(received.message, error, now)
        return [
            output for msg_type, fields in replies for output in session.send(msg_type, fields, now)
        ]

    def _carry_out(self, session: Session, outputs: list[Output]) -> None:
        for connection, acceptor in list(self._connections.items()):
            if acceptor.session is session and not acceptor.closed:
                self._handle(connection, outputs)

    def _flush(self, connection: socket.socket) -> None:
        pending = self._pending.get(connection)
        if not pending:
            return
        try:
            del pending[: connection.send(pending)]
        except BlockingIOError:
            return
        except ConnectionError:
            self._close(connection)

    def _close(self, connection: socket.socket) -> None:
        acceptor = self._connections.pop(connection, None)
        if acceptor is None:
            return
        acceptor.on_disconnect(time.time_ns())
        self._flush(connection)
        self._pending.pop(connection, None)
        self._selector.unregister(connection)
        connection.close()
