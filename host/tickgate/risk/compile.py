"""From limits to the words of the card's limits image, and back to what they left out."""

from collections.abc import Sequence
from dataclasses import dataclass

from tickgate.risk.image import ACCOUNT, POSITION, SYMBOL, ImageTable
from tickgate.risk.limits import Limits, LimitsError

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
    _known("symbols", limits.collars, symbols)
    words: dict[int, int] = {}
    for row, name in enumerate(accounts):
        account = limits.accounts.get(name)
        if account is None:
            continue
        _known(f"accounts.{name}.positions", account.positions, symbols)
        values = (
            1,
            account.max_quantity,
            account.max_value & MASK,
            account.max_value >> 32,
            account.rate,
            account.burst,
        )
        _put(words, ACCOUNT, row, values)
        for column, symbol in enumerate(symbols):
            limit = account.position(symbol)
            at = row * card_symbols + column
            _put(words, POSITION, at, (limit.max_long, limit.max_short))
    for row, symbol in enumerate(symbols):
        if symbol in limits.collars:
            _put(words, SYMBOL, row, (1, limits.collars[symbol]))
    missing = [f"account {name}" for name in accounts if name not in limits.accounts]
    missing += [f"symbol {name}" for name in symbols if name not in limits.collars]
    return Image(words, tuple(missing))


def _put(words: dict[int, int], table: ImageTable, row: int, values: tuple[int, ...]) -> None:
    for word, value in enumerate(values):
        words[table.address(row, word)] = value


def _fits(what: str, names: Sequence[str], size: int) -> None:
    if len(names) > size:
        raise LimitsError(f"the card has room for {size} {what}, {len(names)} are configured")


def _known(where: str, names: object, known: Sequence[str]) -> None:
    assert isinstance(names, dict)
    for name in names:
        if name not in known:
            raise LimitsError(
                f"{where}.{name} is not configured in the engine; known: {', '.join(known)}"
            )
