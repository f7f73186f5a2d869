"""One table of a settings file, read with complaints that name the key."""

from ipaddress import AddressValueError, IPv4Address
from typing import Any

__all__ = ["ConfigError", "Section", "host_port"]


class ConfigError(ValueError):
    """Settings that cannot be: names the file, the key, what it must be and what it was."""


class Section:
    """One table of the file; remembers the keys asked for, to name those that are unknown."""

    def __init__(self, document: dict[str, Any], name: str) -> None:
        self._name = name
        self._table = document.get(name)
        if not isinstance(self._table, dict):
            raise ConfigError(f"the table [{name}] is required")
        self._asked: set[str] = set()

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in (self._table or {})

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty."""
        value = self._value(key, default)
        if not isinstance(value, str) or not value:
            raise ConfigError(f"{self._name}.{key} must be a text, was {value!r}")
        return value

    def number(self, key: str, least: int, most: int, default: int | None = None) -> int:
        """A whole number in a range."""
        value = self._value(key, default)
        if type(value) is not int or not least <= value <= most:
            raise ConfigError(f"{self._name}.{key} must be {least} to {most}, was {value!r}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """A truth value."""
        value = self._value(key, default)
        if not isinstance(value, bool):
            raise ConfigError(f"{self._name}.{key} must be true or false, was {value!r}")
        return value

    def address(self, key: str) -> tuple[str, int] | None:
        """An IPv4 address and port, written ``ADDRESS:PORT``; None when the key is not there."""
        return self._address(key, self.text(key)) if self.has(key) else None

    def addresses(self, key: str) -> tuple[tuple[str, int], ...]:
        """A list of them; empty when the key is not there."""
        if not self.has(key):
            return ()
        return tuple(self._address(key, item) for item in self.items(key))

    def _address(self, key: str, value: object) -> tuple[str, int]:
        where = f"{self._name}.{key}"
        host, port = host_port(where, value, what="ADDRESS:PORT")
        try:
            return str(IPv4Address(host)), port
        except AddressValueError as error:
            raise ConfigError(f"{where} must have an IPv4 address, was {value!r}") from error

    def items(self, key: str) -> list[Any]:
        """A list that is not empty."""
        value = self._value(key, None)
        if not isinstance(value, list) or not value:
            raise ConfigError(f"{self._name}.{key} must be a list with an entry, was {value!r}")
        return value

    def done(self) -> None:
        """Complain about a key that nobody asked for."""
        unknown = sorted(set(self._table or {}) - self._asked)
        if unknown:
            raise ConfigError(f"{self._name}.{unknown[0]} is not a setting")

    def _value(self, key: str, default: object) -> Any:
        self._asked.add(key)
        return (self._table or {}).get(key, default)


def host_port(where: str, value: object, *, what: str = "HOST:PORT") -> tuple[str, int]:
    """A host and a TCP or UDP port. Raises ConfigError."""
    text = value if isinstance(value, str) else ""
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise ConfigError(f"{where} must be {what}, was {value!r}")
    return host, int(port)
