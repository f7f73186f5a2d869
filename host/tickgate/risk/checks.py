"""The checks of the risk gate: name, bit, scope and meaning, declared once.

The gate answers each order with a bitmask of all checks that failed and the number of the first
one, lowest number first. Gateware, golden model, FIX reject texts, console and documents all read
this table. Sources: SEC Rule 15c3-5 (c)(1) and (c)(2); Commission Delegated Regulation (EU)
2017/589 (RTS 6), Art. 5 to 8, 12 and 15; FIA, Best Practices For Automated Trading Risk Controls
And System Safeguards (2024).
"""

from dataclasses import dataclass

NO_CHECK = 255
"""``first_check`` of an order that passed."""


@dataclass(frozen=True)
class Check:
    """One control of the gate.

    ``bit`` is its number in the bitmask and its priority; ``applies_to`` the OUCH actions it can
    refuse (O enter, U replace; a cancel is refused only by what it cannot do without: the venue
    session); ``text`` says to a client what was refused and what would help.
    """

    bit: int
    name: str
    scope: str
    applies_to: str
    text: str
    rule: str


CHECKS: tuple[Check, ...] = (
    Check(0, "gate_closed", "card", "OU", "the gate is not armed", "15c3-5(c)(1)"),
    Check(1, "kill_all", "firm", "OU", "the kill switch is on for all orders", "RTS 6 Art. 12"),
    Check(
        2,
        "kill_session",
        "session",
        "OU",
        "the kill switch is on for this session",
        "RTS 6 Art. 12",
    ),
    Check(
        3,
        "kill_account",
        "account",
        "OU",
        "the kill switch is on for this account",
        "RTS 6 Art. 12",
    ),
    Check(
        4, "kill_symbol", "symbol", "OU", "the kill switch is on for this symbol", "RTS 6 Art. 12"
    ),
    Check(
        5,
        "no_limits",
        "account, symbol",
        "OU",
        "no limits are loaded for this account and symbol",
        "15c3-5(c)(1)(i)",
    ),
    Check(
        6,
        "host_stale",
        "card",
        "OU",
        "the host has not touched the watchdog in time",
        "RTS 6 Art. 14",
    ),
    Check(
        7,
        "venue_down",
        "venue session",
        "OUX",
        "the venue session is not logged in",
        "RTS 6 Art. 15",
    ),
    Check(
        8,
        "events_full",
        "card",
        "OU",
        "the events ring has no room to report this order",
        "15c3-5(c)(2)(iv)",
    ),
    Check(
        9,
        "malformed",
        "order",
        "OUX",
        "a field of the order is outside its range",
        "15c3-5(c)(1)(ii)",
    ),
    Check(
        10,
        "token",
        "order",
        "OU",
        "the order token was used before, has no free slot, or names no live order",
        "15c3-5(c)(1)(ii)",
    ),
    Check(11, "halted", "symbol", "OU", "the symbol is not trading", "15c3-5(c)(2)(i)"),
    Check(
        12,
        "no_reference",
        "symbol",
        "OU",
        "there is no reliable reference price for the symbol",
        "RTS 6 Art. 15(1)(a)",
    ),
    Check(
        13,
        "price_collar",
        "symbol",
        "OU",
        "the price is too far through the touch",
        "RTS 6 Art. 15(1)(a)",
    ),
    Check(
        14,
        "max_quantity",
        "account",
        "OU",
        "the quantity is above the account's limit",
        "RTS 6 Art. 15(1)(c)",
    ),
    Check(
        15,
        "max_value",
        "account",
        "OU",
        "the value is above the account's limit",
        "RTS 6 Art. 15(1)(b)",
    ),
    Check(
        16,
        "position_limit",
        "account and symbol",
        "OU",
        "position with open orders would pass the limit",
        "RTS 6 Art. 15(4)",
    ),
    Check(
        17,
        "message_rate",
        "account",
        "OU",
        "the account sends messages faster than allowed",
        "RTS 6 Art. 15(1)(d)",
    ),
    Check(
        18,
        "entitlement",
        "account and symbol",
        "OU",
        "the account may not trade this symbol",
        "15c3-5(c)(2)(iii)",
    ),
    Check(
        19,
        "restricted",
        "symbol, account and symbol",
        "OU",
        "the symbol is restricted for this side",
        "15c3-5(c)(2)(ii)",
    ),
    Check(
        20,
        "permission",
        "account",
        "OU",
        "the account may not send this side, time in force or sweep",
        "RTS 6 Art. 15(5)",
    ),
    Check(
        21,
        "tick",
        "symbol",
        "OU",
        "the price is no multiple of the tick size",
        "Reg NMS 612, RTS 11",
    ),
    Check(
        22,
        "lot",
        "symbol",
        "OU",
        "the quantity is no multiple of the lot",
        "15c3-5(c)(1)(ii)",
    ),
    Check(
        23,
        "short_mark",
        "account and symbol",
        "OU",
        "a sale of more than the account is long must be marked short",
        "Reg SHO 200(g)",
    ),
    Check(
        24,
        "max_orders",
        "account",
        "OU",
        "the account would have too many working orders",
        "15c3-5(c)(1)(i)",
    ),
    Check(
        25,
        "open_quantity",
        "account",
        "OU",
        "open orders would be for more shares than the account's limit",
        "15c3-5(c)(1)(i)",
    ),
    Check(
        26,
        "open_value",
        "account",
        "OU",
        "open orders would be worth more than the account's limit",
        "15c3-5(c)(1)(i)",
    ),
    Check(
        27,
        "day_quantity",
        "account",
        "OU",
        "the shares ordered today would be above the account's limit",
        "15c3-5(c)(1)(i)",
    ),
    Check(
        28,
        "day_value",
        "account",
        "OU",
        "the value ordered today would be above the account's limit",
        "15c3-5(c)(1)(i)",
    ),
    Check(
        29,
        "gross_credit",
        "account",
        "OU",
        "the account's gross credit would be exceeded",
        "15c3-5(c)(1)(i)",
    ),
    Check(
        30,
        "net_credit",
        "account",
        "OU",
        "the account's net credit would be exceeded",
        "15c3-5(c)(1)(i)",
    ),
    Check(
        31,
        "firm_gross_credit",
        "firm",
        "OU",
        "the firm's gross credit would be exceeded",
        "15c3-5(c)(1)(i)",
    ),
    Check(
        32,
        "firm_net_credit",
        "firm",
        "OU",
        "the firm's net credit would be exceeded",
        "15c3-5(c)(1)(i)",
    ),
    Check(
        33,
        "lease",
        "card",
        "OU",
        "the host has not confirmed in time that the limits are right",
        "15c3-5(c)(1)(i)",
    ),
    Check(
        34,
        "session_phase",
        "account",
        "OU",
        "the market is not in a session that the account may trade in",
        "15c3-5(c)(2)(i)",
    ),
    Check(
        35,
        "short_price",
        "symbol",
        "OU",
        "while the short sale price test is on, a short sale must be above the best bid",
        "Reg SHO 201(b)(1)",
    ),
    Check(
        36,
        "locate_budget",
        "account and symbol",
        "OU",
        "short sales would be for more shares than were located",
        "Reg SHO 203(b)(1)",
    ),
    Check(
        37,
        "luld_band",
        "symbol",
        "OU",
        "the price is outside the limit up-limit down band, or the band is not known",
        "Reg NMS 608, LULD plan",
    ),
    Check(
        38,
        "window_collar",
        "symbol",
        "OU",
        "the price is too far from the reference of the time window, or that is not known",
        "RTS 6 Art. 15(1)(a)",
    ),
    Check(
        39,
        "reference_age",
        "symbol",
        "OU",
        "the reference prices of the symbol were never uploaded or are too old",
        "15c3-5(c)(1)(ii)",
    ),
    Check(
        40,
        "group_gross_credit",
        "group",
        "OU",
        "the gross credit of the account's group would be exceeded",
        "15c3-5(c)(1)(i)",
    ),
    Check(
        41,
        "group_net_credit",
        "group",
        "OU",
        "the net credit of the account's group would be exceeded",
        "15c3-5(c)(1)(i)",
    ),
    Check(
        42,
        "clearing_firm_gross_credit",
        "clearing firm",
        "OU",
        "the gross credit that the clearing firm gives would be exceeded",
        "15c3-5(c)(1)(i)",
    ),
    Check(
        43,
        "clearing_firm_net_credit",
        "clearing firm",
        "OU",
        "the net credit that the clearing firm gives would be exceeded",
        "15c3-5(c)(1)(i)",
    ),
    Check(
        44,
        "duplicative",
        "account",
        "O",
        "an equal order of this account passed a moment ago",
        "15c3-5(c)(1)(ii)",
    ),
    Check(
        45,
        "session_rate",
        "session",
        "OU",
        "the session sends more messages than it may",
        "RTS 6 Art. 15(1)(d)",
    ),
    Check(
        46,
        "symbol_rate",
        "symbol",
        "OU",
        "there are more messages in the symbol than there may be",
        "RTS 6 Art. 15(1)(d)",
    ),
    Check(
        47,
        "cancel_rate",
        "account",
        "OU",
        "the account cancels and replaces more often than it may",
        "RTS 6 Art. 15(1)(d)",
    ),
    Check(
        48,
        "kill_strategy",
        "strategy",
        "OU",
        "the kill switch is on for this strategy",
        "RTS 6 Art. 12",
    ),
    Check(
        49,
        "algo_id",
        "strategy",
        "OU",
        "the strategy is not one that has limits",
        "RTS 6 Art. 5 to 8, 12(3)",
    ),
    Check(
        50,
        "repeated_executions",
        "strategy",
        "OU",
        "the strategy had all the executions that it may have until a person lets it go on",
        "RTS 6 Art. 15(3)",
    ),
    Check(
        51,
        "consecutive_rejects",
        "account",
        "OU",
        "the venue rejected too many orders of the account in a row; a person must let it go on",
        "FIA",
    ),
    Check(
        52,
        "self_match",
        "group",
        "OU",
        "the order could trade with a working order of its own group, which the account may not",
        "FINRA 5210.02",
    ),
)

BY_NAME = {check.name: check for check in CHECKS}


def failed(mask: int) -> tuple[Check, ...]:
    """Checks whose bit is set in ``mask``, in order of priority.

    Raises ValueError when ``mask`` has a bit that no check owns.
    """
    if mask < 0 or mask >> len(CHECKS):
        raise ValueError(f"the bitmask must be below {1 << len(CHECKS):#x}, was {mask:#x}")
    return tuple(check for check in CHECKS if mask >> check.bit & 1)
