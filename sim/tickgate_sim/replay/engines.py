"""What a replay runs on: feed, book and gate alone, or the whole card."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tickgate.card.driver import CardDriver
from tickgate.protocols.itch50 import MESSAGES
from tickgate.records.codec import unpack
from tickgate.records.dtypes import record_dtype
from tickgate.records.messages import FeedEvent
from tickgate.records.schema import TOP_OF_BOOK

from tickgate_sim.card.library import CardLibrary
from tickgate_sim.fast import Beats, FastFeed, beats
from tickgate_sim.replay.packets import GROUP, PORT, frames
from tickgate_sim.replay.source import Block, blocks

__all__ = ["CardEngine", "Engine", "FastEngine"]

_AHEAD = 8
"""Frames that wait at the card's port, so that it never starves."""
_POWER_UP_CYCLES = 70_000
_FRAME_CYCLES = 2_000_000
"""Cycles in which a frame must be taken; it takes some thousand."""
_EVENT_LOG2 = 12

_SLOT = record_dtype(TOP_OF_BOOK)
_BODY = np.dtype([(field.name, _SLOT[field.name]) for field in TOP_OF_BOOK.fields])


class Engine(ABC):
    """Takes a file once, tracking the symbols that it was made with."""

    events: Counter[str]
    """FeedEvent records by kind."""

    @property
    @abstractmethod
    def cycles(self) -> int:
        """Clock cycles run."""

    @abstractmethod
    def run(self, path: Path) -> Iterator[tuple[int, NDArray[np.void]]]:
        """Send a file; yield the number of the last message sent and the TopOfBook records since
        then, which may be of messages some way before."""

    @abstractmethod
    def types(self) -> Counter[str]:
        """Return the gateware's count of messages by type."""

    @abstractmethod
    def counters(self) -> dict[str, int]:
        """Return the gateware's counters."""

    @abstractmethod
    def expected(self) -> int:
        """Return the number of the message that is expected next."""


class FastEngine(Engine):
    """Feed, book and gate alone."""

    def __init__(self, symbols: Sequence[str], library: Path | None = None) -> None:
        self._feed = FastFeed(symbols=symbols, line_a=(GROUP, PORT), library=library)
        self._begun = self._feed.cycles
        self.events = Counter()

    def __enter__(self) -> "FastEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self._feed.close()

    @property
    def cycles(self) -> int:
        return self._feed.cycles - self._begun

    def run(self, path: Path) -> Iterator[tuple[int, NDArray[np.void]]]:
        source = blocks(path)
        # The next block is made ready while the model runs, which holds no lock of Python's.
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(_next_beats, source)
            while (ready := coming.result()) is not None:
                coming = pool.submit(_next_beats, source)
                count, line = ready
                self._feed.offer(line)
                self._feed.finish(settle=0)
                yield count, self._taken()
        self._feed.finish()
        yield count, self._taken()

    def types(self) -> Counter[str]:
        return Counter(self._feed.type_counts(list(MESSAGES)))

    def counters(self) -> dict[str, int]:
        return self._feed.counters()

    def expected(self) -> int:
        return self._feed.read("expected")

    def _taken(self) -> NDArray[np.void]:
        tops, events, *_ = self._feed.take()
        self.events.update(kind.decode("latin-1") for kind in events["kind"].tolist())
        return tops


def _next_beats(source: Iterator[Block]) -> tuple[int, Beats] | None:
    block = next(source, None)
    if block is None:
        return None
    return block.first + len(block) - 1, beats([frame for frame, _ in frames(block)])


class CardEngine(Engine):
    """The whole card."""

    def __init__(self, card: CardLibrary, symbols: Sequence[str]) -> None:
        self._card = card
        self._driver = CardDriver(card)
        self.events = Counter()
        card.run(_POWER_UP_CYCLES)
        self._driver.identify()
        self._driver.wait_ready(60.0)
        self._driver.setup_rings(4, _EVENT_LOG2, 4)
        self._driver.set_feed(GROUP, PORT)
        for index, name in enumerate(symbols):
            self._driver.load_symbol(index, name)
        self._driver.cycles()  # a read: every write is in effect now
        card.tap(True)
        self._begun = card.cycles

    @property
    def cycles(self) -> int:
        return self._card.cycles - self._begun

    def run(self, path: Path) -> Iterator[tuple[int, NDArray[np.void]]]:
        count = 0
        for block in blocks(path):
            for frame, count in frames(block):
                self._card.push_frame(frame)
                self._card.run_until_taken(_AHEAD, _FRAME_CYCLES)
                yield count, self._taken()
        self._card.run_until_quiet()
        yield count, self._taken()

    def types(self) -> Counter[str]:
        return Counter(self._driver.itch_type_counts(MESSAGES))

    def counters(self) -> dict[str, int]:
        return self._driver.counters()

    def expected(self) -> int:
        return self._driver.feed_expected()

    def _taken(self) -> NDArray[np.void]:
        slots = self._driver.poll_events(1 << _EVENT_LOG2)
        for slot in slots:
            _, event = unpack(slot)
            if isinstance(event, FeedEvent):
                self.events[event.kind] += 1
        self._driver.consume_events(len(slots))
        tops: NDArray[np.void] = np.ascontiguousarray(self._card.tap_records()["body"]).view(_BODY)
        return tops
