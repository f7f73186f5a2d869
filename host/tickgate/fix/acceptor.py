"""From a new connection to its session: the first message says who calls. Sans-IO, too."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final

from tickgate.fix import tags
from tickgate.fix.codec import DEFAULT_MAX_MESSAGE, FixMessage, FrameReader, Garbled, parse
from tickgate.fix.outputs import Disconnect, Output
from tickgate.fix.session import LOGON_TIMEOUT_NS, Session

_QUOTE_MAX: Final = 32


@dataclass(slots=True)
class AcceptorCounters:
    """Connections that were turned away before they reached a session, by cause."""

    not_fix: int = 0
    """The first bytes were no valid message."""
    not_logon: int = 0
    unknown_session: int = 0
    """No session has these CompIDs and this BeginString."""
    already_connected: int = 0
    """The session has a live connection."""
    timed_out: int = 0
    """No first message in time."""

    def as_dict(self) -> dict[str, int]:
        """Counters by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


class Registry:
    """The sessions that clients may log on to, by BeginString and CompIDs."""

    def __init__(self, sessions: Iterable[Session] = ()) -> None:
        self.counters = AcceptorCounters()
        self._sessions: dict[tuple[str, str, str], Session] = {}
        for session in sessions:
            self.add(session)

    def add(self, session: Session) -> None:
        """Let clients log on to a session; raises ValueError when its name is taken."""
        config = session.config
        key = (config.begin_string, config.sender_comp_id, config.target_comp_id)
        if key in self._sessions:
            raise ValueError(f"session {key} must be registered once only")
        self._sessions[key] = session

    @property
    def sessions(self) -> tuple[Session, ...]:
        """All sessions, in the order in which they were added."""
        return tuple(self._sessions.values())

    def find(self, logon: FixMessage) -> Session | None:
        """The session that a Logon's BeginString and CompIDs name."""
        wanted = (tags.BEGIN_STRING, tags.TARGET_COMP_ID, tags.SENDER_COMP_ID)
        begin, ours, theirs = (logon.get(tag) or "" for tag in wanted)
        return self._sessions.get((begin, ours, theirs))


class AcceptorConnection:
    """One accepted connection, before and after its session is known.

    Once it gave a Disconnect it is ``closed``, and takes nothing more in.
    """

    def __init__(self, registry: Registry) -> None:
        self.session: Session | None = None
        self._connection = 0
        self._turned_away = False
        self._registry = registry
        self._first = bytearray()
        self._reader = FrameReader(DEFAULT_MAX_MESSAGE)
        self._opened_ns: int | None = None

    @property
    def closed(self) -> bool:
        """This connection is over for its session, or never got one."""
        session = self.session
        if session is None:
            return self._turned_away
        return not session.connected or session.connection != self._connection

    def on_bytes(self, data: bytes, now_ns: int) -> list[Output]:
        """Take bytes from the connection."""
        if self.closed:
            return []
        if self.session is not None:
            return self.session.on_bytes(data, now_ns)
        self._note_open(now_ns)
        self._first += data
        frames = self._reader.feed(data)
        return self._on_first(frames[0], now_ns) if frames else []

    def on_timer(self, now_ns: int) -> list[Output]:
        """Do what the time asks for: the session's timers, or the wait for a first message."""
        if self.closed:
            return []
        if self.session is not None:
            return self.session.on_timer(now_ns)
        opened = self._note_open(now_ns)
        if now_ns - opened < LOGON_TIMEOUT_NS:
            return []
        self._registry.counters.timed_out += 1
        return self._turn_away("no Logon in time")

    def on_disconnect(self, now_ns: int) -> list[Output]:
        """Note that the connection is gone."""
        if self.closed:
            return []
        if self.session is not None:
            return self.session.on_disconnect(now_ns)
        self._turned_away = True
        return []

    def _note_open(self, now_ns: int) -> int:
        if self._opened_ns is None:
            self._opened_ns = now_ns
        return self._opened_ns

    def _on_first(self, frame: bytes | Garbled, now_ns: int) -> list[Output]:
        counters = self._registry.counters
        if isinstance(frame, Garbled):
            counters.not_fix += 1
            return self._turn_away(f"first bytes are no FIX message: {frame.text}")
        message = parse(frame)
        if message.msg_type != tags.LOGON:
            counters.not_logon += 1
            kind = message.msg_type[:_QUOTE_MAX]
            return self._turn_away(f"first message must be a Logon, not {kind!r}")
        session = self._registry.find(message)
        if session is None:
            counters.unknown_session += 1
            return self._turn_away(f"no session for {_identity(message)}")
        if session.connected:
            counters.already_connected += 1
            return self._turn_away(f"session {_identity(message)} has a connection already")
        self.session = session
        first, self._first = bytes(self._first), bytearray()
        outputs = session.on_bytes(first, now_ns)
        self._connection = session.connection
        return outputs

    def _turn_away(self, reason: str) -> list[Output]:
        self._turned_away = True
        return [Disconnect(reason)]


def _identity(message: FixMessage) -> str:
    names = (tags.BEGIN_STRING, tags.SENDER_COMP_ID, tags.TARGET_COMP_ID)
    begin, theirs, ours = ((message.get(tag) or "")[:_QUOTE_MAX] for tag in names)
    return f"{begin} {theirs!r} -> {ours!r}"
