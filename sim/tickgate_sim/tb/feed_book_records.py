"""Records of the market data half of the card, turned into what its golden model gives."""

import struct

from tickgate_sim.models.book import Event, Top, TopRecord

__all__ = ["event", "top", "top_record"]


def _body(payload: int, template: int) -> bytes:
    if payload & 0xFF != template:
        raise AssertionError(f"the record's template must be {template}, was {payload & 0xFF}")
    return (payload >> 8).to_bytes(48, "little")


def top_record(payload: int) -> tuple[TopRecord, int]:
    """A TopOfBook record, and its latency in cycles."""
    symbol, state, flags, bid, ask, bid_size, ask_size, merged, cycles, message, itch, time = (
        struct.unpack("<HcBIIIIHHQQQ", _body(payload, 20))
    )
    if merged:
        raise AssertionError(f"merged must be 0 before conflation, was {merged}")
    quote = Top(bid, bid_size, ask, ask_size, state.decode("latin1"), bool(flags))
    return TopRecord(symbol, quote, message, itch, time), cycles


def event(payload: int) -> Event:
    """A FeedEvent record."""
    kind, code, symbol, locate, reserved, expected, sequence, time, *rest = struct.unpack(
        "<ccHHHQQQQQ", _body(payload, 13)
    )
    if reserved or any(rest):
        raise AssertionError("reserved fields must be 0")
    return Event(kind.decode(), code.decode("latin1"), symbol, locate, expected, sequence, time)


def top(value: int) -> Top:
    """The answer of the query port."""
    bid, bid_size, ask, ask_size, state, stale = (
        (value >> at) & ((1 << width) - 1)
        for at, width in ((0, 32), (32, 32), (64, 32), (96, 32), (128, 8), (136, 1))
    )
    return Top(bid, bid_size, ask, ask_size, chr(state), bool(stale))
