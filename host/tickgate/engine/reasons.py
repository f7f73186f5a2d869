"""What clients read when something is refused: the gate's checks and the venue's codes in words."""

from typing import Final

from tickgate.protocols.ouch50.codes import CANCEL_REASONS, REJECT_REASONS
from tickgate.risk.checks import BY_NAME, CHECKS, Check

_UNKNOWN_SYMBOL, _CLOSED, _EXCEEDS_LIMIT, _DUPLICATE, _UNSUPPORTED, OTHER = 1, 2, 3, 6, 11, 99
"""OrdRejReason (103)."""
_LIMITS: Final = (
    "max_quantity",
    "max_value",
    "position_limit",
    "message_rate",
    "max_orders",
    "open_quantity",
    "open_value",
    "day_quantity",
    "day_value",
    "gross_credit",
    "net_credit",
    "firm_gross_credit",
    "firm_net_credit",
)
_REASONS: Final = {
    BY_NAME["halted"].bit: _CLOSED,
    **{BY_NAME[name].bit: _EXCEEDS_LIMIT for name in _LIMITS},
}
_HOST_REASONS: Final = {
    "duplicate_order": _DUPLICATE,
    "unknown_symbol": _UNKNOWN_SYMBOL,
    "time_in_force": _UNSUPPORTED,
    "buying_power": _EXCEEDS_LIMIT,
}


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
    """OrdRejReason (103) for a check of the gate."""
    return _REASONS.get(check, OTHER)


def host_reject_reason(check: Check) -> int:
    """OrdRejReason (103) for a check of the host."""
    return _HOST_REASONS.get(check.name, OTHER)


def venue_reject_text(reason: int) -> str:
    """OUCH reject reason in words."""
    return REJECT_REASONS.get(reason, f"reason {reason}")


def cancel_text(code: str) -> str:
    """OUCH cancel reason in words."""
    return f"canceled: {CANCEL_REASONS.get(code, f'reason {code}')}"
