"""Log-ins: server-side tokens that time out, and a lock after repeated failures."""

import secrets
from dataclasses import dataclass

from tickgate.console.users import User, UserStore

IDLE_NS = 15 * 60 * 10**9
ABSOLUTE_NS = 8 * 3600 * 10**9
MAX_FAILURES = 5
LOCK_NS = 60 * 10**9


class LoginRefused(Exception):
    """The log-in was refused; the message may be shown to whoever tried."""


@dataclass
class _Login:
    user: User
    begun_ns: int
    seen_ns: int


class Logins:
    """Tokens of those who are logged in. The browser holds only the token, never the role."""

    def __init__(self, users: UserStore) -> None:
        self._users = users
        self._logins: dict[str, _Login] = {}
        self._failures: dict[str, tuple[int, int]] = {}

    def log_in(self, name: str, password: str, now_ns: int) -> str:
        """Token of a new log-in. Raises LoginRefused; after five failures a name waits a minute."""
        count, last_ns = self._failures.get(name, (0, 0))
        if count >= MAX_FAILURES and now_ns - last_ns < LOCK_NS:
            raise LoginRefused("too many failures for this user: wait a minute")
        user = self._users.verify(name, password)
        if user is None:
            self._failures[name] = (count + 1, now_ns)
            raise LoginRefused("user name or password is wrong")
        self._failures.pop(name, None)
        token = secrets.token_urlsafe(32)
        self._logins[token] = _Login(user, now_ns, now_ns)
        return token

    def user(self, token: str | None, now_ns: int) -> User | None:
        """Who holds the token, or None when it is unknown, idle for 15 minutes or 8 hours old."""
        login = self._logins.get(token or "")
        if login is None:
            return None
        if now_ns - login.seen_ns > IDLE_NS or now_ns - login.begun_ns > ABSOLUTE_NS:
            self._logins.pop(token or "", None)
            return None
        login.seen_ns = now_ns
        return login.user

    def log_out(self, token: str | None) -> None:
        """Forget the token."""
        self._logins.pop(token or "", None)
