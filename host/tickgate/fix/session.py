"""The session layer of a FIX acceptor: logon, numbering, recovery of gaps, heartbeats, rejects.

Sans-IO: every method takes the time in ns since 1970 and gives the outputs to carry out in order.
Source: FIX 4.4 Volume 2, "Session Protocol" and "FIX Session-level Test Cases".
"""

from typing import Final

from tickgate.fix import tags
from tickgate.fix.codec import FixMessage, FrameReader, Garbled, parse
from tickgate.fix.config import SessionConfig
from tickgate.fix.dictionary import Dictionary
from tickgate.fix.fix44 import FIX44
from tickgate.fix.inbound import Inbound
from tickgate.fix.link import Fields, Link, State
from tickgate.fix.outputs import (
    AppMessage,
    Disconnect,
    LoggedOn,
    LoggedOut,
    Output,
    SendBytes,
    SessionCounters,
)
from tickgate.fix.store import MessageStore
from tickgate.fix.values import NS_PER_S, FieldError

__all__ = [
    "DICTIONARIES",
    "AppMessage",
    "Disconnect",
    "LoggedOn",
    "LoggedOut",
    "Output",
    "SendBytes",
    "Session",
    "SessionConfig",
    "SessionCounters",
    "State",
]

DICTIONARIES: Final[dict[str, Dictionary]] = {FIX44.begin_string: FIX44}
"""Protocol versions by BeginString."""

LOGON_TIMEOUT_NS: Final = 10 * NS_PER_S
LOGOUT_TIMEOUT_NS: Final = 10 * NS_PER_S


class Session:
    """One client's session over any number of connections, one at a time.

    Bytes that come while disconnected start a new connection. After a Disconnect the owner closes
    the connection and gives no more of its bytes.
    """

    def __init__(
        self, config: SessionConfig, store: MessageStore, dictionary: Dictionary | None = None
    ) -> None:
        """Raises ValueError when there is no table for the config's BeginString."""
        if dictionary is None and config.begin_string not in DICTIONARIES:
            known = ", ".join(sorted(DICTIONARIES))
            raise ValueError(f"begin_string must be one of {known}, not {config.begin_string!r}")
        self.config = config
        self.store = store
        self.dictionary = dictionary or DICTIONARIES[config.begin_string]
        self._link = Link(config, store)
        self._reader = FrameReader(config.max_message)
        self._inbound = Inbound(self._link, self.dictionary)
        self.connection = 0
        """How many connections there have been; tells a late event of an old one."""
        self._logout_ns = 0

    # What the owner calls

    @property
    def state(self) -> State:
        """Where the session stands."""
        return self._link.state

    @property
    def counters(self) -> SessionCounters:
        """What happened since the process started."""
        return self._link.counters

    @property
    def logged_on(self) -> bool:
        """Messages flow."""
        return self._link.logged_on

    @property
    def connected(self) -> bool:
        """A connection is in use, logged on or not."""
        return self.state is not State.DISCONNECTED

    def on_bytes(self, data: bytes, now_ns: int) -> list[Output]:
        """Take bytes from the connection."""
        if not self.connected:
            self._reader = FrameReader(self.config.max_message)
            self._inbound.start(now_ns)
            self.connection += 1
            self._link.state = State.AWAITING_LOGON
            self._link.last_out_ns = now_ns
        for frame in self._reader.feed(data):
            if isinstance(frame, Garbled):
                self._inbound.on_garbled(frame, now_ns)
            else:
                self._inbound.on_message(parse(frame), now_ns)
            if not self.connected:
                break
        self._continue_replay(now_ns)
        return self._link.take()

    def on_timer(self, now_ns: int) -> list[Output]:
        """Do what the time asks for; call it several times a second."""
        silent = now_ns - self._inbound.last_in_ns
        link = self._link
        if self.state is State.AWAITING_LOGON and silent >= LOGON_TIMEOUT_NS:
            link.end("no Logon in time")
        elif self.logged_on:
            if self.state is State.LOGOUT_SENT and now_ns - self._logout_ns >= LOGOUT_TIMEOUT_NS:
                link.end("no answer to our Logout in time")
            elif silent * 10 >= self._inbound.watch_ns * 24:
                link.end(f"nothing received for {silent // NS_PER_S} s")
            elif (
                self._inbound.gap.open
                and now_ns - self._inbound.progress_ns >= 3 * self._inbound.watch_ns
            ):
                link.end_with_logout("ResendRequest was not answered in time", now_ns)
            else:
                self._keep_alive(silent, now_ns)
        self._continue_replay(now_ns)
        return link.take()

    def send(self, msg_type: str, fields: Fields, now_ns: int) -> list[Output]:
        """Send an application message: number it, keep it, and write it when logged on.

        While the session is down it is kept only; the client asks for it after its next Logon.
        Raises ValueError on an administrative type or a value that can't be encoded.
        """
        if msg_type in tags.ADMIN_TYPES:
            raise ValueError(f"msg_type {msg_type!r} belongs to the session layer")
        self._link.transmit(msg_type, fields, now_ns, keep=True)
        return self._link.take()

    def reject(self, message: FixMessage, error: FieldError, now_ns: int) -> list[Output]:
        """Answer an AppMessage that can't be read with a session-level Reject."""
        self._link.reject(message, error, now_ns)
        return self._link.take()

    def business_reject(
        self, message: FixMessage, reason: int, text: str, now_ns: int, ref_id: str | None = None
    ) -> list[Output]:
        """Answer an AppMessage with a Business Message Reject (``reason`` is tag 380)."""
        self._link.business_reject(message, reason, text, now_ns, ref_id)
        return self._link.take()

    def logout(self, text: str, now_ns: int) -> list[Output]:
        """Ask the client to log out; the connection ends with its answer, or without in 10 s."""
        if self.state is State.LOGGED_ON:
            self._link.transmit(tags.LOGOUT, [(tags.TEXT, text)] if text else [], now_ns)
            self._link.state = State.LOGOUT_SENT
            self._logout_ns = now_ns
        elif self.state is State.AWAITING_LOGON:
            self._link.end(text)
        return self._link.take()

    def on_disconnect(self, now_ns: int) -> list[Output]:
        """Note that the connection is gone."""
        self._link.close("connection lost")
        return self._link.take()

    # Time

    def _keep_alive(self, silent: int, now_ns: int) -> None:
        if silent * 10 >= self._inbound.watch_ns * 12 and not self._inbound.test_sent:
            self._inbound.test_sent = True
            self._link.transmit(tags.TEST_REQUEST, [(tags.TEST_REQ_ID, now_ns)], now_ns)
        elif (
            self._inbound.heartbeat_ns
            and now_ns - self._link.last_out_ns >= self._inbound.heartbeat_ns
        ):
            self._link.transmit(tags.HEARTBEAT, [], now_ns)

    def _continue_replay(self, now_ns: int) -> None:
        if self.logged_on and self._inbound.replay.pending:
            messages, resent = self._inbound.replay.take(self.config.resend_burst, now_ns)
            self.counters.resent += resent
            for raw in messages:
                self._link.write(raw, now_ns)
