"""Instruments and the rules an order must meet before it reaches a book."""

from dataclasses import dataclass

from tickgate_sim.exchange.events import RejectReason

MAX_QUANTITY = 999_999
MAX_PRICE = 1_999_999_900
"""Largest limit price, 199999.9900 (ouch50.md, Rules)."""
MARKET_PRICES = frozenset({0x7FFF_FFFF, 2_000_000_000, 0xFFFF_FFFF_FFFF_FFFF})
"""Prices that mean a market order (ouch50.md, Rules)."""
DOLLAR = 10_000
CENT = 100

DAY, IOC, EXTENDED = "0", "3", "5"
TIMES_IN_FORCE = frozenset({DAY, IOC, EXTENDED})
"""GTX ("5") rests like a day order: this exchange has one session a day."""
SIDES = frozenset("BSTE")
DISPLAYS = frozenset("YNA")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A symbol that trades: ITCH locate, reference price in 1/10000 USD, shares in a round lot."""

    symbol: str
    locate: int
    price: int
    round_lot: int = 100

    def __post_init__(self) -> None:
        if not (1 <= len(self.symbol) <= 8 and self.symbol.isascii() and self.symbol.isprintable()):
            raise ValueError(f"symbol must be 1 to 8 printable ASCII letters, not {self.symbol!r}")
        if " " in self.symbol:
            raise ValueError(f"symbol must have no spaces, not {self.symbol!r}")
        if not 1 <= self.locate <= 0xFFFF:
            raise ValueError(f"locate of {self.symbol} must be 1 to 65535, not {self.locate}")
        if price_fault(self.price) is not None:
            raise ValueError(
                f"price of {self.symbol} must be a limit price on the tick grid in 1/10000 USD, "
                f"not {self.price!r}"
            )
        if self.round_lot < 1:
            raise ValueError(f"round lot of {self.symbol} must be at least 1, not {self.round_lot}")


def tick(price: int) -> int:
    """The smallest price step at ``price``: a cent from one dollar up, 1/10000 below."""
    return CENT if price >= DOLLAR else 1


def price_fault(price: int) -> RejectReason | None:
    """Why ``price`` is no valid limit price; None when it is one."""
    if not 1 <= price <= MAX_PRICE or price % tick(price):
        return RejectReason.INVALID_PRICE
    return None


def terms_fault(
    *, side: str, quantity: int, price: int, time_in_force: str, display: str
) -> RejectReason | None:
    """Why an order with these terms is refused whatever the market does; None when it is good."""
    if side not in SIDES:
        return RejectReason.INVALID_SIDE
    if not 1 <= quantity <= MAX_QUANTITY:
        return RejectReason.INVALID_QUANTITY
    if display not in DISPLAYS:
        return RejectReason.INVALID_DISPLAY
    if time_in_force not in TIMES_IN_FORCE:
        return RejectReason.OTHER
    return None if price in MARKET_PRICES else price_fault(price)
