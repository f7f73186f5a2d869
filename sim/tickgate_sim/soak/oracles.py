"""Best bid and offer after every message of a file: as a replay has it, and as others have it."""

import datetime
from collections.abc import Iterable, Iterator
from pathlib import Path

from itch_book import Feed, midnight_ns
from itchcpp.book import BookManager
from tickgate.protocols import binaryfile
from tickgate_hdl.top.config import CardConfig

from tickgate_sim.models.book import BookModel
from tickgate_sim.models.itch import ItchModel
from tickgate_sim.replay import Report
from tickgate_sim.replay.source import messages

__all__ = ["Change", "changes", "golden_model", "itch_book", "itchcpp", "only_changes"]

Change = tuple[int, int, str, int, int, int, int]
"""Message number from 1, ITCH timestamp, symbol, bid, its size, ask, its size; prices in 1/10000
USD, 0 = none."""

_DATE = datetime.date(2026, 1, 5)
_LOCATE, _STAMP, _STOCK = slice(1, 3), slice(5, 11), slice(11, 19)


def changes(report: Report) -> list[Change]:
    """The changes of a replay."""
    columns = ("message", "timestamp", "symbol", "bid", "bid_size", "ask", "ask_size")
    return [
        (number, when, report.symbols[symbol], *quote)
        for number, when, symbol, *quote in zip(
            *(report.changes[name].tolist() for name in columns), strict=True
        )
    ]


def only_changes(rows: Iterable[Change]) -> list[Change]:
    """Rows whose prices and sizes are others than the row before of the same symbol."""
    last: dict[str, tuple[int, ...]] = {}
    found = []
    for row in rows:
        if last.get(row[2], (0, 0, 0, 0)) != row[3:]:
            last[row[2]] = row[3:]
            found.append(row)
    return found


def golden_model(path: Path, names: list[str]) -> list[Change]:
    """What the golden model makes of the same messages, with the card's capacities."""
    sizes = CardConfig()
    padded: list[bytes | None] = [name.ljust(8).encode() for name in names]
    book, decoder = BookModel(padded, sizes.order_sets, sizes.order_ways), ItchModel()
    for number, message in enumerate(messages(path), 1):
        command = decoder.message(number, message)
        if command is not None:
            book.command(command)
    return only_changes(
        (r.message, r.itch_time, names[r.symbol], r.top.bid, r.top.bid_size, r.top.ask,
         r.top.ask_size)
        for r in book.records
    )  # fmt: skip


def itch_book(path: Path, names: list[str]) -> list[Change]:
    """The same as PyPI ``itch-book`` has it."""
    feed = Feed(str(path), date=_DATE, price_type="fixed")
    locates: dict[int, str] = {}
    for message in messages(path):
        if message[:1] == b"R":
            locates[int.from_bytes(message[_LOCATE], "big")] = message[_STOCK].decode().strip()
    columns = ("seq", "ts_event", "locate", "bid_px", "bid_sz", "ask_px", "ask_sz")
    midnight, known = midnight_ns(_DATE), set(names)

    def rows() -> Iterator[Change]:
        for batch in feed.batches(("bbo",)):
            found = [batch.bbo[name].tolist() for name in columns]
            for number, when, locate, *quote in zip(*found, strict=True):
                if locates[locate] in known:
                    yield (number, when - midnight, locates[locate], *quote)

    return only_changes(rows())


def itchcpp(path: Path, names: list[str]) -> list[Change]:
    """Best bid and offer of every symbol after each message, as PyPI ``itchcpp`` has them."""
    manager = BookManager()
    for name in names:
        manager.track_symbol(name)

    def rows() -> Iterator[Change]:
        for number, message in enumerate(binaryfile.read(path), 1):
            manager.process_stream(len(message).to_bytes(2, "big") + message)
            when = int.from_bytes(message[_STAMP], "big")
            for name in names:
                book = manager.book_for_symbol(name)
                if book is None:  # the file has not named it yet
                    continue
                bbo = book.bbo()
                yield (
                    number, when, name, round(bbo.bid_price * 10_000), bbo.bid_shares,
                    round(bbo.ask_price * 10_000), bbo.ask_shares,
                )  # fmt: skip

    return only_changes(rows())
