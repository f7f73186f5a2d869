"""A market order never leaves as one: it becomes an immediate limit order at the collar."""

WHOLE_TICK = 100
"""One cent, the tick of a price of one dollar or more, in 1/10000 USD."""
DOLLAR = 10_000


def limit_for_market_order(side: str, bid: int, ask: int, collar: int | None) -> tuple[int, str]:
    """Limit price for a market order, or 0 and why there is none.

    Prices are 1/10000 USD, ``side`` the OUCH letter. The far touch plus (a sell: minus) the
    symbol's collar, moved towards the touch to a whole cent where the price is a dollar or more; a
    sell's is at least 1.
    """
    if collar is None:
        return 0, "a market order needs a price collar, and the symbol has no limits"
    touch = ask if side == "B" else bid
    if not touch:
        which = "offer" if side == "B" else "bid"
        return 0, f"a market order needs a price, and the symbol has no {which} now"
    if side == "B":
        price = touch + collar
        if price >= DOLLAR:
            price = max(touch, price - price % WHOLE_TICK)
        return price, ""
    price = max(1, touch - collar)
    if price >= DOLLAR:
        price = min(touch, price + -price % WHOLE_TICK)
    return price, ""
