"""GLIMPSE 5.0: the bytes of End of Snapshot, and what a snapshot may carry besides."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.protocols import glimpse50, itch50
from tickgate.protocols.glimpse50 import EndOfSnapshot
from tickgate.protocols.wire import UnknownMessage, WireError


def test_golden_bytes() -> None:
    assert EndOfSnapshot(sequence_number=1234).encode() == b"G" + b" " * 16 + b"1234"
    assert EndOfSnapshot(sequence_number=10**20 - 1).encode() == b"G" + b"9" * 20
    assert EndOfSnapshot.LENGTH == 21


@pytest.mark.parametrize("digits", [b"00000000000000001234", b"1234".ljust(20), b"1234".rjust(20)])
def test_every_padding_in_use_is_read(digits: bytes) -> None:
    assert glimpse50.decode(b"G" + digits) == EndOfSnapshot(sequence_number=1234)


@given(st.integers(0, 10**20 - 1))
def test_round_trip(number: int) -> None:
    message = EndOfSnapshot(sequence_number=number)
    assert glimpse50.decode(memoryview(message.encode())) == message


def test_itch_messages_are_decoded_as_such() -> None:
    data = struct.pack(">cHH6sQcI8sI", b"A", 7, 0, bytes(6), 9, b"B", 100, b"AAPL    ", 1_000_000)
    message = glimpse50.decode(data)
    assert isinstance(message, itch50.AddOrder)
    assert message == itch50.decode(data)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"G" + b" " * 20, "sequence_number must be ASCII digits"),
        (b"G" + b"-1".rjust(20), "sequence_number must be ASCII digits"),
        (b"G" + b"1" * 19, "EndOfSnapshot is 21 bytes long, was 20"),
        (b"", "at least 1 byte"),
    ],
)
def test_what_is_no_message_is_refused(data: bytes, fault: str) -> None:
    with pytest.raises(WireError, match=fault):
        glimpse50.decode(data)


def test_end_of_snapshot_is_no_message_of_the_feed() -> None:
    assert "G" not in itch50.MESSAGES
    with pytest.raises(UnknownMessage):
        itch50.decode(EndOfSnapshot(sequence_number=1).encode())


def test_a_number_of_21_digits_is_refused() -> None:
    with pytest.raises(WireError, match="20 digits"):
        EndOfSnapshot(sequence_number=10**20).encode()
