"""From limits to the words of the card's limits image, and back to what they left out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tickgate.risk.fields import UNLESS_WAIVED
from tickgate.risk.image import (
    ACCOUNT,
    ENTITLED,
    FIRM,
    LOTS,
    PERMISSIONS,
    POSITION,
    RESTRICTIONS,
    SYMBOL,
    TICKS,
    WAIVED,
    ImageTable,
)
from tickgate.risk.limits import AccountLimits, Limits, LimitsError, SymbolLimits

MASK = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Image:
    """Words of the image by ``limit_address``; a word that is not there is 0, which refuses."""

    words: dict[int, int]
    missing: tuple[str, ...]
    """Configured accounts and symbols without limits: they cannot trade."""


def compile_image(
    limits: Limits,
    accounts: Sequence[str],
    symbols: Sequence[str],
    *,
    card_accounts: int,
    card_symbols: int,
) -> Image:
    """Compile limits for accounts and symbols in the order of their indexes on the card.

    ``card_accounts`` and ``card_symbols`` are the sizes of the card's tables. Raises LimitsError
    when the names do not fit them, or the limits name an account or symbol that is not configured.
    """
    _fits("accounts", accounts, card_accounts)
    _fits("symbols", symbols, card_symbols)
    _known("accounts", limits.accounts, accounts)
    _known("symbols", limits.symbols, symbols)
    words: dict[int, int] = {}
    for row, name in enumerate(accounts):
        if (account := limits.accounts.get(name)) is None:
            continue
        _known(f"accounts.{name}.positions", account.positions, symbols)
        _known(f"accounts.{name}.symbols", account.symbols or (), symbols)
        permissions = bits(account.permissions, PERMISSIONS)
        _put(words, ACCOUNT, row, {**account.numbers, "permissions": permissions})
        for column, symbol in enumerate(symbols):
            _put(words, POSITION, row * card_symbols + column, _position(account, symbol))
    for row, name in enumerate(symbols):
        if (limit := limits.symbols.get(name)) is not None:
            _put(words, SYMBOL, row, _symbol(limit))
    _put(words, FIRM, 0, limits.firm.numbers)
    missing = [f"account {name}" for name in accounts if name not in limits.accounts]
    missing += [f"symbol {name}" for name in symbols if name not in limits.symbols]
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
        raise LimitsError(f"the card has room for {size} {what}, {len(names)} are configured")


def _known(where: str, names: Iterable[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise LimitsError(
                f"{where}.{name} is not configured in the engine; known: {', '.join(known)}"
            )
