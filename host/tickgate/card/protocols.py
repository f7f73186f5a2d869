"""What the driver needs of a bus: a BAR, memory that the card can reach, and interrupts.

On hardware these are VFIO's mmapped BAR, mapped huge pages and eventfds; for the simulated card see
``tickgate.card.simulated``. The driver is the same for both.
"""

from collections.abc import Sequence
from typing import Protocol

Access = tuple[int, int | None]
"""A register's offset, and the value to write; None to read."""


class Bar(Protocol):
    """A window of 32-bit registers. Offsets are bytes, multiples of 4. Raises CardGone."""

    def read32(self, offset: int) -> int:
        """Return a register. The card has seen every earlier write by then (PCIe ordering)."""

    def write32(self, offset: int, value: int) -> None:
        """Post a write; it takes effect in order, but not before this returns."""

    def transfer(self, accesses: Sequence[Access]) -> list[int]:
        """Do many accesses in order and return the values of the reads."""


def transfer_in_turn(bar: Bar, accesses: Sequence[Access]) -> list[int]:
    """``Bar.transfer`` for a bus on which a read costs little: one access after the other."""
    values = []
    for offset, value in accesses:
        if value is None:
            values.append(bar.read32(offset))
        else:
            bar.write32(offset, value)
    return values


class DmaPool(Protocol):
    """Memory that host and card share; byte 0 of ``buffer`` is at ``bus_address`` for the card."""

    @property
    def buffer(self) -> memoryview:
        """The memory, writable, of format ``B``."""

    @property
    def bus_address(self) -> int:
        """The card's address of the first byte."""


class Irq(Protocol):
    """One interrupt vector, as an eventfd that gets readable when it fires."""

    def fileno(self) -> int:
        """File descriptor to wait on."""

    def acknowledge(self) -> int:
        """Return how often the vector fired since the last call (0 = not), without waiting."""


class Transport(Protocol):
    """A card on a bus. Vector 0 of ``irqs`` is for the events ring, 1 for the market-data ring."""

    @property
    def bar(self) -> Bar:
        """BAR 0."""

    @property
    def dma(self) -> DmaPool:
        """Memory for the rings."""

    @property
    def irqs(self) -> tuple[Irq, ...]:
        """Interrupt vectors."""

    def fileno(self) -> int:
        """File descriptor that gets readable when the card is gone."""

    def check(self) -> None:
        """Raise CardGone if the card is gone."""

    def close(self) -> None:
        """Let go of the card; it keeps its state."""
