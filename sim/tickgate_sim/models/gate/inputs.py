"""What the gate is told, and what it answers."""

from dataclasses import dataclass

__all__ = ["References", "Top", "Update", "Verdict"]


@dataclass(frozen=True)
class Top:
    """What the feed says of a symbol: best bid and offer in 1/10000 USD, 0 = none; its states."""

    bid: int = 0
    ask: int = 0
    trading_state: str = "T"
    stale: bool = False
    phase: str = "Q"
    """System event of the feed that came last."""
    reg_sho: str = "0"


@dataclass(frozen=True)
class References:
    """What the host says of a symbol that no feed of the card tells: prices in 1/10000 USD, 0 where
    it does not know them."""

    national_bid: int = 0
    band_low: int = 0
    band_high: int = 0
    window: int = 0


@dataclass(frozen=True)
class Update:
    """What entry tells the gate of one venue message."""

    message_type: str
    user_ref_num: int
    quantity: int = 0
    orig_user_ref_num: int = 0
    match_number: int = 0
    dead: bool = False
    price: int = 0


@dataclass(frozen=True)
class Verdict:
    """The gate's answer to one order request."""

    checks: int
    first: int
    generation: int
    bid: int
    ask: int

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return self.checks == 0
