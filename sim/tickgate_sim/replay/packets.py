"""Messages as a MoldUDP64 feed: numbered from 1, so that a sequence number is a position in the
file."""

import struct
from collections.abc import Iterator

import numpy as np

from tickgate_sim.replay.source import Block
from tickgate_sim.wire.frames import EXCHANGE, MAX_PAYLOAD, udp_frame

__all__ = ["GROUP", "PORT", "frames"]

GROUP, PORT = "239.192.0.1", 26400
_SOURCE_PORT = 26401
_SESSION = b"REPLAY".ljust(10)
_HEADER, _PREFIX = 20, 2


def frames(block: Block) -> Iterator[tuple[bytes, int]]:
    """Yield frames of as many messages of a block as fit, each with the number of its last one.

    A file has each message behind its length just as a packet has it.
    """
    ends = block.starts + block.lengths
    at, begin = 0, 0
    while at < len(block):
        stop = int(np.searchsorted(ends, begin + MAX_PAYLOAD - _HEADER, "right"))
        end = int(ends[stop - 1])
        first = block.first + at
        header = _SESSION + struct.pack(">QH", first, stop - at)
        payload = header + block.data[begin:end]
        yield (
            udp_frame(
                payload, (EXCHANGE.address, _SOURCE_PORT), GROUP, PORT, identification=first
            ),
            block.first + stop - 1,
        )
        at, begin = stop, end
