"""Golden model of UDP reception: which frames are the feed's, and what they carry."""

import struct
from dataclasses import dataclass, field

__all__ = ["UdpModel", "checksum"]

_LONGEST = 256 * 8


def checksum(data: bytes) -> int:
    """Internet checksum (RFC 1071) of ``data``: 0 when ``data`` holds its own right checksum."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclass
class UdpModel:
    """Reception of datagrams to one IPv4 group (as a number) and port."""

    group: int
    port: int
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("frames", "frames_bad", "frames_other"), 0)
    )

    def frame(self, frame: bytes, error: bool = False) -> bytes | None:
        """Payload of a frame, None when it is dropped."""
        verdict = "frames_bad" if error else self._judge(frame)
        self.counts["frames"] += 1
        if isinstance(verdict, str):
            self.counts[verdict] += 1
            return None
        return verdict

    def _judge(self, frame: bytes) -> bytes | str:
        at = 18 if frame[12:14] == b"\x81\x00" else 14
        if len(frame) > _LONGEST or len(frame) < at:
            return "frames_bad"
        if frame[at - 2 : at] != b"\x08\x00":
            return "frames_other"
        ip = frame[at:]
        if len(ip) < 20 or ip[0] >> 4 != 4 or ip[0] & 15 < 5:
            return "frames_bad"
        header = 4 * (ip[0] & 15)
        total, fragment = struct.unpack_from(">H2xH", ip, 2)
        if total < header or len(ip) < total or checksum(ip[:header]):
            return "frames_bad"
        if ip[9] != 17 or int.from_bytes(ip[16:20], "big") != self.group:
            return "frames_other"
        udp = ip[header:total]
        if fragment & 0x3FFF or len(udp) < 8:
            return "frames_bad"
        port, length, given = struct.unpack_from(">HHH", udp, 2)
        if length != len(udp):
            return "frames_bad"
        if given and checksum(ip[12:20] + struct.pack(">HH", 17, length) + udp):
            return "frames_bad"
        return udp[8:] if port == self.port else "frames_other"
