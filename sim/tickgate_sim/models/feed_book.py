"""Golden model of the market data half of the card, fed by one line."""

from collections import Counter
from dataclasses import dataclass, field

from tickgate_sim.models.book import BookModel, Event
from tickgate_sim.models.itch import ItchModel
from tickgate_sim.models.line import LineItem, LineModel, LinePacket

__all__ = ["FeedBookModel"]

_NOBODY = 0xFFFF


@dataclass
class FeedBookModel:
    """A line, the order of its messages, and the book.

    What the other line and the host add, and when a gap is told, depends on time: that is the
    channel's model. Here a message that came early waits, without limit, for those before it.
    """

    line: LineModel
    book: BookModel
    itch: ItchModel = field(default_factory=ItchModel)
    expected: int = 1
    events: list[Event] = field(default_factory=list)
    """Events of the channel: N, Z, B."""
    window: Counter[str] = field(
        default_factory=lambda: Counter({"mold_duplicates": 0, "frames_suspect": 0})
    )
    _session: bytes | None = None
    _early: dict[int, tuple[LineItem, int]] = field(default_factory=dict)

    def frame(self, frame: bytes, time_ns: int = 0, error: bool = False) -> None:
        """Take one frame whose first beat came at ``time_ns``."""
        line = self.line
        packets, items, story = len(line.packets), len(line.items), len(line.story)
        line.frame(frame, error)
        for packet in line.packets[packets:]:
            self._packet(packet)
        used = False
        for item in line.items[items:]:
            used |= self._item(item, time_ns)
        if used and "B" in line.story[story:]:
            self.window["frames_suspect"] += 1
            self.events.append(Event("B", " ", _NOBODY, 0, self.expected, 0, 0))

    def rebuild(self, sequence: int) -> None:
        """Empty the books, and go on from a number."""
        self.book.clear()
        self._early.clear()
        self.expected = sequence

    def counts(self) -> dict[str, int]:
        """All counters, by their registers' names without ``count_``."""
        return {**self.line.counts, **self.window, **self.itch.counts, **self.book.counts}

    def _packet(self, packet: LinePacket) -> None:
        if packet.foreign:
            return
        if packet.session != self._session:
            if self._session is not None:
                self.book.clear()
                self._early.clear()
                self.expected = 1
            self._session = self.line.session = packet.session
            self._event("N", packet.sequence)
        if packet.messages == 0xFFFF and self.line.session is not None:
            self.line.session = None
            self._event("Z", packet.sequence)

    def _item(self, item: LineItem, time_ns: int) -> bool:
        """Take a message; whether it was of use."""
        if item.sequence < self.expected or item.sequence in self._early:
            self.window["mold_duplicates"] += 1
            return False
        self._early[item.sequence] = item, time_ns
        while self.expected in self._early:
            due, when = self._early.pop(self.expected)
            self.expected += 1
            data = due.data if due.length <= len(due.data) else due.data.ljust(due.length)
            command = self.itch.message(due.sequence, data, when)
            if command is not None:
                self.book.command(command)
        return True

    def _event(self, kind: str, sequence: int) -> None:
        self.events.append(Event(kind, " ", _NOBODY, 0, 0, sequence, 0))
