"""A card for the driver's tests: registers and rings in plain Python, no gateware."""

import struct
import zlib
from collections.abc import Callable

import pytest
from tickgate.card import registers as reg
from tickgate.card.errors import CardGone
from tickgate.card.protocols import transfer_in_turn

BUS = 0x1_0000_0000
SYMBOLS, ACCOUNTS, GROUPS, CLEARING_FIRMS = 4, 2, 2, 1
TABLE_WORDS = {
    0: ACCOUNTS * 32,
    1: SYMBOLS * 16,
    2: ACCOUNTS * SYMBOLS * 4,
    3: 8,
    4: GROUPS * 8,
    5: CLEARING_FIRMS * 8,
    6: 32 * 4,
    7: 32 * 2,
}


class FakeIrq:
    """A vector that never fires."""

    def fileno(self) -> int:
        return -1

    def acknowledge(self) -> int:
        return 0


class FakeDma:
    """Ordinary memory."""

    def __init__(self, size: int) -> None:
        self.buffer = memoryview(bytearray(size))
        self.bus_address = BUS


class FakeCard:
    """What the driver needs of a card, as the register file describes it; also its own transport.

    ``writes`` is every register write by name. ``stuck`` names registers that do not take writes.
    """

    def __init__(self, dma_bytes: int = 1 << 16) -> None:
        self.dma = FakeDma(dma_bytes)
        self.irqs = (FakeIrq(), FakeIrq())
        self.bar = self
        self.words = {register.offset: register.reset for register in reg.REGISTERS}
        self.words[reg.CAPACITY_TABLES.offset] = SYMBOLS | ACCOUNTS << 16
        self.words[reg.CAPACITY_OWNERS.offset] = GROUPS | CLEARING_FIRMS << 16
        self.words[reg.CAPACITY_ORDERS.offset] = 64
        self.words[reg.STATUS.offset] = 1
        self.writes: list[tuple[str, int]] = []
        self.stuck: set[str] = set()
        self.limits: dict[int, int] = {}
        self.corrupt: dict[int, int] = {}
        self.moves_an_account = False
        self.positions: dict[int, int] = {}
        self.symbols: dict[int, bytes | None] = {}
        self.references: list[tuple[int, int, int, int, int]] = []
        """Symbol and the four prices of each upload."""
        self.on_read: dict[int, Callable[[], int]] = {
            reg.LIMIT_READ.offset: lambda: self._limit(self.get(reg.LIMIT_READ_ADDRESS)),
            reg.POSITION.offset: lambda: self.positions.get(self.get(reg.POSITION_ADDRESS), 0),
            reg.EXECUTIONS.offset: lambda: self._throttle("strategy"),
            reg.REJECTS.offset: lambda: self._throttle("account"),
            reg.THROTTLE_CLEAR.offset: self._still_clearing,
            reg.CHECK_COUNT.offset: lambda: 100 + self.get(reg.CHECK_SELECT),
            reg.ITCH_TYPE_COUNT.offset: lambda: 1000 + self.get(reg.ITCH_TYPE_SELECT),
        }
        self.throttles: dict[tuple[str, int], int] = {}
        self.clear_reads = 0
        """How often a throttle that is to count anew is still busy when looked at."""
        self._clearing = 0
        self.feed_lines: dict[tuple[int, str], int] = {}
        self.packets: list[tuple[int, int, bytes]] = []
        """Channel, snapshot bit and bytes of each packet that was handed in whole."""
        self.words[reg.FEED_INJECT_ROOM.offset] = 510
        self._packet, self._length = b"", 0
        self.gone = False

    # ---- transport ----

    def fileno(self) -> int:
        return -1

    def check(self) -> None:
        if self.gone:
            raise CardGone("the fake is gone")

    def close(self) -> None:
        self.gone = True

    def read32(self, offset: int) -> int:
        self.check()
        return self.on_read.get(offset, lambda: self.words[offset])()

    def write32(self, offset: int, value: int) -> None:
        self.check()
        name = next(register.name for register in reg.REGISTERS if register.offset == offset)
        self.writes.append((name, value))
        if name in self.stuck:
            return
        self.words[offset] = value
        getattr(self, f"_{name}", lambda _: None)(value)

    def transfer(self, accesses) -> list[int]:
        return transfer_in_turn(self, accesses)

    def get(self, register) -> int:
        return self.words[register.offset]

    def set_status(self, **bits: int) -> None:
        for name, bit in bits.items():
            field = reg.STATUS.field(name)
            word = self.words[reg.STATUS.offset] & ~field.mask
            self.words[reg.STATUS.offset] = word | bit << field.lsb

    # ---- what writes do ----

    def _limit_data(self, value: int) -> None:
        address = self.get(reg.LIMIT_ADDRESS)
        self.limits[address] = value
        self.words[reg.LIMIT_ADDRESS.offset] = address + 1

    def _limit(self, address: int) -> int:
        return self.corrupt.get(address, self.limits.get(address, 0))

    def _limit_commit(self, _: int) -> None:
        crc = 0
        for table, words in TABLE_WORDS.items():
            for word in range(words):
                crc = zlib.crc32(struct.pack("<I", self._limit(table << 28 | word)), crc)
        good = crc == self.get(reg.LIMIT_CRC)
        self.words[reg.LIMIT_COMPUTED_CRC.offset] = crc
        if good and self.moves_an_account:
            self.words[reg.LIMIT_STATUS.offset] = 8
            return
        self.words[reg.LIMIT_STATUS.offset] = 2 if good else 4
        if good:
            generation = self.get(reg.LIMIT_GENERATION)
            changes = generation != self.get(reg.LIMIT_ACTIVE_GENERATION)
            self.words[reg.LIMIT_ACTIVE_GENERATION.offset] = generation
            self.set_status(limits_valid=1)
            if changes and not reg.STATUS.unpack(self.get(reg.STATUS))["armed"]:
                self.set_status(generation_used=0)

    def _control(self, value: int) -> None:
        status = reg.STATUS.unpack(self.get(reg.STATUS))
        if value & 2:
            self.set_status(armed=0)
        elif (
            value & 1
            and status["ready"]
            and status["limits_valid"]
            and status["watchdog_ok"]
            and not status["generation_used"]
        ):
            self.set_status(armed=1, generation_used=1)
        self.words[reg.CONTROL.offset] = 0

    def _watchdog_touch(self, _: int) -> None:
        self.set_status(watchdog_ok=1)

    def _position_load(self, value: int) -> None:
        if not reg.STATUS.unpack(self.get(reg.STATUS))["armed"]:
            self.positions[self.get(reg.POSITION_ADDRESS)] = value

    def _throttle(self, scope: str) -> int:
        row = reg.THROTTLE_ADDRESS.unpack(self.get(reg.THROTTLE_ADDRESS))[scope]
        return self.throttles.get((scope, row), 0)

    def _throttle_clear(self, value: int) -> None:
        assert not self._clearing, "the card would not take it"
        rows = reg.THROTTLE_ADDRESS.unpack(self.get(reg.THROTTLE_ADDRESS))
        for bit, scope in enumerate(("strategy", "account")):
            if value >> bit & 1:
                self.throttles[scope, rows[scope]] = 0
        self._clearing = self.clear_reads

    def _still_clearing(self) -> int:
        busy = self._clearing > 0
        self._clearing -= busy
        return busy << 31

    def _symbol_store(self, value: int) -> None:
        name = struct.pack(
            "<II", self.get(reg.SYMBOL_NAME_LOW), self.get(reg.SYMBOL_NAME_HIGH)
        )
        self.symbols[self.get(reg.SYMBOL_ADDRESS)] = name if value & 1 else None

    def _reference_symbol(self, value: int) -> None:
        prices = (reg.REFERENCE_NATIONAL_BID, reg.REFERENCE_BAND_LOW, reg.REFERENCE_BAND_HIGH)
        words = (self.get(register) for register in (*prices, reg.REFERENCE_WINDOW))
        self.references.append((value, *words))

    def _line(self, name: str, value: int) -> None:
        self.feed_lines[self.get(reg.FEED_SELECT), name] = value

    def _feed_group(self, value: int) -> None:
        self._line("group a", value)

    def _feed_port(self, value: int) -> None:
        self._line("port a", value)

    def _feed_group_b(self, value: int) -> None:
        self._line("group b", value)

    def _feed_port_b(self, value: int) -> None:
        self._line("port b", value)

    def _feed_inject_start(self, value: int) -> None:
        self._packet, self._length = b"", value & 0xFFFF

    def _feed_inject_data(self, value: int) -> None:
        self._packet += value.to_bytes(4, "little")
        if len(self._packet) >= self._length:
            snapshot = self.get(reg.FEED_INJECT_START) >> 16
            whole = self._packet[: self._length]
            self.packets.append((self.get(reg.FEED_SELECT), snapshot, whole))
            self.words[reg.FEED_INJECT_ROOM.offset] -= -(-self._length // 8)
            assert self.words[reg.FEED_INJECT_ROOM.offset] >= 0, "the card's queue overflowed"

    # ---- what the card writes to memory ----

    def ring(self, name: str) -> memoryview:
        base = getattr(reg, f"{name}_RING_BASE_LOW"), getattr(reg, f"{name}_RING_BASE_HIGH")
        start = self.get(base[0]) + (self.get(base[1]) << 32) - BUS
        return self.dma.buffer[start : start + (64 << self.get(getattr(reg, f"{name}_RING_SIZE")))]

    def deliver(self, name: str, count: int, text: bytes = b"") -> None:
        """Write slot number ``count`` of a ring."""
        ring = self.ring(name)
        at = count * 64 % len(ring)
        ring[at : at + 64] = text.ljust(56, b".") + (count + 1).to_bytes(8, "little")


@pytest.fixture
def fake() -> FakeCard:
    return FakeCard()
