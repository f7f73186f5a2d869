"""What is rated: each token bucket declared once."""

from dataclasses import dataclass

from tickgate.risk.image import ACCOUNT, SESSION, SYMBOL, ImageTable

__all__ = ["RATED", "RATES", "Rate"]


@dataclass(frozen=True)
class Rate:
    """A token bucket for each row of a table.

    An order is refused by ``check`` while the bucket of its row has no message left (an enter or a
    replace; a cancel never is). Each order whose OUCH action is in ``costs`` takes one if there is,
    refused for another cause or not.
    """

    check: str
    table: ImageTable
    rate: str = "rate"
    burst: str = "burst"
    costs: str = "OU"


RATES = (
    Rate("message_rate", ACCOUNT),
    Rate("session_rate", SESSION),
    Rate("symbol_rate", SYMBOL),
    Rate("cancel_rate", ACCOUNT, "cancel_rate", "cancel_burst", "UX"),
)

RATED = tuple(rate.check for rate in RATES)
"""The checks that buckets make."""
