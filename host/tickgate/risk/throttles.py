"""What the card's throttles should have counted: executions of a strategy, rejects of an account.

Worked out from the venue's messages, as ``tickgate.risk.exposure`` is. Right once everything is
heard; what was on its way while a person let a throttle go on may be counted here and not there.
"""

from collections import Counter
from collections.abc import Iterator

from tickgate.risk.limits import Limits

__all__ = ["Throttles"]


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

    def stopped(self, limits: Limits) -> Iterator[tuple[str, str]]:
        """Scope (``strategy``, ``account``) and name of what had all that its limit allows.

        What was never counted is not among them: a limit of 0 stops by itself.
        """
        for scope, counts, rows, most in (
            ("strategy", self.executions, limits.strategies, "max_executions"),
            ("account", self.rejects, limits.accounts, "max_rejects"),
        ):
            for name, count in counts.items():
                if count and name in rows and count >= rows[name].numbers[most]:
                    yield scope, name

    def resume(self, scope: str, name: str) -> None:
        """A person lets a ``strategy``, or else an account, go on."""
        counts = self.executions if scope == "strategy" else self.rejects
        counts[name] = 0

    def reset(self) -> None:
        """The card begins anew."""
        self.executions.clear()
        self.rejects.clear()
