"""FIX clients: the listener, their connections and sessions, and what is sent to them exactly once.

Nothing reaches a socket before ``flush``: the owner journals what came in, then the message stores
are written, then bytes go out. ``delivered`` remembers up to which journal entry all reports are
in the stores, so that a restart adds those, and only those, that are missing.
"""

import mmap
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from tickgate.engine.config import EngineConfig
from tickgate.engine.connection import Connection
from tickgate.engine.reports import to_fix
from tickgate.engine.sources import CLIENTS, Source
from tickgate.execution.effects import CancelRefused, Execution
from tickgate.fix.acceptor import AcceptorConnection, Registry
from tickgate.fix.config import SessionConfig
from tickgate.fix.outputs import (
    AppMessage,
    Disconnect,
    LoggedOn,
    LoggedOut,
    Output,
    SendBytes,
)
from tickgate.fix.session import Session
from tickgate.fix.store import FileStore, StoreError
from tickgate.fix.values import FieldError

OnOrder = Callable[[str, AppMessage], None]
"""Called with CompID and message; raises FieldError when it cannot be read."""
OnSession = Callable[[str, bool, str], None]
"""Called with CompID, whether it is up now, and why."""


class FixGate:
    """All FIX sessions of the engine."""

    def __init__(
        self,
        config: EngineConfig,
        selector: selectors.BaseSelector,
        on_order: OnOrder,
        on_session: OnSession,
    ) -> None:
        """Open the stores. Raises StoreError; ``listen`` opens the port."""
        self.counters: Counter[str] = Counter()
        self.sessions: dict[str, Session] = {}
        self.by_session: dict[str, Connection] = {}
        self._selector = selector
        self._on_order = on_order
        self._on_session = on_session
        self._stores: dict[str, FileStore] = {}
        self._listener: socket.socket | None = None
        self._connections: set[Connection] = set()
        folder = config.state_dir / "fix"
        folder.mkdir(parents=True, exist_ok=True)
        for settings in config.sessions:
            store = FileStore(folder / f"{settings.comp_id}.store", autoflush=False)
            self._stores[settings.comp_id] = store
            session_config = SessionConfig(
                begin_string="FIX.4.4",
                sender_comp_id=config.fix_comp_id,
                target_comp_id=settings.comp_id,
                heartbeat_s=config.heartbeat_s,
                password=settings.password,
            )
            self.sessions[settings.comp_id] = Session(session_config, store)
        self.registry = Registry(self.sessions.values())
        self._mark = _Mark(config.state_dir / "delivered")

    # ---- start ----

    @property
    def delivered(self) -> int:
        """Journal entry up to which all reports are in the stores."""
        return self._mark.value

    def redeliver(self, reports: Iterable[Execution | CancelRefused], now_ns: int) -> int:
        """Put reports from after ``delivered`` into the stores, but for those that are there.

        Returns how many were missing. Raises StoreError.
        """
        missing = 0
        there: dict[str, set[bytes]] = {}
        for report in reports:
            if report.session in self.sessions and report.session not in there:
                there[report.session] = self._stored(report.session)
            if _key(report) not in there.get(report.session, ()):
                self.report(report, now_ns)
                missing += 1
        return missing

    def listen(self, host: str, port: int) -> tuple[str, int]:
        """Open the port; returns the address, with the number that port 0 got. Raises OSError."""
        listener = socket.create_server((host, port), backlog=64)
        listener.setblocking(False)
        self._listener = listener
        self._selector.register(listener, selectors.EVENT_READ, Source(CLIENTS, self._accept))
        address: tuple[str, int] = listener.getsockname()[:2]
        return address

    # ---- running ----

    def report(self, report: Execution | CancelRefused, now_ns: int) -> None:
        """Send a report; it is kept for the client when the session is down."""
        session = self.sessions.get(report.session)
        if session is None:
            self.counters["report for a session that is not configured"] += 1
            return
        msg_type, fields = to_fix(report)
        self._carry_out(report.session, session.send(msg_type, fields, now_ns), now_ns)

    def on_timer(self, now_ns: int) -> None:
        """Heartbeats and time-outs of all connections."""
        for connection in list(self._connections):
            outputs = connection.acceptor.on_timer(now_ns)
            self._handle(connection, outputs, now_ns)

    def flush(self, sequence: int) -> None:
        """Write stores, then sockets; everything up to journal entry ``sequence`` is reported."""
        try:
            for store in self._stores.values():
                store.flush()
        except StoreError as error:
            # Nothing goes out that could not be sent again; the next flush tries once more.
            self.counters[f"store: {error}"] += 1
            return
        self._mark.value = sequence
        for connection in list(self._connections):
            connection.write()
            self._look_after(connection)

    def close(self, now_ns: int, sequence: int) -> None:
        """Log out all clients and close."""
        for comp_id, session in self.sessions.items():
            self._carry_out(comp_id, session.logout("the engine stops", now_ns), now_ns)
        self.flush(sequence)
        for connection in list(self._connections):
            self._drop(connection)
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
        for store in self._stores.values():
            store.close()
        self._mark.close()

    def _accept(self, _: int) -> None:
        assert self._listener is not None
        try:
            sock, address = self._listener.accept()
        except OSError:
            self.counters["accept failed"] += 1
            return
        peer = f"{address[0]}:{address[1]}"
        connection = Connection(sock, peer, AcceptorConnection(self.registry))
        self._connections.add(connection)
        source = Source(CLIENTS, lambda events: self._on_socket(connection, events))
        self._selector.register(sock, selectors.EVENT_READ, source)

    def _on_socket(self, connection: Connection, events: int) -> None:
        now_ns = time.time_ns()
        if events & selectors.EVENT_WRITE:
            connection.write()
        if events & selectors.EVENT_READ:
            data = connection.read()
            if data is None:
                outputs = connection.acceptor.on_disconnect(now_ns)
                self._handle(connection, outputs, now_ns)
                self._drop(connection)
                return
            self._handle(connection, connection.acceptor.on_bytes(data, now_ns), now_ns)

    def _handle(self, connection: Connection, outputs: list[Output], now_ns: int) -> None:
        session = connection.acceptor.session
        if session is None:
            for output in outputs:
                if isinstance(output, Disconnect):
                    connection.ending = True
            return
        comp_id = session.config.target_comp_id
        self.by_session[comp_id] = connection
        self._carry_out(comp_id, outputs, now_ns)

    def _carry_out(self, comp_id: str, outputs: list[Output], now_ns: int) -> None:
        connection = self.by_session.get(comp_id)
        for output in outputs:
            match output:
                case SendBytes(data):
                    if connection is not None:
                        connection.queue(data)
                case AppMessage():
                    self._on_app(comp_id, output, now_ns)
                case LoggedOn():
                    self._on_session(comp_id, True, "")
                case LoggedOut(reason):
                    self._on_session(comp_id, False, reason)
                case Disconnect():
                    if connection is not None:
                        connection.ending = True

    def _on_app(self, comp_id: str, app: AppMessage, now_ns: int) -> None:
        try:
            self._on_order(comp_id, app)
        except FieldError as error:
            outputs = self.sessions[comp_id].reject(app.message, error, now_ns)
            self._carry_out(comp_id, outputs, now_ns)

    def _look_after(self, connection: Connection) -> None:
        if connection.failed:
            self.counters[connection.failed.partition(":")[0]] += 1
        if connection.failed or (connection.ending and not connection.waiting):
            now_ns = time.time_ns()
            self._handle(connection, connection.acceptor.on_disconnect(now_ns), now_ns)
            self._drop(connection)
            return
        events = selectors.EVENT_READ
        if connection.waiting:
            events |= selectors.EVENT_WRITE
        key = self._selector.get_key(connection.sock)
        if key.events != events:
            self._selector.modify(connection.sock, events, key.data)

    def _drop(self, connection: Connection) -> None:
        if connection not in self._connections:
            return
        self._connections.discard(connection)
        self._selector.unregister(connection.sock)
        connection.sock.close()
        for comp_id, current in list(self.by_session.items()):
            if current is connection:
                del self.by_session[comp_id]

    def _stored(self, comp_id: str) -> set[bytes]:
        """What tells the stored reports of a session apart."""
        store = self._stores[comp_id]
        keys = set()
        for _, raw in store.range(1, store.next_sender_seq - 1):
            fields = dict(part.partition(b"=")[::2] for part in raw.split(b"\x01"))
            if fields.get(b"35") == b"8":
                keys.add(fields.get(b"17", b""))
            elif fields.get(b"35") == b"9":
                keys.add(b"cancel " + fields.get(b"11", b""))
        return keys


def _key(report: Execution | CancelRefused) -> bytes:
    if isinstance(report, Execution):
        return report.exec_id.encode()
    return b"cancel " + report.cl_ord_id.encode()


class _Mark:
    """One number in a mapped file: there after the death of the process."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8)

    @property
    def value(self) -> int:
        return int.from_bytes(self._map[:8], "little")

    @value.setter
    def value(self, value: int) -> None:
        self._map[:8] = value.to_bytes(8, "little")

    def close(self) -> None:
        self._map.close()
