"""Recovery of one channel of the feed: what is missing is fetched and handed to the card.

``Recovery`` is sans-IO: the card's state, servers' bytes and the time go in; requests for servers
and commands for the card come out. Times are monotonic, in ns. The card alone decides what is
missing and whether books are right; this only answers to its state, so it can begin anywhere, also
with a card that an earlier host left in the middle of something. See docs/feed-recovery.md.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tickgate.card.status import FeedState
from tickgate.marketdata.glimpse import SnapshotClient, SnapshotFailed
from tickgate.marketdata.rerequest import Rerequester
from tickgate.marketdata.settings import RecoverySettings
from tickgate.protocols import moldudp64

__all__ = [
    "SNAPSHOT_NUMBERS", "SNAPSHOT_SPAN", "Command", "Forget", "Inject", "Phase", "Rebuild",
    "Recovery", "Resume",
]  # fmt: skip

SNAPSHOT_NUMBERS = 1 << 63
"""Messages of a snapshot are numbered from here on: no message of a feed has such a number."""
SNAPSHOT_SPAN = 1 << 40
"""The numbers of a snapshot begin at a multiple of this, another one for each attempt."""

IDLE_POLL_NS = 50_000_000
BUSY_POLL_NS = 2_000_000

_MS = 1_000_000
_PACKET_BYTES = 512
"""Longest packet made for the card: how long orders may have to wait behind one."""
_BATCH_BYTES = _PACKET_BYTES - moldudp64.Header.LENGTH
_PENDING_BYTES = 1 << 16
"""Bytes waiting for the card beyond which no more are asked for or read."""
_BLOCK_BYTES = moldudp64.Block.LENGTH
_WRAP = 0xFFFF_FFFF
_GENERATIONS = SNAPSHOT_NUMBERS // SNAPSHOT_SPAN


class Phase(StrEnum):
    """What recovery is doing."""

    IDLE = "idle"
    REREQUEST = "re-request"
    CONNECT = "connecting for a snapshot"
    CLEAR = "emptying the books"
    SNAPSHOT = "snapshot"
    DRAIN = "snapshot, the card takes the last of it"
    WAIT = "waiting to try again"


_SNAPSHOT = frozenset((Phase.CONNECT, Phase.CLEAR, Phase.SNAPSHOT, Phase.DRAIN))


@dataclass(frozen=True, slots=True)
class Inject:
    """Hand a MoldUDP64 packet to the card."""

    payload: bytes
    messages: int
    snapshot: bool


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Empty the books."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on with the lines from this number."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Forget:
    """Adopt the next packet's session."""


Command = Inject | Rebuild | Resume | Forget


class Recovery:
    """Brings one channel back, as often as it takes.

    The caller carries out ``commands`` in order, as far as the card has room, and calls ``done``
    after each; gives ``on_state`` a state that was read after all that was done, when
    ``state_due``; sends what ``requests`` and ``to_send`` return; and keeps a stream to the GLIMPSE
    server open just while ``wants_stream``.
    """

    def __init__(
        self,
        settings: RecoverySettings,
        resumed: Callable[[int, int, int], None] = lambda attempt, messages, sequence: None,
    ) -> None:
        """``resumed`` is told of each snapshot: ``attempt``, its messages, and what number follows
        it."""
        self._settings = settings
        self._resumed = resumed
        self.counters: Counter[str] = Counter()
        self.commands: deque[Command] = deque()
        self.phase = Phase.IDLE
        self.problem = ""
        """Why a channel that is stale cannot be helped now; empty when it can."""
        self.state: FeedState | None = None
        self._rerequester = Rerequester(settings, self.counters)
        self._client: SnapshotClient | None = None
        self._out = b""
        self._connected = False
        self.reset()

    def reset(self) -> None:
        """Begin anew: the card is gone, or another one."""
        self._end_snapshot()
        self.commands.clear()
        self.phase, self.state, self.problem = Phase.IDLE, None, ""
        self._state_ns = 0  # when the next state is due
        self._injected: int | None = None  # by the card's count, when all was quiet
        self._sent = 0  # messages handed to the card since
        self._moved_ns = 0  # when the card's count of them was seen to move
        self._alive_ns = self._foreign_ns = 0
        self._attempts = 0  # snapshots that failed in a row
        self._retry_ns = self._began_ns = 0
        self._snapshot_messages = 0
        self._batch: list[bytes] = []
        self._batch_bytes = 0

    # ---- what the caller must do ----

    @property
    def wants_stream(self) -> bool:
        """Whether a connection to the GLIMPSE server should be open, or be opened."""
        return self.phase in _SNAPSHOT and self._client is not None and self._client.end is None

    @property
    def attempt(self) -> int:
        """Which snapshot it is: each wants a connection of its own."""
        return self.counters["snapshots begun"] % _GENERATIONS

    @property
    def wants_data(self) -> bool:
        """Whether bytes of the stream should be read: the card keeps up."""
        return self.wants_stream and self._pending_bytes() < _PENDING_BYTES

    @property
    def busy(self) -> bool:
        """Whether it should be called often."""
        return self.phase is not Phase.IDLE or bool(self.commands)

    def state_due(self, now_ns: int) -> bool:
        """Whether ``on_state`` should be called now."""
        return now_ns >= self._state_ns

    def hint(self) -> None:
        """The card told something of its feed: look at its state now."""
        self._state_ns = 0

    def requests(self, now_ns: int) -> list[tuple[int, bytes]]:
        """Re-requests to send now: index of the server, packet."""
        if self.phase is not Phase.REREQUEST or self._pending_bytes() >= _PENDING_BYTES:
            return []
        request = self._rerequester.tick(now_ns)
        if self._rerequester.failed:
            self.counters["re-requests given up"] += 1
            self._retry(now_ns, "no re-request server answers with what is missing")
            if self._settings.glimpse is not None and self.state is not None:
                self._begin_snapshot(self.state, now_ns)
            return []
        return [request] if request is not None else []

    def to_send(self) -> bytes:
        """Bytes for the GLIMPSE server."""
        data, self._out = self._out, b""
        return data

    def done(self, command: Command, now_ns: int) -> None:
        """The first of ``commands`` was carried out."""
        self.commands.popleft()
        self._state_ns = min(self._state_ns, now_ns + BUSY_POLL_NS)
        match command:
            case Inject():
                self._sent += command.messages
                self._moved_ns = now_ns
            case Rebuild() if self._client is not None and self._connected:
                self.phase = Phase.SNAPSHOT
                self._out += self._client.log_in(now_ns)
            case Resume():
                self.counters["snapshots" if self._client else "replays"] += 1
                self._resumed(self.attempt, self._snapshot_messages, command.sequence)
                self._end_snapshot()
                self._attempts, self.phase = 0, Phase.IDLE
            case Forget():
                self.counters["sessions given up"] += 1

    # ---- the card ----

    def on_state(self, state: FeedState, now_ns: int) -> None:
        """The card's state, read after all that was done. Decides what to do next."""
        before, self.state = self.state, state
        self._watch_sessions(before, state, now_ns)
        if self._injected is None:
            self._injected = state.injected
        if before is None or before.injected != state.injected:
            self._moved_ns = now_ns
        if before is not None and before.session != state.session:
            self._abandon("a session began")
        match self.phase:
            case Phase.IDLE if not self.commands:
                self._decide(state, now_ns)
            case Phase.WAIT if now_ns >= self._retry_ns or not _needs_help(state):
                self._decide(state, now_ns)
            case Phase.REREQUEST:
                self._fill(state, now_ns)
            case Phase.CLEAR if not self.commands and (
                self._taken(state) or self._stalled(now_ns)
            ):
                self._injected, self._sent = state.injected, 0
                self.commands.append(Rebuild())
            case Phase.SNAPSHOT | Phase.DRAIN if not state.rebuilding:
                self._fail_snapshot("the card began another session", now_ns)
            case Phase.DRAIN if not self.commands:
                self._finish(state, now_ns)
        self._state_ns = now_ns + (BUSY_POLL_NS if self.busy else IDLE_POLL_NS)

    def _watch_sessions(self, before: FeedState | None, state: FeedState, now_ns: int) -> None:
        """Give a session up that is silent while another one is heard."""
        if before is None or before.packets != state.packets:
            self._alive_ns = now_ns
        if before is not None and before.foreign != state.foreign:
            self._foreign_ns = now_ns
        silence_ns = self._settings.session_silence_ms * _MS
        if (
            state.started
            and now_ns - self._alive_ns >= silence_ns
            and self._foreign_ns > self._alive_ns
            and not any(isinstance(command, Forget) for command in self.commands)
        ):
            self.commands.append(Forget())
            self._alive_ns = now_ns

    def _decide(self, state: FeedState, now_ns: int) -> None:
        self.phase, self.problem = Phase.IDLE, ""
        settings = self._settings
        void = state.suspect or state.rebuilding
        missing = state.highest - state.expected if state.gap_open else 0
        if not state.started or not (void or missing > 0):
            self._attempts = 0
        elif not state.session or not state.session.isascii():
            self.problem = f"the feed's session {state.session!r} can be no server's"
        elif settings.glimpse is not None and (
            void or missing > settings.max_missing or not settings.rerequest
        ):
            self._begin_snapshot(state, now_ns)
        elif not settings.rerequest:
            self.problem = "no server is configured that has what is missing"
        elif void:
            # Without snapshots the books are made again from the session's first message on.
            if not state.rebuilding:
                self.commands.append(Rebuild())
            self.commands.append(Resume(1))
            self._snapshot_messages = 0
        else:
            self.counters["gaps"] += 1
            self._rerequester.want(state.session, state.expected, state.highest)
            self.phase, self._moved_ns = Phase.REREQUEST, now_ns

    def _fill(self, state: FeedState, now_ns: int) -> None:
        """A gap is being filled: go on, or see that it is closed, or too large by now."""
        settings, asked = self._settings, self._rerequester
        missing = state.highest - state.expected
        if state.suspect or state.rebuilding:
            self._abandon("the channel became suspect")
            self._decide(state, now_ns)
        elif not state.gap_open:
            self.counters["gaps filled"] += 1
            self._abandon("")
            self._attempts = 0
        elif missing > settings.max_missing and settings.glimpse is not None:
            self._abandon("too much is missing by now")
            self._begin_snapshot(state, now_ns)
        else:
            asked.extend(state.expected, state.highest)
            if asked.first > state.expected and not self.commands and self._stalled(now_ns):
                self.counters["messages lost on the way to the card"] += 1
                self._injected, self._sent = state.injected, 0
                asked.want(state.session, state.expected, state.highest)
                self._moved_ns = now_ns

    def _stalled(self, now_ns: int) -> bool:
        """Whether the card has stopped taking what is handed to it."""
        return now_ns - self._moved_ns >= self._settings.card_stall_ms * _MS

    def _taken(self, state: FeedState) -> bool:
        """Whether the card has taken all that was handed to it, and nothing else."""
        return (state.injected - (self._injected or 0)) & _WRAP == self._sent & _WRAP

    # ---- re-request servers ----

    def on_datagram(self, data: bytes, now_ns: int) -> None:
        """An answer of a re-request server."""
        if self.phase is not Phase.REREQUEST or self.state is None:
            self.counters["answers not asked for"] += 1
            return
        first = self._rerequester.first
        for message in self._rerequester.receive(data):
            if self._batch_bytes + _BLOCK_BYTES + len(message) > _BATCH_BYTES:
                first = self._flush(self.state.session, first, snapshot=False)
            self._add(message)
        self._flush(self.state.session, first, snapshot=False)

    # ---- snapshots ----

    def on_connected(self) -> None:
        """The stream to the GLIMPSE server is open."""
        if self.phase is Phase.CONNECT:
            self._connected, self.phase, self._state_ns = True, Phase.CLEAR, 0

    def on_stream(self, data: bytes, now_ns: int) -> None:
        """Bytes from the GLIMPSE server."""
        client, state = self._client, self.state
        if client is None or state is None or client.end is not None:
            return
        try:
            if self.phase is not Phase.SNAPSHOT:
                raise SnapshotFailed("the server spoke before the log-in")
            messages = client.receive(data, now_ns)
        except SnapshotFailed as error:
            self._fail_snapshot(str(error), now_ns)
            return
        for message in messages:
            if self._batch_bytes + _BLOCK_BYTES + len(message) > _BATCH_BYTES:
                self._flush_snapshot(state.session)
            self._add(message)
        if client.end is not None:
            self._flush_snapshot(state.session)
            self.phase, self._moved_ns = Phase.DRAIN, now_ns

    def on_closed(self, reason: str, now_ns: int) -> None:
        """The stream could not be opened, or has ended."""
        if self.wants_stream:
            self._fail_snapshot(reason, now_ns)

    def tick(self, now_ns: int) -> None:
        """Time passes: heartbeats, and patience that ends."""
        if not self.wants_stream or self._client is None:
            return
        settings = self._settings
        try:
            if now_ns - self._began_ns > settings.snapshot_longest_s * 1000 * _MS:
                raise SnapshotFailed("it took too long")
            if self.phase is Phase.SNAPSHOT:
                self._out += self._client.tick(now_ns, listening=self.wants_data)
            elif now_ns - self._began_ns > settings.snapshot_silence_ms * _MS:
                raise SnapshotFailed("no connection in time")
        except SnapshotFailed as error:
            self._fail_snapshot(str(error), now_ns)

    def _begin_snapshot(self, state: FeedState, now_ns: int) -> None:
        settings = self._settings
        self._client = SnapshotClient(
            settings.glimpse_user,
            settings.glimpse_password,
            state.session,
            settings.snapshot_silence_ms * _MS,
        )
        self.commands.clear()
        self._batch, self._batch_bytes, self._snapshot_messages = [], 0, 0
        self.phase, self._began_ns, self._connected = Phase.CONNECT, now_ns, False
        self.counters["snapshots begun"] += 1

    def _finish(self, state: FeedState, now_ns: int) -> None:
        """Let the card take over, once it has taken the whole snapshot."""
        if self._taken(state):
            assert self._client is not None
            assert self._client.end is not None
            self.commands.append(Resume(self._client.end))
        elif self._stalled(now_ns):
            self._fail_snapshot("the card did not take all of it", now_ns)

    def _fail_snapshot(self, cause: str, now_ns: int) -> None:
        self.counters[f"snapshot: {cause}"] += 1
        self._end_snapshot()
        self._retry(now_ns, f"snapshot: {cause}")

    def _end_snapshot(self) -> None:
        self._client, self._connected, self._out = None, False, b""

    def _retry(self, now_ns: int, problem: str) -> None:
        """Wait, each time longer, and then decide by the state of the card."""
        self.commands.clear()
        self._batch, self._batch_bytes = [], 0
        settings = self._settings
        wait_ms = settings.snapshot_retry_ms << min(self._attempts, 16)
        self._retry_ns = now_ns + min(wait_ms, settings.snapshot_slowest_ms) * _MS
        self._attempts += 1
        self.phase, self.problem = Phase.WAIT, problem

    def _abandon(self, cause: str) -> None:
        """Drop what is under way; the state says what is to be done now."""
        if cause and self.phase is not Phase.IDLE:
            self.counters[f"begun anew: {cause}"] += 1
        self._end_snapshot()
        self.commands.clear()
        self._batch, self._batch_bytes = [], 0
        self.phase, self.problem = Phase.IDLE, ""

    # ---- packets for the card ----

    def _add(self, message: bytes) -> None:
        self._batch.append(message)
        self._batch_bytes += _BLOCK_BYTES + len(message)

    def _flush(self, session: str, first: int, *, snapshot: bool) -> int:
        """Make a packet of what was gathered; returns the number after its last message."""
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        if batch:
            packet = moldudp64.Packet(session, first, tuple(batch))
            self.commands.append(Inject(packet.encode(), len(batch), snapshot))
        return first + len(batch)

    def _flush_snapshot(self, session: str) -> None:
        self.counters["messages of snapshots"] += len(self._batch)
        base = SNAPSHOT_NUMBERS + self.attempt * SNAPSHOT_SPAN
        after = self._flush(session, base + self._snapshot_messages, snapshot=True)
        self._snapshot_messages = after - base

    def _pending_bytes(self) -> int:
        return sum(len(c.payload) for c in self.commands if isinstance(c, Inject))


def _needs_help(state: FeedState) -> bool:
    return state.gap_open or state.suspect or state.rebuilding
