"""Best bid and offer as numbers to reckon with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and offer in 1/10000 USD; 0 where there is none."""

    bid: int
    ask: int

    def touch(self, position: int) -> int:
        """Price at which the position would be closed: the bid when long, the ask when short.

        0 when that side is empty or the position is flat.
        """
        return self.bid if position > 0 else self.ask if position < 0 else 0

    def mid(self) -> int:
        """Middle of bid and ask, rounded down; the one that is there; 0 when neither is."""
        if self.bid and self.ask:
            return (self.bid + self.ask) // 2
        return self.bid or self.ask
