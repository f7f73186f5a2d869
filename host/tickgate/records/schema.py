"""The declaration of every ring record; layouts in host, gateware, firmware and SBE follow from it.

A slot is 64 bytes, little-endian: an SBE message header (blockLength, templateId, schemaId,
version, 8 bytes), a body of 48 bytes, and ``ring_sequence`` (u64), which the writer stores last.
Slot ``n`` of a ring (counted from 0 since the ring was enabled) carries ``ring_sequence == n + 1``,
so that a reader knows a record is whole by its sequence alone, and a stale slot is never mistaken
for a new one.
"""

from dataclasses import dataclass

SCHEMA_ID = 0x5447
SCHEMA_VERSION = 2
SLOT_BYTES = 64
HEADER_BYTES = 8
BODY_BYTES = 48
SEQUENCE_OFFSET = 56
BLOCK_BYTES = SLOT_BYTES - HEADER_BYTES
"""SBE blockLength of every record: its body and ``ring_sequence``."""

WIDTHS = {
    "u8": 1, "u16": 2, "u32": 4, "u64": 8, "i32": 4,
    "char": 1, "char14": 14, "char10": 10, "data30": 30,
}  # fmt: skip
"""Bytes of each field kind; ``char`` kinds are ASCII, space padded; ``data`` kinds plain bytes."""


@dataclass(frozen=True)
class RecordField:
    """One field of a record's body."""

    name: str
    kind: str
    doc: str


@dataclass(frozen=True)
class Record:
    """One record: its SBE template number, who writes it, and its fields in order of offset."""

    template: int
    name: str
    doc: str
    fields: tuple[RecordField, ...]

    def __post_init__(self) -> None:
        size = sum(WIDTHS[field.kind] for field in self.fields)
        if size != BODY_BYTES:
            raise ValueError(f"the body of {self.name} must be {BODY_BYTES} bytes, was {size}")

    def offset(self, name: str) -> int:
        """Offset of a field from the start of the slot, in bytes."""
        at = HEADER_BYTES
        for field in self.fields:
            if field.name == name:
                return at
            at += WIDTHS[field.kind]
        raise KeyError(f"{self.name} has no field {name!r}")


def _f(name: str, kind: str, doc: str) -> RecordField:
    return RecordField(name, kind, doc)


ORDER_REQUEST = Record(
    1,
    "OrderRequest",
    "Host to card, order ring: enter, replace or cancel one order.",
    (
        _f(
            "user_ref_num",
            "u32",
            "OUCH UserRefNum of the new order (enter, replace); strictly increasing. For a "
            "cancel: the order to cancel.",
        ),
        _f("orig_user_ref_num", "u32", "Replace: the order to replace; otherwise 0."),
        _f("price", "u32", "Limit price in 1/10000 USD; a cancel has 0."),
        _f(
            "quantity",
            "u32",
            "Enter: shares. Replace: total liability of the chain (OUCH). Cancel: new intended "
            "order size, 0 cancels all.",
        ),
        _f("account", "u16", "Index of the account in the limits image."),
        _f("symbol", "u16", "Index of the symbol in the card's symbol table."),
        _f("session", "u16", "Index of the client session, for the session kill."),
        _f("action", "char", "O enter, U replace, X cancel (the OUCH message type)."),
        _f("side", "char", "B buy, S sell, T sell short, E sell short exempt."),
        _f("time_in_force", "char", "OUCH time in force: 0 day, 3 IOC."),
        _f("display", "char", "OUCH display: Y, N, A."),
        _f("capacity", "char", "OUCH capacity: A, P, R, O."),
        _f("intermarket_sweep", "char", "OUCH intermarket sweep eligibility: Y, N."),
        _f("cross_type", "char", "OUCH cross type: N continuous."),
        _f("clordid", "char14", "OUCH ClOrdId, free text."),
        _f(
            "strategy",
            "u8",
            "Row of the strategy in the limits image: whose algorithm decided on the order.",
        ),
        _f("reserved_b", "u32", "Zero."),
    ),
)

GATE_DECISION = Record(
    10,
    "GateDecision",
    "Card to host, events ring: the gate's answer to one order request.",
    (
        _f("user_ref_num", "u32", "As in the request."),
        _f("quantity", "u32", "As in the request."),
        _f(
            "checks",
            "u64",
            "Bitmask of every check that failed (tickgate.risk.checks); 0 = passed.",
        ),
        _f("time_ns", "u64", "Card's UTC clock at the verdict, in ns."),
        _f("generation", "u32", "Generation of the limits that decided."),
        _f("account", "u16", "As in the request."),
        _f("symbol", "u16", "As in the request."),
        _f("session", "u16", "As in the request."),
        _f("action", "char", "As in the request."),
        _f("first_check", "u8", "Number of the failed check of highest priority; 255 = none."),
        _f(
            "gate_cycles",
            "u16",
            "Clock cycles from the request's arrival at the gate to its verdict.",
        ),
        _f(
            "wire_cycles",
            "u16",
            "Clock cycles from arrival at the gate to the order's first word on the entry stream; "
            "0 when refused.",
        ),
        _f("bid", "u32", "Best bid that the collar used, 1/10000 USD; 0 = none."),
        _f("ask", "u32", "Best ask that the collar used, 1/10000 USD; 0 = none."),
    ),
)

VENUE_MESSAGE = Record(
    11,
    "VenueMessage",
    "Card to host, events ring: one OUCH message from the venue.",
    (
        _f("user_ref_num", "u32", "Order that the message is about."),
        _f("orig_user_ref_num", "u32", "Replaced: the order that was replaced; otherwise 0."),
        _f("venue_time", "u64", "The venue's timestamp, ns since midnight."),
        _f(
            "reference",
            "u64",
            "Accepted, Replaced: order reference number. Executed, Broken: match number.",
        ),
        _f("soup_sequence", "u32", "SoupBinTCP sequence number of the message."),
        _f("price", "u32", "Accepted or fill price in 1/10000 USD; 0 where the message has none."),
        _f(
            "quantity",
            "u32",
            "Accepted: shares; Replaced: shares outstanding; Executed, Canceled: shares of this "
            "step.",
        ),
        _f("reason", "u16", "Rejected: reject reason number; otherwise 0."),
        _f("message_type", "char", "OUCH outbound message type."),
        _f(
            "code",
            "char",
            "Executed: liquidity flag. Accepted, Replaced: order state. Canceled, Broken: reason. "
            "System event: event code.",
        ),
        _f("time_ns", "u64", "Card's UTC clock when the message was whole, in ns."),
    ),
)

SESSION_EVENT = Record(
    12,
    "SessionEvent",
    "Card to host, events ring: the state of the order-entry session changed.",
    (
        _f(
            "kind",
            "char",
            "U link up, D link down, A login accepted, J login rejected, Z end of session, T "
            "heartbeat time-out, M malformed packet (link dropped).",
        ),
        _f("code", "char", "Login rejected: reason; otherwise space."),
        _f("session", "char10", "Login accepted: session name; otherwise spaces."),
        _f("reserved_a", "u32", "Zero."),
        _f(
            "sequence",
            "u64",
            "Login accepted: next sequence number. Others: next expected sequence number.",
        ),
        _f("time_ns", "u64", "Card's UTC clock, in ns."),
        _f("reserved_b", "u64", "Zero."),
        _f("reserved_c", "u64", "Zero."),
    ),
)

FEED_EVENT = Record(
    13,
    "FeedEvent",
    "Card to host, events ring: the market-data feed or an instrument's status changed.",
    (
        _f(
            "kind",
            "char",
            "G gap, C caught up again, B frame found bad after its messages were used, N new "
            "MoldUDP64 session, F packet of a foreign session, Z end of session, S system event, H "
            "trading action, R directory, T another status message, O symbol stale (a table "
            "overflowed), U unknown order reference on a tracked symbol.",
        ),
        _f(
            "code",
            "char",
            "S: event code. H: trading state. T: ITCH message type. O: O orders, L levels. Others: "
            "space.",
        ),
        _f("symbol", "u16", "Symbol index for H, R, T, O, U; 65535 otherwise."),
        _f("stock_locate", "u16", "Stock locate of the message; 0 otherwise."),
        _f("reserved_a", "u16", "Zero."),
        _f("expected", "u64", "G, C, B: sequence number of the next message expected."),
        _f(
            "sequence",
            "u64",
            "G, C, B: number after the newest message known. Others: of the message or packet.",
        ),
        _f("time_ns", "u64", "Card's UTC clock, in ns."),
        _f("reserved_b", "u64", "Zero."),
        _f("reserved_c", "u64", "Zero."),
    ),
)

CARD_EVENT = Record(
    14,
    "CardEvent",
    "Card to host, events ring: the gate's own state changed.",
    (
        _f(
            "kind",
            "char",
            "K kill written, W watchdog expired, M mass cancel sent, N mass cancel waits for the "
            "venue session, X limits' lease expired, A armed, D disarmed, L limits committed, C "
            "limits refused.",
        ),
        _f(
            "code",
            "char",
            "K: scope, A all, S session, C account, Y symbol, T strategy. Others: space.",
        ),
        _f("word", "u16", "K: which 32 switches of the scope, 0 for the first. Others: 0."),
        _f("generation", "u32", "Generation of limits in force."),
        _f(
            "value",
            "u32",
            "K: those switches as they are now: bit n is of row 32 * word + n. M: the UserRefNum "
            "used. C: the CRC that the card computed.",
        ),
        _f("reserved_a", "u32", "Zero."),
        _f("time_ns", "u64", "Card's UTC clock when the change took effect, in ns."),
        _f("cycles", "u64", "Card's cycle counter when the change took effect."),
        _f("reserved_b", "u64", "Zero."),
        _f("reserved_c", "u64", "Zero."),
    ),
)

TOP_OF_BOOK = Record(
    20,
    "TopOfBook",
    "Card to host, market-data ring: best bid and offer of one symbol; conflated when the host is "
    "slow.",
    (
        _f("symbol", "u16", "Symbol index."),
        _f(
            "trading_state",
            "char",
            "ITCH trading state: T trading, H halted, P paused, Q quotation only; space = not "
            "known.",
        ),
        _f("flags", "u8", "Bit 0: stale (the book is not known to be right)."),
        _f("bid", "u32", "Best bid in 1/10000 USD; 0 = none."),
        _f("ask", "u32", "Best ask in 1/10000 USD; 0 = none."),
        _f("bid_size", "u32", "Shares at the best bid."),
        _f("ask_size", "u32", "Shares at the best ask."),
        _f(
            "merged",
            "u16",
            "Updates of this symbol merged into this record since the one before (saturates).",
        ),
        _f(
            "book_cycles",
            "u16",
            "Clock cycles from the beat with the message's last byte to this best bid and offer "
            "(of the last update merged).",
        ),
        _f("message", "u32", "Low 32 bits of the MoldUDP64 sequence number of the ITCH message."),
        _f("bid_orders", "u16", "Orders at the best bid (saturates)."),
        _f("ask_orders", "u16", "Orders at the best ask (saturates)."),
        _f("itch_time", "u64", "ITCH timestamp, ns since midnight."),
        _f("time_ns", "u64", "Card's UTC clock at the frame's first beat, in ns."),
    ),
)

BOOK_DEPTH = Record(
    21,
    "BookDepth",
    "Card to host, market-data ring: two of the best price levels of one symbol. Three in a row "
    "have the top 5, as they were at one moment; the last level of the third is always empty.",
    (
        _f("symbol", "u16", "Symbol index."),
        _f("first_level", "u8", "Number of the first level here: 0 (the best), 2 or 4."),
        _f("flags", "u8", "Bit 0: stale (the book is not known to be right)."),
        _f("message", "u32", "As in the symbol's TopOfBook record before."),
        _f("bid_a", "u32", "Bid of the first level, 1/10000 USD; 0 = none."),
        _f("bid_size_a", "u32", "Shares at it."),
        _f("bid_orders_a", "u16", "Orders at it (saturates)."),
        _f("ask_a", "u32", "Ask of the first level, 1/10000 USD; 0 = none."),
        _f("ask_size_a", "u32", "Shares at it."),
        _f("ask_orders_a", "u16", "Orders at it (saturates)."),
        _f("bid_b", "u32", "Bid of the second level, 1/10000 USD; 0 = none."),
        _f("bid_size_b", "u32", "Shares at it."),
        _f("bid_orders_b", "u16", "Orders at it (saturates)."),
        _f("ask_b", "u32", "Ask of the second level, 1/10000 USD; 0 = none."),
        _f("ask_size_b", "u32", "Shares at it."),
        _f("ask_orders_b", "u16", "Orders at it (saturates)."),
    ),
)

ITCH_MESSAGE = Record(
    22,
    "ItchMessage",
    "Card to host, message ring: one ITCH message of the feed, in order and once. A message of "
    "more than 30 bytes is two records. When the host is slow messages are left out and counted, "
    "never parts of one; the hole shows in the sequence numbers.",
    (
        _f("sequence", "u64", "MoldUDP64 sequence number."),
        _f("time_ns", "u64", "Card's UTC clock at the frame's first beat, in ns."),
        _f("length", "u8", "Bytes of the message; more than 50 are not kept (saturates)."),
        _f("part", "u8", "0: data has bytes 0 to 29. 1: data has bytes 30 to 49."),
        _f("data", "data30", "Bytes of the message, zeros behind its end."),
    ),
)

RECORDS = (
    ORDER_REQUEST,
    GATE_DECISION,
    VENUE_MESSAGE,
    SESSION_EVENT,
    FEED_EVENT,
    CARD_EVENT,
    TOP_OF_BOOK,
    BOOK_DEPTH,
    ITCH_MESSAGE,
)

BY_TEMPLATE = {record.template: record for record in RECORDS}
