"""An order as the risk checks see it, and their answer."""

from dataclasses import dataclass

from tickgate.risk.checks import Check

CAPACITIES = frozenset("APR")
"""OUCH capacities that an order can have: agency, principal, riskless principal; FIX has the same
letters."""
SHORT_SALES = frozenset("TE")
"""OUCH sides: sell short, sell short exempt."""


@dataclass(frozen=True, slots=True)
class OrderToCheck:
    """A new order or a replacement, before it is one.

    Prices are 1/10000 USD, quantities shares; ``side`` is the OUCH letter (B, S, T, E),
    ``time_in_force`` FIX's digit.
    """

    account: str
    symbol: str
    side: str
    quantity: int
    """A replacement's: of the whole chain, executed shares included."""
    price: int
    """The limit to send, a market order's too; 0 when there is none."""
    time_in_force: str = "0"
    action: str = "O"
    """O enter, U replace."""
    session: str = ""
    cl_ord_id: str = ""
    own_account: str | None = None
    """The account that the session may use; None when no session asks."""
    strategy: str | None = ""
    """Name of the strategy; None when the client named one that has no limits."""
    algo_id: int | None = None
    """TargetStrategy of the client's order."""
    symbol_known: bool = True
    card_up: bool = True
    used_before: bool = False
    """The session used this ClOrdID before."""
    capacity: str = "A"
    """OUCH capacity; empty when the client was to say and did not, or said what OUCH has not."""
    locate: str | None = None
    """LocateReqd of a short sale, empty when not given; None when nobody asks for it."""
    refusal: str = ""
    """Why the engine cannot work it now."""
    no_price: str = ""
    """Why a market order has no limit."""
    executed: int = 0
    """Shares that a replacement's chain has executed."""
    replaced_open: int = 0
    """Shares still open of the order that is replaced, and its price."""
    replaced_price: int = 0

    @property
    def value(self) -> int:
        """Quantity times price, in 1/10000 USD."""
        return self.quantity * self.price


@dataclass(frozen=True, slots=True)
class RiskResult:
    """All checks that refuse an order, the one that is told first; none when it passes."""

    checks: tuple[Check, ...]
    texts: tuple[str, ...]
    """What each says."""

    @property
    def text(self) -> str:
        """What the client is told."""
        return self.texts[0] if self.texts else ""

    @property
    def passed(self) -> bool:
        """Whether nothing refuses it."""
        return not self.checks
