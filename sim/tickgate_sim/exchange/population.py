"""A set of the house's resting orders from which random ones can be drawn at constant cost."""

from dataclasses import dataclass
from random import Random


@dataclass(slots=True)
class _Entry:
    position: int
    price: int
    open: int
    executed: int


class Population:
    """Resting orders by token. Draws depend only on the history of calls, never on hashing."""

    def __init__(self) -> None:
        self._tokens: list[int] = []
        self._entries: dict[int, _Entry] = {}

    def __len__(self) -> int:
        return len(self._tokens)

    def add(self, token: int, price: int, quantity: int, executed: int = 0) -> None:
        """Enrol an order with ``quantity`` open shares."""
        self._entries[token] = _Entry(len(self._tokens), price, quantity, executed)
        self._tokens.append(token)

    def discard(self, token: int) -> None:
        """Forget an order; the last one takes its position."""
        entry = self._entries.pop(token)
        last = self._tokens.pop()
        if last != token:
            self._tokens[entry.position] = last
            self._entries[last].position = entry.position

    def fill(self, token: int, quantity: int) -> bool:
        """Take executed shares off an order; True when that ended it."""
        entry = self._entries[token]
        entry.open -= quantity
        entry.executed += quantity
        if entry.open:
            return False
        self.discard(token)
        return True

    def shrink(self, token: int, quantity: int) -> bool:
        """Take cancelled shares off an order; True when that ended it."""
        entry = self._entries[token]
        entry.open -= quantity
        if entry.open:
            return False
        self.discard(token)
        return True

    def open(self, token: int) -> int:
        """Shares of an order that can still trade."""
        return self._entries[token].open

    def executed(self, token: int) -> int:
        """Shares of the order's replace chain that have traded."""
        return self._entries[token].executed

    def furthest(self, random: Random, price: int) -> int:
        """Of three random orders the one furthest from ``price``; the set must not be empty."""
        drawn = [random.choice(self._tokens) for _ in range(3)]
        return max(drawn, key=lambda token: abs(self._entries[token].price - price))
