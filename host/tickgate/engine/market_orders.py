"""A market order never leaves as one: it becomes an immediate limit order at the collar."""

WHOLE_TICK = 100
"""One cent, the tick of a price of one dollar or more, in 1/10000 USD."""
DOLLAR = 10_000


def limit_for_market_order(
    side: str, bid: int, ask: int, collar: int | None, tick: int = 1
) -> tuple[int, str]:
    """Limit price for a market order, or 0 and why there is none.

    Prices are 1/10000 USD, ``side`` the OUCH letter. The far touch plus (a sell: minus) the
    symbol's collar, moved towards the touch to a multiple of the symbol's ``tick``, of a whole cent
    where the price is a dollar or more; a sell's is at least one tick.
    """
    if collar is None:
        return 0, "a market order needs a price collar, and the symbol has no limits"
    touch = ask if side == "B" else bid
    if not touch:
        which = "offer" if side == "B" else "bid"
        return 0, f"a market order needs a price, and the symbol has no {which} now"
    if side == "B":
        price = touch + collar
        return max(touch, price - price % _step(price, tick)), ""
    price = max(tick, touch - collar)
    return min(touch, price + -price % _step(price, tick)), ""


def _step(price: int, tick: int) -> int:
    return max(tick, WHOLE_TICK) if price >= DOLLAR else tick
