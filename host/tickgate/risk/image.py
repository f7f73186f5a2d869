"""The limits image: the tables that the gate reads, as 32-bit words, declared once.

The host writes the words of every table to the card's shadow bank through ``limit_address`` and
``limit_data``; bits 15:14 of an address choose the table, bits 13:0 the word in it. The CRC runs
over the tables in the order of ``TABLES``, each from word 0 to its last, words little-endian
(``zlib.crc32``). Rows are indexed by account, by symbol, and by ``account * symbols + symbol``. A
row whose ``enabled`` is 0 refuses: an unset limit is never an unlimited one.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageField:
    """One field of a row: its first word in the row, its width in words, unit and meaning."""

    name: str
    word: int
    words: int
    doc: str


@dataclass(frozen=True)
class ImageTable:
    """One table of the image. ``row_words`` is a power of two."""

    select: int
    name: str
    row_words: int
    fields: tuple[ImageField, ...]

    def address(self, row: int, word: int) -> int:
        """Address of a word of a row, for ``limit_address``."""
        return self.select << 14 | (row * self.row_words + word)


ACCOUNT = ImageTable(0, "account", 8, (
    ImageField("enabled", 0, 1, "1 = the row is set."),
    ImageField("max_quantity", 1, 1, "Largest order, in shares."),
    ImageField("max_value", 2, 2, "Largest order, in 1/10000 USD, 64 bits, low word first."),
    ImageField("rate", 4, 1, "Messages per second that refill the token bucket, 0 to 65535."),
    ImageField("burst", 5, 1, "Messages that the token bucket holds, 0 to 65535."),
))

SYMBOL = ImageTable(1, "symbol", 2, (
    ImageField("enabled", 0, 1, "1 = the row is set."),
    ImageField("collar", 1, 1, "How far through the far touch a price may be, in 1/10000 USD."),
))

POSITION = ImageTable(2, "position", 2, (
    ImageField("max_long", 0, 1, "Largest long position with open buys, in shares, below 2**31."),
    ImageField("max_short", 1, 1, "Largest short position with open sells, shares, below 2**31."),
))

TABLES = (ACCOUNT, SYMBOL, POSITION)
