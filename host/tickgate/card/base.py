"""What every use of the card needs: its registers, what it is and how it is."""

import time

from tickgate.card import registers as reg
from tickgate.card.access import Registers
from tickgate.card.errors import CardMismatch, CardNotReady
from tickgate.card.protocols import Transport
from tickgate.card.status import Identity, Status

__all__ = ["CardBase"]

LAYOUT_VERSION = 4


class CardBase:
    """The registers of one card and its state. Every method raises CardGone when it does not
    answer."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.registers = Registers(transport.bar)
        self._identity: Identity | None = None

    def identify(self) -> Identity:
        """Return what card this is. Raises CardMismatch when it is none that this driver knows."""
        if self._identity is None:
            magic = self.registers.read(reg.MAGIC)
            if magic != reg.MAGIC.reset:
                raise CardMismatch(f"a card has magic {reg.MAGIC.reset:#x}, this has {magic:#x}")
            layout = self.registers.read(reg.LAYOUT)
            if layout != LAYOUT_VERSION:
                raise CardMismatch(
                    f"this driver knows register layout {LAYOUT_VERSION}, the card has {layout}"
                )
            tables = self.registers.fields(reg.CAPACITY_TABLES)
            owners = self.registers.fields(reg.CAPACITY_OWNERS)
            self._identity = Identity(
                layout=layout,
                build=self.registers.read(reg.BUILD),
                symbols=tables["symbols"],
                accounts=tables["accounts"],
                groups=owners["groups"],
                clearing_firms=owners["clearing_firms"],
                open_orders=self.registers.read(reg.CAPACITY_ORDERS),
            )
        return self._identity

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until the card has swept its memories. Raises CardNotReady after ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while not self.registers.fields(reg.STATUS)["ready"]:
            if time.monotonic() > deadline:
                raise CardNotReady(f"the card was not ready in {timeout_s} s after its reset")
            time.sleep(0.0005)

    def status(self) -> Status:
        """Return the card's status bits and the generation of the limits in force."""
        bits = self.registers.fields(reg.STATUS)
        generation = self.registers.read(reg.LIMIT_ACTIVE_GENERATION)
        return Status(**{name: bool(bit) for name, bit in bits.items()}, generation=generation)

    def cycles(self) -> int:
        """Return the clock cycles since reset."""
        return self.registers.read_pair(reg.CYCLES_LOW, reg.CYCLES_HIGH)

    def time_ns(self) -> int:
        """Return the card's UTC clock."""
        return self.registers.read_pair(reg.TIME_LOW, reg.TIME_HIGH)

    def last_token(self) -> int:
        """Return the highest UserRefNum since reset that the gate saw in an enter or replace, or
        used in a mass cancel."""
        return self.registers.read(reg.LAST_TOKEN)

    def disarm(self) -> None:
        """Shut the gate; orders are refused until it is armed again."""
        self.registers.set(reg.CONTROL, disarm=1)
