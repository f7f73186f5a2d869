"""Users of the console: a JSON file of names, roles and Argon2 password hashes.

Roles: ``viewer`` reads; ``risk`` also changes limits and uses the kill switch. Source of the
parameters: argon2-cffi's defaults (RFC 9106, low-memory profile).
"""

import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

ROLES = ("viewer", "risk")


class UserError(ValueError):
    """A user's name, role or file is not acceptable; the message says what is."""


@dataclass(frozen=True)
class User:
    """Someone who may log in."""

    name: str
    role: str

    @property
    def may_change(self) -> bool:
        """Whether limits and kill switch are open to this user."""
        return self.role == "risk"


class UserStore:
    """The users file. A change is written whole and then renamed into place, mode 0600."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hasher = PasswordHasher()
        self._lock = threading.Lock()
        self._decoy = self._hasher.hash("nobody has this password")

    def add(self, name: str, role: str, password: str) -> None:
        """Add or replace a user. Raises UserError for a bad name, role or a short password."""
        if not name.isidentifier() or len(name) > 32:
            raise UserError(f"a user name must be 1 to 32 letters, digits or _, was {name!r}")
        if role not in ROLES:
            raise UserError(f"a role must be one of {', '.join(ROLES)}, was {role!r}")
        if len(password) < 8:
            raise UserError(f"a password must have 8 characters or more, had {len(password)}")
        with self._lock:
            users = self._read()
            users[name] = {"role": role, "hash": self._hasher.hash(password)}
            temporary = self._path.with_suffix(".new")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                json.dump(users, stream, indent=1)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.rename(self._path)

    def verify(self, name: str, password: str) -> User | None:
        """The user when the password is right. A wrong name costs as much time as a wrong
        password."""
        entry = self._read().get(name)
        try:
            self._hasher.verify(entry["hash"] if entry else self._decoy, password)
        except (VerificationError, InvalidHashError):
            return None
        return User(name, entry["role"]) if entry else None

    def _read(self) -> dict[str, dict[str, str]]:
        if not self._path.exists():
            return {}
        try:
            users: dict[str, dict[str, str]] = json.loads(self._path.read_text())
        except (OSError, ValueError) as error:
            raise UserError(f"{self._path} can't be read as a users file: {error}") from error
        return users
