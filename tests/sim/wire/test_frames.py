"""Frames against vectors made by hand and by scapy's rules: headers field by field, checksums
exact."""

import struct

import pytest
from tickgate_sim.wire.frames import CARD, EXCHANGE, MAX_PAYLOAD, checksum, tcp_frame, udp_frame


def slow_checksum(data: bytes) -> int:
    """RFC 1071, section 4.1, word by word."""
    if len(data) % 2:
        data += b"\0"
    total = 0
    for (word,) in struct.iter_unpack(">H", data):
        total += word
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0\0",
        b"\xff\xff",
        b"\xff\xff\xff\xff",
        b"\x00\x01\xf2\x03\xf4\xf5\xf6\xf7",
        b"\x01",
        bytes(range(255)),
    ],
)
def test_checksum_is_that_of_rfc_1071(data):
    assert checksum(data) == slow_checksum(data)


def test_checksum_of_the_rfc_example():
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF ^ 0xDDF2


def test_udp_frame_field_by_field():
    frame = udp_frame(b"hello", ("127.0.0.1", 4000), "239.192.1.2", 26400, identification=7)
    assert frame[:14].hex() == "01005e400102" + "025447000001" + "0800"
    ip, udp = frame[14:34], frame[34:]
    assert ip[:10].hex() == "45000021" + "00074000" + "0111"
    assert slow_checksum(ip) == 0
    assert ip[12:] == bytes((127, 0, 0, 1, 239, 192, 1, 2))
    assert struct.unpack(">HHH", udp[:6]) == (4000, 26400, 13)
    pseudo = ip[12:] + struct.pack(">BBH", 0, 17, 13)
    assert slow_checksum(pseudo + udp) == 0
    assert udp[8:] == b"hello"


def test_udp_checksum_is_never_the_zero_that_means_none():
    for value in range(1 << 16):
        frame = udp_frame(value.to_bytes(2, "big"), ("127.0.0.1", 1), "239.0.0.1", 1)
        if frame[40:42] == b"\xff\xff":
            return
        assert frame[40:42] != b"\0\0"
    raise AssertionError("one of all payloads must have had the sum 0xFFFF")


def test_what_fits_no_frame_is_refused():
    udp_frame(bytes(MAX_PAYLOAD), ("127.0.0.1", 1), "239.0.0.1", 1)
    with pytest.raises(ValueError, match="at most 1472 bytes, was 1473"):
        udp_frame(bytes(MAX_PAYLOAD + 1), ("127.0.0.1", 1), "239.0.0.1", 1)
    with pytest.raises(ValueError, match="multicast"):
        udp_frame(b"", ("127.0.0.1", 1), "10.0.0.1", 1)


def test_tcp_frame_field_by_field():
    frame = tcp_frame(
        CARD,
        49152,
        EXCHANGE,
        9000,
        sequence=5,
        acknowledgement=1 << 32 | 9,
        flags=0x18,
        payload=b"abc",
    )
    assert frame[:14] == EXCHANGE.mac + CARD.mac + b"\x08\x00"
    ip, tcp = frame[14:34], frame[34:]
    assert slow_checksum(ip) == 0
    assert ip[9] == 6
    assert ip[12:] == bytes((10, 77, 0, 2, 10, 77, 0, 1))
    assert struct.unpack(">HHIIBB", tcp[:14]) == (49152, 9000, 5, 9, 0x50, 0x18)
    assert slow_checksum(ip[12:] + struct.pack(">BBH", 0, 6, len(tcp)) + tcp) == 0
    assert tcp[20:] == b"abc"
