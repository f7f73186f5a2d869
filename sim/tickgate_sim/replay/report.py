"""What a replay found: counts, speed, and the best bid and offer after each message that changed
it."""

import csv
from collections import Counter
from dataclasses import dataclass, field
from typing import TextIO

import numpy as np
from numpy.typing import NDArray
from tickgate.protocols.itch50 import MESSAGES

__all__ = ["BBO", "Report", "write_csv"]

BBO = np.dtype(
    [
        ("message", "<u8"),
        ("timestamp", "<u8"),
        ("symbol", "<u4"),
        ("bid", "<u4"),
        ("bid_size", "<u4"),
        ("ask", "<u4"),
        ("ask_size", "<u4"),
        ("book_cycles", "<u4"),
        ("stale", "?"),
    ]
)
"""One change of a best bid or offer; ``symbol`` is an index of ``Report.symbols``."""

_COLUMNS = ("message", "timestamp", "symbol", "bid", "bid_size", "ask", "ask_size")
_PRICE_UNIT = 10_000


@dataclass
class Report:
    """The result of a replay.

    ``types`` is the card's count of messages by type, ``file_types`` the file's; ``counters`` are
    the card's, of the first pass where they are the same in each and added up where they are about
    symbols. ``changes`` are rows of ``BBO`` in the order of the file. Prices are in 1/10000 USD,
    sizes in shares, 0 = none.
    """

    symbols: list[str]
    messages: int
    types: Counter[str]
    file_types: Counter[str]
    counters: dict[str, int]
    changes: NDArray[np.void]
    passes: int
    seconds: float
    cycles: int
    events: Counter[str] = field(default_factory=Counter)
    """FeedEvent records by kind."""

    @property
    def types_agree(self) -> bool:
        """Whether the card counted the messages as the file has them."""
        return +self.types == +self.file_types

    def top_of_book(self) -> dict[str, tuple[int, int, int, int]]:
        """Return bid, bid size, ask and ask size at the end, by symbol."""
        tops = dict.fromkeys(self.symbols, (0, 0, 0, 0))
        for row in self.changes:
            top = (int(row["bid"]), int(row["bid_size"]), int(row["ask"]), int(row["ask_size"]))
            tops[self.symbols[row["symbol"]]] = top
        return tops

    @property
    def stale(self) -> list[str]:
        """Symbols whose book was not known to be right at the end."""
        last = {row["symbol"]: bool(row["stale"]) for row in self.changes}
        return [self.symbols[symbol] for symbol, stale in sorted(last.items()) if stale]

    def lines(self) -> list[str]:
        """Return the report for a terminal."""
        agree = "as in the file" if self.types_agree else f"BUT the file has {self.file_types}"
        lines = [f"messages by type, counted by the card, {agree}:"]
        for letter, count in sorted(self.types.items()):
            if count:
                lines.append(f"  {letter} {MESSAGES[letter].__name__:<28} {count:>12,}")
        if self.counters["itch_unknown"] or self.counters["itch_malformed"]:
            lines.append(
                f"  not decoded: {self.counters['itch_unknown']:,} of unknown type, "
                f"{self.counters['itch_malformed']:,} of wrong length"
            )
        times = f" in {self.passes} passes, as the card tracks fewer symbols" * (self.passes > 1)
        rate = self.messages * self.passes / self.seconds
        lines += [
            f"{self.messages:,} messages, {len(self.symbols)} symbols{times}",
            f"{rate:,.0f} messages a second, {self.cycles / self.seconds:,.0f} cycles a second, "
            f"{self.cycles / (self.messages * self.passes):.1f} cycles a message",
        ]
        if len(self.changes):
            latency = np.sort(self.changes["book_cycles"])
            middle, high = latency[len(latency) // 2], latency[len(latency) * 99 // 100]
            lines.append(
                f"last byte of a message to best bid and offer: {middle} cycles (median), "
                f"{high} (99 %), {latency[-1]} (most)"
            )
        misfits = self.counters["book_unknown_reference"]
        if misfits:
            lines.append(f"{misfits:,} messages about orders that the book does not know")
        lines.append(f"{len(self.changes):,} changes of a best bid or offer; at the end:")
        lines.append(f"  {'symbol':<8} {'bid':>12} {'size':>9} {'ask':>12} {'size':>9}")
        stale = set(self.stale)
        for symbol, (bid, bid_size, ask, ask_size) in self.top_of_book().items():
            lines.append(
                f"  {symbol:<8} {_price(bid):>12} {bid_size:>9,} {_price(ask):>12} {ask_size:>9,}"
                + "  stale" * (symbol in stale)
            )
        return lines


def write_csv(report: Report, file: TextIO) -> None:
    """Write the changes as CSV with a header."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in report.changes:
        symbol = report.symbols[row["symbol"]]
        numbers = [int(row[name]) for name in _COLUMNS[3:]]
        writer.writerow([int(row["message"]), int(row["timestamp"]), symbol, *numbers])


def _price(price: int) -> str:
    return f"{price // _PRICE_UNIT}.{price % _PRICE_UNIT:04}" if price else "-"
