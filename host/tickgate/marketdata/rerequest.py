"""Asking MoldUDP64 re-request servers for a range of messages: ``Rerequester``."""

from collections import Counter

from tickgate.marketdata.settings import RecoverySettings
from tickgate.protocols import itch50, moldudp64
from tickgate.protocols.kinds import WireError

__all__ = ["Rerequester"]

_MS = 1_000_000
_LENGTHS = {ord(letter): message.LENGTH for letter, message in itch50.MESSAGES.items()}


class Rerequester:
    """Fetches messages ``first`` to ``end - 1`` of a session, in order; sans-IO.

    One request is out at a time. A server need not answer with all that was asked for: whatever
    begins with the next message wanted is taken. Nothing that a server sends raises; ``counters``
    says what was wrong with it. Times are monotonic, in ns.
    """

    def __init__(self, settings: RecoverySettings, counters: Counter[str]) -> None:
        self._settings = settings
        self._counters = counters
        self._server = 0
        self._session = ""
        self.first = self.end = 0
        self.attempts = 0
        """Requests in a row that brought nothing."""
        self._due_ns = 0
        self._out = False

    def want(self, session: str, first: int, end: int) -> None:
        """Begin with another range."""
        self._session, self.first, self.end = session, first, end
        self.attempts, self._due_ns, self._out = 0, 0, False

    def extend(self, first: int, end: int) -> None:
        """Go on with what is still missing of the range, from now on up to ``end``."""
        if first > self.first:
            self.first, self._due_ns, self._out = first, 0, False
        self.end = max(self.end, end)

    @property
    def failed(self) -> bool:
        """Whether so many requests in a row brought nothing that it should be given up."""
        return self.attempts >= self._settings.request_attempts

    def tick(self, now_ns: int) -> tuple[int, bytes] | None:
        """The request that is due, if any: index of the server, and the packet for it."""
        if self.first >= self.end or now_ns < self._due_ns or not self._settings.rerequest:
            return None
        if self._out:
            self._counters["request timeouts"] += 1
            self.attempts += 1
            self._server += 1
            self._out = False
            if self.failed:
                return None
        settings = self._settings
        wait_ms = min(settings.request_timeout_ms << min(self.attempts, 16),
                      settings.request_longest_ms)
        self._due_ns, self._out = now_ns + wait_ms * _MS, True
        self._counters["requests"] += 1
        request = moldudp64.Request(
            session=self._session,
            sequence_number=self.first,
            requested_message_count=min(self.end - self.first, settings.request_messages),
        )
        return self._server % len(settings.rerequest), request.encode()

    def receive(self, data: bytes) -> list[bytes]:
        """The messages from ``first`` on that an answer brings; ``first`` moves behind them."""
        try:
            packet = moldudp64.decode(data)
        except WireError:
            return self._refuse("answers malformed")
        if packet.session != self._session:
            return self._refuse("answers of another session")
        if not packet.messages:
            return self._refuse("answers without messages")
        begin = self.first - packet.sequence_number
        if begin < 0 or self.first >= min(self.end, packet.next_sequence_number):
            return self._refuse("answers not asked for")
        messages = packet.messages[begin : self.end - packet.sequence_number]
        if not all(map(_is_message, messages)):
            return self._refuse("answers with bad messages")
        self.first += len(messages)
        self.attempts, self._due_ns, self._out = 0, 0, False
        self._counters["messages re-requested"] += len(messages)
        return list(messages)

    def _refuse(self, cause: str) -> list[bytes]:
        self._counters[cause] += 1
        return []


def _is_message(message: bytes) -> bool:
    """Whether it has the length of its type. Types that are not known have any that fits."""
    if not 0 < len(message) < 256:
        return False
    return _LENGTHS.get(message[0], len(message)) == len(message)
