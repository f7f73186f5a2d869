"""A day as liquid symbols have it: mostly orders added and deleted near the best price."""

import random
from collections.abc import Iterator, Sequence

from tickgate_sim.traffic.itch import add, delete, directory, reduce, replace, status

__all__ = ["SYMBOLS", "real_mix"]

SYMBOLS = ("AAPL", "AMZN", "GOOG", "INTC", "META", "MSFT", "NVDA", "TSLA")

_TICK = 100
_SPREAD = 6
"""Mean distance of a new order's price from the best of its side, in ticks."""
_RESTING = 4000
"""Orders of a symbol around which the number of resting ones settles."""


def real_mix(
    seed: int, count: int, symbols: Sequence[str] = SYMBOLS, *, resting: int = _RESTING
) -> Iterator[bytes]:
    """``count`` messages: directory and status of each symbol, then adds (45 %), deletes (about as
    many), replaces (8 %), executions and cancels (5 %) of orders that there are.

    References rise over all symbols together; the price of a symbol wanders.
    """
    rng = random.Random(seed)
    stocks = [symbol.encode().ljust(8) for symbol in symbols]
    middle = [rng.randrange(200, 3000) * 1000 for _ in stocks]
    live: list[list[tuple[int, bytes, int]]] = [[] for _ in stocks]
    for locate, stock in enumerate(stocks, 1):
        yield directory(locate, stock)
        yield status(locate, stock, b"T")
    reference = 0
    for number in range(2 * len(stocks), count):
        when = 34_200_000_000_000 + 1000 * number
        symbol = min(int(rng.expovariate(0.45)), len(stocks) - 1)
        orders, locate = live[symbol], symbol + 1
        if rng.random() < 0.02:
            middle[symbol] = max(2000, middle[symbol] + rng.choice([-_TICK, _TICK]))
        choice = rng.random()
        if len(orders) > resting and choice < 0.48:
            choice = 0.6  # as many go as come
        if len(orders) < 20 or choice < 0.48:
            reference += rng.randrange(1, 5)
            side = rng.choice([b"B", b"S"])
            orders.append((reference, side, rng.randrange(1, 20) * 100))
            yield add(locate, stocks[symbol], reference, side, orders[-1][2],
                      _price(rng, middle[symbol], side), when)
            continue
        # Most that goes is young.
        index = max(0, len(orders) - 1 - int(rng.expovariate(1 / 150)))
        old, side, shares = orders[index]
        if choice < 0.87:
            del orders[index]
            yield delete(locate, old, when)
        elif choice < 0.95:
            reference += rng.randrange(1, 5)
            orders[index] = (reference, side, shares)
            yield replace(locate, old, reference, shares, _price(rng, middle[symbol], side), when)
        elif shares > 100:
            orders[index] = (old, side, shares - 100)
            yield reduce(locate, old, 100, rng.choice([b"E", b"X"]), when)
        else:
            del orders[index]
            yield reduce(locate, old, shares, b"E", when)


def _price(rng: random.Random, middle: int, side: bytes) -> int:
    away = _TICK * (1 + int(rng.expovariate(1 / _SPREAD)))
    return middle - away if side == b"B" else middle + away
