"""The appendage of an OUCH 5.0 message: a list of options, each a length, a tag and a value."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from tickgate.protocols.wire import (
    U8,
    U16,
    U32,
    U64,
    Alpha4,
    Buffer,
    Char,
    Kind,
    Price,
    SignedPrice,
    WireError,
    kind_of,
)


class Tag(IntEnum):
    """Number of each option (8, 19, 20 and 21 are unassigned or withdrawn)."""

    SECONDARY_ORD_REF_NUM = 1
    FIRM = 2
    MIN_QTY = 3
    CUSTOMER_TYPE = 4
    MAX_FLOOR = 5
    PRICE_TYPE = 6
    PEG_OFFSET = 7
    DISCRETION_PRICE = 9
    DISCRETION_PRICE_TYPE = 10
    DISCRETION_PEG_OFFSET = 11
    POST_ONLY = 12
    RANDOM_RESERVES = 13
    ROUTE = 14
    EXPIRE_TIME = 15
    TRADE_NOW = 16
    HANDLE_INST = 17
    BBO_WEIGHT_INDICATOR = 18
    DISPLAY_QUANTITY = 22
    DISPLAY_PRICE = 23
    GROUP_ID = 24
    SHARES_LOCATED = 25
    LOCATE_BROKER = 26
    SIDE = 27
    USER_REF_IDX = 28


@dataclass(frozen=True, slots=True)
class OptionType:
    """What an option of one tag holds: the name in the specification, the kind, the meaning."""

    name: str
    kind: Kind
    doc: str


def _option(name: str, kind: Any, doc: str) -> OptionType:
    return OptionType(name, kind_of(kind), doc)


OPTIONS: dict[int, OptionType] = {
    Tag.SECONDARY_ORD_REF_NUM: _option(
        "SecondaryOrdRefNum",
        U64,
        "market-data order id of e.g. the displayed part of a reserve order",
    ),
    Tag.FIRM: _option("Firm", Alpha4, "upper case; blank = default firm of the port"),
    Tag.MIN_QTY: _option("MinQty", U32, "round lot; 0 = none"),
    Tag.CUSTOMER_TYPE: _option(
        "CustomerType",
        Char,
        "R retail designated, N not, space = port default",
    ),
    Tag.MAX_FLOOR: _option("MaxFloor", U32, "displayed part of a reserve order; 0 = none"),
    Tag.PRICE_TYPE: _option(
        "PriceType",
        Char,
        "L limit (default), P market peg, M midpoint peg, R primary peg, Q market maker peg, "
        "m midpoint",
    ),
    Tag.PEG_OFFSET: _option("PegOffset", SignedPrice, "signed, 4 decimals"),
    Tag.DISCRETION_PRICE: _option("DiscretionPrice", Price, "0 = none"),
    Tag.DISCRETION_PRICE_TYPE: _option("DiscretionPriceType", Char, "L, P, M, R"),
    Tag.DISCRETION_PEG_OFFSET: _option("DiscretionPegOffset", SignedPrice, "signed, 4 decimals"),
    Tag.POST_ONLY: _option("PostOnly", Char, "P post only, N not (default)"),
    Tag.RANDOM_RESERVES: _option("RandomReserves", U32, "shares to randomise the reserve with"),
    Tag.ROUTE: _option("Route", Alpha4, "route id; listed for A, in the 2024 text also for O"),
    Tag.EXPIRE_TIME: _option("ExpireTime", U32, "seconds to live, < 86400, with TIF 6"),
    Tag.TRADE_NOW: _option("TradeNow", Char, "Y, N, space = port default"),
    Tag.HANDLE_INST: _option(
        "HandleInst",
        Char,
        "space none, I imbalance only, O/T retail type 1/2, Q retail price improvement, B "
        "extended life + continuous, D direct listing capital raise (R RPI hidden in one "
        "older source)",
    ),
    Tag.BBO_WEIGHT_INDICATOR: _option(
        "BBOWeightIndicator",
        Char,
        "0,1,2,3 bands; S sets QBBO while joining NBBO, N improves NBBO, space unspecified",
    ),
    Tag.DISPLAY_QUANTITY: _option("DisplayQuantity", U32, "new displayed quantity"),
    Tag.DISPLAY_PRICE: _option("DisplayPrice", Price, "new displayed price"),
    Tag.GROUP_ID: _option("GroupID", U16, "customer group; 0 none"),
    Tag.SHARES_LOCATED: _option("SharesLocated", Char, "Y, N; for short sales"),
    Tag.LOCATE_BROKER: _option("LocateBroker", Alpha4, "broker of the locate (2025 revision)"),
    Tag.SIDE: _option("Side", Char, "B S T E; on U(in), C, X(out) (2025 revision on U)"),
    Tag.USER_REF_IDX: _option("UserRefIdx", U8, "channel inside the port"),
}
"""Known options by tag."""


@dataclass(frozen=True, slots=True)
class Option:
    """One TagValue element. The value of a tag that is not in OPTIONS is kept as bytes."""

    tag: int
    value: int | str | bytes

    def encode(self) -> bytes:
        """Length, tag and value. Raises WireError naming the option if the value does not fit."""
        if not 0 <= self.tag <= 0xFF:
            raise WireError(f"option tag must be in 0 .. 255, not {self.tag!r}")
        known = OPTIONS.get(self.tag)
        if known is not None:
            raw = known.kind.pack(f"option {self.tag} ({known.name})", self.value)
        elif isinstance(self.value, bytes) and len(self.value) <= 0xFE:
            raw = self.value
        else:
            raise WireError(
                f"option {self.tag} is unknown: its value must be <= 254 bytes, not {self.value!r}"
            )
        return bytes((1 + len(raw), self.tag)) + raw


def encode_options(options: Iterable[Option]) -> bytes:
    """Appendage of these options, with its two length bytes."""
    raw = b"".join(option.encode() for option in options)
    if len(raw) > 0xFFFF:
        raise WireError(f"an appendage is at most 65535 bytes long, was {len(raw)}")
    return len(raw).to_bytes(2, "big") + raw


def decode_options(where: str, data: Buffer) -> tuple[Option, ...]:
    """Options in an appendage (without its length bytes), in the order of the wire.

    Raises WireError, naming the message `where`, if an element runs past the end, has no tag, or
    has a length other than its tag requires.
    """
    options = []
    at, end = 0, len(data)
    while at < end:
        start, length = at + 1, data[at]
        at = start + length
        if length == 0:
            raise WireError(f"{where}: option at byte {start - 1} of the appendage has no tag")
        if at > end:
            raise WireError(
                f"{where}: option at byte {start - 1} of the appendage is {length} bytes long, "
                f"was {end - start}"
            )
        tag, raw = data[start], bytes(data[start + 1 : at])
        known = OPTIONS.get(tag)
        if known is None:
            options.append(Option(tag, raw))
        else:
            options.append(
                Option(tag, known.kind.unpack(f"{where}: option {tag} ({known.name})", raw))
            )
    return tuple(options)
