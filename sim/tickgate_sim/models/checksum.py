"""The Internet checksum, for models and traffic."""

import struct

__all__ = ["checksum"]


def checksum(data: bytes) -> int:
    """Internet checksum (RFC 1071) of ``data``: 0 when ``data`` holds its own right checksum."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
