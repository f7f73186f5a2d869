"""What the engine takes in: one class per kind of journal entry, with its bytes.

A card's slot is journalled as it came (64 bytes). Everything else is a JSON object of the class's
fields: readable, and forgiving to fields that a later version adds with a default. Kinds are never
used again for another meaning.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from tickgate.journal.format import Entry


@dataclass(frozen=True, slots=True)
class Started:
    """The engine started, with these names; an index on the card is a place in these lists."""

    KIND: ClassVar[int] = 1
    accounts: list[str]
    symbols: list[str]
    sessions: list[list[str]]
    """CompID and account, and the strategy of orders that name none."""
    venue: str
    note: str = ""
    """What was repaired in the journal, if anything."""
    strategies: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A client's new order. ``side`` is the OUCH letter, ``price`` 0 for a market order.

    ``bid`` and ``ask`` are the touch when it came in, for a market order's limit. ``refusal`` is
    why the engine cannot work it now. ``capacity`` and ``locate`` are as
    ``tickgate.risk.order.OrderToCheck`` has them. ``repeated``: the client may have sent it before.
    ``algo_id`` names its strategy; None: the session's.
    """

    KIND: ClassVar[int] = 2
    session: str
    cl_ord_id: str
    account: str
    symbol: str
    side: str
    quantity: int
    order_type: str
    price: int
    time_in_force: str
    bid: int = 0
    ask: int = 0
    repeated: bool = False
    refusal: str = ""
    capacity: str = "A"
    locate: str | None = None
    algo_id: int | None = None


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """A client's request to cancel."""

    KIND: ClassVar[int] = 3
    session: str
    cl_ord_id: str
    orig_cl_ord_id: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class ReplaceOrder:
    """A client's request to replace; ``quantity`` is the new total, executed shares included.

    ``algo_id`` must be that of the order's strategy, if it is not None.
    """

    KIND: ClassVar[int] = 4
    session: str
    cl_ord_id: str
    orig_cl_ord_id: str
    symbol: str
    side: str
    quantity: int
    order_type: str
    price: int
    time_in_force: str
    repeated: bool = False
    refusal: str = ""
    algo_id: int | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A record of the card's events ring."""

    KIND: ClassVar[int] = 5
    data: bytes


@dataclass(frozen=True, slots=True)
class CardUp:
    """A card is attached. ``fresh``: it knows none of our orders, and its rings start anew."""

    KIND: ClassVar[int] = 6
    fresh: bool
    build: int = 0


@dataclass(frozen=True, slots=True)
class CardDown:
    """The card does not answer."""

    KIND: ClassVar[int] = 7
    reason: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """A request that was decided on did not get into the order ring."""

    KIND: ClassVar[int] = 8
    token: int
    action: str
    reason: str


@dataclass(frozen=True, slots=True)
class Settled:
    """The state of the requests of an earlier engine or card is known.

    ``lost`` never left. Pending cancels are sent again; with ``cancel`` so are cancels of all
    orders that the card does not know.
    """

    KIND: ClassVar[int] = 9
    lost: list[int]
    reason: str
    cancel: bool = False


@dataclass(frozen=True, slots=True)
class LimitsSet:
    """The card holds these limits as ``generation``, read back and committed."""

    KIND: ClassVar[int] = 10
    generation: int
    toml: str
    hash: str
    file_hash: str = ""
    """Hash of the limits file when they came from there."""
    reason: str = ""
    """Why, when nobody gave new limits."""


@dataclass(frozen=True, slots=True)
class Command:
    """An operator's command, journalled before it is carried out."""

    KIND: ClassVar[int] = 11
    actor: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """A FIX session went up or down."""

    KIND: ClassVar[int] = 12
    session: str
    up: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Drift:
    """The card's exposure of an account in a symbol is not the host's, or (``over``) is it again.

    ``host`` and ``card``: position, open buys and open sells, in shares. ``host`` is what the
    engine knew when the card was read.
    """

    KIND: ClassVar[int] = 13
    account: str
    symbol: str
    host: list[int]
    card: list[int]
    over: bool = False

    @property
    def difference(self) -> list[int]:
        """What the card has more than the host."""
        return [card - host for card, host in zip(self.card, self.host, strict=True)]


@dataclass(frozen=True, slots=True)
class ReferencesSet:
    """The card was given these references of a symbol, in 1/10000 USD, 0 where not known.

    Only those that differ from the ones before, and of several in a second the last.
    """

    KIND: ClassVar[int] = 14
    symbol: str
    national_bid: int
    band_low: int
    band_high: int
    window: int


@dataclass(frozen=True, slots=True)
class LimitWarning:
    """``percent`` of a limit is used, or (``over``) use has fallen from it again.

    ``used`` and ``most``, the limit, are orders, executions, shares or 1/10000 USD. ``scope``,
    ``name`` and ``symbol`` are as ``tickgate.risk.warnings.Scope`` has them, ``limit`` is its key
    in the file.
    """

    KIND: ClassVar[int] = 15
    scope: str
    name: str
    symbol: str
    limit: str
    percent: int
    used: int
    most: int
    over: bool = False


Input = (
    Started
    | NewOrder
    | CancelOrder
    | ReplaceOrder
    | Slot
    | CardUp
    | CardDown
    | NotSent
    | Settled
    | LimitsSet
    | Command
    | SessionChanged
    | Drift
    | ReferencesSet
    | LimitWarning
)

_CLASSES: dict[int, type[Any]] = {
    cls.KIND: cls
    for cls in (
        Started,
        NewOrder,
        CancelOrder,
        ReplaceOrder,
        CardUp,
        CardDown,
        NotSent,
        Settled,
        LimitsSet,
        Command,
        SessionChanged,
        Drift,
        ReferencesSet,
        LimitWarning,
    )
}


class UnknownInput(ValueError):
    """A journal entry that this version cannot read: names its number and kind."""


def encode(value: Input) -> bytes:
    """The payload of an input's journal entry."""
    if isinstance(value, Slot):
        return value.data
    return json.dumps(asdict(value), separators=(",", ":")).encode()


def decode(entry: Entry) -> Input:
    """The input of a journal entry. Raises UnknownInput."""
    if entry.type == Slot.KIND:
        return Slot(entry.payload)
    cls = _CLASSES.get(entry.type)
    if cls is None:
        raise UnknownInput(f"journal entry {entry.sequence} is of unknown kind {entry.type}")
    try:
        value: Input = cls(**json.loads(entry.payload))
    except (ValueError, TypeError) as error:
        raise UnknownInput(f"journal entry {entry.sequence}, {cls.__name__}: {error}") from error
    return value
