"""Best bid and offer after every message of a file, as others have it."""

import datetime
from collections.abc import Iterator
from pathlib import Path

from itch_book import Feed
from itchcpp.book import BookManager
from tickgate.protocols import binaryfile
from tickgate_hdl.top.config import CardConfig

from tickgate_sim.models.book import BookModel
from tickgate_sim.models.itch import ItchModel

__all__ = ["Change", "changes_only", "golden_model", "itch_book", "itchcpp"]

Change = tuple[int, str, int, int, int, int]
"""Message number from 1, symbol, bid, its size, ask, its size; prices in 1/10000 USD, 0 = none."""

_LOCATE, _STOCK = slice(1, 3), slice(11, 19)


def changes_only(rows: Iterator[Change]) -> list[Change]:
    """Rows whose prices and sizes are others than those of the row before of the same symbol."""
    last: dict[str, tuple[int, ...]] = {}
    found = []
    for row in rows:
        if last.get(row[1], (0, 0, 0, 0)) != row[2:]:
            last[row[1]] = row[2:]
            found.append(row)
    return found


def golden_model(path: Path, names: list[str]) -> Iterator[Change]:
    """The project's own model, with the card's order table."""
    sizes = CardConfig()
    padded: list[bytes | None] = [name.ljust(8).encode() for name in names]
    book, itch = BookModel(padded, sizes.order_sets, sizes.order_ways), ItchModel()
    for number, message in enumerate(binaryfile.read(path), 1):
        command = itch.message(number, message)
        if command is None:
            continue
        book.command(command)
        for record in book.records:
            top = record.top
            yield number, names[record.symbol], top.bid, top.bid_size, top.ask, top.ask_size
        book.records.clear()


def itchcpp(path: Path, names: list[str]) -> Iterator[Change]:
    """PyPI ``itchcpp``, asked after each message about the symbol of its locate."""
    manager = BookManager()
    for name in names:
        manager.track_symbol(name)
    known = dict.fromkeys(names)
    locates: dict[bytes, str] = {}
    for number, message in enumerate(binaryfile.read(path), 1):
        manager.process_stream(len(message).to_bytes(2, "big") + message)
        if message[:1] == b"R" and (name := message[_STOCK].decode().rstrip()) in known:
            locates[message[_LOCATE]] = name
        symbol = locates.get(message[_LOCATE])
        if symbol is None or (book := manager.book_for_symbol(symbol)) is None:
            continue
        bbo = book.bbo()
        yield (
            number, symbol, round(bbo.bid_price * 10_000), bbo.bid_shares,
            round(bbo.ask_price * 10_000), bbo.ask_shares,
        )  # fmt: skip


def itch_book(path: Path, names: list[str]) -> Iterator[Change]:
    """PyPI ``itch-book``, its table of best bids and offers."""
    locates = {
        int.from_bytes(message[_LOCATE], "big"): message[_STOCK].decode().rstrip()
        for message in binaryfile.read(path) if message[:1] == b"R"
    }  # fmt: skip
    known = dict.fromkeys(names)
    feed = Feed(str(path), date=datetime.date(2026, 1, 5), price_type="fixed")
    columns = ("seq", "locate", "bid_px", "bid_sz", "ask_px", "ask_sz")
    for batch in feed.batches(("bbo",)):
        for number, locate, *quote in zip(
            *(batch.bbo[name].tolist() for name in columns), strict=True
        ):
            if locates.get(locate) in known:
                yield number, locates[locate], *quote
