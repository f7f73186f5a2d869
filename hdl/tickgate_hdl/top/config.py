"""Sizes of a card, chosen when the gateware is built."""

from dataclasses import dataclass

__all__ = ["CardConfig"]


@dataclass(frozen=True)
class CardConfig:
    """Sizes of the card's tables; tests build smaller cards.

    ``symbols`` and ``accounts`` are the rows of the limits image (at most 64 and 32, the widths of
    the kill registers), ``levels`` the price levels of a book side, ``order_sets`` times
    ``order_ways`` the orders that the books of all symbols may rest together, ``open_orders`` the
    own orders that the gate accounts for at a time. All but ``order_ways`` are powers of two,
    since they index memories.

    Raises ValueError for a size that the card cannot have.
    """

    symbols: int = 64
    accounts: int = 16
    levels: int = 1024
    order_sets: int = 8192
    order_ways: int = 8
    open_orders: int = 4096

    def __post_init__(self) -> None:
        limits = {"symbols": 64, "accounts": 32, "levels": 1 << 16, "order_sets": 1 << 20,
                  "open_orders": 1 << 20}
        for name, most in limits.items():
            size = getattr(self, name)
            if not 2 <= size <= most or size & (size - 1):
                raise ValueError(f"{name} must be a power of two from 2 to {most}, was {size}")
        if not 1 <= self.order_ways <= 16:
            raise ValueError(f"order_ways must be 1 to 16, was {self.order_ways}")
