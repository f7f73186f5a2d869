"""Shared by the protocol tests: values for any message, packets out of captures, spec tables."""

import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

_ASCII = st.characters(min_codepoint=0x21, max_codepoint=0x7E)


def _value(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a field that survives a round trip (padding does not)."""
    if kind.name == "char":
        return st.characters(max_codepoint=0x7F)
    if kind.name == "digits":
        return st.integers(0, 10**kind.length - 1)
    if kind.is_text:
        return st.text(_ASCII, max_size=kind.length)
    bits = 8 * kind.length
    if kind.signed:
        return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)
    return st.integers(0, (1 << bits) - 1)


@pytest.fixture(scope="session")
def values_of() -> Callable[..., st.SearchStrategy[dict[str, Any]]]:
    """Strategy for the keyword arguments of a message class, without the fixed header fields."""

    def values(cls: Any) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries(
            {row.name: _value(row.kind) for row in cls.FIELDS if not row.is_constant}
        )

    return values


def _ip_payloads(path: Path, protocol: int) -> Iterator[bytes]:
    """Transport headers and payload of each IPv4 packet in a classic pcap of Ethernet frames."""
    data = path.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    assert struct.unpack_from(order + "I", data, 20) == (1,), "Ethernet captures only"
    at = 24
    while at < len(data):
        (captured,) = struct.unpack_from(order + "I", data, at + 8)
        frame = data[at + 16 : at + 16 + captured]
        at += 16 + captured
        ip = 18 if frame[12:14] == b"\x81\x00" else 14
        assert frame[ip - 2 : ip] == b"\x08\x00"
        (total,) = struct.unpack_from(">H", frame, ip + 2)
        if frame[ip + 9] == protocol:
            yield frame[ip + 4 * (frame[ip] & 15) : ip + total]


@pytest.fixture(scope="session")
def udp_payloads() -> Callable[[Path], list[bytes]]:
    """UDP payloads of a capture."""
    return lambda path: [packet[8:] for packet in _ip_payloads(path, 17)]


@pytest.fixture(scope="session")
def tcp_payloads() -> Callable[[Path], list[bytes]]:
    """TCP payloads of a capture."""
    return lambda path: [packet[4 * (packet[12] >> 4) :] for packet in _ip_payloads(path, 6)]


SpecTable = list[tuple[int, int, str, str]]


@pytest.fixture(scope="session")
def spec_tables(shared_data: Path) -> Callable[[str], dict[str, SpecTable]]:
    """Tables (offset, length, field, type) by heading, of one written specification."""

    def tables(name: str) -> dict[str, SpecTable]:
        path = shared_data.parent / "specs" / f"{name}.md"
        if not path.exists():
            pytest.skip(f"the written specification is not at {path}")
        found: dict[str, SpecTable] = {}
        section = heading = ""
        for line in path.read_text().splitlines():
            if line.startswith("## "):
                section = heading = line[3:].split()[0]
            elif line.startswith("### "):
                heading = f"{section} {line[4:]}"
            row = re.match(r"\| (\d+) \| (\d+) \| (\w+) \| ([^|]+?) \|", line)
            if row:
                offset, length, field, kind = row.groups()
                found.setdefault(heading, []).append((int(offset), int(length), field, kind))
        return found

    return tables
