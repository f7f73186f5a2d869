"""The command channel's messages, declared once for the engine, the console and the command line.

One request is one line of JSON, ``{"token", "actor", "command", ...arguments}``; one answer is
one line, ``{"ok": true, ...}`` or ``{"ok": false, "error": text}``. Commands:

========== ====================================== ============================================
command    arguments                              answer
========== ====================================== ============================================
state      none                                   ``State``
orders     ``limit``                              ``{"orders": list[OrderRow]}``, newest first
limits     none                                   ``{"toml", "generation", "hash"}`` in force,
                                                  ``previous``: toml and generation of the other
                                                  limits that were before, or null
set_limits ``toml``                               ``{"generation"}`` after read-back, commit
rollback   ``why``, ``previous``                  ``{"generation", "restored", "hash"}``: the
                                                  previous limits as a new generation
kill       ``scope``, ``target``, ``on``,         ``KillResult``
           ``cancel``, ``requested_ns``
resume     ``scope``, ``target``                  ``{"counted"}``: what its throttle had counted;
                                                  it begins anew
preview    ``session``, ``symbol``, ``side``,     ``PreviewResult``: would this order pass
           ``quantity``, ``price``,
           ``time_in_force``, ``capacity``,
           ``locate``, ``algo_id``
arm        none                                   ``{"generation"}`` of the limits in force, a new
                                                  one when the gate had been open before
disarm     none                                   ``{}``
shutdown   none                                   ``{}``
========== ====================================== ============================================

``side`` is the OUCH letter, ``price`` null for a market order, ``time_in_force`` FIX's digit; it
and what follows it may be left out; ``algo_id`` names the strategy, as TargetStrategy (847) does.
``scope`` is all, session, account, symbol or strategy, of ``resume`` strategy or account;
``target`` the CompID, account name, symbol or strategy (null for all). ``why`` is the reason to be
journalled, ``previous`` the generation that the asker means; both may be left out.
Prices and money are integers in 1/10000 USD, quantities shares, times UTC ns. Every command but
``state``, ``orders``, ``limits`` and ``preview`` is journalled with its actor before it takes
effect.
"""

from typing import TypedDict

from tickgate.risk.throttles import ThrottleScope

WHY_MAX = 200
"""Most characters of ``why``."""


class CardState(TypedDict):
    """The card as the engine sees it."""

    connected: bool
    kind: str
    """``simulated``, ``vfio``, or ``none`` while there is none."""
    reason: str
    """Why the card is not there; empty while it is."""
    ready: bool
    armed: bool
    watchdog_ok: bool
    mass_cancel_on: bool
    """The card cancels every order by itself when the watchdog was out for long enough."""
    mass_cancel_due: bool
    """It has yet to, since there is no venue session."""
    lease_good: bool
    link_up: bool
    session_up: bool
    limits_valid: bool
    counters: dict[str, int]
    """``count_*`` registers by their name without the prefix."""


class KillState(TypedDict):
    """What the kill switch holds back."""

    all: bool
    sessions: list[str]
    accounts: list[str]
    symbols: list[str]
    strategies: list[str]


class KillResult(TypedDict):
    """Answer to ``kill``: when it was asked for, and when the card's read-back confirmed it."""

    requested_ns: int
    received_ns: int
    confirmed_ns: int
    cancels_sent: int
    kill: KillState


class PreviewCheck(TypedDict):
    """A check that would refuse the order."""

    name: str
    by: str
    """``host`` or ``card``."""
    text: str


class PreviewResult(TypedDict):
    """Answer to ``preview``; nothing was sent."""

    passes: bool
    checks: list[PreviewCheck]
    generation: int
    """Of the limits that it was held against."""
    not_previewed: list[str]
    """Checks of the card that the host cannot foretell."""


class SessionRow(TypedDict):
    """One FIX session."""

    comp_id: str
    account: str
    state: str
    """``logged_on``, ``connected`` or ``down``."""
    next_in: int
    next_out: int
    peer: str
    orders: int


class PositionRow(TypedDict):
    """One account's position in one symbol."""

    account: str
    symbol: str
    position: int
    average_price: int
    """Of the open position; 0 when flat."""
    realised: int
    unrealised: int
    """Marked to the bid when long, the ask when short; 0 without a price."""
    cash: int
    bought: int
    sold: int


class TopRow(TypedDict):
    """Best bid and offer of one symbol."""

    symbol: str
    bid: int
    bid_size: int
    ask: int
    ask_size: int
    trading_state: str
    stale: bool
    message: int
    time_ns: int


class FeedRow(TypedDict):
    """One channel of the feed, and what is done for it."""

    channel: int
    session: str
    expected: int
    """Number of the next message; ``highest``: all below it are known to exist."""
    highest: int
    missing: int
    """Messages that are known to be missing, while a gap is open."""
    started: bool
    ended: bool
    gap_open: bool
    suspect: bool
    rebuilding: bool
    stale: bool
    """The books are not known to be right: price-dependent orders are refused."""
    recovery: str
    """What recovery is doing (``tickgate.marketdata.recovery.Phase``)."""
    problem: str
    """Why it cannot help now; empty while it can."""
    counters: dict[str, int]
    """What recovery did and met, by name."""


class DriftRow(TypedDict):
    """An account and symbol in which the card's exposure is not the host's; all in shares."""

    account: str
    symbol: str
    host_position: int
    host_open_buy: int
    host_open_sell: int
    card_position: int
    card_open_buy: int
    card_open_sell: int


class ExposureState(TypedDict):
    """The comparison of the card's exposure with the host's (``tickgate.engine.exposurecheck``)."""

    on: bool
    pairs: int
    """Accounts and symbols that are compared: all that ever had an order or a position."""
    counters: dict[str, int]
    """Rounds, and samples by what they were found to be: equal, different, traffic."""
    round_ns: int
    """How long the last round took."""
    told: int
    """Drifts since the journal began."""
    drifts: list[DriftRow]
    """Those that there are now."""


class WarningRow(TypedDict):
    """A limit of which a percentage is used at which the host warns."""

    scope: str
    """``firm``, ``clearing_firm``, ``group``, ``strategy``, ``account``, or ``position`` of one
    symbol."""
    name: str
    """Of clearing firm, group, strategy or account; empty for the firm."""
    symbol: str
    """Of a position; else empty."""
    limit: str
    """Its key in the limits file."""
    used: int
    """Now: orders, executions, shares or 1/10000 USD, as the limit; ``most`` is the limit."""
    most: int
    percent: int
    """The highest that was reached and is not over."""


class WarningState(TypedDict):
    """Soft warnings of limits (``tickgate.engine.limitwatch``); the card does not know them."""

    percent: list[int]
    """At which the limits in force want warnings."""
    counters: dict[str, int]
    """Levels reached, and over, since the journal began; rounds since the engine started."""
    standing: list[WarningRow]


class ThrottleRow(TypedDict):
    """What a throttle counted since the card's reset, or since a person let it go on."""

    scope: ThrottleScope
    name: str
    counted: int
    """As the card has it; as the host worked it out while there is no card."""
    most: int
    """Orders are refused from here on; 0 without limits."""


class OrderRow(TypedDict):
    """One order for the blotter."""

    order_id: str
    cl_ord_id: str
    comp_id: str
    account: str
    symbol: str
    side: str
    quantity: int
    price: int
    state: str
    filled: int
    leaves: int
    average_price: int
    text: str
    time_ns: int


class Percentiles(TypedDict):
    """A distribution; unit as the key that holds it says."""

    count: int
    min: int
    p50: int
    p99: int
    p999: int
    max: int


class State(TypedDict):
    """Everything that the console's header, the demo's summary and the monitors show."""

    time_ns: int
    started_ns: int
    venue: str
    card: CardState
    kill: KillState
    limits_generation: int
    orders_in: int
    """Enters, replaces and cancels that clients asked for."""
    orders_sent: int
    """Requests that passed the gate."""
    rejected: dict[str, int]
    """Orders refused, by the name of the first check, or ``host:<reason>``, or
    ``venue:<reason>``."""
    fills: int
    open_orders: int
    sessions: list[SessionRow]
    positions: list[PositionRow]
    tops: list[TopRow]
    feed: list[FeedRow]
    """Empty while there is no card that is configured."""
    exposure: ExposureState
    warnings: WarningState
    throttles: list[ThrottleRow]
    """Of all strategies and accounts."""
    market: dict[str, int]
    """Records of market data by what became of them."""
    latency: dict[str, Percentiles]
    """``fix_to_doorbell_ns``, ``fix_to_report_ns``, ``gate_cycles``, ``wire_cycles``,
    ``book_cycles``."""
    bad_input: dict[str, int]
    """Counted bad input of the host: garbled FIX, unknown CompIDs, commands refused, and so on."""
    journal_sequence: int
