"""Message stores: what must come back, after a crash at any byte too."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tickgate.fix.store import FileStore, MemoryStore, MessageStore, StoreError


def state(store: MessageStore) -> tuple[int, int, list[tuple[int, bytes]]]:
    return store.next_sender_seq, store.next_target_seq, list(store.range(1, 10**9))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.fix"


def filled(path: Path, **options: bool) -> FileStore:
    store = FileStore(path, **options)
    store.next_sender_seq = 2
    store.next_target_seq = 2
    store.save(2, b"two")
    store.save(4, b"four")
    store.next_target_seq = 3
    return store


def test_new_store_starts_at_one(path: Path) -> None:
    for store in (MemoryStore(), FileStore(path)):
        assert state(store) == (1, 1, [])


def test_range_gives_what_is_kept(path: Path) -> None:
    memory = MemoryStore()
    memory.save(2, b"two")
    memory.save(4, b"four")
    for store in (memory, filled(path)):
        assert list(store.range(2, 4)) == [(2, b"two"), (4, b"four")]
        assert list(store.range(3, 3)) == []
        assert list(store.range(3, 9)) == [(4, b"four")]
        assert store.next_sender_seq == 5


def test_file_store_survives(path: Path) -> None:
    filled(path).close()
    store = FileStore(path)
    assert state(store) == (5, 3, [(2, b"two"), (4, b"four")])
    assert store.repaired_bytes == 0


def test_file_survives_a_kill_without_close(path: Path) -> None:
    store = filled(path)
    os.close(store._fd)  # what the kernel does for a killed process
    assert state(FileStore(path)) == (5, 3, [(2, b"two"), (4, b"four")])


def test_reset_is_kept_and_shrinks_the_file(path: Path) -> None:
    store = filled(path)
    before = path.stat().st_size
    store.reset(1_700_000_000_000_000_000)
    assert state(store) == (1, 1, [])
    assert path.stat().st_size < before
    store.save(1, b"one")
    store.close()
    again = FileStore(path)
    assert state(again) == (2, 1, [(1, b"one")])
    assert again.reset_ns == 1_700_000_000_000_000_000


def test_without_autoflush_nothing_is_written_before_flush(path: Path) -> None:
    store = filled(path, autoflush=False)
    size = path.stat().st_size
    assert state(store) == (5, 3, [(2, b"two"), (4, b"four")])
    store.reset(1)
    store.save(1, b"one")
    assert list(store.range(1, 1)) == [(1, b"one")]
    assert path.stat().st_size == size
    store.flush()
    assert path.stat().st_size > size
    store.sync()
    store.close()
    assert state(FileStore(path)) == (2, 1, [(1, b"one")])


def test_any_torn_tail_gives_a_state_that_was(path: Path, tmp_path: Path) -> None:
    store = FileStore(path)
    states = {path.stat().st_size: state(store)}
    for seq in range(1, 6):
        store.save(seq, b"message %d" % seq)
        states[path.stat().st_size] = state(store)
        store.next_target_seq = seq + 1
        states[path.stat().st_size] = state(store)
    store.close()
    whole = path.read_bytes()
    torn = tmp_path / "torn"
    for size in range(len(whole) + 1):
        durable = max((known for known in states if known <= size), default=8)
        # Cut short, and cut short with the zeros that a file system may leave behind.
        for tail in (b"", bytes(40)):
            torn.write_bytes(whole[:size] + (tail if size >= 8 else b""))
            store = FileStore(torn)
            assert state(store) == states[durable], (size, tail)
            store.save(100, b"goes on")
            store.close()
            store = FileStore(torn)
            assert list(store.range(100, 100)) == [(100, b"goes on")]
            assert store.repaired_bytes == 0
            store.close()


def test_corruption_is_named_not_skipped(path: Path) -> None:
    filled(path).close()
    whole = path.read_bytes()
    for place in range(8, len(whole) - 40):
        spoilt = bytearray(whole)
        spoilt[place] ^= 0x55
        path.write_bytes(spoilt)
        with pytest.raises(StoreError, match="corrupt"):
            FileStore(path)


def test_foreign_file_is_refused(path: Path) -> None:
    path.write_text("not a store at all")
    with pytest.raises(StoreError, match="not a FIX message store"):
        FileStore(path)
    assert path.read_text() == "not a store at all"


def test_one_owner_at_a_time(path: Path) -> None:
    first = FileStore(path)
    with pytest.raises(StoreError, match="another process"):
        FileStore(path)
    first.close()
    FileStore(path).close()


def test_full_disk_is_an_error_and_heals(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileStore(path)
    real = os.pwrite

    def half(fd: int, data: bytes, offset: int) -> int:
        return real(fd, bytes(data)[: len(data) // 2], offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", half)
        with pytest.raises(StoreError, match="can't write"):
            store.save(1, b"one")
    assert list(store.range(1, 1)) == [(1, b"one")]
    store.save(2, b"two")
    store.close()
    assert state(FileStore(path)) == (3, 1, [(1, b"one"), (2, b"two")])


class StoresAgree(RuleBasedStateMachine):
    """A file store, reopened at will, does what the memory store does."""

    def __init__(self) -> None:
        super().__init__()
        self.path = Path(os.environ["PYTEST_STORE_DIR"]) / f"{id(self)}.fix"
        self.path.unlink(missing_ok=True)
        self.file = FileStore(self.path, autoflush=False)
        self.memory = MemoryStore()

    @rule(raw=st.binary(min_size=1, max_size=40))
    def save(self, raw: bytes) -> None:
        for store in (self.file, self.memory):
            store.save(store.next_sender_seq, raw)

    @rule(step=st.integers(0, 3))
    def count(self, step: int) -> None:
        for store in (self.file, self.memory):
            store.next_sender_seq += step
            store.next_target_seq += step

    @rule()
    def reset(self) -> None:
        for store in (self.file, self.memory):
            store.reset(1)

    @rule()
    def flush(self) -> None:
        self.file.flush()

    @rule()
    def reopen(self) -> None:
        self.file.close()
        self.file = FileStore(self.path, autoflush=False)

    @invariant()
    def agree(self) -> None:
        assert state(self.file) == state(self.memory)

    def teardown(self) -> None:
        self.file.close()
        self.path.unlink()


def test_stores_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_STORE_DIR", str(tmp_path))
    case = StoresAgree.TestCase
    case.settings = settings(max_examples=40, stateful_step_count=20)
    case("runTest").runTest()


@given(st.binary(min_size=9, max_size=60))
def test_any_bytes_open_or_raise_a_store_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "x"
    path.write_bytes(b"TGFIXST1" + data)
    try:
        outcome = FileStore(path).next_sender_seq
    except StoreError:
        outcome = 1
    assert outcome >= 1
