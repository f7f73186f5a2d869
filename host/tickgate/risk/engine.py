"""``RiskEngine``: the host's checks before an order goes to the card, and what the card would say.

The card decides about every order; the checks here are those that it has no room for or cannot
know (``tickgate.risk.host_checks``). Names, texts and rules come from the tables of checks, limits
from the limits file, shares and values from the engine's own orders and positions.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping

from tickgate.execution.manager import DAY, IOC
from tickgate.positions.book import PositionBook
from tickgate.risk.checks import BY_NAME, Check
from tickgate.risk.exposure import ExposureBook, Pair
from tickgate.risk.host_checks import HOST_CHECKS
from tickgate.risk.limits import NO_LIMITS, AccountLimits, CreditLimits, Limits, members
from tickgate.risk.order import CAPACITIES, SHORT_SALES, OrderToCheck, RiskResult
from tickgate.risk.preview import Moment, Rules, card_checks, position_allows
from tickgate.risk.rates import Bucket

MOST_PRICE = (1 << 32) - 1
"""Largest price that a request to the card can carry, in 1/10000 USD."""


class RiskEngine:
    """Host checks and previews of one engine. Reads no clock; the same calls, the same answers."""

    def __init__(self, exposure: ExposureBook, positions: PositionBook) -> None:
        """Both are the owner's: it books fills in ``positions`` before `update_position`."""
        self.exposure = exposure
        self._positions = positions
        self._accounts: dict[str, AccountLimits] = {}
        self._limits = NO_LIMITS
        self._costs: dict[Pair, int] = {}
        self._cost: Counter[str] = Counter()
        """By account, without their signs, what its positions cost."""
        self._buckets: dict[str, Bucket] = {}

    # ---- checks ----

    def check_pre_trade_risk(self, order: OrderToCheck) -> RiskResult:
        """Which of the host's checks refuse an order, and what its client is told."""
        checks = tuple([check for check, fails in _BY_ACTION[order.action] if fails(self, order)])
        return RiskResult(checks, tuple(_text(check.text, order) for check in checks))

    def preview(self, order: OrderToCheck, moment: Moment) -> RiskResult:
        """What host and card would say to an order now."""
        names = set(card_checks(order, moment, self._rules(order), self.exposure))
        if "malformed" not in names and not self.check_order_rate_limit(
            order.account, moment.now_ns
        ):
            names.add("message_rate")
        host = self.check_pre_trade_risk(order)
        card = sorted((BY_NAME[name] for name in names), key=lambda check: check.bit)
        texts = (*host.texts, *(check.text for check in card))
        return RiskResult((*host.checks, *card), texts)

    def check_position_limit(self, account: str, symbol: str, quantity: int) -> bool:
        """Whether an order for ``quantity`` shares, negative for a sale, keeps the position limit.

        With all that the account has open on that side; False without limits.
        """
        limits = self._accounts.get(account)
        order = OrderToCheck(account, symbol, "S" if quantity < 0 else "B", abs(quantity), 0)
        return limits is not None and position_allows(order, limits, self.exposure)

    def check_order_rate_limit(self, account: str, now_ns: int) -> bool:
        """Whether an account may send a message now; False without limits."""
        limits = self._accounts.get(account)
        if limits is None:
            return False
        bucket = self._buckets.get(account, Bucket())
        return bucket.allows(now_ns, limits.numbers["rate"], limits.numbers["burst"])

    def check_notional_limit(self, order: OrderToCheck) -> bool:
        """Whether the value of an order is within its account's limit; False without limits."""
        limits = self._accounts.get(order.account)
        return limits is not None and order.value <= limits.numbers["max_value"]

    # ---- updates ----

    def update_position(
        self, account: str, symbol: str, side: str, quantity: int, price: int, broken: bool = False
    ) -> None:
        """Take in a fill that was booked, or (``broken``) taken back."""
        value = quantity * price
        self.exposure.trade(account, side, -value if broken else value)
        self.exposure.hold(account, symbol, self._positions.position(account, symbol))
        ledger = self._positions.ledgers.get((account, symbol))
        cost = abs(ledger.cost) if ledger else 0
        self._cost[account] += cost - self._costs.get((account, symbol), 0)
        self._costs[account, symbol] = cost

    def update_limits(self, limits: Limits) -> None:
        """Take in the limits in force."""
        self._limits = limits
        self._accounts.clear()
        for account, own in limits.accounts.items():
            self.update_client_limits(account, own)

    def update_client_limits(self, account: str, limits: AccountLimits) -> None:
        """Take in the limits of one account."""
        self._accounts[account] = limits

    def on_message(self, account: str, now_ns: int) -> None:
        """Count an enter or replace that goes to the card at ``now_ns`` against the rate."""
        limits = self._accounts.get(account)
        if limits is not None:
            self._buckets.setdefault(account, Bucket()).spend(now_ns, limits.numbers["rate"])

    # ---- rules ----

    def _rules(self, order: OrderToCheck) -> Rules:
        account = self._accounts.get(order.account)
        limits = self._limits
        shared: dict[str, tuple[CreditLimits, Collection[str]]] = {
            "firm": (limits.firm, self.exposure.uses.keys())
        }
        if account is not None:
            for scope, rows in (("group", limits.groups), ("clearing_firm", limits.clearing_firms)):
                owner = getattr(account, scope)
                accounts = members(self._accounts, scope, owner)
                shared[scope] = rows.get(owner, NO_LIMITS.firm), accounts
        strategy = limits.strategies.get(order.strategy or "")
        return Rules(account, limits.symbols.get(order.symbol), shared, strategy)

    def _exceeds_buying_power(self, order: OrderToCheck) -> bool:
        """Whether cost of positions and value of what adds to them would be above the limit.

        A sale of shares held, and what only reduces, never is. A replacement counts instead of the
        order that it replaces, all at the higher of their prices, since both may trade in part.
        """
        limits = self._accounts.get(order.account)
        if limits is None or order.side == "S":
            return False
        limit = limits.numbers.get("buying_power")
        if limit is None or self._covers(order):
            return False
        shares = order.quantity - order.executed
        more = shares * max(order.price, order.replaced_price)
        more -= order.replaced_open * order.replaced_price
        return more > 0 and self._tied_up(order.account) + more > limit

    def _covers(self, order: OrderToCheck) -> bool:
        """Whether an order only buys back what is short."""
        held = self.exposure.pair(order.account, order.symbol)
        short = -held.position.value - held.open_buy.worst
        return order.side == "B" and order.quantity <= short

    def _tied_up(self, account: str) -> int:
        use = self.exposure.use(account)
        return self._cost[account] + use.open_buy_value + use.open_short_value


_Rule = Callable[[RiskEngine, OrderToCheck], bool]

_FAILS: Mapping[str, _Rule] = {
    "duplicate_order": lambda _, order: order.used_before,
    "unknown_symbol": lambda _, order: not order.symbol_known,
    "account": lambda _, order: order.own_account not in (None, order.account),
    "not_ready": lambda _, order: bool(order.refusal),
    "no_card": lambda _, order: not order.card_up,
    "capacity": lambda _, order: order.capacity not in CAPACITIES,
    "locate": lambda _, order: order.side in SHORT_SALES and order.locate not in (None, "N"),
    "no_price": lambda _, order: bool(order.no_price),
    "time_in_force": lambda _, order: order.time_in_force not in (DAY, IOC),
    "price_range": lambda _, order: order.price > MOST_PRICE,
    "buying_power": lambda risk, order: risk._exceeds_buying_power(order),
    "strategy": lambda _, order: order.strategy is None,
}
"""When each of the host's checks refuses."""

_BY_ACTION: Mapping[str, tuple[tuple[Check, _Rule], ...]] = {
    action: tuple((c, _FAILS[c.name]) for c in HOST_CHECKS if action in c.applies_to)
    for action in "OU"
}
"""Worked out once: they are gone through for each order."""


def _text(text: str, order: OrderToCheck) -> str:
    return text.format(
        cl_ord_id=order.cl_ord_id,
        symbol=order.symbol,
        own_account=order.own_account,
        refusal=order.refusal,
        no_price=order.no_price,
        most_price=MOST_PRICE,
        algo_id=order.algo_id,
    )
