"""Settings of the console, from a TOML file."""

import tomllib
from dataclasses import dataclass
from pathlib import Path


class SettingsError(ValueError):
    """The settings file is missing something or has a wrong value; the message names the key."""


@dataclass(frozen=True)
class ConsoleSettings:
    """Where the console listens, and where the engine's files are."""

    host: str
    """Address to listen on."""
    port: int
    """TCP port to listen on."""
    state_dir: Path
    """The engine's state directory: journal, published top of book, command token."""
    command_socket: Path
    """The engine's command channel."""
    users_file: Path
    """Users, roles and password hashes (``tickgate console add-user``)."""
    environment: str
    """Word in the banner of each page, for instance SIM or PROD."""

    @classmethod
    def load(cls, path: Path) -> "ConsoleSettings":
        """Read a settings file; relative paths are relative to it. Raises SettingsError."""
        try:
            table = tomllib.loads(path.read_text())
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"{path}: {error}") from error
        section = table.get("console")
        if not isinstance(section, dict):
            raise SettingsError(f"{path}: the table [console] is required")

        def text(key: str) -> str:
            value = section.get(key)
            if not isinstance(value, str) or not value:
                raise SettingsError(f"{path}: console.{key} must be a text, was {value!r}")
            return value

        port = section.get("port")
        if not isinstance(port, int) or not 0 < port < 65536:
            raise SettingsError(f"{path}: console.port must be 1 to 65535, was {port!r}")
        base = path.parent
        return cls(
            host=text("host"),
            port=port,
            state_dir=base / text("state_dir"),
            command_socket=base / text("command_socket"),
            users_file=base / text("users_file"),
            environment=text("environment"),
        )
