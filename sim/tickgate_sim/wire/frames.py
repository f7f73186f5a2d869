"""Ethernet frames with IPv4, UDP and TCP, as bytes, with right checksums and no check sequence.

Sources: IEEE 802.3 clause 3, RFC 791, RFC 768, RFC 9293, RFC 1112 (6.4, multicast addresses).
"""

import socket
import struct
from dataclasses import dataclass

__all__ = ["CARD", "EXCHANGE", "MAX_PAYLOAD", "Endpoint", "checksum", "tcp_frame", "udp_frame"]

MAX_PAYLOAD = 1472
"""Largest UDP payload of a frame with 1500 bytes of IP."""
MAX_SEGMENT = 1460
"""Largest TCP payload of such a frame."""

_IPV4 = 0x0800
_UDP, _TCP = 17, 6
_DO_NOT_FRAGMENT = 0x4000


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A machine on the wire: hardware address and IPv4 address."""

    mac: bytes
    address: str


EXCHANGE = Endpoint(bytes.fromhex("025447000001"), "10.77.0.1")
"""The exchange's side; locally administered hardware address."""
CARD = Endpoint(bytes.fromhex("025447000002"), "10.77.0.2")
"""The card's side."""


def checksum(data: bytes) -> int:
    """Return the Internet checksum of ``data`` (RFC 1071), an odd byte padded with zero."""
    if len(data) % 2:
        data += b"\0"
    value = int.from_bytes(data, "big")
    # 2**16 is 1 modulo 65535, so the sum of the words, carries folded in, is the remainder.
    total = value % 0xFFFF or (0xFFFF if value else 0)
    return total ^ 0xFFFF


def udp_frame(
    payload: bytes,
    source: tuple[str, int],
    group: str,
    port: int,
    *,
    identification: int = 0,
    ttl: int = 1,
) -> bytes:
    """Return a frame that carries ``payload`` to a multicast group.

    Raises ValueError when the payload does not fit a frame or the group is none.
    """
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a UDP payload must be at most {MAX_PAYLOAD} bytes, was {len(payload)}")
    target = socket.inet_aton(group)
    if not 224 <= target[0] < 240:
        raise ValueError(f"a multicast group must be 224.0.0.0 to 239.255.255.255, not {group}")
    mac = b"\x01\x00\x5e" + bytes((target[1] & 0x7F,)) + target[2:]
    origin = socket.inet_aton(source[0])
    length = 8 + len(payload)
    header = struct.pack(">HHH", source[1], port, length)
    pseudo = origin + target + struct.pack(">BBH", 0, _UDP, length)
    total = checksum(pseudo + header + b"\0\0" + payload) or 0xFFFF  # 0 would mean none
    datagram = header + total.to_bytes(2, "big") + payload
    return (
        mac
        + EXCHANGE.mac
        + _IPV4.to_bytes(2, "big")
        + _ip(origin, target, _UDP, len(datagram), identification, ttl)
        + datagram
    )


def tcp_frame(
    source: Endpoint,
    source_port: int,
    target: Endpoint,
    target_port: int,
    *,
    sequence: int,
    acknowledgement: int,
    flags: int,
    payload: bytes = b"",
    identification: int = 0,
) -> bytes:
    """Return a frame that carries one TCP segment without options."""
    origin, end = socket.inet_aton(source.address), socket.inet_aton(target.address)
    header = struct.pack(
        ">HHIIBBH",
        source_port,
        target_port,
        sequence & 0xFFFF_FFFF,
        acknowledgement & 0xFFFF_FFFF,
        5 << 4,
        flags,
        0xFFFF,
    )
    length = 20 + len(payload)
    pseudo = origin + end + struct.pack(">BBH", 0, _TCP, length)
    total = checksum(pseudo + header + b"\0\0\0\0" + payload)
    segment = header + total.to_bytes(2, "big") + b"\0\0" + payload
    return (
        target.mac
        + source.mac
        + _IPV4.to_bytes(2, "big")
        + _ip(origin, end, _TCP, length, identification, 64)
        + segment
    )


def _ip(
    source: bytes, target: bytes, protocol: int, length: int, identification: int, ttl: int
) -> bytes:
    head = struct.pack(
        ">BBHHHBB",
        0x45,
        0,
        20 + length,
        identification & 0xFFFF,
        _DO_NOT_FRAGMENT,
        ttl,
        protocol,
    )
    return head + checksum(head + source + target).to_bytes(2, "big") + source + target
