"""Holds the card's exposure against the engine's own, once a second; one share too many is told.

Messages are always under way between the two, so a single look proves nothing. A *sample* is the
card's three values of one account and symbol. It is judged when everything is heard that the card
had done by then: at least ``SETTLE_NS`` later, after a look at the events ring that emptied it.

=========  ========================================================================================
equal      nothing of the pair was undecided at the sample or came in until it was judged, and the
           three values are the host's
different  one of them cannot be explained by any part, in any order, of what was undecided or came
           in since
traffic    neither: there was traffic, and the values can be explained by it
=========  ========================================================================================

``CONFIRM`` samples that differ, with none between them that was equal, are a drift; it is over with
a sample that is equal. So traffic alone never makes one, and one that lasts is told within
``CONFIRM`` rounds, counting only those in which one of up to ``LOOKS`` samples met a pause.
"""

import time
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from tickgate.engine.core import Core
from tickgate.engine.inputs import Drift, Input
from tickgate.risk.exposure import Held, Mark, Pair

ROUND_NS = 1_000_000_000
SETTLE_NS = 50_000_000
"""Longest time from a change in the gate to its record in the events ring. A card needs
microseconds; this is what a simulated one may take on a busy machine."""
PAIRS_A_TURN = 2
"""Most pairs read in one turn of the loop: each costs five register reads."""
LOOKS = 5
"""Most samples of a pair in one round: with traffic it is read again, to find a pause."""
CONFIRM = 3

_SHOWN = ((-(1 << 31), (1 << 31) - 1), (0, (1 << 32) - 1), (0, (1 << 32) - 1))
"""What the registers can show of position, open buys and open sells; beyond it they stay there."""


class ExposureReader(Protocol):
    """A card whose exposure can be read (``tickgate.card.driver.CardDriver.exposure``)."""

    def exposure(self, account: int, symbol: int) -> tuple[int, int, int]: ...


class Sample(NamedTuple):
    """What the card showed of a pair, and how the host stood when it was read."""

    pair: Pair
    card: tuple[int, int, int]
    marks: tuple[Mark, ...]
    read_ns: int
    look: int
    """Which of its round's, from 1."""


class ExposureCheck:
    """Reads round robin, a few pairs a turn, and journals each drift's beginning and end."""

    def __init__(
        self,
        core: Core,
        take: Callable[[Input], None],
        *,
        on: bool = True,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """``take`` journals an input and handles it; ``clock`` is monotonic, in ns."""
        self.on = on
        self.counters: Counter[str] = Counter()
        """Rounds, and samples by what they were found to be."""
        self.round_ns = 0
        """How long the last round took."""
        self._core = core
        self._take = take
        self._clock = clock
        self._due: deque[tuple[Pair, int]] = deque()
        """Pairs to be read, and which look of the round that is."""
        self._samples: deque[Sample] = deque()
        self._against: Counter[Pair] = Counter()
        """Samples that differed since the last that was equal."""
        self._started_ns = 0
        self._round_open = False

    def work(self, card: ExposureReader | None, drained_ns: int) -> None:
        """Do what is due. Raises CardError when the card does not answer.

        ``card`` is None while there is none that holds our positions. ``drained_ns`` is when the
        events ring was last looked at and emptied, with all that was in it taken in.
        """
        if card is None or not self.on:
            self._forget()
            return
        while self._samples and self._samples[0].read_ns + SETTLE_NS <= drained_ns:
            self._judge(self._samples.popleft())
        self._rounds()
        for _ in range(min(PAIRS_A_TURN, len(self._due))):
            self._read(card, *self._due.popleft())

    def _forget(self) -> None:
        self._due.clear()
        self._samples.clear()
        self._against.clear()
        self._round_open = False

    def _rounds(self) -> None:
        if self._due or self._samples:
            return
        now_ns = self._clock()
        if self._round_open:
            self._round_open = False
            self.round_ns = now_ns - self._started_ns
            self.counters["rounds"] += 1
        if now_ns - self._started_ns >= ROUND_NS:
            core = self._core
            self._due.extend(
                (pair, 1)
                for pair in core.exposure.held
                if pair[0] in core.accounts and pair[1] in core.symbols
            )
            self._started_ns, self._round_open = now_ns, True

    def _read(self, card: ExposureReader, pair: Pair, look: int) -> None:
        core = self._core
        marks = tuple(tally.mark() for tally in core.exposure.held[pair].tallies)
        shown = card.exposure(core.accounts.index(pair[0]), core.symbols.index(pair[1]))
        self._samples.append(Sample(pair, shown, marks, self._clock(), look))

    def _judge(self, sample: Sample) -> None:
        pair = sample.pair
        spans = _spans(self._core.exposure.held[pair], sample)
        quiet = all(low == high for low, high in spans)
        if any(not low <= is_ <= high for is_, (low, high) in zip(sample.card, spans, strict=True)):
            self.counters["different"] += 1
            self._against[pair] += 1
            if self._against[pair] >= CONFIRM:
                self._tell(sample, quiet)
        elif quiet:
            self.counters["equal"] += 1
            del self._against[pair]
            if pair in self._core.drifts:
                self._take(Drift(*pair, _host(sample), list(sample.card), over=True))
        else:
            self.counters["traffic"] += 1
            if sample.look < LOOKS:
                self._due.append((pair, sample.look + 1))

    def _tell(self, sample: Sample, quiet: bool) -> None:
        """Journal a drift that is new, or that became another: traffic alone makes it no other."""
        drift = Drift(*sample.pair, _host(sample), list(sample.card))
        known = self._core.drifts.get(sample.pair)
        if known is None or (quiet and known.difference != drift.difference):
            self._take(drift)


def _spans(held: Held, sample: Sample) -> list[tuple[int, int]]:
    spans = []
    for tally, mark, (least, most) in zip(held.tallies, sample.marks, _SHOWN, strict=True):
        low, high = tally.span(mark)
        spans.append((max(least, min(most, low)), max(least, min(most, high))))
    return spans


def _host(sample: Sample) -> list[int]:
    return [mark.value for mark in sample.marks]
