"""Users and log-ins: passwords, time-outs, and the lock after repeated failures."""

from pathlib import Path

import pytest
from tickgate.console.logins import ABSOLUTE_NS, IDLE_NS, LOCK_NS, LoginRefused, Logins
from tickgate.console.users import User, UserError, UserStore


@pytest.fixture
def users(tmp_path: Path) -> UserStore:
    store = UserStore(tmp_path / "users.json")
    store.add("anna", "risk", "long enough")
    return store


def test_only_the_right_password_logs_in(users: UserStore) -> None:
    logins = Logins(users)
    token = logins.log_in("anna", "long enough", 0)
    assert logins.user(token, 1) == User("anna", "risk")
    for name, password in (("anna", "Long enough"), ("bert", "long enough"), ("", "")):
        with pytest.raises(LoginRefused, match="wrong"):
            logins.log_in(name, password, 0)


def test_a_log_in_ends_when_idle_old_or_logged_out(users: UserStore) -> None:
    logins = Logins(users)
    idle = logins.log_in("anna", "long enough", 0)
    assert logins.user(idle, IDLE_NS) is not None
    assert logins.user(idle, 2 * IDLE_NS + 1) is None
    old = logins.log_in("anna", "long enough", 0)
    for now_ns in range(0, ABSOLUTE_NS, IDLE_NS):
        assert logins.user(old, now_ns) is not None
    assert logins.user(old, ABSOLUTE_NS + 1) is None
    left = logins.log_in("anna", "long enough", 0)
    logins.log_out(left)
    assert logins.user(left, 1) is None
    assert logins.user(None, 1) is None


def test_five_failures_lock_the_name_for_a_minute(users: UserStore) -> None:
    logins = Logins(users)
    for _ in range(5):
        with pytest.raises(LoginRefused, match="wrong"):
            logins.log_in("anna", "a guess", 0)
    with pytest.raises(LoginRefused, match="too many"):
        logins.log_in("anna", "long enough", LOCK_NS - 1)
    assert logins.log_in("anna", "long enough", LOCK_NS)


@pytest.mark.parametrize(
    ("name", "role", "password", "fault"),
    [
        ("no spaces", "risk", "long enough", "user name"),
        ("anna", "king", "long enough", "role"),
        ("anna", "risk", "short", "password"),
    ],
)
def test_a_user_that_cannot_be_is_named(
    tmp_path: Path, name: str, role: str, password: str, fault: str
) -> None:
    with pytest.raises(UserError, match=fault):
        UserStore(tmp_path / "users.json").add(name, role, password)


def test_the_users_file_is_private_and_a_broken_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    store = UserStore(path)
    store.add("anna", "viewer", "long enough")
    assert path.stat().st_mode & 0o777 == 0o600
    assert "long enough" not in path.read_text()
    path.write_text("{")
    with pytest.raises(UserError, match=r"users\.json"):
        store.verify("anna", "long enough")
