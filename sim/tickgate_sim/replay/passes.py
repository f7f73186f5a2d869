"""The runs of a file: as many as it takes to track every symbol."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tickgate_hdl.top.config import CardConfig

from tickgate_sim.card.build import build as build_card
from tickgate_sim.card.library import open_card
from tickgate_sim.fast.build import build as build_fast
from tickgate_sim.replay.engines import CardEngine, Engine, FastEngine
from tickgate_sim.replay.report import BBO, Report, write_csv
from tickgate_sim.replay.source import Contents, scan

__all__ = ["ReplayError", "replay"]

_TRACKED = CardConfig().symbols
_STALE = 1
_QUOTE = ["bid", "bid_size", "ask", "ask_size"]
_HALF = 1 << 31

Progress = Callable[[int, int], None]
"""Called with the messages done and the messages to do, over all passes."""


class ReplayError(Exception):
    """The gateware did not do what it must: what was expected, what was seen."""


class _Changes:
    """Of TopOfBook records, those in which a price or a size is another one than before."""

    def __init__(self, symbols: int, first: int) -> None:
        self._first = first
        self._last = np.zeros(symbols, [(name, "<u4") for name in _QUOTE])
        self.stale = np.zeros(symbols, bool)
        self.rows: list[NDArray[np.void]] = []

    def add(self, tops: NDArray[np.void], newest: int) -> None:
        """Take records of messages near number ``newest``."""
        if not len(tops):
            return
        # Of each symbol in turn, each record is compared with the one before.
        order = np.argsort(tops["symbol"], kind="stable")
        symbol = tops["symbol"][order]
        begins = np.flatnonzero(np.diff(symbol, prepend=-1))
        ends = np.append(begins[1:], len(order)) - 1
        changed = np.zeros(len(order), bool)
        for name in _QUOTE:
            values = tops[name][order]
            before = np.roll(values, 1)
            before[begins] = self._last[name][symbol[begins]]
            changed |= values != before
            self._last[name][symbol[ends]] = values[ends]
        self.stale[symbol[ends]] = tops["flags"][order][ends] & _STALE
        kept = tops[np.sort(order[changed])]
        rows = np.zeros(len(kept), BBO)
        for name in (*_QUOTE, "book_cycles"):
            rows[name] = kept[name]
        # A record has the low half of its message's number; the message is not far from ``newest``.
        base = newest - _HALF
        rows["message"] = base + ((kept["message"].astype(np.int64) - base) & 0xFFFF_FFFF)
        rows["timestamp"] = kept["itch_time"]
        rows["symbol"] = kept["symbol"] + self._first
        rows["stale"] = kept["flags"] & _STALE
        self.rows.append(rows)


def replay(
    file: str | Path,
    bbo_csv: str | Path | None = None,
    symbols: Sequence[str] | None = None,
    *,
    card: bool = False,
    library: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Push an ITCH 5.0 file through feed, book and gate and report what they made of it.

    ``symbols`` chooses what to track; by default all that the file names. With more than the card
    tracks the file is run several times. ``bbo_csv`` gets a row for each message that changes a
    best bid or offer. With ``card`` the file goes through the whole card, which is much slower.
    ``library`` is a model built before; by default it is built.

    Raises SourceError for a file that cannot be replayed, ValueError for symbols that are none,
    ReplayError when messages are lost.
    """
    path = Path(file)
    contents = scan(path)
    names = list(dict.fromkeys(symbols)) if symbols is not None else list(contents.symbols)
    library = library or (build_card().library if card else build_fast())
    report = _passes(path, contents, names, card, library, progress)
    if bbo_csv is not None:
        with Path(bbo_csv).open("w", newline="") as target:
            write_csv(report, target)
    return report


@contextmanager
def _engine(card: bool, library: Path, symbols: Sequence[str]) -> Iterator[Engine]:
    if card:
        with open_card(library, dma_bytes=1 << 20) as whole:
            yield CardEngine(whole, symbols)
    else:
        with FastEngine(symbols, library) as fast:
            yield fast


def _passes(
    path: Path,
    contents: Contents,
    names: list[str],
    card: bool,
    library: Path,
    progress: Progress | None,
) -> Report:
    rows: list[NDArray[np.void]] = []
    types: list[Counter[str]] = []
    events: Counter[str] = Counter()
    counters: dict[str, int] = {}
    stale: list[str] = []
    cycles, seconds, passes = 0, 0.0, 0
    total = contents.messages * max(1, -(-len(names) // _TRACKED))
    for first in range(0, max(1, len(names)), _TRACKED):
        tracked = names[first : first + _TRACKED]
        with _engine(card, library, tracked) as engine:
            changes, start = _Changes(len(tracked), first), time.monotonic()
            for done, tops in engine.run(path):
                changes.add(tops, done)
                if progress is not None:
                    progress(contents.messages * passes + done, total)
            seconds += time.monotonic() - start
            cycles += engine.cycles
            counted = engine.counters()
            _check(engine.expected() - 1, contents.messages, counted)
            types.append(engine.types())
            events += engine.events
        rows += changes.rows
        stale += [name for name, is_stale in zip(tracked, changes.stale, strict=True) if is_stale]
        for name, count in counted.items():
            about_symbols = name.startswith("book_")
            counters[name] = counters.get(name, 0) + count if about_symbols else count
        passes += 1
    if any(other != types[0] for other in types):
        raise ReplayError(f"messages by type were counted differently between passes: {types}")
    changed = np.concatenate(rows) if rows else np.zeros(0, BBO)
    return Report(
        symbols=names,
        messages=contents.messages,
        types=types[0],
        file_types=contents.types,
        file_unknown=contents.unknown,
        file_malformed=contents.malformed,
        counters=counters,
        changes=changed[np.argsort(changed["message"], kind="stable")],
        stale=stale,
        passes=passes,
        seconds=seconds,
        cycles=cycles,
        events=events,
    )


def _check(seen: int, expected: int, counters: dict[str, int]) -> None:
    if seen != expected or counters["mold_gaps"] or counters["frames_bad"]:
        raise ReplayError(
            f"{expected} messages must have been taken, {seen} were, with "
            f"{counters['mold_gaps']} gaps and {counters['frames_bad']} bad frames"
        )
