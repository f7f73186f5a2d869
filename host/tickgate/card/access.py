"""Registers by name over a BAR, and counters widened to 64 bits."""

from collections.abc import Iterable

from tickgate.card.errors import WriteLost
from tickgate.card.protocols import Bar
from tickgate.card.regmap import Register

__all__ = ["Registers"]

_MASK = 0xFFFF_FFFF


class Registers:
    """Reads and writes the registers of ``tickgate.card.registers`` over a BAR."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._wide: dict[str, int] = {}

    def read(self, register: Register) -> int:
        """Return the whole word."""
        return self._bar.read32(register.offset)

    def fields(self, register: Register) -> dict[str, int]:
        """Return the fields of the register, all from one read."""
        return register.unpack(self.read(register))

    def write(self, register: Register, value: int) -> None:
        """Write the whole word."""
        self._bar.write32(register.offset, value)

    def set(self, register: Register, **fields: int) -> None:
        """Write the register with these fields set and the others 0.

        Raises ValueError for a value that does not fit, KeyError for an unknown field.
        """
        self.write(register, register.pack(**fields))

    def write_checked(self, register: Register, value: int) -> None:
        """Write a word and read it back. Raises WriteLost when it is not what was written."""
        self.write(register, value)
        seen = self.read(register)
        if seen != value:
            raise WriteLost(f"register {register.name} was written {value:#x} and reads {seen:#x}")

    def transfer(self, accesses: Iterable[tuple[Register, int | None]]) -> list[int]:
        """Do many accesses in order, None for a read; return the words that were read."""
        return self._bar.transfer([(register.offset, value) for register, value in accesses])

    def read_pair(self, low: Register, high: Register) -> int:
        """Return a 64-bit value whose high word is latched by the read of the low one."""
        return self.read(low) | self.read(high) << 32

    def count(self, register: Register) -> int:
        """Return a wrapping counter widened to 64 bits.

        Right as long as the counter is read once in 2**32 counts; starts at what the register
        shows.
        """
        last = self._wide.get(register.name, 0)
        value = last + ((self.read(register) - last) & _MASK)
        self._wide[register.name] = value
        return value
