"""Golden model of MoldUDP64 reception over one line."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Item", "MoldModel"]


class Item(NamedTuple):
    """A message (kind M) or an event: G gap, N new session, Z end of session."""

    kind: str
    sequence: int
    expected: int = 0
    data: bytes = b""


@dataclass
class MoldModel:
    """State of one line."""

    session: bytes | None = None
    expected: int = 0
    ended: bool = False
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("mold_packets", "mold_malformed", "mold_duplicates", "mold_gaps"), 0
        )
    )

    def packet(self, payload: bytes) -> Iterator[Item]:
        """Take one packet; what it tells."""
        if len(payload) < 20:
            self.counts["mold_malformed"] += 1
            return
        session = payload[:10]
        number, count = struct.unpack_from(">QH", payload, 10)
        if session != self.session:
            self.session, self.expected, self.ended = session, 1, False
            yield Item("N", number)
        if number > self.expected:
            yield Item("G", number, self.expected)
            self.counts["mold_gaps"] += 1
            self.expected = number
        self.counts["mold_packets"] += 1
        if count == 0xFFFF:
            count = 0
            if not self.ended:
                self.ended = True
                yield Item("Z", number)
        rest = payload[20:]
        for _ in range(count):
            length = int.from_bytes(rest[:2], "big")
            if len(rest) < 2 + length:
                self.counts["mold_malformed"] += 1
                return
            if number < self.expected:
                self.counts["mold_duplicates"] += 1
            else:
                self.expected = number + 1
                yield Item("M", number, data=rest[2 : 2 + length])
            number += 1
            rest = rest[2 + length :]
        if rest:
            self.counts["mold_malformed"] += 1
