"""Golden model of the ITCH decoder: which messages go to the book, as what."""

import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["LENGTHS", "Command", "ItchModel"]

LENGTHS = {
    "S": 12, "R": 39, "H": 25, "Y": 20, "L": 26, "V": 35, "W": 12, "K": 28, "J": 35, "h": 21,
    "A": 36, "F": 40, "E": 31, "C": 36, "X": 23, "D": 19, "U": 35, "P": 44, "Q": 40, "B": 19,
    "I": 50, "N": 20, "O": 48,
}  # fmt: skip
"""Bytes of each message type, from the venue's document."""


class Command(NamedTuple):
    """What the book is told; fields that a kind does not have are 0, empty or a space."""

    kind: str
    sequence: int
    time_ns: int
    itch_time: int = 0
    locate: int = 0
    stock: bytes = b""
    code: str = " "
    reference: int = 0
    new_reference: int = 0
    side: str = ""
    shares: int = 0
    price: int = 0


@dataclass
class ItchModel:
    """Decoder and its counters."""

    by_type: Counter[str] = field(default_factory=Counter)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("itch_messages", "itch_unknown", "itch_malformed"), 0
        )
    )

    def message(self, sequence: int, data: bytes, time_ns: int = 0) -> Command | None:
        """Take a message of the feed; the command for the book, if there is one."""
        kind = data[:1].decode("latin1")
        if data and kind not in LENGTHS:
            self.counts["itch_unknown"] += 1
            return None
        if not data or len(data) != LENGTHS[kind] or (kind in "AF" and data[19] not in b"BS"):
            self.counts["itch_malformed"] += 1
            return None
        self.counts["itch_messages"] += 1
        self.by_type[kind] += 1
        locate = int.from_bytes(data[1:3], "big")
        itch_time = int.from_bytes(data[5:11], "big")
        command = Command("", sequence, time_ns, itch_time, locate)
        if kind in "AF":
            reference, side, shares, stock, price = struct.unpack_from(">QcI8sI", data, 11)
            return command._replace(
                kind="A", reference=reference, side=side.decode(), shares=shares, stock=stock,
                price=price,
            )  # fmt: skip
        if kind in "ECX":
            reference, shares = struct.unpack_from(">QI", data, 11)
            return command._replace(kind="X", reference=reference, shares=shares)
        if kind == "D":
            return command._replace(kind="D", reference=struct.unpack_from(">Q", data, 11)[0])
        if kind == "U":
            old, new, shares, price = struct.unpack_from(">QQII", data, 11)
            return command._replace(
                kind="U", reference=old, new_reference=new, shares=shares, price=price
            )
        if kind == "S":
            return command._replace(kind="S", code=chr(data[11]))
        if kind == "R":
            return command._replace(kind="R", stock=data[11:19])
        if kind == "H":
            return command._replace(kind="H", stock=data[11:19], code=chr(data[19]))
        if kind in "YJKhN":
            return command._replace(kind="T", stock=data[11:19], code=kind)
        if kind in "VW":
            return command._replace(kind="T", code=kind)
        return None
