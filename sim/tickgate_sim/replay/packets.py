"""Messages as a MoldUDP64 feed: numbered from 1, so that a sequence number is a position in the
file."""

from collections.abc import Iterable, Iterator

from tickgate.protocols.moldudp64 import Packet

from tickgate_sim.wire.frames import EXCHANGE, MAX_PAYLOAD, udp_frame

__all__ = ["GROUP", "PORT", "frames"]

GROUP, PORT = "239.192.0.1", 26400
_SOURCE_PORT = 26401
_SESSION = "REPLAY"
_HEADER, _PREFIX = 20, 2


def frames(messages: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield frames of as many messages as fit, each with the count of messages so far."""
    batch: list[bytes] = []
    room = MAX_PAYLOAD - _HEADER
    first = 1
    for message in messages:
        needed = _PREFIX + len(message)
        if needed > room:
            yield _frame(first, batch), first + len(batch) - 1
            first += len(batch)
            batch, room = [], MAX_PAYLOAD - _HEADER
        batch.append(message)
        room -= needed
    if batch:
        yield _frame(first, batch), first + len(batch) - 1


def _frame(first: int, batch: list[bytes]) -> bytes:
    payload = Packet(_SESSION, first, tuple(batch)).encode()
    return udp_frame(
        payload, (EXCHANGE.address, _SOURCE_PORT), GROUP, PORT, identification=first
    )
