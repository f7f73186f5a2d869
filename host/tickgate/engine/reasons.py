"""What clients read when something is refused: the gate's checks and the venue's codes in words."""

from typing import Final

from tickgate.protocols.ouch50.codes import CANCEL_REASONS, REJECT_REASONS
from tickgate.risk.checks import BY_NAME, CHECKS, Check

_UNKNOWN_SYMBOL, _CLOSED, _EXCEEDS_LIMIT, _DUPLICATE, _UNSUPPORTED, OTHER = 1, 2, 3, 6, 11, 99
"""OrdRejReason (103)."""
CARD_REASONS: Final = {
    "gate_closed": OTHER,
    "kill_all": OTHER,
    "kill_session": OTHER,
    "kill_account": OTHER,
    "kill_symbol": OTHER,
    "no_limits": OTHER,
    "host_stale": OTHER,
    "venue_down": OTHER,
    "events_full": OTHER,
    "malformed": OTHER,
    "token": OTHER,
    "halted": _CLOSED,
    "no_reference": OTHER,
    "price_collar": OTHER,
    "max_quantity": _EXCEEDS_LIMIT,
    "max_value": _EXCEEDS_LIMIT,
    "position_limit": _EXCEEDS_LIMIT,
    "message_rate": _EXCEEDS_LIMIT,
    "entitlement": OTHER,
    "restricted": OTHER,
    "permission": OTHER,
    "tick": OTHER,
    "lot": OTHER,
    "short_mark": OTHER,
    "max_orders": _EXCEEDS_LIMIT,
    "open_quantity": _EXCEEDS_LIMIT,
    "open_value": _EXCEEDS_LIMIT,
    "day_quantity": _EXCEEDS_LIMIT,
    "day_value": _EXCEEDS_LIMIT,
    "gross_credit": _EXCEEDS_LIMIT,
    "net_credit": _EXCEEDS_LIMIT,
    "firm_gross_credit": _EXCEEDS_LIMIT,
    "firm_net_credit": _EXCEEDS_LIMIT,
    "lease": OTHER,
    "session_phase": _CLOSED,
    "short_price": OTHER,
    "locate_budget": _EXCEEDS_LIMIT,
    "luld_band": OTHER,
    "window_collar": OTHER,
    "reference_age": OTHER,
    "group_gross_credit": _EXCEEDS_LIMIT,
    "group_net_credit": _EXCEEDS_LIMIT,
    "clearing_firm_gross_credit": _EXCEEDS_LIMIT,
    "clearing_firm_net_credit": _EXCEEDS_LIMIT,
    "duplicative": _DUPLICATE,
    "session_rate": _EXCEEDS_LIMIT,
    "symbol_rate": _EXCEEDS_LIMIT,
    "cancel_rate": _EXCEEDS_LIMIT,
    "kill_strategy": OTHER,
    "algo_id": OTHER,
    "repeated_executions": _EXCEEDS_LIMIT,
    "consecutive_rejects": _EXCEEDS_LIMIT,
    "self_match": OTHER,
}
"""OrdRejReason (103) of each check of the gate; 99 where the text tells it better than FIX can."""
HOST_REASONS: Final = {
    "duplicate_order": _DUPLICATE,
    "unknown_symbol": _UNKNOWN_SYMBOL,
    "account": OTHER,
    "not_ready": OTHER,
    "no_card": OTHER,
    "capacity": OTHER,
    "locate": OTHER,
    "no_price": OTHER,
    "time_in_force": _UNSUPPORTED,
    "price_range": OTHER,
    "buying_power": _EXCEEDS_LIMIT,
    "strategy": OTHER,
}
"""As ``CARD_REASONS``, of each check of the host."""
_BY_BIT: Final = {BY_NAME[name].bit: reason for name, reason in CARD_REASONS.items()}


def refusal_text(mask: int, first: int, generation: int) -> str:
    """Why the gate refused: the first check with its text, others by name, the generation."""
    failed = [check for check in CHECKS if mask >> check.bit & 1 or check.bit == first]
    main = next((check for check in failed if check.bit == first), None)
    parts = [f"RISK {main.name}: {main.text}" if main else f"RISK check {first}"]
    also = [check.name for check in failed if check is not main]
    if also:
        parts.append(f"also: {', '.join(also)}")
    parts.append(f"limits generation {generation}")
    return "; ".join(parts)


def reject_reason(check: int) -> int:
    """OrdRejReason (103) for a bit of the gate's, also for one that this version does not know."""
    return _BY_BIT.get(check, OTHER)


def host_reject_reason(check: Check) -> int:
    """OrdRejReason (103) for a check of the host."""
    return HOST_REASONS[check.name]


def venue_reject_text(reason: int) -> str:
    """OUCH reject reason in words."""
    return REJECT_REASONS.get(reason, f"reason {reason}")


def cancel_text(code: str) -> str:
    """OUCH cancel reason in words."""
    return f"canceled: {CANCEL_REASONS.get(code, f'reason {code}')}"
