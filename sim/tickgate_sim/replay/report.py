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
_OVERFLOWS = {
    "book_order_overflow": "orders found no place: their symbols are stale from there on",
    "book_level_overflow": "times the worst price levels of a side were dropped",
}


@dataclass
class Report:
    """The result of a replay.

    ``types`` is the gateware's count of messages by type, ``file_types``, ``file_unknown`` and
    ``file_malformed`` what the file has; ``counters`` are the gateware's, of the last pass where
    they are the same in each and added up where they are about symbols. ``changes`` are rows of
    ``BBO`` in the order of the file. ``stale`` are the symbols whose book was not known to be right
    at the end. Prices are in 1/10000 USD, sizes in shares, 0 = none.
    """

    symbols: list[str]
    messages: int
    types: Counter[str]
    file_types: Counter[str]
    file_unknown: int
    file_malformed: int
    counters: dict[str, int]
    changes: NDArray[np.void]
    stale: list[str]
    passes: int
    seconds: float
    cycles: int
    events: Counter[str] = field(default_factory=Counter)
    """FeedEvent records by kind."""

    @property
    def types_agree(self) -> bool:
        """Whether the gateware counted the messages as the file has them."""
        return (
            +self.types == +self.file_types
            and self.counters["itch_unknown"] == self.file_unknown
            and self.counters["itch_malformed"] == self.file_malformed
        )

    def top_of_book(self) -> dict[str, tuple[int, int, int, int]]:
        """Return bid, bid size, ask and ask size at the end, by symbol."""
        tops = dict.fromkeys(self.symbols, (0, 0, 0, 0))
        # Of each symbol the last row: the first one from behind.
        found, last = np.unique(self.changes["symbol"][::-1], return_index=True)
        for symbol, row in zip(found, self.changes[::-1][last], strict=True):
            bid, bid_size, ask, ask_size = (
                int(row[name]) for name in ("bid", "bid_size", "ask", "ask_size"))
            tops[self.symbols[symbol]] = (bid, bid_size, ask, ask_size)
        return tops

    def lines(self) -> list[str]:
        """Return the report for a terminal."""
        has = f"{self.file_types}, {self.file_unknown} unknown, {self.file_malformed} malformed"
        agree = "as in the file" if self.types_agree else f"BUT the file has {has}"
        lines = [f"messages by type, counted by the card, {agree}:"]
        for letter, count in sorted(self.types.items()):
            if count:
                lines.append(f"  {letter} {MESSAGES[letter].__name__:<28} {count:>12,}")
        if self.counters["itch_unknown"] or self.counters["itch_malformed"]:
            lines.append(
                f"  not decoded: {self.counters['itch_unknown']:,} of unknown type, "
                f"{self.counters['itch_malformed']:,} malformed"
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
                f"last byte of a message to best bid and offer: {latency[0]} cycles (least), "
                f"{middle} (median), {high} (99 %), {latency[-1]} (most)"
            )
        misfits = self.counters["book_unknown_reference"]
        if misfits:
            lines.append(f"{misfits:,} messages about orders that the book does not know")
        for name, what in _OVERFLOWS.items():
            if self.counters[name]:
                lines.append(f"{self.counters[name]:,} {what}")
        if self.stale:
            lines.append(f"NOT KNOWN TO BE RIGHT at the end: {', '.join(self.stale)}")
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
    columns = [report.changes[name].tolist() for name in _COLUMNS]
    columns[2] = [report.symbols[symbol] for symbol in columns[2]]
    writer.writerows(zip(*columns, strict=True))


def _price(price: int) -> str:
    return f"{price // _PRICE_UNIT}.{price % _PRICE_UNIT:04}" if price else "-"
