"""What the card would say to an order, worked out on the host: "would this pass", without sending.

The gate decides; this only foretells it, from the limits in force and from what the host knows of
orders, positions and the book. Rules: docs/gate.md, "Checks". What the host cannot know is in
``NOT_PREVIEWED``.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from tickgate.execution.manager import DAY, IOC
from tickgate.positions.book import SELLS
from tickgate.protocols.ouch50 import MAX_PRICE, MAX_QUANTITY
from tickgate.risk.exposure import ExposureBook, Use, credit_used
from tickgate.risk.limits import AccountLimits, CreditLimits, StrategyLimits, SymbolLimits
from tickgate.risk.order import SHORT_SALES, OrderToCheck

NOT_PREVIEWED = (
    "host_stale",
    "events_full",
    "token",
    "lease",
    "session_phase",
    "short_price",
    "locate_budget",
    "duplicative",
    "session_rate",
    "symbol_rate",
    "cancel_rate",
    "luld_band",
    "window_collar",
    "reference_age",
)

_SIDES = {"B": "buy", "S": "sell", "T": "short", "E": "short_exempt"}
_TIMES = {DAY: "day", IOC: "ioc"}


@dataclass(frozen=True, slots=True)
class Moment:
    """What the gate would look at besides limits and totals. Prices in 1/10000 USD, 0 for none."""

    armed: bool = True
    venue_up: bool = True
    kills: Collection[str] = ()
    """Names of the kill checks that are on for this order."""
    bid: int = 0
    ask: int = 0
    trading: bool = True
    stale: bool = False
    now_ns: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits that an order meets; None where there are none."""

    account: AccountLimits | None
    symbol: SymbolLimits | None
    shared: Mapping[str, tuple[CreditLimits, Collection[str]]]
    """Credit of accounts together, with their names: by scope, ``firm``, ``group`` and so on."""
    strategy: StrategyLimits | None = None


def card_checks(
    order: OrderToCheck, moment: Moment, rules: Rules, exposure: ExposureBook
) -> Iterator[str]:
    """Names of the card's checks that would refuse the order, but for ``message_rate``."""
    yield from _states(moment)
    limited = rules.account is not None and rules.symbol is not None
    if not limited:
        yield "no_limits"
    if _malformed(order):
        yield "malformed"
        return
    if not moment.trading:
        yield "halted"
    reference = _reference(order, moment)
    if reference == 0:
        yield "no_reference"
    if rules.account is None or rules.symbol is None:
        return
    if reference:
        through = order.price - reference if order.side == "B" else reference - order.price
        if through > rules.symbol.numbers["collar"]:
            yield "price_collar"
    yield from _order_checks(order, rules.account, rules.symbol)
    yield from _pair_checks(order, rules.account, exposure)
    yield from _account_checks(order, rules.account.numbers, exposure.use(order.account))
    yield from _throttle_checks(order, rules.account, rules.strategy, exposure)
    if "self_match" not in rules.account.permissions and _crosses(order, rules, exposure):
        yield "self_match"
    for scope, (credit, accounts) in rules.shared.items():
        uses = [exposure.use(account) for account in accounts]
        yield from _credit_checks(order, scope, credit.numbers, uses)


def _states(moment: Moment) -> Iterator[str]:
    if not moment.armed:
        yield "gate_closed"
    if not moment.venue_up:
        yield "venue_down"
    yield from moment.kills


def _malformed(order: OrderToCheck) -> bool:
    return not (
        order.side in _SIDES
        and order.time_in_force in _TIMES
        and 0 < order.price <= MAX_PRICE
        and 0 < order.quantity <= MAX_QUANTITY
    )


def _reference(order: OrderToCheck, moment: Moment) -> int:
    """The far touch, or the near one when there is no far one; 0 when nothing can be relied on."""
    if moment.stale:
        return 0
    far, near = (moment.ask, moment.bid) if order.side == "B" else (moment.bid, moment.ask)
    return far or near


def _order_checks(
    order: OrderToCheck, account: AccountLimits, symbol: SymbolLimits
) -> Iterator[str]:
    if order.quantity > account.numbers["max_quantity"]:
        yield "max_quantity"
    if order.value > account.numbers["max_value"]:
        yield "max_value"
    if not account.entitled(order.symbol):
        yield "entitlement"
    forbidden = {*symbol.restricted, *account.position(order.symbol).restricted}
    kinds = {"buy"} if order.side == "B" else {"sell"}
    if order.side in SHORT_SALES:
        kinds.add("short")
    if kinds & forbidden:
        yield "restricted"
    if not {_SIDES[order.side], _TIMES[order.time_in_force]} <= set(account.permissions):
        yield "permission"
    if order.price % symbol.tick:
        yield "tick"
    if order.quantity % symbol.lot:
        yield "lot"


def _pair_checks(
    order: OrderToCheck, account: AccountLimits, exposure: ExposureBook
) -> Iterator[str]:
    if not position_allows(order, account, exposure):
        yield "position_limit"
    held = exposure.pair(order.account, order.symbol)
    if order.side == "S" and order.quantity > held.position.value - held.open_sell.worst:
        yield "short_mark"


def position_allows(order: OrderToCheck, account: AccountLimits, exposure: ExposureBook) -> bool:
    """Whether the position stays in its limit with all open orders of the side and this one."""
    name = "max_short" if order.side in SELLS else "max_long"
    used = exposure.pair(order.account, order.symbol).used[name]
    return used + order.quantity <= account.position(order.symbol).numbers[name]


def _crosses(order: OrderToCheck, rules: Rules, exposure: ExposureBook) -> bool:
    """Whether a working order of the account's group would trade with it."""
    _, accounts = rules.shared["group"]
    pairs = [exposure.pair(account, order.symbol) for account in accounts]
    if order.side in SELLS:
        return any(price >= order.price for pair in pairs for price in pair.buy_prices)
    return any(price <= order.price for pair in pairs for price in pair.sell_prices)


def _account_checks(order: OrderToCheck, limit: Mapping[str, int], use: Use) -> Iterator[str]:
    shares = order.quantity
    more = {"max_orders": 1, "max_open_quantity": shares, "max_day_quantity": shares}
    for name, used in use.used(order.side).items():
        if used + more.get(name, order.value) > limit[name]:
            yield name if name == "max_orders" else name.removeprefix("max_")


def _throttle_checks(
    order: OrderToCheck,
    account: AccountLimits,
    strategy: StrategyLimits | None,
    exposure: ExposureBook,
) -> Iterator[str]:
    throttles = exposure.throttles
    if strategy is None:
        yield "algo_id"
    elif throttles.executions[order.strategy or ""] >= strategy.numbers["max_executions"]:
        yield "repeated_executions"
    if throttles.rejects[order.account] >= account.numbers["max_rejects"]:
        yield "consecutive_rejects"


def _credit_checks(
    order: OrderToCheck, scope: str, limit: Mapping[str, int], uses: Collection[Use]
) -> Iterator[str]:
    for name, used in credit_used(uses, order.side).items():
        if used + order.value > limit[name]:
            yield f"{scope}_{name}"
