"""Sizes of a card, chosen when the gateware is built."""

from dataclasses import dataclass

from tickgate.card.kills import KILL_REGISTERS
from tickgate.risk.image import TableSizes

__all__ = ["PROFILES", "CardConfig"]


@dataclass(frozen=True)
class CardConfig:
    """Sizes of the card's tables, and its build profile; tests build smaller cards.

    ``symbols`` and ``accounts`` are the rows of the limits image (at most those with a bit in the
    kill registers); each account belongs to one of ``groups`` and one of ``clearing_firms``.
    A book side keeps its ``front`` best levels in one row and the others in up to ``leaves`` rows
    of ``leaf`` levels. ``order_sets`` times ``order_ways`` are the orders that the books of all
    symbols may rest together, ``open_orders`` the own orders that the gate accounts for at a time,
    ``recent_orders`` those that it remembers to know duplicates (as many as accounts, at least),
    ``own_prices`` the prices that the working orders of a group, symbol and side may have before
    some are told as one.
    ``window`` is the messages that wait for one that is missing, ``line_fifo`` the 8-byte beats
    that a line may have waiting. ``channels`` are the feeds with numbers of their own, each with
    two lines. All but ``order_ways`` and ``channels`` are powers of two, since they index memories.
    ``registered`` adds the register stages that an ECP5 needs for 156.25 MHz.

    Raises ValueError for a size that the card cannot have.
    """

    symbols: int = 64
    accounts: int = 16
    groups: int = 16
    clearing_firms: int = 4
    front: int = 16
    leaf: int = 16
    leaves: int = 64
    order_sets: int = 32768
    order_ways: int = 16
    open_orders: int = 4096
    recent_orders: int = 4096
    own_prices: int = 8
    window: int = 4096
    line_fifo: int = 512
    channels: int = 1
    registered: bool = False

    @classmethod
    def latency(cls) -> "CardConfig":
        """Return the profile of fewest cycles and full tables, for UltraScale+."""
        return cls()

    @classmethod
    def ecp5(cls) -> "CardConfig":
        """Return the profile that fits an LFE5UM5G-85F."""
        return cls(symbols=8, groups=8, clearing_firms=2, front=8, leaf=4, leaves=16,
                   order_sets=1024, order_ways=4, open_orders=512, recent_orders=512,
                   own_prices=4, window=256, registered=True)

    @classmethod
    def desk(cls) -> "CardConfig":
        """Return the profile of fewest cycles with room for a market-access desk."""
        return cls(symbols=1024, accounts=256, groups=64, clearing_firms=16, open_orders=16384,
                   recent_orders=16384)

    @property
    def table_sizes(self) -> TableSizes:
        """Rows of the limits image."""
        return TableSizes(self.accounts, self.symbols, self.groups, self.clearing_firms)

    def __post_init__(self) -> None:
        limits = {"symbols": len(KILL_REGISTERS["symbol"]) * 32,
                  "accounts": len(KILL_REGISTERS["account"]) * 32,
                  "groups": 64, "clearing_firms": 64,
                  "front": 32, "leaf": 32, "leaves": 64, "order_sets": 1 << 20,
                  "open_orders": 1 << 20, "recent_orders": 1 << 20,
                  "own_prices": 16,
                  "window": 1 << 15, "line_fifo": 1 << 15}
        for name, most in limits.items():
            size = getattr(self, name)
            if not 2 <= size <= most or size & (size - 1):
                raise ValueError(f"{name} must be a power of two from 2 to {most}, was {size}")
        if self.recent_orders < self.accounts:
            raise ValueError(
                f"recent_orders must be at least accounts, {self.accounts}, was "
                f"{self.recent_orders}")
        if not 1 <= self.order_ways <= 16:
            raise ValueError(f"order_ways must be 1 to 16, was {self.order_ways}")
        if not 1 <= self.channels <= 4:
            raise ValueError(f"channels must be 1 to 4, was {self.channels}")


PROFILES = {"latency": CardConfig.latency, "ecp5": CardConfig.ecp5}
"""Build profiles by name: what makes the configuration of each."""
