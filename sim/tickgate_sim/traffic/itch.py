"""ITCH messages: encoders of those that matter to the book, and a random day of trading."""

import random
import struct
from collections.abc import Iterator

from tickgate_sim.models.itch import LENGTHS

__all__ = [
    "STOCKS", "add", "churn", "delete", "directory", "random_day", "reduce", "replace", "status",
]  # fmt: skip

STOCKS = [b"AAPL    ", b"MSFT    ", b"BRK.A   ", b"TSLA    "]


def _head(kind: bytes, locate: int, time_ns: int) -> bytes:
    return kind + struct.pack(">HH", locate, 0) + time_ns.to_bytes(6, "big")


def directory(locate: int, stock: bytes, time_ns: int = 0) -> bytes:
    """R, Stock Directory."""
    return (
        _head(b"R", locate, time_ns)
        + stock
        + b"QN"
        + struct.pack(">I", 100)
        + b"NCZ PNN1N"
        + (b"\0\0\0\1N")
    )


def event(code: bytes, time_ns: int = 0) -> bytes:
    """S, System Event: Q begins regular market hours."""
    return _head(b"S", 0, time_ns) + code


def status(locate: int, stock: bytes, state: bytes, time_ns: int = 0) -> bytes:
    """H, Stock Trading Action."""
    return _head(b"H", locate, time_ns) + stock + state + b"     "


def add(
    locate: int,
    stock: bytes,
    reference: int,
    side: bytes,
    shares: int,
    price: int,
    time_ns: int = 0,
    mpid: bytes = b"",
) -> bytes:
    """A, Add Order; F with an ``mpid``."""
    return (
        _head(b"F" if mpid else b"A", locate, time_ns)
        + struct.pack(">QcI8sI", reference, side, shares, stock, price)
        + mpid
    )


def reduce(locate: int, reference: int, shares: int, kind: bytes = b"X", time_ns: int = 0) -> bytes:
    """X, E or C: take shares off an order."""
    tail = {b"X": b"", b"E": bytes(8), b"C": bytes(8) + b"Y" + bytes(4)}[kind]
    return _head(kind, locate, time_ns) + struct.pack(">QI", reference, shares) + tail


def delete(locate: int, reference: int, time_ns: int = 0) -> bytes:
    """D, Order Delete."""
    return _head(b"D", locate, time_ns) + struct.pack(">Q", reference)


def replace(
    locate: int, reference: int, new_reference: int, shares: int, price: int, time_ns: int = 0
) -> bytes:
    """U, Order Replace."""
    return _head(b"U", locate, time_ns) + struct.pack(
        ">QQII", reference, new_reference, shares, price
    )


def random_day(
    seed: int,
    count: int,
    *,
    stocks: list[bytes] | None = None,
    ticks: int = 30,
    oddities: float = 0.05,
) -> Iterator[bytes]:
    """``count`` messages: a directory and a status of each stock, then flow around a drifting
    price.

    ``oddities`` is the share of messages that no venue should send: unknown references, references
    used again, more shares than there are, wrong lengths, unknown types, wrong sides.
    """
    rng = random.Random(seed)
    stocks = stocks or STOCKS
    live: list[tuple[int, int]] = []
    reference = 1
    made = 0

    def fresh() -> int:
        nonlocal reference
        reference += rng.randrange(1, 5)
        return reference

    def price() -> int:
        return 1_000_000 + 100 * (rng.randrange(ticks) + made // 50)

    def shares() -> int:
        return rng.choice([1, 100, 100, 300, rng.randrange(1, 10_000), 0xFFFFFFFF])

    for locate, stock in enumerate(stocks, start=1):
        yield directory(locate, stock)
        yield status(locate, stock, rng.choice([b"T", b"H"]))
        made += 2
    while made < count:
        made += 1
        when = made * 1000
        locate = rng.randrange(1, len(stocks) + 1)
        if rng.random() < oddities:
            yield _oddity(rng, locate, stocks[locate - 1], live, reference, when)
            continue
        choice = rng.random()
        if choice < 0.5 or not live:
            live.append((fresh(), locate))
            mpid = rng.choice([b"", b"", b"TGTE"])
            side = rng.choice([b"B", b"S"])
            yield add(locate, stocks[locate - 1], reference, side, shares(), price(), when, mpid)
            continue
        index = rng.randrange(len(live))
        old, locate = live[index]
        if choice < 0.7:
            live.pop(index)
            yield delete(locate, old, when)
        elif choice < 0.88:
            yield reduce(locate, old, shares(), rng.choice([b"X", b"E", b"C"]), when)
        elif choice < 0.97:
            live[index] = (fresh(), locate)
            yield replace(locate, old, reference, shares(), price(), when)
        else:
            yield status(locate, stocks[locate - 1], rng.choice([b"T", b"H", b"P", b"Q"]), when)


def churn(
    seed: int, count: int, stocks: list[bytes] | None = None, *, levels: int = 40
) -> Iterator[bytes]:
    """A directory of each stock and ``count`` messages under which best levels vanish all the time.

    Each level is one order. Most deletes and replaces take the best one, most adds go far behind
    it, so that what is kept of a side at hand runs low again and again.
    """
    rng = random.Random(seed)
    stocks = stocks or STOCKS
    books: list[dict[bytes, dict[int, int]]] = [{b"B": {}, b"S": {}} for _ in stocks]
    for locate, stock in enumerate(stocks, start=1):
        yield directory(locate, stock)
    for reference in range(1, count + 1):
        which, side = rng.randrange(len(stocks)), rng.choice((b"B", b"S"))
        orders = books[which][side]  # ticks from the middle, and the order there
        choice = rng.random()
        grows = len(orders) < levels // 4 or (choice < 0.45 and len(orders) < levels)
        old = 0
        if not grows:
            gone = min(orders) if rng.random() < 0.8 else rng.choice(list(orders))
            old = orders.pop(gone)
            if choice < 0.85:
                yield delete(1 + which, old)
                continue
        free = [tick for tick in range(1, 3 * levels) if tick not in orders]
        tick = free[0] if rng.random() < 0.1 else rng.choice(free)
        orders[tick] = reference
        price = 1_000_000 + 100 * tick * (1 if side == b"S" else -1)
        if grows:
            yield add(1 + which, stocks[which], reference, side, 100, price)
        else:
            yield replace(1 + which, old, reference, 100, price)


def _oddity(
    rng: random.Random, locate: int, stock: bytes, live: list[tuple[int, int]], last: int, when: int
) -> bytes:
    used = rng.choice(live)[0] if live else last
    kind = rng.choice([letter.encode() for letter in LENGTHS])
    whole = _head(kind, locate, when).ljust(LENGTHS[kind.decode()], b" ")
    return rng.choice(
        [
            delete(locate, last + 10_000, when),
            delete(rng.choice([60_000, 16_000]), used, when),
            replace(locate, last + 10_000, last + 20_000, 100, 1_000_000, when),
            replace(locate, used, used, 100, 1_000_000, when),
            add(locate, stock, used, b"B", 100, 1_000_000, when),
            add(locate, stock, last + 30_000, b"X", 100, 1_000_000, when),
            add(locate, b"OTHER   ", last + 30_000, b"B", 100, 1_000_000, when),
            _head(b"S", 0, when) + rng.choice([b"O", b"Q", b"C"]),
            _head(b"?", locate, when),
            whole if kind not in b"AFECXDURHS" else whole[:-1],
            whole + b" ",
            whole[: rng.randrange(len(whole))],
            b"",
            bytes(rng.randrange(256) for _ in range(rng.randrange(200))),
        ]
    )
