"""Ethernet frames around datagrams, and beats around frames."""

import struct
from collections.abc import Sequence

from tickgate_sim.models.checksum import checksum

__all__ = ["GROUP", "PORT", "beats", "datagram", "mold_packet"]

GROUP = 0xE9360C01
"""233.54.12.1"""
PORT = 26400


def datagram(
    payload: bytes,
    *,
    group: int = GROUP,
    port: int = PORT,
    vlan: int | None = None,
    options: bytes = b"",
    with_checksum: bool = True,
) -> bytes:
    """Ethernet frame, padded to 60 bytes, of a datagram to ``group`` (a number) and ``port``."""
    source = bytes([10, 77, 0, 1])
    target = group.to_bytes(4, "big")
    udp = struct.pack(">HHHH", 30000, port, 8 + len(payload), 0) + payload
    if with_checksum:
        value = checksum(source + target + struct.pack(">HH", 17, len(udp)) + udp) or 0xFFFF
        udp = udp[:6] + struct.pack(">H", value) + udp[8:]
    words = 5 + len(options) // 4
    header = struct.pack(
        ">BBHHHBBH4s4s", 0x40 | words, 0, 4 * words + len(udp), 7, 0x4000, 16, 17, 0, source, target
    )
    header += options
    header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
    tag = b"" if vlan is None else struct.pack(">HH", 0x8100, vlan)
    mac = b"\x01\x00\x5e" + (group & 0x7FFFFF).to_bytes(3, "big") + b"\x02\x00\x00\x00\x00\x01"
    return (mac + tag + b"\x08\x00" + header + udp).ljust(60, b"\0")


def beats(frame: bytes, error: bool = False) -> list[int]:
    """A frame as payloads of a FrameBeat stream."""
    result = []
    for at in range(0, len(frame), 8):
        part = frame[at : at + 8]
        last = at + 8 >= len(frame)
        keep = (1 << len(part)) - 1
        flags = keep | last << 8 | (last and error) << 9
        result.append(int.from_bytes(part, "little") | flags << 64)
    return result


def mold_packet(
    sequence: int,
    messages: Sequence[bytes],
    *,
    session: bytes = b"TICKGATE01",
    count: int | None = None,
) -> bytes:
    """A MoldUDP64 packet; ``count`` overrides the true number of messages."""
    blocks = b"".join(struct.pack(">H", len(message)) + message for message in messages)
    number = len(messages) if count is None else count
    return session + struct.pack(">QH", sequence, number) + blocks
