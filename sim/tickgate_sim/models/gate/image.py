"""The limits image: rows of words, their addresses, and the CRC over them."""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Limits", "full", "pair"]


def full(row: tuple[int, ...], width: int) -> tuple[int, ...]:
    """A row of so many words; those that are not said are 0."""
    return row + (0,) * (width - len(row))


def pair(words: tuple[int, ...], at: int) -> int:
    """A number of two words, the low one first."""
    return words[at] | words[at + 1] << 32


@dataclass(frozen=True)
class Limits:
    """A limits image: rows of words, all zero where nothing was written."""

    account: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Rows of 32 words; in pairs, low word first, what ends with 2: enabled, max quantity, max
    value 2, rate, burst, permissions, working orders, open quantity 2, open value 2, day quantity
    2, day value 2, gross credit 2, net credit 2, group, clearing firm, duplicate window, cancel
    rate, cancel burst, rejects in a row; the others 0."""
    symbol: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Rows of 16 words: enabled, collar, tick, lot, restricted, collar of the time window, largest
    age of references in ms, references waived: bit 0 the national best bid, bit 1 the price band,
    bit 2 the time window's; rate, burst."""
    position: Mapping[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)
    """Rows of 4 words, by account and symbol: longest, shortest, flags, locates."""
    firm: tuple[int, ...] = ()
    """8 words: enabled, 0, gross credit 2, net credit 2."""
    group: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Rows as the firm's."""
    clearing: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Rows as the firm's, of clearing firms."""
    session: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Rows of 4 words: enabled, rate, burst."""
    strategy: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Rows of 2 words: enabled, executions."""

    def words(
        self, accounts: int, symbols: int, groups: int, clearing: int
    ) -> list[tuple[int, int]]:
        """All words of the image with their addresses, in the order of the CRC."""
        words: list[tuple[int, int]] = []

        pairs = [divmod(index, symbols) for index in range(accounts * symbols)]
        for base, width, rows in (
            (0x0000, 32, [self.account.get(index, ()) for index in range(accounts)]),
            (0x1000_0000, 16, [self.symbol.get(index, ()) for index in range(symbols)]),
            (0x2000_0000, 4, [self.position.get(pair, ()) for pair in pairs]),
            (0x3000_0000, 8, [self.firm]),
            (0x4000_0000, 8, [self.group.get(index, ()) for index in range(groups)]),
            (0x5000_0000, 8, [self.clearing.get(index, ()) for index in range(clearing)]),
            (0x6000_0000, 4, [self.session.get(index, ()) for index in range(32)]),
            (0x7000_0000, 2, [self.strategy.get(index, ()) for index in range(32)]),
        ):
            table = [word for row in rows for word in full(row, width)]
            words += [(base + at, word) for at, word in enumerate(table)]
        return words

    def crc(self, *sizes: int) -> int:
        """CRC that the card must find."""
        return zlib.crc32(b"".join(struct.pack("<I", word) for _, word in self.words(*sizes)))
