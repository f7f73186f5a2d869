"""Reading a limits file: tables whose values are checked, errors that name line and key."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

SCALE = 10_000

Path = tuple[str, ...]
"""Where a key is: the names of the tables around it, then its own."""

_USD = re.compile(r"([0-9]{1,16})(?:\.([0-9]{1,4}))?")
_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_DOTTED = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*\[\s*({_DOTTED})\s*\]")
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")


class LimitsError(ValueError):
    """Limits that cannot be: says the line if there is one, the key, what it must be and was."""

    def __init__(self, reason: str, path: Path = (), line: int | None = None) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.reason = reason
        self.path = path
        self.line = line


class Reader:
    """One table of a file; its methods raise LimitsError with the path of what is wrong."""

    def __init__(self, table: object, path: Path = ()) -> None:
        self.path = path
        if not isinstance(table, dict):
            raise LimitsError(f"{'.'.join(path)} must be a table, not {table!r}", path)
        self._table: dict[str, Any] = table

    def __contains__(self, key: str) -> bool:
        return key in self._table

    def wrong(self, key: str, reason: str) -> LimitsError:
        """An error about a key; ``reason`` goes on after its name."""
        path = (*self.path, key) if key else self.path
        return LimitsError(f"{'.'.join(path)}{reason}", path)

    def only(self, *keys: str) -> None:
        """Refuse keys that are not known here."""
        for key in self._table:
            if key not in keys:
                raise self.wrong(key, f" is not a limit; known here: {', '.join(sorted(keys))}")

    def given(self, key: str) -> Any:
        """Value of a key that must be there."""
        if key not in self._table:
            raise self.wrong(key, " is missing")
        return self._table[key]

    def table(self, key: str) -> "Reader":
        """The table of a key; an empty one when it is not there."""
        return Reader(self._table.get(key, {}), (*self.path, key))

    def tables(self, key: str, name: re.Pattern[str]) -> Iterator[tuple[str, "Reader"]]:
        """The named tables in the table of a key."""
        inner = self.table(key)
        for found in inner._table:
            if not name.fullmatch(found):
                reason = f"{'.'.join(inner.path)}: {found!r} is no name ({name.pattern})"
                raise LimitsError(reason, (*inner.path, found))
            yield found, inner.table(found)

    def integer(self, key: str, most: int) -> int:
        """A whole number, 0 to ``most``."""
        value = self.given(key)
        if type(value) is not int or not 0 <= value <= most:
            raise self.wrong(key, f" must be a whole number, 0 to {most}, not {value!r}")
        return value

    def usd(self, key: str, most: int) -> int:
        """Decimal text of dollars, with up to 4 decimals, in 1/10000 USD."""
        text = self.given(key)
        try:
            return usd(text, most)
        except ValueError as error:
            raise self.wrong(key, str(error)) from None

    def text(self, key: str, name: re.Pattern[str]) -> str:
        """A name."""
        value = self.given(key)
        if not isinstance(value, str) or not name.fullmatch(value):
            raise self.wrong(key, f" must be a name ({name.pattern}), not {value!r}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, each once."""
        value = self.given(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, f" must be a list of texts, not {value!r}")
        for item in value:
            if value.count(item) > 1:
                raise self.wrong(key, f" has {item!r} more than once")
        return tuple(value)


    def rising(self, key: str, most: int, count: int) -> tuple[int, ...]:
        """A list of at most ``count`` whole numbers, 1 to ``most``, each greater than the last."""
        value = self.given(key)
        if (
            not isinstance(value, list)
            or len(value) > count
            or not all(type(item) is int and 1 <= item <= most for item in value)
            or any(second <= first for first, second in pairwise(value))
        ):
            what = f"a list of at most {count} whole numbers, 1 to {most}, rising"
            raise self.wrong(key, f" must be {what}, not {value!r}")
        return tuple(value)


def usd(text: object, most: int) -> int:
    """Decimal text of dollars to 1/10000 USD. The text of its ValueError goes on after a name."""
    match = _USD.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(
            f' must be an amount in USD as text, such as "1.50", with at most 4 decimals, '
            f"not {text!r}"
        )
    value = int(match[1]) * SCALE + int((match[2] or "").ljust(4, "0"))
    if value > most:
        raise ValueError(f" must be at most {usd_text(most)} USD, not {text!r}")
    return value


def usd_text(value: int) -> str:
    """1/10000 USD as decimal text, with two to four decimals."""
    whole, fraction = divmod(value, SCALE)
    return f"{whole}.{f'{fraction:04d}'.rstrip('0').ljust(2, '0')}"


def percents_text(percents: tuple[int, ...]) -> str:
    """The percentages of warnings for a reader; nothing for none."""
    return ", ".join(map(str, percents))


def line_of(text: str, path: Path) -> int:
    """Line of a key in a TOML text, from 1; of the table around it when the key is not there."""
    lines = list(_lines(text))
    for length in range(len(path), 0, -1):
        wanted = path[:length]
        inside = [line for found, line in lines if found[:length] == wanted]
        if inside:
            return next((line for found, line in lines if found == wanted), inside[0])
    return 1


def _lines(text: str) -> Iterator[tuple[Path, int]]:
    """Path and line of each table header and key."""
    table: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        if match := _HEADER.match(line):
            table = _parts(match[1])
            yield table, number
        elif match := _KEY.match(line):
            yield (*table, *_parts(match[1])), number


def _parts(dotted: str) -> Path:
    """Names of a dotted key, which may be quoted."""
    try:
        value: Any = tomllib.loads(f"{dotted} = 0")
    except tomllib.TOMLDecodeError:
        return ()  # a line of a text that only looks like a key
    parts: list[str] = []
    while isinstance(value, Mapping):
        ((name, value),) = value.items()
        parts.append(name)
    return tuple(parts)
