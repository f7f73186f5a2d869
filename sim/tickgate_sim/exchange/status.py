"""The status messages in force: what a snapshot tells about the market besides its orders."""

from collections.abc import Iterable

_EVENTS = ord("S")
_KINDS = "RVWHYhJKNO"
"""ITCH types whose last message for an instrument is in force, in the order of a snapshot."""
_RANKS = {ord(kind): rank for rank, kind in enumerate(_KINDS)}
_LOCATE = slice(1, 3)
_MARKET_CODE = slice(19, 20)
"""An operational halt (h) is of one market: another market's takes nothing back."""


class StatusBoard:
    """Reads every message of the feed and keeps those that say how things stand.

    All system events are kept; of the other kinds the last message for each instrument, as it was
    sent, with its own time.
    """

    def __init__(self) -> None:
        self._events: list[bytes] = []
        self._latest: dict[tuple[int, bytes, bytes], bytes] = {}

    def note(self, messages: Iterable[bytes]) -> None:
        """Take messages of the feed, in order."""
        for message in messages:
            kind = message[0]
            rank = _RANKS.get(kind)
            if rank is not None:
                market = message[_MARKET_CODE] if kind == ord("h") else b""
                self._latest[rank, message[_LOCATE], market] = message
            elif kind == _EVENTS:
                self._events.append(message)

    def in_force(self) -> list[bytes]:
        """System events, directory, then status by kind; within a kind by stock locate."""
        return [*self._events, *(self._latest[key] for key in sorted(self._latest))]
