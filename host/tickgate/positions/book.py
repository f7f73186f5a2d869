"""All ledgers, by account and symbol."""

from collections.abc import Iterator

from tickgate.positions.ledger import Ledger, Method, Trade

SELLS = frozenset("STE")
"""OUCH sides that take shares out of the position."""


class PositionBook:
    """Positions of all accounts; rebuilt by booking the same fills again."""

    def __init__(self, method: Method = "fifo") -> None:
        self._method: Method = method
        self.ledgers: dict[tuple[str, str], Ledger] = {}

    def book(
        self, account: str, symbol: str, side: str, quantity: int, price: int, key: tuple[int, int]
    ) -> None:
        """Book a fill; ``side`` is the OUCH letter, ``key`` names the fill."""
        signed = -quantity if side in SELLS else quantity
        self._ledger(account, symbol).book(Trade(key, signed, price))

    def unbook(self, account: str, symbol: str, key: tuple[int, int]) -> None:
        """Take a fill back (a broken trade)."""
        self._ledger(account, symbol).unbook(key)

    def position(self, account: str, symbol: str) -> int:
        """Shares; negative when short."""
        ledger = self.ledgers.get((account, symbol))
        return ledger.position if ledger else 0

    def items(self) -> Iterator[tuple[str, str, Ledger]]:
        """Account, symbol and ledger of everything that ever traded, in order of their names."""
        for (account, symbol), ledger in sorted(self.ledgers.items()):
            yield account, symbol, ledger

    def _ledger(self, account: str, symbol: str) -> Ledger:
        key = (account, symbol)
        if key not in self.ledgers:
            self.ledgers[key] = Ledger(self._method)
        return self.ledgers[key]
