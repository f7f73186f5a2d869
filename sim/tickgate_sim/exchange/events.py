"""What the matching engine reports: one frozen record per thing that happened, in order.

Three audiences read the one list. Owners read Accepted, Replaced, Canceled, Modified and Rejected;
the feed reads the Book* records, TradingState and MarketEvent; both read Executed. Times are
nanoseconds since midnight, prices 1/10000 USD, quantities shares. ``side`` is the OUCH letter
(B buy, S sell, T sell short, E sell short exempt).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

HOUSE = ""
"""Owner of background orders: no port, so nobody is told about them but the feed."""


class RejectReason(IntEnum):
    """The OUCH 5.0 reject reasons this exchange gives (ouch50.md, Codes)."""

    DESTINATION_CLOSED = 2
    INVALID_DISPLAY = 3
    INVALID_MAX_FLOOR = 4
    HALTED = 7
    INVALID_SIDE = 9
    FIRM_NOT_AUTHORISED = 12
    INVALID_MIN_QUANTITY = 13
    OTHER = 15
    PEGGING_NOT_ALLOWED = 17
    INVALID_QUANTITY = 19
    INVALID_CROSS_ORDER = 20
    ROUTING_NOT_ALLOWED = 22
    INVALID_SYMBOL = 23
    INVALID_PRICE = 29


@dataclass(frozen=True, slots=True)
class Accepted:
    """A new order was taken. Executions, rest or cancel of the order follow in the same list."""

    time: int
    owner: str
    token: int
    reference: int
    symbol: str
    side: str
    quantity: int
    price: int
    time_in_force: str
    display: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """``orig_token`` left the book and ``token`` took its place; ``quantity`` is outstanding."""

    time: int
    owner: str
    orig_token: int
    token: int
    reference: int
    symbol: str
    side: str
    quantity: int
    price: int
    time_in_force: str
    display: str


@dataclass(frozen=True, slots=True)
class Canceled:
    """``quantity`` shares were taken off (incremental); part of the order may still be live."""

    time: int
    owner: str
    token: int
    quantity: int
    reason: str


@dataclass(frozen=True, slots=True)
class Modified:
    """The order kept its priority; ``quantity`` is now outstanding."""

    time: int
    owner: str
    token: int
    side: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """An order or replacement was refused; its token is used up, an original order lives on."""

    time: int
    owner: str
    token: int
    reason: RejectReason


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a match."""

    owner: str
    token: int
    reference: int
    side: str


@dataclass(frozen=True, slots=True)
class Executed:
    """``quantity`` shares traded at ``price``.

    It is the resting order's own price unless ``improved``: then it is better for the aggressor.
    """

    time: int
    match_number: int
    symbol: str
    quantity: int
    price: int
    resting: Party
    aggressor: Party
    displayed: bool
    improved: bool = False


@dataclass(frozen=True, slots=True)
class BookAdded:
    """A displayed order joined the back of its queue. ``side`` is B or S; ``mpid`` may be blank."""

    time: int
    reference: int
    symbol: str
    side: str
    shares: int
    price: int
    mpid: str


@dataclass(frozen=True, slots=True)
class BookReduced:
    """A displayed order shrank in place by ``shares`` without a trade."""

    time: int
    reference: int
    symbol: str
    shares: int


@dataclass(frozen=True, slots=True)
class BookDeleted:
    """A displayed order left the book without a trade."""

    time: int
    reference: int
    symbol: str


@dataclass(frozen=True, slots=True)
class BookReplaced:
    """A displayed order gave way to a new one with the same side and attribution."""

    time: int
    reference: int
    new_reference: int
    symbol: str
    shares: int
    price: int


@dataclass(frozen=True, slots=True)
class TradingState:
    """The trading state of one symbol: T trading, H halted."""

    time: int
    symbol: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A statement to the public that changes no order here.

    ``kind`` is its ITCH type, ``symbol`` is blank when it is about the whole market, ``values``
    are the message's other fields.
    """

    time: int
    symbol: str
    kind: str
    values: Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class MarketEvent:
    """A step of the day: O, S, Q, M, E or C, as in the ITCH System Event."""

    time: int
    code: str


Event = (
    Accepted
    | Replaced
    | Canceled
    | Modified
    | Rejected
    | Executed
    | BookAdded
    | BookReduced
    | BookDeleted
    | BookReplaced
    | TradingState
    | Notice
    | MarketEvent
)
