"""From limits to the words of the card's limits image, and back to what they left out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tickgate.risk.fields import UNLESS_WAIVED
from tickgate.risk.image import (
    ACCOUNT,
    CLEARING_FIRM,
    ENTITLED,
    FIRM,
    GROUP,
    LOTS,
    PERMISSIONS,
    POSITION,
    RESTRICTIONS,
    SESSION,
    STRATEGY,
    SYMBOL,
    TICKS,
    WAIVED,
    ImageTable,
    TableSizes,
)
from tickgate.risk.limits import AccountLimits, Limits, LimitsError, SymbolLimits

MASK = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Image:
    """Words of the image by ``limit_address``; a word that is not there is 0, which refuses."""

    words: dict[int, int]
    missing: tuple[str, ...]
    """Configured accounts, symbols, sessions and strategies without limits: they cannot trade."""


@dataclass(frozen=True, slots=True)
class RowNames:
    """Whose rows the card has, in the order of their indexes."""

    accounts: Sequence[str]
    symbols: Sequence[str]
    groups: Sequence[str]
    clearing_firms: Sequence[str]
    sessions: Sequence[str]
    strategies: Sequence[str]


def compile_image(limits: Limits, names: RowNames, sizes: TableSizes) -> Image:
    """Compile limits for a card whose tables have these sizes.

    Raises LimitsError when the names do not fit them, or the limits name what is not configured.
    """
    accounts, symbols = names.accounts, names.symbols
    for what in ("accounts", "symbols", "groups", "clearing_firms", "sessions", "strategies"):
        _fits(what, getattr(names, what), getattr(sizes, what))
        _known(what, getattr(limits, what), getattr(names, what))
    words: dict[int, int] = {}
    for row, name in enumerate(accounts):
        if (account := limits.accounts.get(name)) is None:
            continue
        _known(f"accounts.{name}.positions", account.positions, symbols)
        _known(f"accounts.{name}.symbols", account.symbols or (), symbols)
        permissions = bits(account.permissions, PERMISSIONS)
        owners = {
            "group": names.groups.index(account.group),
            "clearing_firm": names.clearing_firms.index(account.clearing_firm),
        }
        _put(words, ACCOUNT, row, {**account.numbers, **owners, "permissions": permissions})
        for column, symbol in enumerate(symbols):
            _put(words, POSITION, row * sizes.symbols + column, _position(account, symbol))
    for row, name in enumerate(symbols):
        if (limit := limits.symbols.get(name)) is not None:
            _put(words, SYMBOL, row, _symbol(limit))
    _put(words, FIRM, 0, limits.firm.numbers)
    for table, rows, known in (
        (GROUP, limits.groups, names.groups),
        (CLEARING_FIRM, limits.clearing_firms, names.clearing_firms),
        (SESSION, limits.sessions, names.sessions),
        (STRATEGY, limits.strategies, names.strategies),
    ):
        for name, limit_row in rows.items():
            _put(words, table, known.index(name), limit_row.numbers)
    missing = [
        f"{what} {name}"
        for what, configured, limited in (
            ("account", accounts, limits.accounts.keys()),
            ("symbol", symbols, limits.symbols.keys()),
            ("session", names.sessions, limits.sessions.keys()),
            ("strategy", names.strategies, limits.strategies.keys()),
        )
        for name in configured
        if name not in limited
    ]
    return Image(words, tuple(missing))


def bits(names: Sequence[str], order: Sequence[str]) -> int:
    """A bit for each name, by its place in ``order``."""
    return sum(1 << bit for bit, name in enumerate(order) if name in names)


def _position(account: AccountLimits, symbol: str) -> Mapping[str, int]:
    limit = account.position(symbol)
    flags = bits(limit.restricted, RESTRICTIONS) | ENTITLED * account.entitled(symbol)
    return {**limit.numbers, "flags": flags}


def _symbol(limit: SymbolLimits) -> Mapping[str, int]:
    restricted = bits(limit.restricted, RESTRICTIONS)
    return {
        **dict.fromkeys(UNLESS_WAIVED, 0),
        **limit.numbers,
        "tick": TICKS[limit.tick],
        "lot": LOTS[limit.lot],
        "restricted": restricted,
        "waived": bits(limit.waived, WAIVED),
    }


def _put(words: dict[int, int], table: ImageTable, row: int, values: Mapping[str, int]) -> None:
    """Write each field of a row; what ``values`` has and the row has not is another row's."""
    for field in table.fields:
        value = 1 if field.unit == "flag" else values[field.name]
        for word in range(field.words):
            words[table.address(row, field.word + word)] = value >> 32 * word & MASK


def _fits(what: str, names: Sequence[str], size: int) -> None:
    if len(names) > size:
        text = what.replace("_", " ")
        raise LimitsError(f"the card has room for {size} {text}, {len(names)} are configured")


def _known(where: str, names: Iterable[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise LimitsError(
                f"{where}.{name} is not configured in the engine; known: {', '.join(known)}"
            )
