"""What the card's throttles should have counted: executions of a strategy, rejects of an account.

Worked out from the venue's messages, as ``tickgate.risk.exposure`` is. Right once everything is
heard; what was on its way while a person let a throttle go on may be counted here and not there.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Literal

from tickgate.risk.limits import AccountLimits, Limits, StrategyLimits

__all__ = ["THROTTLES", "ThrottleScope", "Throttles", "most"]

ThrottleScope = Literal["strategy", "account"]
"""A strategy's throttle counts its executions, an account's the rejects in a row."""

THROTTLES: Mapping[ThrottleScope, str] = {"strategy": "max_executions", "account": "max_rejects"}
"""The limit that stops each, by its key in the limits file."""


def most(limits: Limits, scope: ThrottleScope, name: str) -> int | None:
    """Return the count at which a throttle stops a strategy or an account; None without limits."""
    rows: Mapping[str, StrategyLimits | AccountLimits] = (
        limits.strategies if scope == "strategy" else limits.accounts
    )
    return rows[name].numbers[THROTTLES[scope]] if name in rows else None


class Throttles:
    """Counts since the card's reset, or since a person let one go on."""

    def __init__(self) -> None:
        self.executions: Counter[str] = Counter()
        """By strategy."""
        self.rejects: Counter[str] = Counter()
        """By account, in a row."""

    def hear(self, message_type: str, strategy: str, account: str) -> None:
        """The venue said something of an order that the gate has (OUCH outbound letter)."""
        if message_type == "E":
            self.executions[strategy] += 1
        if message_type == "J":
            self.rejects[account] += 1
        elif message_type in "AUE":
            self.rejects[account] = 0

    def of(self, scope: ThrottleScope) -> Counter[str]:
        """Return the counts of all strategies, or of all accounts."""
        return self.executions if scope == "strategy" else self.rejects

    def stopped(self, limits: Limits) -> Iterator[tuple[ThrottleScope, str]]:
        """Scope and name of what had all that its limit allows.

        What was never counted is not among them: a limit of 0 stops by itself.
        """
        for scope in THROTTLES:
            for name, count in self.of(scope).items():
                limit = most(limits, scope, name)
                if count and limit is not None and count >= limit:
                    yield scope, name

    def resume(self, scope: ThrottleScope, name: str) -> None:
        """A person lets a strategy or an account go on."""
        self.of(scope)[name] = 0

    def reset(self) -> None:
        """The card begins anew."""
        self.executions.clear()
        self.rejects.clear()
