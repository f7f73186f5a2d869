"""Traffic of the bench: messages of one type only, and a recorded day, in full packets."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tickgate.protocols import binaryfile
from tickgate.protocols.moldudp64 import Packet

from tickgate_sim.exchange.record import record
from tickgate_sim.fast.feed import LINE_A, LINE_B
from tickgate_sim.traffic import itch
from tickgate_sim.wire.frames import EXCHANGE, MAX_PAYLOAD, udp_frame

__all__ = ["MIXES", "SYMBOLS", "Mix", "frames", "pack", "record_day", "recorded"]

SYMBOLS = ("AAPL", "AMZN", "GOOGL", "META", "MSFT", "NFLX", "NVDA", "TSLA")
_NAMES = [symbol.ljust(8).encode() for symbol in SYMBOLS]
_TICK = 100
_MIDDLE = 1_000_000
_TICKS = 150
"""Ticks from the middle price over which orders are spread, on either side."""
_ORDERS_PER_SIDE = 200
"""Of each symbol of a recorded day: where the size of its book hovers."""
_HEADER, _PREFIX = 20, 2


@dataclass
class Mix:
    """Messages that fill the books, and those that are measured behind them."""

    symbols: Sequence[str]
    before: list[bytes] = field(default_factory=list)
    burst: list[bytes] = field(default_factory=list)


def _book(seed: int, count: int) -> tuple[list[bytes], list[tuple[int, int]]]:
    """A directory and ``count`` orders; their locates and references."""
    rng = random.Random(seed)
    messages = [itch.directory(1 + n, name) for n, name in enumerate(_NAMES)]
    live = []
    for number in range(count):
        locate, reference = rng.randrange(len(_NAMES)), 1_000_000 + 7 * number
        side = rng.choice(b"BS")
        away = _TICK * rng.randrange(1, _TICKS + 1)
        price = _MIDDLE - away if side == ord("B") else _MIDDLE + away
        shares = rng.choice((1, 50, 100, 200, 1000))
        messages.append(
            itch.add(1 + locate, _NAMES[locate], reference, bytes([side]), shares, price, number)
        )
        live.append((1 + locate, reference))
    return messages, live


def all_add(count: int) -> Mix:
    """Orders, one after the other, into books that are empty at first."""
    messages, _ = _book(1, count)
    directory = len(_NAMES)
    return Mix(SYMBOLS, messages[:directory], messages[directory:])


def all_delete(count: int) -> Mix:
    """Every order of the books goes, in random order, until they are empty."""
    before, live = _book(2, count)
    random.Random(3).shuffle(live)
    return Mix(SYMBOLS, before, [itch.delete(locate, reference) for locate, reference in live])


def all_replace(count: int) -> Mix:
    """Orders are replaced, each at a price of its own."""
    rng = random.Random(4)
    before, live = _book(5, max(1, count // 4))
    sides = {m[11:19]: m[19:20] for m in before if m[:1] == b"A"}
    burst = []
    for number in range(count):
        at = rng.randrange(len(live))
        locate, old = live[at]
        side = sides.pop(old.to_bytes(8, "big"))
        new = 500_000_000 + 3 * number
        away = _TICK * rng.randrange(1, _TICKS + 1)
        price = _MIDDLE - away if side == b"B" else _MIDDLE + away
        burst.append(itch.replace(locate, old, new, rng.choice((100, 300)), price))
        live[at] = locate, new
        sides[new.to_bytes(8, "big")] = side
    return Mix(SYMBOLS, before, burst)


def sweep(count: int) -> Mix:
    """The best order of a symbol goes each time, and its level with it: the worst case."""
    before = [itch.directory(1, _NAMES[0])]
    levels = min(count, 900)
    for number in range(levels):
        before.append(
            itch.add(1, _NAMES[0], 1 + number, b"S", 100, _MIDDLE + _TICK * number, number))
    return Mix(SYMBOLS[:1], before, [itch.delete(1, 1 + number) for number in range(levels)])


def real_mix(count: int, folder: Path) -> Mix:
    """A day of the simulated exchange with eight symbols, from its second tenth on."""
    messages = list(recorded(count, folder))
    names = list(dict.fromkeys(
        message[11:19].decode().rstrip() for message in messages if message[:1] == b"R"))
    tenth = len(messages) // 10
    return Mix(names, messages[:tenth], messages[tenth:])


def recorded(count: int, folder: Path) -> Iterator[bytes]:
    """Messages of a recorded day of the simulated exchange with eight symbols."""
    return binaryfile.read(record_day(count, folder))


def record_day(count: int, folder: Path, *, symbols: int = 8, seed: int = 7) -> Path:
    """Record a day of the simulated exchange, once, and keep it in ``folder``; return the file."""
    path = folder / f"day-{symbols}-{seed}-{count}.itch50"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            record(file, symbol_count=symbols, messages=count, seed=seed,
                   orders_per_side=_ORDERS_PER_SIDE)
        partial.rename(path)
    return path


MIXES = {"all_delete": all_delete, "all_add": all_add, "all_replace": all_replace, "sweep": sweep}
"""Made mixes by name, each called with the number of messages."""


def pack(messages: Sequence[bytes], *, most: int = MAX_PAYLOAD) -> Iterator[list[bytes]]:
    """Messages by the packet, as many as fit ``most`` bytes of UDP payload."""
    batch: list[bytes] = []
    room = most - _HEADER
    for message in messages:
        if _PREFIX + len(message) > room and batch:
            yield batch
            batch, room = [], most - _HEADER
        batch.append(message)
        room -= _PREFIX + len(message)
    if batch:
        yield batch


def frames(
    messages: Sequence[bytes], first: int, *, line: int = 0, most: int = MAX_PAYLOAD
) -> list[bytes]:
    """Frames of messages numbered from ``first``, for line A (0) or B (1)."""
    group, port = (LINE_A, LINE_B)[line]
    made = []
    for batch in pack(messages, most=most):
        payload = Packet("BENCH", first, tuple(batch)).encode()
        made.append(udp_frame(
            payload, (EXCHANGE.address, 30000), group, port, identification=first))
        first += len(batch)
    return made
