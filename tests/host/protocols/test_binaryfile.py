"""BinaryFILE: round trip, the end-of-session marker, files that are cut."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.protocols import binaryfile
from tickgate.protocols.wire import WireError


def test_golden_bytes(tmp_path: Path) -> None:
    path = tmp_path / "two.itch50"
    assert binaryfile.write(path, [b"abc", b"d" * 256]) == 2
    assert path.read_bytes() == b"\x00\x03abc" + b"\x01\x00" + b"d" * 256 + b"\x00\x00"
    assert list(binaryfile.read(path, require_end=True)) == [b"abc", b"d" * 256]
    assert list(binaryfile.read(str(path))) == [b"abc", b"d" * 256]


@given(st.lists(st.binary(min_size=1, max_size=300)), st.booleans())
def test_round_trip(messages: list[bytes], end: bool) -> None:
    file = io.BytesIO()
    assert binaryfile.write(file, messages, end=end) == len(messages)
    file.seek(0)
    assert list(binaryfile.read(file)) == messages


def test_slice_without_marker() -> None:
    data = b"\x00\x01a"
    assert list(binaryfile.read(io.BytesIO(data))) == [b"a"]
    got = []
    with pytest.raises(WireError, match="no end-of-session marker at offset 3"):
        got.extend(binaryfile.read(io.BytesIO(data), require_end=True))


def test_empty_file() -> None:
    assert list(binaryfile.read(io.BytesIO())) == []


@pytest.mark.parametrize(
    ("tail", "problem"),
    [
        (b"\x00", "cut at offset 3: a length is 2 bytes long, was 1"),
        (b"\x00\x05abc", "cut at offset 3: the message is 5 bytes long, was 3"),
        (b"\x00\x05", "cut at offset 3: the message is 5 bytes long, was 0"),
        (b"\x00\x00x", "must end with its marker at offset 3"),
    ],
)
def test_what_is_before_the_fault_is_delivered(tail: bytes, problem: str) -> None:
    messages = binaryfile.read(io.BytesIO(b"\x00\x01a" + tail))
    assert next(messages) == b"a"
    with pytest.raises(WireError, match=problem):
        next(messages)


class OneByteAtATime(io.RawIOBase):
    """An unbuffered file: read(n) gives less than n."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._file.read(min(size, 1))


def test_short_reads() -> None:
    assert list(binaryfile.read(OneByteAtATime(b"\x00\x03abc\x00\x00"))) == [b"abc"]


@pytest.mark.parametrize("message", [b"", bytes(65536)])
def test_write_refuses_what_has_no_length(message: bytes) -> None:
    with pytest.raises(
        WireError, match=f"message 1 must be 1 .. 65535 bytes long, was {len(message)}"
    ):
        binaryfile.write(io.BytesIO(), [b"ok", message])
