"""Reference prices for the card's gate: from a file that something else writes, and from the book.

Table ``[references]`` of the settings, with one key or both::

    file = "references.toml"
    window_s = 300

The file has a table for each symbol, with what is known of these, in USD as text::

    [AAPL]
    national_bid = "187.20"
    band_low = "178.00"
    band_high = "196.00"
    window = "187.00"

It is read each time it changes, and what it then says is uploaded, even if it is the same: a writer
that goes on writing is what shows that the prices are of now. Replace it by renaming, so that it is
never half there. A file of before the engine's start, or one that is wrong, uploads nothing, and
the references on the card get too old.

With ``window_s`` the reference of the time window is the middle of the card's own bid and offer at
the start of each window of so many seconds (UTC), or as soon as there are both and they are not
stale. It is uploaded with the file's prices where the file has none of its own; without a file it
is uploaded each second, while the book is there.
"""

import os
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from tickgate.engine.core import Core
from tickgate.engine.inputs import Input, ReferencesSet
from tickgate.engine.section import ConfigError, Section
from tickgate.marketdata.quote import Quote
from tickgate.risk.reader import usd

LOOK_NS = 20_000_000
"""How often the file is looked at."""
REPEAT_NS = 1_000_000_000
"""How often references of the book are uploaded, and the shortest time between two journal entries
of a symbol."""
SYMBOLS_A_TURN = 8
"""Most symbols uploaded in one turn of the loop: each costs five register writes."""
_MOST = (1 << 32) - 1


class Prices(NamedTuple):
    """References of a symbol as the card has them: 1/10000 USD, 0 where not known."""

    national_bid: int = 0
    band_low: int = 0
    band_high: int = 0
    window: int = 0


class ReferencesError(ValueError):
    """A file of references that cannot be: names symbol and key."""


class ReferenceWriter(Protocol):
    """A card that takes references (``tickgate.card.driver.CardDriver.write_reference``)."""

    def write_reference(
        self, symbol: int, *, national_bid: int, band_low: int, band_high: int, window: int
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class ReferenceSettings:
    """Where references come from; nowhere, if nothing is set: then none is uploaded."""

    file: Path | None = None
    window_s: int = 0

    @classmethod
    def read(cls, section: Section, base: Path) -> "ReferenceSettings":
        """Read the table ``[references]``; a path is relative to ``base``. Raises ConfigError."""
        if not section.has("file") and not section.has("window_s"):
            raise ConfigError("references must have file, window_s or both")
        return cls(
            base / section.text("file") if section.has("file") else None,
            section.number("window_s", 1, 86_400) if section.has("window_s") else 0,
        )


def parse(text: str, symbols: Collection[str]) -> dict[str, Prices]:
    """Read a file of references by symbol. Raises ReferencesError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ReferencesError(f"not valid TOML: {error}") from error
    return {name: _prices(name, table, symbols) for name, table in document.items()}


def _prices(name: str, table: object, symbols: Collection[str]) -> Prices:
    if name not in symbols:
        raise ReferencesError(f"{name} is no symbol of the engine")
    if not isinstance(table, Mapping):
        raise ReferencesError(f"{name} must be a table")
    for key in table:
        if key not in Prices._fields:
            known = ", ".join(Prices._fields)
            raise ReferencesError(f"{name}.{key} is no reference; known: {known}")
    try:
        return Prices(**{key: usd(value, _MOST) for key, value in table.items()})
    except ValueError as error:
        raise ReferencesError(f"{name} has a price that{error}") from error


class References:
    """Finds references, uploads them a few a turn, and journals those that are new."""

    def __init__(
        self,
        settings: ReferenceSettings,
        core: Core,
        quote: Callable[[int], Quote],
        take: Callable[[Input], None],
        counters: Counter[str],
        *,
        utc: Callable[[], int] = time.time_ns,
    ) -> None:
        """``quote`` is the book's of a symbol, empty when stale; ``take`` journals an input.

        What is wrong with the file is counted in ``counters``.
        """
        self._settings = settings
        self._core = core
        self._quote = quote
        self._take = take
        self._counters = counters
        self._utc = utc
        self._seen = self._mark()
        self._file_ns = self._book_ns = 0
        self._window = -1
        self._windows: dict[str, int] = {}
        """References of this time window."""
        self._due: dict[str, Prices] = {}
        self._untold: dict[str, Prices] = {}
        self._told: dict[str, tuple[Prices, int]] = {}

    def work(self, card: ReferenceWriter | None, now_ns: int) -> None:
        """Do what is due; ``now_ns`` is monotonic. Raises CardError when the card does not answer.

        What comes while there is no card is not kept for the next one: it would look new to it.
        """
        if self._settings.window_s:
            self._look_at_book(now_ns)
        if self._settings.file is not None and now_ns >= self._file_ns:
            self._file_ns = now_ns + LOOK_NS
            self._look_at_file(self._settings.file)
        if card is None:
            self._due.clear()
        for name in list(self._due)[:SYMBOLS_A_TURN]:
            if card is not None:
                prices = self._due.pop(name)
                card.write_reference(self._core.symbols.index(name), **prices._asdict())
                self._untold[name] = prices
        self._journal(now_ns)

    def _look_at_book(self, now_ns: int) -> None:
        window = self._utc() // (self._settings.window_s * 1_000_000_000)
        if window != self._window:
            self._window, self._book_ns = window, now_ns
            self._windows.clear()
        if now_ns < self._book_ns:
            return
        self._book_ns = now_ns + REPEAT_NS
        for number, name in enumerate(self._core.symbols):
            quote = self._quote(number)
            if quote.bid and quote.ask:
                self._windows.setdefault(name, quote.mid())
            there = bool(quote.bid or quote.ask)
            if self._settings.file is None and there and name in self._windows:
                self._due[name] = Prices(window=self._windows[name])

    def _look_at_file(self, file: Path) -> None:
        mark = self._mark()
        if mark == self._seen:
            return
        self._seen = mark
        try:
            found = parse(file.read_text(), self._core.symbols)
        except (OSError, UnicodeDecodeError, ReferencesError) as error:
            self._counters[f"references: {error}"] += 1
            return
        for name, prices in found.items():
            window = prices.window or self._windows.get(name, 0)
            self._due[name] = prices._replace(window=window)

    def _mark(self) -> tuple[int, int, int] | None:
        """What differs after the file was written; None when it is not there."""
        try:
            found = os.stat(self._settings.file or "")
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _journal(self, now_ns: int) -> None:
        for name, prices in list(self._untold.items()):
            before, told_ns = self._told.get(name, (None, now_ns - REPEAT_NS))
            if prices == before:
                del self._untold[name]
            elif now_ns - told_ns >= REPEAT_NS:
                del self._untold[name]
                self._told[name] = prices, now_ns
                self._take(ReferencesSet(name, *prices))
