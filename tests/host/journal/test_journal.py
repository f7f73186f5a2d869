"""The journal: what is appended is read back, whatever cut the writing off; damage is named."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tickgate.journal import (
    Journal,
    JournalCorrupt,
    JournalError,
    JournalFull,
    JournalLocked,
    Tailer,
    read,
)
from tickgate.journal.format import ALIGN, HEADER_BYTES, SEGMENT_HEADER_BYTES, segment_path

SMALL = 4096


def small(directory: Path, **options) -> Journal:
    return Journal(directory, segment_bytes=SMALL, **options)


def payloads(directory: Path) -> list[bytes]:
    return [entry.payload for entry in read(directory)]


def test_an_empty_journal_has_no_entries_and_starts_at_one(tmp_path):
    with small(tmp_path) as journal:
        assert journal.next_sequence == 1
        assert list(journal.entries()) == []


def test_entries_come_back_with_number_type_time_and_payload(tmp_path):
    with small(tmp_path) as journal:
        assert journal.append(3, b"one", 10) == 1
        assert journal.append(65535, b"", 2**63) == 2
    first, second = read(tmp_path)
    assert (first.sequence, first.type, first.time_ns, first.payload) == (1, 3, 10, b"one")
    assert (second.sequence, second.type, second.time_ns, second.payload) == (2, 65535, 2**63, b"")


def test_an_entry_header_is_as_documented(tmp_path):
    with small(tmp_path) as journal:
        journal.append(7, b"x", 9)
    raw = segment_path(tmp_path, 1).read_bytes()[SEGMENT_HEADER_BYTES:][:ALIGN]
    assert raw[:4] == b"TGJE"
    assert raw[4:12] == bytes([1, 0, 0, 0, 7, 0, 0, 0])
    assert raw[16:33] == bytes([1, *[0] * 7, 9, *[0] * 7]) + b"x"
    assert not any(raw[33:])


@settings(max_examples=30)
@given(st.lists(st.binary(max_size=700), max_size=40), st.integers(0, 40))
def test_any_payloads_survive_segments_and_a_restart(tmp_path_factory, data, cut):
    directory = tmp_path_factory.mktemp("journal")
    with small(directory) as journal:
        for payload in data[:cut]:
            journal.append(1, payload, 0)
    with small(directory) as journal:
        for payload in data[cut:]:
            journal.append(1, payload, 0)
        assert journal.next_sequence == len(data) + 1
    assert payloads(directory) == data


def test_an_entry_larger_than_a_segment_is_refused_and_changes_nothing(tmp_path):
    with small(tmp_path) as journal:
        journal.append(1, b"a", 0)
        with pytest.raises(JournalError, match="must fit a segment of 4096 bytes"):
            journal.append(1, bytes(SMALL), 0)
        journal.append(1, b"b", 0)
    assert payloads(tmp_path) == [b"a", b"b"]


@pytest.mark.parametrize("how", ["zeros", "truncate", "garbage"])
def test_a_tail_torn_at_any_byte_loses_only_the_last_entry(tmp_path, how):
    last = bytes(range(1, 201))
    with small(tmp_path) as journal:
        journal.append(1, b"kept", 0)
        start = SEGMENT_HEADER_BYTES + ALIGN
        journal.append(1, last, 0)
    path = segment_path(tmp_path, 1)
    whole = path.read_bytes()
    used = HEADER_BYTES + len(last)
    for length in range(used):
        torn = whole[: start + length]
        if how == "zeros":
            torn = torn.ljust(SMALL, b"\0")
        elif how == "garbage":
            torn = (torn + b"\xff" * (used - length)).ljust(SMALL, b"\0")
        path.write_bytes(torn)
        with small(tmp_path) as journal:
            assert journal.next_sequence == 2
            if length:
                assert journal.repair is not None
                assert (journal.repair.segment, journal.repair.offset) == (path, start)
            assert journal.append(1, b"next", 0) == 2
        assert payloads(tmp_path) == [b"kept", b"next"]
        with small(tmp_path) as journal:
            assert journal.repair is None


def test_damage_before_the_end_is_named_with_segment_and_offset(tmp_path):
    with small(tmp_path) as journal:
        for _ in range(3):
            journal.append(1, b"abc", 0)
    path = segment_path(tmp_path, 1)
    raw = bytearray(path.read_bytes())
    raw[SEGMENT_HEADER_BYTES + ALIGN + HEADER_BYTES] ^= 1
    path.write_bytes(raw)
    with pytest.raises(JournalCorrupt, match=r"00000001.journal is corrupt at offset 128: check"):
        list(read(tmp_path))
    with pytest.raises(JournalCorrupt) as caught:
        small(tmp_path)
    assert (caught.value.segment, caught.value.offset) == (path, 128)
    assert path.read_bytes() == raw


def test_damage_at_the_end_of_an_earlier_segment_is_corruption_too(tmp_path):
    with small(tmp_path) as journal:
        while not segment_path(tmp_path, 2).exists():
            journal.append(1, bytes(500), 0)
    path = segment_path(tmp_path, 1)
    raw = bytearray(path.read_bytes())
    last = raw.rindex(b"TGJE")
    raw[last : last + 64] = bytes(64)
    path.write_bytes(raw)
    with pytest.raises(JournalCorrupt, match="starts at entry"):
        list(read(tmp_path))


def test_a_missing_segment_is_named(tmp_path):
    with small(tmp_path) as journal:
        while not segment_path(tmp_path, 3).exists():
            journal.append(1, bytes(500), 0)
    segment_path(tmp_path, 2).unlink()
    with pytest.raises(JournalCorrupt, match="the segment before it is missing"):
        list(read(tmp_path))


def test_a_file_that_is_no_segment_is_named(tmp_path):
    segment_path(tmp_path, 1).write_bytes(b"hello" * 100)
    with pytest.raises(JournalCorrupt, match="no segment magic"):
        small(tmp_path)


def test_one_writer_at_a_time(tmp_path):
    with small(tmp_path), pytest.raises(JournalLocked, match="another process writes"):
        small(tmp_path)
    small(tmp_path).close()


class Disk:
    """Room for so many segments."""

    def __init__(self, segments: int) -> None:
        self.left = segments

    def __call__(self, descriptor: int, size: int) -> None:
        if self.left == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.left -= 1
        os.posix_fallocate(descriptor, 0, size)


def test_a_full_disk_is_said_before_the_last_segment_is_full(tmp_path):
    disk = Disk(1)
    with small(tmp_path, allocate=disk) as journal:
        assert "no room for a segment" in journal.full
        count = (SMALL - SEGMENT_HEADER_BYTES) // 192
        for _ in range(count):
            journal.append(1, bytes(100), 0)
        with pytest.raises(JournalFull):
            journal.append(1, bytes(100), 0)
        disk.left = 2
        journal.prepare()
        assert journal.full is None
        journal.append(1, b"again", 0)
    assert payloads(tmp_path)[-1] == b"again"
    assert len(payloads(tmp_path)) == count + 1


def test_a_disk_without_room_for_a_first_segment_is_an_error(tmp_path):
    with pytest.raises(JournalFull, match="free some space"):
        small(tmp_path, allocate=Disk(0))


def test_a_tailer_sees_each_entry_once_across_segments(tmp_path):
    tailer = Tailer(tmp_path)
    assert tailer.poll() == []
    seen = []
    with small(tmp_path) as journal:
        for number in range(50):
            journal.append(1, str(number).encode() * 30, 0)
            seen += tailer.poll(limit=1 if number % 2 else 10)
        seen += tailer.poll()
    assert [entry.payload for entry in seen] == payloads(tmp_path)
    assert tailer.sequence == 51
    tailer.close()


def test_batch_durability_flushes_on_commit(tmp_path):
    with Journal(tmp_path, segment_bytes=SMALL, durability="batch") as journal:
        for _ in range(100):
            journal.append(1, bytes(200), 0)
            journal.commit()
    assert len(payloads(tmp_path)) == 100


_KILLED = """
import os, signal, sys
from pathlib import Path
from tickgate.journal import Journal
journal = Journal(Path(sys.argv[1]), segment_bytes=4096)
for number in range(100):
    journal.append(1, str(number).encode(), 0)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_sigkill_loses_nothing_that_was_appended(tmp_path):
    done = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    with small(tmp_path) as journal:
        assert journal.next_sequence == 101
    assert payloads(tmp_path) == [str(number).encode() for number in range(100)]
