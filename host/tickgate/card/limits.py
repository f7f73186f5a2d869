"""Upload of a limits image: write, read back, check, commit."""

import struct
import time
import zlib
from collections.abc import Iterator, Mapping

from tickgate.card import registers as reg
from tickgate.card.access import Registers
from tickgate.card.errors import CardNotReady, LimitsRefused
from tickgate.card.regmap import Register
from tickgate.risk.image import TABLES, TableSizes, rows

__all__ = ["image_addresses", "image_crc", "upload"]

_ROUNDS_BEFORE_SLEEP = 100


def image_addresses(sizes: TableSizes) -> Iterator[range]:
    """Yield the addresses of each table of a card of this size, in the order of the CRC."""
    for table in TABLES:
        words = rows(table, sizes) * table.row_words
        yield range(table.address(0, 0), table.address(0, 0) + words)


def image_crc(image: Mapping[int, int], sizes: TableSizes) -> int:
    """Return the CRC-32 that the card computes over the whole image; absent words are 0."""
    crc = 0
    for addresses in image_addresses(sizes):
        words = [image.get(address, 0) for address in addresses]
        crc = zlib.crc32(struct.pack(f"<{len(words)}I", *words), crc)
    return crc


def upload(
    registers: Registers,
    image: Mapping[int, int],
    generation: int,
    *,
    sizes: TableSizes,
    timeout_s: float,
) -> None:
    """Load ``image`` (word by address; absent words are 0) and put it into force as ``generation``.

    Every word of the card's shadow image is written and read back before the commit. Raises
    LimitsRefused when the image does not fit the card, reads back wrongly or is refused,
    CardNotReady when the commit does not end in ``timeout_s``. The limits in force change only if
    this returns.
    """
    if not 1 <= generation < 1 << 32:
        raise LimitsRefused(f"the generation must be 1 to {(1 << 32) - 1}, not {generation}")
    tables = tuple(image_addresses(sizes))
    for address, word in image.items():
        if not any(address in table for table in tables):
            raise LimitsRefused(
                f"the image has a word at {address:#x}, outside the tables of a card with "
                f"{sizes.accounts} accounts, {sizes.symbols} symbols, {sizes.groups} groups and "
                f"{sizes.clearing_firms} clearing firms"
            )
        if not 0 <= word < 1 << 32:
            raise LimitsRefused(f"the word at {address:#x} must be a u32, not {word}")
    for table in tables:
        registers.write(reg.LIMIT_ADDRESS, table.start)
        for address in table:
            registers.write(reg.LIMIT_DATA, image.get(address, 0))
    for table in tables:
        _compare(registers, table, image)
    crc = image_crc(image, sizes)
    registers.write_checked(reg.LIMIT_CRC, crc)
    registers.write_checked(reg.LIMIT_GENERATION, generation)
    registers.set(reg.LIMIT_COMMIT, commit=1)
    _wait_for_commit(registers, crc, generation, timeout_s)


def _compare(registers: Registers, table: range, image: Mapping[int, int]) -> None:
    accesses: list[tuple[Register, int | None]] = []
    for address in table:
        accesses.append((reg.LIMIT_READ_ADDRESS, address))
        # Reading the address back first gives the card the cycles that limit_read needs.
        accesses += [(reg.LIMIT_READ_ADDRESS, None), (reg.LIMIT_READ, None)]
    seen = registers.transfer(accesses)
    for address, there, word in zip(table, seen[::2], seen[1::2], strict=True):
        wanted = image.get(address, 0)
        if (there, word) != (address, wanted):
            raise LimitsRefused(
                f"the word at {address:#x} was written as {wanted:#x} and reads back as "
                f"{word:#x} (address {there:#x})"
            )


def _wait_for_commit(registers: Registers, crc: int, generation: int, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    rounds = 0
    while (status := registers.fields(reg.LIMIT_STATUS))["busy"]:
        rounds += 1
        if time.monotonic() > deadline:
            raise CardNotReady(f"the commit of the limits did not end in {timeout_s} s")
        if rounds > _ROUNDS_BEFORE_SLEEP:
            time.sleep(0.001)
    active = registers.read(reg.LIMIT_ACTIVE_GENERATION)
    if status["bad_member"]:
        raise LimitsRefused(
            f"the card did not commit generation {generation}: an account is in another group or "
            f"clearing firm than since the card's reset; generation {active} stays in force. "
            "Reset the card between two days to move an account"
        )
    if status["bad_crc"] or not status["committed"] or active != generation:
        computed = registers.read(reg.LIMIT_COMPUTED_CRC)
        raise LimitsRefused(
            f"the card did not commit generation {generation}: its CRC is {computed:#010x}, "
            f"the host's {crc:#010x}; generation {active} stays in force"
        )
