"""The exchange's own books about each client: what a reconciliation compares against.

Kept from engine events alone, so they hold whether or not the client ever read its messages.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tickgate_sim.exchange.events import HOUSE, Event, Executed, Party


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of one owner; ``token`` is the order's at the time of the match."""

    match_number: int
    time: int
    token: int
    symbol: str
    side: str
    quantity: int
    price: int
    liquidity: str


@dataclass(slots=True)
class ClientBook:
    """Net shares by symbol, cash in 1/10000 USD (negative after buying), and every fill."""

    positions: Counter[str] = field(default_factory=Counter)
    cash: int = 0
    fills: list[Fill] = field(default_factory=list)


class Records:
    """A ClientBook for each owner that traded; the house has none."""

    def __init__(self) -> None:
        self._books: dict[str, ClientBook] = {}

    def book(self, owner: str) -> ClientBook:
        """The book of ``owner``, empty if it never traded."""
        return self._books.setdefault(owner, ClientBook())

    def note(self, events: Iterable[Event]) -> None:
        """Take down the executions in ``events``."""
        for event in events:
            if isinstance(event, Executed):
                self._fill(event, event.resting, "A" if event.displayed else "J")
                self._fill(event, event.aggressor, "R")

    def _fill(self, event: Executed, party: Party, liquidity: str) -> None:
        if party.owner == HOUSE:
            return
        book = self.book(party.owner)
        sign = 1 if party.side == "B" else -1
        book.positions[event.symbol] += sign * event.quantity
        book.cash -= sign * event.quantity * event.price
        book.fills.append(
            Fill(
                event.match_number,
                event.time,
                party.token,
                event.symbol,
                party.side,
                event.quantity,
                event.price,
                liquidity,
            )
        )
