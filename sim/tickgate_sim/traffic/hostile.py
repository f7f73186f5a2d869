"""Hostile frames: every way in which a frame on the feed's wire can lie, made from a seed."""

import enum
import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tickgate_sim.models.checksum import checksum
from tickgate_sim.traffic.frames import mold_packet

__all__ = ["HostileTraffic", "Kind", "Layers"]

_TOP = 2**64 - 1
_LENGTHS = {"A": 36, "D": 19, "E": 31, "X": 23, "U": 35, "P": 44, "F": 40, "S": 12}
"""Some ITCH messages and how long they are."""


@dataclass(frozen=True)
class Layers:
    """A datagram's frame, of which each layer may lie."""

    payload: bytes
    group: int
    port: int
    tags: tuple[int, ...] = ()
    """Tag protocol identifiers."""
    ethertype: int = 0x0800
    version: int = 4
    words: int | None = None
    """IPv4 header length told, None for the true one."""
    options: bytes = b""
    total_lie: int = 0
    """Added to the IPv4 total length."""
    fragment: int = 0x4000
    protocol: int = 17
    udp_lie: int = 0
    """Added to the UDP length."""
    ip_sum_lie: int = 0
    udp_sum_lie: int = 0
    """Exclusive-or on a checksum."""
    with_checksum: bool = True

    def frame(self) -> bytes:
        """Bytes of the frame, padded to 60."""
        source, target = bytes([10, 77, 0, 1]), self.group.to_bytes(4, "big")
        length = 8 + len(self.payload) + self.udp_lie & 0xFFFF
        udp = struct.pack(">HHHH", 30000, self.port, length, 0) + self.payload
        if self.with_checksum:
            pseudo = source + target + struct.pack(">HH", 17, length)
            given = (checksum(pseudo + udp) or 0xFFFF) ^ self.udp_sum_lie
            udp = udp[:6] + struct.pack(">H", given) + udp[8:]
        words = 5 + len(self.options) // 4
        total = 4 * words + len(udp) + self.total_lie & 0xFFFF
        told = words if self.words is None else self.words
        header = struct.pack(
            ">BBHHHBBH4s4s", self.version << 4 | told, 0, total, 7, self.fragment, 16,
            self.protocol, 0, source, target,
        ) + self.options  # fmt: skip
        given = checksum(header) ^ self.ip_sum_lie
        header = header[:10] + struct.pack(">H", given) + header[12:]
        mac = b"\x01\x00\x5e" + (self.group & 0x7FFFFF).to_bytes(3, "big")
        mac += b"\x02\x00\x00\x00\x00\x01"
        tags = b"".join(struct.pack(">HH", tag, 7) for tag in self.tags)
        return (mac + tags + struct.pack(">H", self.ethertype) + header + udp).ljust(60, b"\0")


class Kind(enum.StrEnum):
    """What a frame is, or how it lies."""

    GOOD = enum.auto()
    HEARTBEAT = enum.auto()
    END_OF_SESSION = enum.auto()
    NO_UDP_CHECKSUM = enum.auto()
    VLAN = enum.auto()
    VLAN_STACK = enum.auto()
    VLAN_STACK_TOO_HIGH = enum.auto()
    CUT = enum.auto()
    RUNT = enum.auto()
    OVERLONG = enum.auto()
    JUMBO = enum.auto()
    OVERSIZE = enum.auto()
    BAD_FCS = enum.auto()
    CORRUPT = enum.auto()
    BAD_IP_CHECKSUM = enum.auto()
    BAD_IP_VERSION = enum.auto()
    BAD_IP_HEADER_LENGTH = enum.auto()
    BAD_IP_LENGTH = enum.auto()
    IP_OPTIONS = enum.auto()
    FRAGMENT = enum.auto()
    BAD_UDP_CHECKSUM = enum.auto()
    BAD_UDP_LENGTH = enum.auto()
    BAD_BLOCK_LENGTH = enum.auto()
    COUNT_TOO_HIGH = enum.auto()
    COUNT_TOO_LOW = enum.auto()
    SHORT_HEADER = enum.auto()
    BYTES_BEHIND_END = enum.auto()
    JUMP = enum.auto()
    NEAR_JUMP = enum.auto()
    WRAP = enum.auto()
    BACK = enum.auto()
    FOREIGN_SESSION = enum.auto()
    UNKNOWN_TYPE = enum.auto()
    EMPTY_MESSAGES = enum.auto()
    TINY_MESSAGES = enum.auto()
    LONG_MESSAGES = enum.auto()
    ARP = enum.auto()
    IPV6 = enum.auto()
    TCP = enum.auto()
    OTHER_GROUP = enum.auto()
    OTHER_PORT = enum.auto()
    RANDOM_BYTES = enum.auto()


class HostileTraffic:
    """Makes frames for a line; what is random in them comes from ``rng``."""

    def __init__(self, rng: random.Random, *, group: int, port: int):
        self._rng, self._group, self._port = rng, group, port

    def message(self, number: int) -> bytes:
        """A message of an ITCH type and its length; its bytes tell its number."""
        kind = self._rng.choice(list(_LENGTHS))
        body = (number & _TOP).to_bytes(8, "big") + self._rng.randbytes(40)
        return kind.encode() + body[: _LENGTHS[kind] - 1]

    def frame(self, kind: Kind, session: bytes, sequence: int) -> tuple[bytes, bool]:
        """A frame of a kind, in a session whose next message is ``sequence``; and whether its check
        sequence is wrong.
        """
        method: Callable[[bytes, int], bytes | Layers] = getattr(self, f"_{kind.value}")
        made = method(session, sequence)
        frame = made.frame() if isinstance(made, Layers) else made
        return frame, kind in (Kind.BAD_FCS, Kind.CORRUPT)

    def _messages(self, sequence: int, most: int = 6) -> list[bytes]:
        return [self.message(sequence + n) for n in range(self._rng.randint(1, most))]

    def _of(self, payload: bytes) -> Layers:
        return Layers(payload, self._group, self._port)

    def _packet(
        self, session: bytes, sequence: int, messages: Sequence[bytes], count: int | None = None
    ) -> Layers:
        return self._of(mold_packet(sequence & _TOP, messages, session=session, count=count))

    def _good(self, session: bytes, sequence: int) -> Layers:
        return self._packet(session, sequence, self._messages(sequence))

    def _heartbeat(self, session: bytes, sequence: int) -> Layers:
        return self._packet(session, sequence, [])

    def _end_of_session(self, session: bytes, sequence: int) -> Layers:
        return self._packet(session, sequence, [], count=0xFFFF)

    def _no_udp_checksum(self, session: bytes, sequence: int) -> Layers:
        return replace(self._good(session, sequence), with_checksum=False)

    def _vlan(self, session: bytes, sequence: int) -> Layers:
        return replace(
            self._good(session, sequence), tags=(self._rng.choice((0x8100, 0x88A8)),))

    def _vlan_stack(self, session: bytes, sequence: int) -> Layers:
        return replace(
            self._good(session, sequence), tags=(self._rng.choice((0x8100, 0x88A8)), 0x8100))

    def _vlan_stack_too_high(self, session: bytes, sequence: int) -> Layers:
        return replace(self._good(session, sequence), tags=(0x88A8, 0x8100, 0x8100))

    def _cut(self, session: bytes, sequence: int) -> bytes:
        frame = self._good(session, sequence).frame()
        return frame[: self._rng.randrange(60, len(frame)) if len(frame) > 60 else 59]

    def _runt(self, session: bytes, sequence: int) -> bytes:
        tags = self._rng.choice(((), (0x8100,), (0x88A8, 0x8100)))
        frame = replace(self._good(session, sequence), tags=tags).frame()
        return frame[: self._rng.randint(1, 62)]

    def _overlong(self, session: bytes, sequence: int) -> bytes:
        return self._good(session, sequence).frame() + self._rng.randbytes(
            self._rng.randint(1, 20))

    def _jumbo(self, session: bytes, sequence: int) -> Layers:
        return self._packet(
            session, sequence, [self.message(sequence + n) for n in range(200)])

    def _oversize(self, session: bytes, sequence: int) -> bytes:
        return self._good(session, sequence).frame().ljust(
            9217 + self._rng.randrange(64), b"\0")

    def _bad_fcs(self, session: bytes, sequence: int) -> Layers:
        return self._good(session, sequence)

    def _corrupt(self, session: bytes, sequence: int) -> bytes:
        frame = bytearray(self._good(session, sequence).frame())
        for _ in range(self._rng.randint(1, 3)):
            frame[self._rng.randrange(len(frame))] ^= 1 << self._rng.randrange(8)
        return bytes(frame)

    def _bad_ip_checksum(self, session: bytes, sequence: int) -> Layers:
        return replace(
            self._good(session, sequence), ip_sum_lie=1 << self._rng.randrange(16))

    def _bad_ip_version(self, session: bytes, sequence: int) -> Layers:
        return replace(
            self._good(session, sequence), version=self._rng.choice((0, 3, 5, 6, 15)))

    def _bad_ip_header_length(self, session: bytes, sequence: int) -> Layers:
        return replace(self._good(session, sequence), words=self._rng.randrange(5))

    def _bad_ip_length(self, session: bytes, sequence: int) -> Layers:
        good = self._good(session, sequence)
        lie = self._rng.choice((-len(good.payload) - 28, -len(good.payload) - 1, -1, 1, 3000))
        return replace(good, total_lie=lie)

    def _ip_options(self, session: bytes, sequence: int) -> Layers:
        return replace(
            self._good(session, sequence), options=b"\x01" * 4 * self._rng.randint(1, 10))

    def _fragment(self, session: bytes, sequence: int) -> Layers:
        return replace(
            self._good(session, sequence), fragment=self._rng.choice((0x2000, 1, 0x1FFF, 0x2005)))

    def _bad_udp_checksum(self, session: bytes, sequence: int) -> Layers:
        good = self._good(session, sequence)
        return replace(good, udp_sum_lie=self._rng.choice((0x0100, 0x0002, 0x8000)))

    def _bad_udp_length(self, session: bytes, sequence: int) -> Layers:
        return replace(
            self._good(session, sequence), udp_lie=self._rng.choice((-20, -8, -1, 1, 9, 40000)))

    def _bad_block_length(self, session: bytes, sequence: int) -> Layers:
        packet = bytearray(self._good(session, sequence).payload)
        block, at = self._rng.randrange(packet[19]), 20
        for _ in range(block):
            at += 2 + int.from_bytes(packet[at : at + 2], "big")
        told = int.from_bytes(packet[at : at + 2], "big")
        lie = self._rng.choice((told - 1, told + 1, told + 8, 0, 255, 256, 0x7FFF, 0xFFFF))
        packet[at : at + 2] = lie.to_bytes(2, "big")
        return self._of(bytes(packet))

    def _count_too_high(self, session: bytes, sequence: int) -> Layers:
        messages = self._messages(sequence)
        lie = self._rng.choice((len(messages) + 1, 300, 0xFFFE))
        return self._packet(session, sequence, messages, count=lie)

    def _count_too_low(self, session: bytes, sequence: int) -> Layers:
        messages = self._messages(sequence)
        lie = self._rng.choice((0xFFFF, *range(len(messages))))
        return self._packet(session, sequence, messages, count=lie)

    def _short_header(self, session: bytes, sequence: int) -> Layers:
        return self._of(mold_packet(sequence, [], session=session)[: self._rng.randrange(20)])

    def _bytes_behind_end(self, session: bytes, sequence: int) -> Layers:
        good = self._good(session, sequence)
        return self._of(good.payload + self._rng.randbytes(self._rng.randint(1, 12)))

    def _jump(self, session: bytes, sequence: int) -> Layers:
        return self._good(session, sequence + (1 << self._rng.randint(8, 62)))

    def _near_jump(self, session: bytes, sequence: int) -> Layers:
        return self._good(session, sequence + self._rng.randint(1, 20))

    def _wrap(self, session: bytes, sequence: int) -> Layers:
        return self._packet(session, _TOP - self._rng.randrange(3), self._messages(sequence))

    def _back(self, session: bytes, sequence: int) -> Layers:
        return self._good(session, max(0, sequence - self._rng.randint(1, 30)))

    def _foreign_session(self, session: bytes, sequence: int) -> Layers:
        return self._good(self._rng.choice((b"MONDAY    ", b"TUESDAY   ", bytes(10))), sequence)

    def _unknown_type(self, session: bytes, sequence: int) -> Layers:
        letter = bytes([self._rng.randrange(256)])
        length = self._rng.randrange(60)
        return self._packet(
            session, sequence, [letter + self._rng.randbytes(length) for _ in range(3)])

    def _empty_messages(self, session: bytes, sequence: int) -> Layers:
        return self._packet(session, sequence, [b""] * self._rng.randint(1, 40))

    def _tiny_messages(self, session: bytes, sequence: int) -> Layers:
        lengths = [self._rng.randrange(7) for _ in range(self._rng.randint(1, 30))]
        return self._packet(
            session, sequence, [self._rng.randbytes(length) for length in lengths])

    def _long_messages(self, session: bytes, sequence: int) -> Layers:
        lengths = [self._rng.choice((49, 50, 51, 57, 254, 255, 256, 300, 700)) for _ in range(3)]
        return self._packet(
            session, sequence, [self._rng.randbytes(length) for length in lengths])

    def _arp(self, session: bytes, sequence: int) -> bytes:
        head = b"\xff" * 6 + b"\x02\x00\x00\x00\x00\x02\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01"
        return (head + self._rng.randbytes(20)).ljust(60, b"\0")

    def _ipv6(self, session: bytes, sequence: int) -> Layers:
        return replace(self._good(session, sequence), ethertype=0x86DD, version=6)

    def _tcp(self, session: bytes, sequence: int) -> Layers:
        return replace(self._good(session, sequence), protocol=6)

    def _other_group(self, session: bytes, sequence: int) -> Layers:
        return replace(
            self._good(session, sequence), group=self._group ^ 1 << self._rng.randrange(32))

    def _other_port(self, session: bytes, sequence: int) -> Layers:
        return replace(
            self._good(session, sequence), port=self._port ^ 1 << self._rng.randrange(16))

    def _random_bytes(self, session: bytes, sequence: int) -> bytes:
        return self._rng.randbytes(self._rng.randint(1, 200))
