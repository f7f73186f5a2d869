"""Golden model of the arbitration between the lines, without time: what comes, one after the other.

Each call takes one thing that happened and brings everything to rest. How long a missing message is
waited for is the caller's to know, who then calls :meth:`WindowModel.timeout`.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["WindowEvent", "WindowModel"]

_TOP = 2**64 - 1
_HOST = "r"


class WindowEvent(NamedTuple):
    """An event; of G and B what was expected and the number behind the newest message known, of N,
    F and Z the number of the packet, of C only that it was told.
    """

    kind: str
    expected: int = 0
    sequence: int = 0


@dataclass
class WindowModel:
    """State of a channel's window; ``window`` numbers from the expected one on are kept.

    ``out`` has what was delivered: the number (None of a snapshot's message) and the data.
    """

    window: int
    session: bytes | None = None
    expected: int = 1
    highest: int = 1
    started: bool = False
    ended: bool = False
    gap_open: bool = False
    suspect: bool = False
    rebuilding: bool = False
    high_water: int = 0
    out: list[tuple[int | None, bytes]] = field(default_factory=list)
    events: list[WindowEvent] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    _kept: dict[tuple[str, int], bytes] = field(default_factory=dict)
    _used: dict[str, bool] = field(default_factory=lambda: {"a": False, "b": False})
    _deaf: dict[str, bool] = field(default_factory=lambda: {"a": False, "b": False})
    _forgetting: bool = False
    _foreign: bytes | None = None
    _anchor: bool = False
    _unconfirmed: bool = False
    _told: bool = False
    _gap_high: int = 0

    @property
    def listens_to(self) -> bytes | None:
        """The session that the lines listen to, None for any."""
        return None if self.ended or self._forgetting else self.session

    @property
    def missing(self) -> bool:
        """The next message is missing and a later one is known."""
        return self.highest > self.expected and not self.rebuilding

    @property
    def stale(self) -> bool:
        """No book is known to be right."""
        return (
            not self.started or self.missing or self.gap_open or self.suspect
            or self.rebuilding or self._unconfirmed
        )  # fmt: skip

    def packet(
        self, line: str, session: bytes, sequence: int, *, foreign: bool, end: bool = False
    ) -> None:
        """Take a packet's header."""
        self._used[line] = self._deaf[line] = False
        if foreign:
            if session != self._foreign:
                self._foreign = session
                self.events.append(WindowEvent("F", sequence=sequence))
            return
        if self.session is None or (self.listens_to is None and session != self.session):
            self._begin(line, session, sequence)
        self.started = True
        if end and not self.ended:
            self.ended = self._used[line] = True
            self.events.append(WindowEvent("Z", sequence=sequence))
        self._unconfirmed = False
        if self._anchor:
            self.expected, self._anchor, self._used[line] = sequence, False, True
        if sequence > self.highest:
            self.highest, self._used[line] = sequence, True
        self._track()

    def _begin(self, line: str, session: bytes, sequence: int) -> None:
        if self.session is not None:
            self.expected = self.highest = 1
            self.suspect = self.gap_open = self.rebuilding = self._anchor = False
            self._told, self._gap_high = False, 0
            self._kept.clear()
        self.session, self.ended, self._forgetting, self._foreign = session, False, False, None
        self._used[line] = True
        self._deaf["b" if line == "a" else "a"] = True
        self.events.append(WindowEvent("N", sequence=sequence))

    def item(self, line: str, sequence: int, data: bytes) -> None:
        """Take a message of line a or b, or of the host (r)."""
        if self._deaf.get(line):
            self.counts["window_dropped"] += 1
            return
        lacked = self.missing
        here = self._here()
        known = self.highest
        if sequence != _TOP:
            self.highest = max(known, sequence + 1)
        uses = self.highest > known
        ahead = sequence - self.expected
        if ahead < 0:
            self.counts["mold_duplicates"] += 1
        elif ahead >= self.window:
            self.counts["window_dropped"] += 1
        else:
            uses = True
            if ahead == 0 and not self.rebuilding:
                self._deliver(data)
                self.counts["window_filled"] += lacked
                self._drain()
            else:
                self._kept["a" if line == _HOST else line, sequence] = data
                self.high_water = max(self.high_water, ahead + 1) if line != _HOST else (
                    self.high_water)
                self.counts["window_reordered"] += line != _HOST and ahead > 0 and not here
        if line in self._used and uses:
            self._used[line] = True
        self._track()

    def snapshot(self, data: bytes) -> None:
        """Take a message of a snapshot."""
        if self.rebuilding:
            self.out.append((None, data))
        else:
            self.counts["window_dropped"] += 1

    def frame_bad(self, line: str) -> None:
        """The frame of the line's last packet was bad."""
        if self._used[line] and not self._deaf[line]:
            self.suspect = True
            self.counts["frames_suspect"] += 1
            self.events.append(WindowEvent("B", self.expected, self.highest))

    def emptied(self) -> None:
        """Another channel emptied the books."""
        if self.started and not self.rebuilding:
            self.suspect = True
            self.events.append(WindowEvent("B", self.expected, self.highest))

    def timeout(self) -> None:
        """The expected message was waited for long enough."""
        if self.missing and not self._told:
            self._told = self.gap_open = True
            self._gap_high = self.highest
            self.counts["mold_gaps"] += 1
            self.events.append(WindowEvent("G", self.expected, self.highest))

    def rebuild(self) -> None:
        """Empty the books, and take messages from the host alone."""
        self.rebuilding = self._anchor = True
        self.suspect = self.gap_open = self._told = False
        self.highest = self._gap_high = 0
        self._kept.clear()

    def resume(self, sequence: int) -> None:
        """Go on with the lines, from a number."""
        if not self.rebuilding:
            return
        self.rebuilding, self._anchor, self.started, self._unconfirmed = False, False, True, True
        self.expected, self._gap_high, self._told = sequence, 0, False
        self._drain()

    def forget(self) -> None:
        """Adopt the session of the next packet of another one."""
        self._forgetting = True

    def _here(self) -> bool:
        return ("a", self.expected) in self._kept or ("b", self.expected) in self._kept

    def _deliver(self, data: bytes) -> None:
        self.out.append((self.expected, data))
        self.expected += 1
        self._told = False
        if self.gap_open and self.expected >= self._gap_high:
            self.gap_open = False
            self.events.append(WindowEvent("C"))
        self.expected %= 2**64

    def _drain(self) -> None:
        while self._here():
            copies = [
                self._kept[line, self.expected] for line in "ab"
                if (line, self.expected) in self._kept
            ]  # fmt: skip
            self.counts["mold_duplicates"] += len(copies) - 1
            self._deliver(copies[0])
        self._kept = {key: data for key, data in self._kept.items() if key[1] >= self.expected}

    def _track(self) -> None:
        if self.missing:
            self._gap_high = self.highest
