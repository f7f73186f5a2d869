"""What clients read when something is refused: the gate's checks and the venue's codes in words.

Venue codes: OUCH 5.0, "Reject reasons" and "Cancel reasons".
"""

from typing import Final

from tickgate.risk.checks import BY_NAME, CHECKS

_EXCEEDS_LIMIT, _CLOSED, _OTHER = 3, 2, 99
_REASONS: Final = {
    BY_NAME["halted"].bit: _CLOSED,
    **{
        BY_NAME[name].bit: _EXCEEDS_LIMIT
        for name in ("max_quantity", "max_value", "position_limit", "message_rate")
    },
}

_VENUE_REJECTS: Final = {
    1: "quote unavailable",
    2: "destination closed",
    3: "invalid display",
    4: "invalid max floor",
    5: "invalid peg type",
    6: "fat finger",
    7: "halted",
    8: "ISO not allowed",
    9: "invalid side",
    10: "processing error",
    11: "cancel pending",
    12: "firm not authorised",
    13: "invalid min quantity",
    14: "no closing reference price",
    15: "other",
    16: "cancel not allowed",
    17: "pegging not allowed",
    18: "crossed market",
    19: "invalid quantity",
    20: "invalid cross order",
    21: "replace not allowed",
    22: "routing not allowed",
    23: "invalid symbol",
    24: "test",
    28: "invalid destination",
    29: "invalid price",
    30: "shares exceed threshold",
    31: "exceeds maximum notional",
}

_CANCELS: Final = {
    "U": "canceled as asked",
    "I": "immediate or cancel: nothing more to fill",
    "T": "time in force is over",
    "S": "canceled by the venue's supervision",
    "D": "canceled for regulatory reasons",
    "Q": "canceled by self match prevention",
    "Z": "canceled by the venue's system",
    "E": "the market closed",
    "H": "halted",
    "K": "outside the venue's collars",
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
    return _REASONS.get(check, _OTHER)


def venue_reject_text(reason: int) -> str:
    """OUCH reject reason in words."""
    return _VENUE_REJECTS.get(reason, f"reason {reason}")


def cancel_text(code: str) -> str:
    """OUCH cancel reason in words."""
    return _CANCELS.get(code, f"canceled by the venue, reason {code}")
