"""One snapshot from a GLIMPSE server, sans-IO: ``SnapshotClient``."""

from tickgate.protocols import glimpse50, soupbintcp
from tickgate.protocols.kinds import WireError

__all__ = ["SnapshotClient", "SnapshotFailed"]

_HEARTBEAT_NS = 1_000_000_000


class SnapshotFailed(Exception):
    """The snapshot will not come; the text is the cause, for operators and as a counter's name."""


class SnapshotClient:
    """Logs in, takes the messages of the snapshot, and knows when it is whole.

    ``session`` is the one that the server must be in. Nothing but SnapshotFailed is raised. Times
    are monotonic, in ns.
    """

    def __init__(self, user: str, password: str, session: str, silence_ns: int) -> None:
        self._login = soupbintcp.LoginRequest(
            username=user,
            password=password,
            requested_session=session,
            requested_sequence_number=1,
        ).encode()
        self._session = session
        self._silence_ns = silence_ns
        self._reader = soupbintcp.PacketReader()
        self._heard_ns = self._sent_ns = 0
        self._logged_in = False
        self.end: int | None = None
        """Number of the first message that is not in the snapshot, once it is whole."""

    def log_in(self, now_ns: int) -> bytes:
        """What to send first."""
        self._heard_ns = self._sent_ns = now_ns
        return self._login

    def tick(self, now_ns: int, *, listening: bool) -> bytes:
        """What to send now. ``listening`` is False while nobody reads what the server sends."""
        if not listening:
            self._heard_ns = now_ns
        if now_ns - self._heard_ns > self._silence_ns:
            raise SnapshotFailed("the server is silent")
        if now_ns - self._sent_ns < _HEARTBEAT_NS:
            return b""
        self._sent_ns = now_ns
        return soupbintcp.ClientHeartbeat().encode()

    def receive(self, data: bytes, now_ns: int) -> list[bytes]:
        """Messages of the snapshot, in order, without its end."""
        self._heard_ns = now_ns
        try:
            packets = self._reader.feed(data)
        except WireError as error:
            raise SnapshotFailed("the stream is malformed") from error
        messages: list[bytes] = []
        for packet in packets:
            if self.end is not None:
                break
            self._take(packet, messages)
        return messages

    def _take(self, packet: soupbintcp.SoupPacket, messages: list[bytes]) -> None:
        match packet:
            case soupbintcp.LoginAccepted() if not self._logged_in:
                if packet.session != self._session:
                    raise SnapshotFailed("the server is in another session")
                if packet.sequence_number != 1:
                    raise SnapshotFailed("the snapshot does not begin with its first message")
                self._logged_in = True
            case soupbintcp.LoginRejected():
                raise SnapshotFailed("the log-in was rejected")
            case soupbintcp.SequencedData() if self._logged_in:
                self._message(packet.payload, messages)
            case soupbintcp.EndOfSession():
                raise SnapshotFailed("the session ended before the snapshot")
            case soupbintcp.ServerHeartbeat() | soupbintcp.Debug():
                pass
            case _:
                raise SnapshotFailed("a packet is out of place")

    def _message(self, payload: bytes, messages: list[bytes]) -> None:
        try:
            message = glimpse50.decode(payload)
        except WireError as error:
            raise SnapshotFailed("a message is malformed") from error
        if isinstance(message, glimpse50.EndOfSnapshot):
            if not 0 < message.sequence_number < 1 << 63:
                raise SnapshotFailed("the end has no sequence number that can be")
            self.end = message.sequence_number
        else:
            messages.append(payload)
