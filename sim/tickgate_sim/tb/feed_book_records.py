"""Records of the market data half of the card, turned into what its golden model gives."""

from collections.abc import Iterable

from tickgate.records import codec
from tickgate.records.messages import FeedEvent, TopOfBook
from tickgate.records.schema import SCHEMA_ID, SCHEMA_VERSION
from tickgate_hdl.lib import layouts

from tickgate_sim.models.book import Event, Top, TopRecord

__all__ = ["event", "record_of", "shown", "top", "top_record"]

_BODY_BYTES = 48
_BLOCK_BYTES = 56


def record_of(payload: int) -> FeedEvent | TopOfBook:
    """The record in a RecordBody."""
    body = layouts.RecordBody.from_bits(payload)
    header = (_BLOCK_BYTES, body.template, SCHEMA_ID, SCHEMA_VERSION)
    slot = b"".join(part.to_bytes(2, "little") for part in header)
    slot += body.body.to_bytes(_BODY_BYTES, "little") + bytes(8)
    record = codec.unpack(slot)[1]
    if not isinstance(record, FeedEvent | TopOfBook):
        raise AssertionError(f"the feed must send FeedEvent and TopOfBook, not {record!r}")
    return record


def top_record(payload: int) -> tuple[TopRecord, int]:
    """A TopOfBook record, and its latency in cycles."""
    record = record_of(payload)
    assert isinstance(record, TopOfBook)
    if record.merged:
        raise AssertionError(f"merged must be 0 before conflation, was {record.merged}")
    quote = Top(
        record.bid, record.bid_size, record.ask, record.ask_size, record.trading_state,
        bool(record.flags), record.bid_orders, record.ask_orders,
    )  # fmt: skip
    told = TopRecord(record.symbol, quote, record.message, record.itch_time, record.time_ns)
    return told, record.book_cycles


def shown(records: Iterable[TopRecord]) -> list[tuple[int, Top, int]]:
    """What to compare of records: symbol, quote and message, but of a cleared book no message.

    Times are not modelled, and that of a cleared book is whatever came before.
    """
    return [(r.symbol, r.top, r.message if r.top != Top() else 0) for r in records]


def event(payload: int) -> Event:
    """A FeedEvent record."""
    record = record_of(payload)
    assert isinstance(record, FeedEvent)
    if record.reserved_a or record.reserved_b or record.reserved_c:
        raise AssertionError("reserved fields must be 0")
    return Event(
        record.kind, record.code, record.symbol, record.stock_locate, record.expected,
        record.sequence, record.time_ns,
    )  # fmt: skip


def top(value: int) -> Top:
    """The answer of the query port."""
    row = layouts.TopOfBook.from_bits(value)
    return Top(
        row.bid, row.bid_size, row.ask, row.ask_size, chr(row.trading_state), bool(row.stale),
        row.bid_orders, row.ask_orders,
    )  # fmt: skip
