"""The runs of a file through the card: as many as it takes to track every symbol."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tickgate.card.driver import CardDriver
from tickgate.protocols.itch50 import MESSAGES
from tickgate.records.codec import unpack
from tickgate.records.messages import FeedEvent
from tickgate.records.schema import HEADER_BYTES, TOP_OF_BOOK

from tickgate_sim.card.build import build
from tickgate_sim.card.library import CardLibrary, open_card
from tickgate_sim.replay.packets import GROUP, PORT, frames
from tickgate_sim.replay.report import BBO, Report, write_csv
from tickgate_sim.replay.source import Contents, messages, scan

__all__ = ["ReplayError", "replay"]

_AHEAD = 8
"""Frames that wait at the card's port, so that it never starves."""
_POWER_UP_CYCLES = 70_000
_FRAME_CYCLES = 2_000_000
"""Cycles in which a frame must be taken; it takes some thousand."""
_EVENT_LOG2 = 12
_STALE = 1
_QUOTE = ["bid", "bid_size", "ask", "ask_size"]

_BODY = np.dtype(
    {
        "names": ["symbol", "flags", *_QUOTE, "book_cycles", "message", "itch_time"],
        "formats": ["<u2", "u1", "<u4", "<u4", "<u4", "<u4", "<u2", "<u8", "<u8"],
        "offsets": [
            TOP_OF_BOOK.offset(name) - HEADER_BYTES
            for name in ("symbol", "flags", *_QUOTE, "book_cycles", "message", "itch_time")
        ],
        "itemsize": 48,
    }
)

Progress = Callable[[int, int], None]
"""Called with the messages done and the messages to do, over all passes."""


class ReplayError(Exception):
    """The card did not do what it must: what was expected, what was seen."""


class _Pass:
    """One run of the file with the symbols that the card tracks in it."""

    def __init__(self, card: CardLibrary, symbols: Sequence[str], first: int) -> None:
        self._card = card
        self._driver = CardDriver(card)
        self._first = first
        self._last = np.zeros(len(symbols), [(name, "<u4") for name in _QUOTE])
        self.rows: list[NDArray[np.void]] = []
        self.events: Counter[str] = Counter()
        card.run(_POWER_UP_CYCLES)
        self._driver.identify()
        self._driver.wait_ready(60.0)
        self._driver.setup_rings(4, _EVENT_LOG2, 4)
        self._driver.set_feed(GROUP, PORT)
        for index, name in enumerate(symbols):
            self._driver.load_symbol(index, name)
        self._driver.cycles()  # a read: every write is in effect now
        card.tap(True)

    def run(self, path: Path) -> Iterator[int]:
        """Send the whole file and gather what comes of it; yield the messages sent so far."""
        for frame, count in frames(messages(path)):
            self._card.push_frame(frame)
            self._card.run_until_taken(_AHEAD, _FRAME_CYCLES)
            self._gather()
            yield count
        self._card.run_until_quiet()
        self._gather()

    def types(self) -> Counter[str]:
        """Return the card's count of messages by type."""
        return Counter(self._driver.itch_type_counts(MESSAGES))

    def counters(self) -> dict[str, int]:
        """Return the card's counters."""
        return self._driver.counters()

    def check(self, expected: int) -> None:
        """Raise ReplayError unless the card took every message in its place."""
        counters = self.counters()
        seen = self._driver.feed_expected() - 1
        if seen != expected or counters["mold_gaps"] or counters["frames_bad"]:
            raise ReplayError(
                f"the card must have taken {expected} messages, took {seen}, with "
                f"{counters['mold_gaps']} gaps and {counters['frames_bad']} bad frames"
            )

    def _gather(self) -> None:
        slots = self._driver.poll_events(1 << _EVENT_LOG2)
        for slot in slots:
            _, event = unpack(slot)
            if isinstance(event, FeedEvent):
                self.events[event.kind] += 1
        self._driver.consume_events(len(slots))
        records = self._card.tap_records()
        if len(records):
            self.rows.append(self._changes(np.ascontiguousarray(records["body"]).view(_BODY)))

    def _changes(self, tops: NDArray[np.void]) -> NDArray[np.void]:
        """Keep the records in which a price or a size is another one than before."""
        changed = np.zeros(len(tops), bool)
        for i, quote in enumerate(tops[_QUOTE]):
            symbol = tops["symbol"][i]
            if quote.item() != self._last[symbol].item():
                self._last[symbol] = quote.item()
                changed[i] = True
        kept = tops[changed]
        rows = np.zeros(len(kept), BBO)
        for name in (*_QUOTE, "message", "book_cycles"):
            rows[name] = kept[name]
        rows["timestamp"] = kept["itch_time"]
        rows["symbol"] = kept["symbol"] + self._first
        rows["stale"] = kept["flags"] & _STALE
        return rows


def replay(
    file: str | Path,
    bbo_csv: str | Path | None = None,
    symbols: Sequence[str] | None = None,
    *,
    library: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Push an ITCH 5.0 file through the Verilated card and report what the card made of it.

    ``symbols`` chooses what to track; by default all that the file names. With more than the card
    tracks the file is run several times. ``bbo_csv`` gets a row for each message that changes a
    best bid or offer. ``library`` is a card built before; by default it is built.

    Raises SourceError for a file that cannot be replayed, ValueError for symbols that are none,
    ReplayError when the card loses messages.
    """
    path = Path(file)
    contents = scan(path)
    names = list(dict.fromkeys(symbols)) if symbols is not None else list(contents.symbols)
    report = _passes(path, contents, names, library or build().library, progress)
    if bbo_csv is not None:
        with Path(bbo_csv).open("w", newline="") as target:
            write_csv(report, target)
    return report


def _passes(
    path: Path, contents: Contents, names: list[str], library: Path, progress: Progress | None
) -> Report:
    rows: list[NDArray[np.void]] = []
    types: list[Counter[str]] = []
    events: Counter[str] = Counter()
    counters: dict[str, int] = {}
    cycles, seconds, first, passes = 0, 0.0, 0, 0
    while first < len(names) or not passes:
        with open_card(library, dma_bytes=1 << 20) as card:
            tracked = CardDriver(card).identify().symbols
            total = contents.messages * max(1, -(-len(names) // tracked))
            run = _Pass(card, names[first : first + tracked], first)
            begun, start = card.cycles, time.monotonic()
            for done in run.run(path):
                if progress is not None:
                    progress(contents.messages * passes + done, total)
            seconds += time.monotonic() - start
            cycles += card.cycles - begun
            run.check(contents.messages)
            rows += run.rows
            types.append(run.types())
            events += run.events
            for name, count in run.counters().items():
                about_symbols = name.startswith("book_")
                counters[name] = counters.get(name, 0) + count if about_symbols else count
        first += tracked
        passes += 1
    if any(other != types[0] for other in types):
        raise ReplayError(f"the card counted messages by type differently between passes: {types}")
    changes = np.concatenate(rows) if rows else np.zeros(0, BBO)
    return Report(
        symbols=names,
        messages=contents.messages,
        types=types[0],
        file_types=contents.types,
        counters=counters,
        changes=changes[np.argsort(changes["message"], kind="stable")],
        passes=passes,
        seconds=seconds,
        cycles=cycles,
        events=events,
    )
