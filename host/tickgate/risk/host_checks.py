"""The checks that the host makes before an order goes to the card, declared once.

They are what the card has no room for, or cannot know. Their numbers are above each bit of the
card's bitmask (``tickgate.risk.checks``); the lowest that fails is told. Sources: SEC Rule 15c3-5
(c)(1) and (c)(2); Regulation SHO, Rule 203(b)(1); OUCH 5.0, "Capacity".
"""

from tickgate.risk.checks import Check

HOST_CHECKS: tuple[Check, ...] = (
    Check(
        200,
        "duplicate_order",
        "session",
        "O",
        "ClOrdID {cl_ord_id} was used before",
        "15c3-5(c)(1)(ii)",
    ),
    Check(
        201, "unknown_symbol", "symbol", "O", "unknown symbol {symbol}", "15c3-5(c)(2)(iii)"
    ),
    Check(
        202,
        "account",
        "session",
        "O",
        "Account must be {own_account} on this session",
        "15c3-5(c)(2)(iii)",
    ),
    Check(203, "not_ready", "engine", "OU", "{refusal}", "15c3-5(c)(1)"),
    Check(204, "no_card", "card", "OU", "the card is not there", "15c3-5(c)(1)"),
    Check(
        205,
        "capacity",
        "order",
        "O",
        "OrderCapacity (528) must be A, P or R",
        "15c3-5(c)(2)(i)",
    ),
    Check(
        206,
        "locate",
        "order",
        "O",
        "a short sale needs LocateReqd (114) N: the shares must have been located",
        "Reg SHO 203(b)(1)",
    ),
    Check(207, "no_price", "symbol", "O", "{no_price}", "RTS 6 Art. 15(1)(a)"),
    Check(
        208,
        "time_in_force",
        "order",
        "O",
        "TimeInForce must be 0 (day) or 3 (immediate or cancel)",
        "15c3-5(c)(1)(ii)",
    ),
    Check(
        209,
        "price_range",
        "order",
        "O",
        "Price must be at most {most_price} in 1/10000 USD",
        "15c3-5(c)(1)(ii)",
    ),
    Check(
        210,
        "buying_power",
        "account",
        "OU",
        "the account's buying power would be exceeded",
        "15c3-5(c)(1)(i)",
    ),
    Check(
        211,
        "strategy",
        "strategy",
        "OU",
        "TargetStrategy (847) {algo_id} is not the algo id of a strategy that has limits",
        "RTS 6 Art. 5 to 8, 12(3)",
    ),
)
"""In braces what is filled in: fields of ``tickgate.risk.order.OrderToCheck``, and constants."""

HOST_BY_NAME = {check.name: check for check in HOST_CHECKS}
