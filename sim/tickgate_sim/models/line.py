"""Golden model of one line of the feed: frames in, messages and counters out."""

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from tickgate_sim.models.checksum import checksum

__all__ = ["InjectModel", "LineItem", "LineModel", "LinePacket"]

_COUNTS = (
    "frames", "frames_bad", "frames_other", "bad_fcs", "bad_ip_checksum", "ip_options", "fragments",
    "bad_length", "bad_udp_checksum", "oversize", "mold_packets", "mold_malformed",
    "mold_heartbeats", "mold_foreign",
)  # fmt: skip


class LineItem(NamedTuple):
    """A message: the number of its frame, its sequence number, how long it is, its bytes as far as
    an item has them, and the offset of its last byte in the frame (of an empty one, its length's).
    """

    frame: int
    sequence: int
    length: int
    data: bytes
    end: int


class LinePacket(NamedTuple):
    """The header of a packet, in frame number ``frame``."""

    frame: int
    session: bytes
    sequence: int
    messages: int
    foreign: bool


def _messages(payload: bytes, count: int) -> tuple[list[tuple[bytes, int]], bool]:
    """Whole messages of a packet with the offsets of their ends, and whether it is well formed."""
    found: list[tuple[bytes, int]] = []
    at = 20
    for _ in range(count):
        if len(payload) < at + 2:
            return found, False
        (length,) = struct.unpack_from(">H", payload, at)
        if len(payload) < at + 2 + length:
            return found, False
        at += 2 + length
        found.append((payload[at - length : at], at - 1))
    return found, at == len(payload)


@dataclass
class LineModel:
    """Reception of one line; ``session`` None means that none is known."""

    group: int
    port: int
    session: bytes | None = None
    longest: int = 9216
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTS, 0))
    items: list[LineItem] = field(default_factory=list)
    packets: list[LinePacket] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    """Order of it all: P for a packet, I for an item, B for a frame that turned out bad."""

    def frame(self, frame: bytes, error: bool = False) -> None:
        """Take one frame."""
        number = self.counts["frames"]
        self.counts["frames"] += 1
        kind, payload_at, payload = self._dissect(frame)
        if len(frame) > self.longest:
            kind = "oversize"
        if error:
            kind = "bad_fcs"
        told = payload is not None and self._packet(number, payload, payload_at)
        if kind == "frames_other":
            self.counts["frames_other"] += 1
        elif kind:
            self.counts[kind] += 1
            self.counts["frames_bad"] += 1
            if told:
                self.story.append("B")

    def _dissect(self, frame: bytes) -> tuple[str, int, bytes | None]:
        """What is wrong with a frame (nothing: ""), and its payload if the headers are in order."""
        at = 14
        kinds: tuple[bytes, ...] = (b"\x81\x00", b"\x88\xa8")
        while len(frame) >= at and frame[at - 2 : at] in kinds and at < 22:
            at += 4
            kinds = (b"\x81\x00",)
        if len(frame) < at:
            return "bad_length", 0, None
        if frame[at - 2 : at] != b"\x08\x00":
            return "frames_other", 0, None
        ip = frame[at:]
        if len(ip) < 20:
            return "bad_length", 0, None
        words = ip[0] & 15
        if ip[0] >> 4 != 4 or words < 5 or (words == 5 and checksum(ip[:20])):
            return "bad_ip_checksum", 0, None
        destination = int.from_bytes(ip[16:20], "big")
        if ip[9] != 17 or destination != self.group or destination == 0:
            return "frames_other", 0, None
        if words > 5:
            return "ip_options", 0, None
        total, fragment = struct.unpack_from(">H2xH", ip, 2)
        if fragment & 0x3FFF:
            return "fragments", 0, None
        if total < 28 or len(ip) < 28:
            return "bad_length", 0, None
        port, length, given = struct.unpack_from(">HHH", ip, 22)
        if port != self.port:
            return "frames_other", 0, None
        if length != total - 20:
            return "bad_length", 0, None
        udp = ip[20:total]
        kind = ""
        if len(ip) < total:
            kind = "bad_length"
        elif given and checksum(ip[12:20] + struct.pack(">HH", 17, length) + udp):
            kind = "bad_udp_checksum"
        # A header that was cut by the end of the frame is not MoldUDP64's fault.
        whole = length < 28 or len(udp) >= 28
        return kind, at + 28, udp[8:] if whole else None

    def _packet(self, number: int, payload: bytes, offset: int) -> bool:
        """Take a packet; whether its header was told."""
        if len(payload) < 20:
            self.counts["mold_malformed"] += 1
            return False
        session = payload[:10]
        sequence, count = struct.unpack_from(">QH", payload, 10)
        foreign = self.session is not None and session != self.session
        self.packets.append(LinePacket(number, session, sequence, count, foreign))
        self.story.append("P")
        if foreign:
            self.counts["mold_foreign"] += 1
            return True
        self.counts["mold_packets"] += 1
        self.counts["mold_heartbeats"] += count == 0
        found, well = _messages(payload, 0 if count == 0xFFFF else count)
        self.counts["mold_malformed"] += not well
        for index, (data, end) in enumerate(found):
            self.items.append(LineItem(
                number, (sequence + index) % 2**64, min(len(data), 255), data[:50], offset + end))
            self.story.append("I")
        return True


@dataclass
class InjectModel:
    """Packets without the frame around them, from the host; ``session`` None: none is known."""

    session: bytes | None = None
    malformed: int = 0
    packets: int = 0
    items: list[LineItem] = field(default_factory=list)

    def packet(self, payload: bytes) -> None:
        """Take one packet."""
        number = self.packets
        self.packets += 1
        if len(payload) < 20:
            self.malformed += 1
            return
        if self.session is not None and payload[:10] != self.session:
            self.malformed += 1
            return
        sequence, count = struct.unpack_from(">QH", payload, 10)
        found, well = _messages(payload, 0 if count == 0xFFFF else count)
        self.malformed += not well
        for index, (data, end) in enumerate(found):
            self.items.append(LineItem(
                number, (sequence + index) % 2**64, min(len(data), 255), data[:50], end))
