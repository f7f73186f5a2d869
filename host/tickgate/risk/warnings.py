"""Soft warnings: which of the uploaded percentages the use of each limit has reached.

Pure: limits in force and exposure in, levels out. What is used is what the preview counts
(``tickgate.risk.exposure``), requests on their way included. The card knows nothing of it.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from tickgate.risk.exposure import ExposureBook, credit_used
from tickgate.risk.limits import Limits, members

HYSTERESIS = 5
"""Points of percent that use must fall below a level before it is over, so that it doesn't flap."""


class Scope(NamedTuple):
    """Whose limits."""

    kind: str
    """``firm``, ``clearing_firm``, ``group``, ``strategy``, ``account``, or ``position`` of one
    symbol."""
    name: str = ""
    symbol: str = ""


class LimitUse(NamedTuple):
    """How much of one limit is used: orders, executions, shares or 1/10000 USD, as the limit has
    it."""

    limit: str
    """Its key in the limits file."""
    used: int
    """May be negative: a position on the other side."""
    most: int

    def reaches(self, percent: int) -> bool:
        """Whether ``percent`` of the limit is used; never when nothing is, or of 0 anything."""
        return self.used > 0 and self.used * 100 >= self.most * percent

    def levels(self, percents: Collection[int], standing: Collection[int]) -> tuple[int, ...]:
        """Those of ``percents`` that stand, rising, when those of ``standing`` did before."""
        return tuple(
            percent
            for percent in sorted(percents)
            if self.reaches(percent - HYSTERESIS if percent in standing else percent)
        )


class Change(NamedTuple):
    """A level that was reached, or (``over``) is over."""

    use: LimitUse
    percent: int
    over: bool


class StandingWarnings:
    """Levels that were told to be reached, and what is to be told next."""

    def __init__(self) -> None:
        self.levels: dict[Scope, dict[str, tuple[int, ...]]] = {}
        """Percentages that stand, rising, by scope and limit; no empty ones."""

    def tell(self, scope: Scope, limit: str, percent: int, over: bool) -> None:
        """Note that a level was reached, or is over."""
        of_scope = self.levels.setdefault(scope, {})
        levels = {*of_scope.pop(limit, ())} - {percent}
        if not over:
            levels.add(percent)
        if levels:
            of_scope[limit] = tuple(sorted(levels))
        if not of_scope:
            del self.levels[scope]

    def scopes(self, limits: Limits, exposure: ExposureBook) -> Iterator[Scope]:
        """All whose warnings can change, those that stand first. They and the exposure may change
        while it is gone through."""
        yield from list(self.levels)
        if limits.warnings:
            yield from (scope for scope in scopes(limits, exposure) if scope not in self.levels)

    def changes(self, scope: Scope, limits: Limits, exposure: ExposureBook) -> list[Change]:
        """What is to be told of a scope now; levels of a limit that is gone are over."""
        standing = self.levels.get(scope, {})
        uses = {limit: LimitUse(limit, 0, 0) for limit in standing}
        uses |= {use.limit: use for use in limit_uses(scope, limits, exposure)}
        found = []
        for limit, use in uses.items():
            before = standing.get(limit, ())
            after = use.levels(limits.warnings, before)
            found += [Change(use, percent, True) for percent in before if percent not in after]
            found += [Change(use, percent, False) for percent in after if percent not in before]
        return found

    def now(
        self, limits: Limits, exposure: ExposureBook
    ) -> Iterator[tuple[Scope, LimitUse, int]]:
        """Each limit of which a level stands: its use now, and the highest that stands."""
        for scope, levels in self.levels.items():
            for use in limit_uses(scope, limits, exposure):
                if use.limit in levels:
                    yield scope, use, levels[use.limit][-1]


def scopes(limits: Limits, exposure: ExposureBook) -> Iterator[Scope]:
    """All that have limits whose use is known: accounts and positions, if they ever had an order.

    The exposure may change while it is gone through.
    """
    yield Scope("firm")
    yield from (Scope("clearing_firm", name) for name in limits.clearing_firms)
    yield from (Scope("group", name) for name in limits.groups)
    yield from (Scope("strategy", name) for name in limits.strategies)
    accounts = limits.accounts
    yield from (Scope("account", name) for name in list(exposure.uses) if name in accounts)
    yield from (Scope("position", *pair) for pair in list(exposure.held) if pair[0] in accounts)


def limit_uses(scope: Scope, limits: Limits, exposure: ExposureBook) -> list[LimitUse]:
    """Use of each limit of a scope whose use is known; none when it has no limits."""
    most = _limits_of(scope, limits)
    if most is None:
        return []
    return [LimitUse(name, used, most[name]) for name, used in _used(scope, limits, exposure)]


def _limits_of(scope: Scope, limits: Limits) -> Mapping[str, int] | None:
    match scope.kind:
        case "firm":
            return limits.firm.numbers
        case "clearing_firm" | "group":
            rows = limits.groups if scope.kind == "group" else limits.clearing_firms
            return rows[scope.name].numbers if scope.name in rows else None
        case "strategy":
            strategy = limits.strategies.get(scope.name)
            return strategy.numbers if strategy else None
    account = limits.accounts.get(scope.name)
    if account is None:
        return None
    return account.numbers if scope.kind == "account" else account.position(scope.symbol).numbers


def _used(scope: Scope, limits: Limits, exposure: ExposureBook) -> Iterator[tuple[str, int]]:
    """By name of the limit; of net credit, the side's that has used more."""
    match scope.kind:
        case "position":
            yield from exposure.pair(scope.name, scope.symbol).used.items()
            return
        case "strategy":
            yield "max_executions", exposure.throttles.executions[scope.name]
            return
        case "account":
            yield "max_rejects", exposure.throttles.rejects[scope.name]
            use = exposure.use(scope.name)
            buys, sales = use.used("B"), use.used("S")
        case _:
            names = (
                exposure.uses
                if scope.kind == "firm"
                else members(limits.accounts, scope.kind, scope.name)
            )
            uses = [exposure.use(name) for name in names]
            buys, sales = credit_used(uses, "B"), credit_used(uses, "S")
    yield from ((name, max(used, sales[name])) for name, used in buys.items())
