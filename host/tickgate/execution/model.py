"""Orders, the chains that replacements make of them, and the fills of a chain.

Quantities are shares, prices 1/10000 USD. ``side`` is the OUCH letter: B, S, T (short), E (short
exempt).
"""

from dataclasses import dataclass, field

from tickgate.execution.table import LIVE, TABLE, TERMINAL, Event, State


@dataclass(slots=True)
class Fill:
    """One execution. ``broken`` once the venue took it back."""

    exec_id: str
    token: int
    quantity: int
    price: int
    broken: bool = False


@dataclass(slots=True)
class Chain:
    """What an order and all its replacements have in common."""

    order_id: str
    session: str
    account: str
    symbol: str
    side: str
    capacity: str = "A"
    """OUCH: A agency, P principal, R riskless principal."""
    strategy: str = ""
    """Whose algorithm decided on it; empty in a journal from before there were strategies."""
    cum: int = 0
    """Shares executed, broken ones taken off."""
    value: int = 0
    """Sum of quantity times price of these."""
    fills: dict[tuple[int, int], Fill] = field(default_factory=dict)
    """By token and match number."""
    cancel: tuple[str, str] | None = None
    """ClOrdID and OrigClOrdID of the cancel request that waits for an answer."""

    @property
    def average_price(self) -> int:
        """Average price of the executed shares, rounded half up; 0 when there are none."""
        return (2 * self.value + self.cum) // (2 * self.cum) if self.cum else 0


@dataclass(slots=True)
class Order:
    """One order at the venue, by its UserRefNum (``token``)."""

    token: int
    chain: Chain
    cl_ord_id: str
    original: "Order | None"
    """The order that this one is to replace."""
    quantity: int
    """OrderQty: of the chain, executed shares included."""
    price: int
    order_type: str
    """FIX OrdType; a market order's ``price`` is the limit that it was given."""
    time_in_force: str
    created_ns: int
    open: int
    """Shares that may still execute, as far as known."""
    state: State = State.PENDING_NEW
    accepted: bool = False
    passed: bool = False
    """The gate let it through, so the venue may have it."""
    replacement: "Order | None" = None
    """Waits to take this one's place."""
    updated_ns: int = 0
    text: str = ""

    @property
    def live(self) -> bool:
        """Whether it may still execute."""
        return self.state not in TERMINAL

    @property
    def leaves(self) -> int:
        """LeavesQty."""
        return self.open if self.live else 0

    def take(self, event: Event) -> bool:
        """Step through the table; whether the event was expected in this state."""
        to, expected = TABLE[self.state, event]
        if isinstance(to, State):
            self.state = to
        elif to == LIVE:
            self.state = self._live_state()
        return expected

    def _live_state(self) -> State:
        if not self.accepted:
            return State.PENDING_NEW
        return State.PARTIALLY_FILLED if self.chain.cum else State.NEW
