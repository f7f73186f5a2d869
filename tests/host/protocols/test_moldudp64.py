"""MoldUDP64: golden bytes, captures, malformed packets."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.protocols import binaryfile, itch50, moldudp64
from tickgate.protocols.moldudp64 import EndOfSession, Packet, Request
from tickgate.protocols.wire import WireError

HEADER = struct.pack(">10sQ", b"SESSION001", 7)


def test_golden_bytes() -> None:
    packet = Packet("SESSION001", 7, (b"abc", b"", b"d"))
    data = HEADER + b"\x00\x03" + b"\x00\x03abc" + b"\x00\x00" + b"\x00\x01d"
    assert packet.encode() == data
    assert moldudp64.decode(data) == moldudp64.decode(memoryview(data)) == packet
    assert packet.next_sequence_number == 10
    assert not packet.is_heartbeat
    assert not packet.is_end_of_session


def test_heartbeat_and_end_of_session() -> None:
    heartbeat = moldudp64.decode(HEADER + b"\x00\x00")
    assert heartbeat == Packet("SESSION001", 7)
    assert heartbeat.is_heartbeat
    end = moldudp64.decode(HEADER + b"\xff\xff")
    assert end == EndOfSession("SESSION001", 7)
    assert end.is_end_of_session
    assert not end.is_heartbeat
    assert end.encode() == HEADER + b"\xff\xff"
    assert heartbeat.encode() == HEADER + b"\x00\x00"


def test_request() -> None:
    request = Request(session="S1", sequence_number=7, requested_message_count=39)
    data = struct.pack(">10sQH", b"S1        ", 7, 39)
    assert request.encode() == data
    assert Request.decode(data) == request
    with pytest.raises(WireError, match="Request is 20 bytes long, was 21"):
        Request.decode(data + b"x")


@pytest.mark.parametrize("padding", [b" ", b"\x00"])
def test_both_paddings_of_the_session(padding: bytes) -> None:
    assert moldudp64.decode(b"AB".ljust(10, padding) + bytes(10)).session == "AB"


def test_tables_are_those_of_the_written_specification(spec_tables) -> None:
    tables = spec_tables("moldudp64")
    for heading, cls in (("Downstream", moldudp64.Header), ("Request", Request)):
        rows = [(f.offset, f.length, f.name, f.kind.name) for f in cls.FIELDS]
        assert rows == tables[heading]


@given(
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=10),
    st.integers(0, 2**64 - 1),
    st.lists(st.binary(max_size=100), max_size=20),
)
def test_round_trip(session: str, number: int, messages: list[bytes]) -> None:
    packet = Packet(session, number, tuple(messages))
    assert moldudp64.decode(packet.encode()) == packet


@given(st.binary(max_size=100))
def test_any_bytes_decode_exactly_or_raise(data: bytes) -> None:
    try:
        packet = moldudp64.decode(data)
    except WireError:
        return
    assert len(packet.encode()) == len(data)
    assert packet.encode()[10:] == data[10:]


@given(st.lists(st.binary(max_size=10), max_size=4), st.data())
def test_every_cut_and_every_extension_is_malformed(messages: list[bytes], data) -> None:
    whole = Packet("S", 1, tuple(messages)).encode()
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(WireError):
        moldudp64.decode(whole[:cut])
    with pytest.raises(WireError):
        moldudp64.decode(whole + b"\x00")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (HEADER + b"\x00", "downstream packet is >= 20 bytes long, was 19"),
        (HEADER + b"\x00\x01", "block 0 of 1 ends at byte 22, but the packet is 20 bytes long"),
        (HEADER + b"\x00\x01\x00", "block 0 of 1 ends at byte 22, but the packet is 21 bytes"),
        (HEADER + b"\x00\x01\xff\xffab", "block 0 of 1 ends at byte 65557, but the packet is 24"),
        (HEADER + b"\x00\x02\x00\x01a", "block 1 of 2 ends at byte 25, but the packet is 23"),
        (HEADER + b"\x00\x01\x00\x01ab", "packet with these blocks is 23 bytes long, was 24"),
        (HEADER + b"\x00\x00a", "packet with these blocks is 20 bytes long, was 21"),
        (HEADER + b"\xff\xff\x00\x00", "end-of-session packet is 20 bytes long, was 22"),
        (b"\xe4" * 10 + bytes(10), "Header.session must be ASCII"),
    ],
)
def test_malformed(data: bytes, problem: str) -> None:
    with pytest.raises(WireError, match=problem):
        moldudp64.decode(data)


def test_encode_checks_every_value() -> None:
    for packet, problem in (
        (Packet("ELEVENCHARS", 1), "Header.session"),
        (Packet("S", 2**64), "Header.sequence_number"),
        (Packet("S", 1, (b"", bytes(65536))), "message 1 is at most 65535 bytes long"),
        (Packet("S", 1, (b"",) * 65535), "at most 65534 messages, not 65535"),
        (EndOfSession("S", 1, (b"x",)), "EndOfSession holds no messages, not 1"),
    ):
        with pytest.raises(WireError, match=problem):
            packet.encode()


Payloads = Callable[[Path], list[bytes]]


def test_captured_packets(shared_data: Path, udp_payloads: Payloads) -> None:
    seen = {}
    for path in sorted((shared_data / "mold").glob("Nasdaq*.pcap")):
        (payload,) = udp_payloads(path)
        packet = moldudp64.decode(payload)
        assert packet.session == "000010059B"
        assert packet.encode() == payload
        (message,) = packet.messages
        seen[itch50.decode(message).TYPE] = packet.sequence_number
    assert set(seen) == set("ALIDEUH")
    assert seen["A"] == 0xE12F59


def test_captured_session(shared_data: Path, udp_payloads: Payloads) -> None:
    payloads = udp_payloads(shared_data / "mold" / "nassau-itch-aapl-20200130-first2500.pcap")
    packets = [moldudp64.decode(payload) for payload in payloads]
    assert [packet.encode() for packet in packets] == payloads
    assert {packet.session for packet in packets} == {"TICKGATE01"}
    assert sum(packet.is_heartbeat for packet in packets) == 2
    assert sum(packet.is_end_of_session for packet in packets) == 3
    expected, messages = 1, []
    for packet in packets:
        assert packet.sequence_number == expected
        expected = packet.next_sequence_number
        messages += packet.messages
    file = shared_data / "itch" / "aapl-20200130-premarket-first2500.itch50"
    assert messages == list(binaryfile.read(file))
