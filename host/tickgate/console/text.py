"""How the pages write prices, money, quantities and times. Integers in, text out; nothing is
decided here."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tickgate.engine.commands import (
    DriftRow,
    ExposureState,
    FeedRow,
    KillState,
    ThrottleRow,
    WarningRow,
)
from tickgate.risk.fields import ACCOUNT_FIELDS, STRATEGY_FIELDS
from tickgate.risk.throttles import THROTTLES

NONE = "–"
_LIMITS = {field.name: field for field in (*ACCOUNT_FIELDS, *STRATEGY_FIELDS)}
"""Limits of groups, clearing firms, the firm and positions have the names of the accounts'."""


def price(value: int) -> str:
    """A price in 1/10000 USD with two decimals, four where they are needed; a dash for 0 (none)."""
    if value == 0:
        return NONE
    sign, value = ("-" if value < 0 else ""), abs(value)
    whole, fraction = divmod(value, 10_000)
    digits = f"{fraction:04d}"
    return f"{sign}{whole:,}.{digits[:2] if digits.endswith('00') else digits}"


def money(value: int) -> str:
    """An amount in 1/10000 USD, rounded half to even to cents for display only."""
    cents, rest = divmod(abs(value), 100)
    if rest > 50 or (rest == 50 and cents % 2):
        cents += 1
    sign = "-" if value < 0 and cents else ""
    return f"{sign}{cents // 100:,}.{cents % 100:02d}"


def quantity(value: int) -> str:
    """Shares with thousands separators."""
    return f"{value:,}"


def clock(time_ns: int) -> str:
    """Time of day in UTC with milliseconds; a dash for 0."""
    if time_ns == 0:
        return NONE
    seconds, rest = divmod(time_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}.{rest // 10**6:03d}"


def duration(value_ns: int) -> str:
    """A duration in the unit that reads best."""
    for limit, unit, name in ((10**4, 1, "ns"), (10**7, 10**3, "µs"), (10**10, 10**6, "ms")):
        if value_ns < limit:
            return f"{value_ns // unit:,} {name}"
    return f"{value_ns // 10**9:,} s"


def killed(kill: KillState) -> list[str]:
    """Names of all that are killed one by one."""
    return kill["sessions"] + kill["accounts"] + kill["symbols"] + kill["strategies"]


def is_stopped(row: ThrottleRow) -> bool:
    """Whether a throttle refuses orders; without limits it is something else that does."""
    return 0 < row["most"] <= row["counted"]


def throttle_rows(rows: Sequence[ThrottleRow]) -> list[dict[str, str]]:
    """A row for each throttle that has limits, those that refuse orders first."""
    limits = {scope: _LIMITS[limit] for scope, limit in THROTTLES.items()}
    return [
        {
            "id": f"{row['scope']} {row['name']}",
            "whose": owner(row["scope"], row["name"]),
            "limit": limits[row["scope"]].label,
            "counted": quantity(row["counted"]),
            "most": quantity(row["most"]),
            "state": "STOPPED" if is_stopped(row) else "not reached",
        }
        for row in sorted(rows, key=lambda row: not is_stopped(row))
        if row["most"]
    ]


def words(name: str) -> str:
    """``price_collar`` as ``Price collar``."""
    return name.replace("_", " ").capitalize()


def feed(rows: Sequence[FeedRow]) -> str:
    """The feed in a few words: of its first channel that is stale, if any is."""
    if not rows:
        return NONE
    row = next((row for row in rows if row["stale"]), rows[0])
    if not row["started"]:
        return "silent"
    if not row["stale"]:
        return "in order"
    missing = f", {row['missing']:,} missing" if row["missing"] else ""
    return f"not in order: {row['problem'] or row['recovery']}{missing}"


def exposure(state: ExposureState) -> str:
    """How the comparison of card and host stands, in a sentence."""
    if not state["on"]:
        return "Not compared: switched off in the engine's settings (engine.exposure_check)."
    counts = state["counters"]
    kinds = ", ".join(f"{counts.get(k, 0):,} {k}" for k in ("equal", "different", "traffic"))
    found = f"{len(state['drifts'])} now, {state['told']:,} in all"
    return (
        f"{state['pairs']:,} accounts and symbols; {counts.get('rounds', 0):,} rounds, the last in "
        f"{duration(state['round_ns'])}; samples: {kinds}; drifts: {found}."
    )


def drift_rows(drifts: Sequence[DriftRow]) -> list[dict[str, str]]:
    """A row for each value in which the card is not the host."""
    rows = []
    for drift in drifts:
        for what, host, card in (
            ("position", drift["host_position"], drift["card_position"]),
            ("open buys", drift["host_open_buy"], drift["card_open_buy"]),
            ("open sells", drift["host_open_sell"], drift["card_open_sell"]),
        ):
            if host != card:
                rows.append(
                    {
                        "id": f"{drift['account']} {drift['symbol']}: {what}",
                        "host": quantity(host),
                        "card": quantity(card),
                        "more": quantity(card - host),
                    }
                )
    return rows


def owner(kind: str, name: str) -> str:
    """A ``group``, a ``clearing_firm``, a ``strategy``, an ``account``, or the firm."""
    return f"{kind.replace('_', ' ')} {name}" if name else "the firm"


def scope(row: WarningRow) -> str:
    """Whose limit a warning is of."""
    if row["scope"] in ("firm", "group", "clearing_firm", "strategy"):
        return owner(row["scope"], row["name"])
    where = f" in {row['symbol']}" if row["symbol"] else ""
    return f"{row['name']}{where}"


def warning_rows(warnings: Sequence[WarningRow]) -> list[dict[str, str]]:
    """A row for each limit of which a level stands; amounts of money in USD."""
    rows = []
    for row in warnings:
        field = _LIMITS[row["limit"]]
        show = money if field.unit == "usd" else quantity
        rows.append(
            {
                "id": f"{scope(row)}: {row['limit']}",
                "scope": scope(row),
                "limit": field.label,
                "used": show(row["used"]),
                "most": show(row["most"]),
                "percent": f"{row['percent']} %",
            }
        )
    return rows
