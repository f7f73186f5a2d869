"""The card as a library: its clock runs only when the caller steps it, so every run is the same."""

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tickgate.card.errors import CardError, CardGone
from tickgate.card.protocols import Access, transfer_in_turn

from tickgate_sim.card.build import build

__all__ = ["TAP", "CardLibrary", "open_card"]

BAR_BYTES = 1 << 16
DMA_BUS = 0x1_0000_0000
START_NS = 1_700_000_000_000_000_000
"""UTC time of cycle 0, unless chosen otherwise."""
CYCLES_PER_MS = 156_250
_SENT_BYTES = 2048
_READ_LIMIT = 20_000
"""Cycles in which a register read must be answered."""

TAP = np.dtype([("cycle", "<u8"), ("template", "<u8"), ("body", "V48")])
"""A record of the top-of-book tap: the cycle it came in, its template and its body."""

_POINTER = ctypes.c_void_p
_U32, _U64, _INT = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "tg_create": (_POINTER, [_U64, _U32, _U32, _U64, _U64]),
    "tg_destroy": (None, [_POINTER]),
    "tg_reset": (None, [_POINTER]),
    "tg_memory": (_POINTER, [_POINTER]),
    "tg_run": (None, [_POINTER, _U64]),
    "tg_run_until_quiet": (_U64, [_POINTER, _U64, _U64]),
    "tg_run_until_taken": (_INT, [_POINTER, _U64, _U64]),
    "tg_write": (None, [_POINTER, _U32, _U32]),
    "tg_read": (_INT, [_POINTER, _U32, _U64, ctypes.POINTER(_U32)]),
    "tg_push_frame": (None, [_POINTER, ctypes.c_char_p, _U64, _INT, _U32]),
    "tg_sent_pop": (_U64, [_POINTER, ctypes.c_char_p, _U64]),
    "tg_frames_pending": (_U64, [_POINTER]),
    "tg_link": (None, [_POINTER, _INT]),
    "tg_connect_wanted": (_INT, [_POINTER]),
    "tg_entry_send": (_U64, [_POINTER, ctypes.c_char_p, _U64]),
    "tg_entry_receive": (_U64, [_POINTER, ctypes.c_char_p, _U64]),
    "tg_tap": (None, [_POINTER, _INT]),
    "tg_tap_pending": (_U64, [_POINTER]),
    "tg_tap_pop": (_U64, [_POINTER, _POINTER, _U64]),
    "tg_interrupts": (_U32, [_POINTER, _U64]),
    "tg_cycles": (_U64, [_POINTER]),
    "tg_faults": (_U64, [_POINTER]),
    "tg_quiet": (_INT, [_POINTER]),
}


class _Irq:
    """One interrupt vector. It has no descriptor to wait on: nothing happens while nobody steps."""

    def __init__(self, card: "CardLibrary", vector: int) -> None:
        self._card = card
        self._vector = vector

    def fileno(self) -> int:
        """There is none: -1."""
        return -1

    def acknowledge(self) -> int:
        """Return how often the vector fired since the last call."""
        return self._card.interrupts(self._vector)


class _Dma:
    def __init__(self, memory: NDArray[np.uint8]) -> None:
        self.buffer = memoryview(memory.data)
        self.bus_address = DMA_BUS


class _Bar:
    def __init__(self, card: "CardLibrary") -> None:
        self.read32 = card.bar_read32
        self.write32 = card.bar_write32

    def transfer(self, accesses: Sequence[Access]) -> list[int]:
        return transfer_in_turn(self, accesses)


class CardLibrary:
    """One Verilated card, stepped by calls; it is also a ``tickgate.card.protocols.Transport``.

    ``latency`` is the cycles that a DMA read takes, ``seed`` decides what memories hold before the
    card sweeps them, ``tick_cycles`` the cycles of a millisecond as the card sees it (0 = no
    ticks), ``start_ns`` the UTC time of cycle 0; time follows the cycles at 6.4 ns each.

    A register read runs the clock until it is answered; a write waits until the clock runs.
    """

    def __init__(
        self,
        library: Path | None = None,
        *,
        dma_bytes: int = 1 << 20,
        latency: int = 40,
        seed: int = 0,
        tick_cycles: int = CYCLES_PER_MS,
        start_ns: int = START_NS,
    ) -> None:
        self._c = _load(library or build().library)
        self._card = _POINTER(self._c.tg_create(dma_bytes, latency, seed, tick_cycles, start_ns))
        start = ctypes.cast(self._c.tg_memory(self._card), ctypes.POINTER(ctypes.c_uint8))
        self.memory: NDArray[np.uint8] = np.ctypeslib.as_array(start, (dma_bytes,))
        """The memory that the card can reach, from bus address ``DMA_BUS``."""
        self.dma = _Dma(self.memory)
        self.bar = _Bar(self)
        self.irqs = (_Irq(self, 0), _Irq(self, 1))
        self._open = True

    # ---- clock ----

    def run(self, cycles: int) -> None:
        """Run the clock."""
        self._c.tg_run(self._handle, cycles)

    def run_until_quiet(self, limit: int = 10_000_000, settle: int = 16) -> int:
        """Run until nothing was in flight for ``settle`` cycles; return the cycles run.

        Raises CardError when the card is still at work after ``limit`` cycles.
        """
        run: int = self._c.tg_run_until_quiet(self._handle, settle, limit)
        if run >= limit:
            raise CardError(f"the card was still busy after {limit} cycles")
        return run

    def run_until_taken(self, left: int = 0, limit: int = 10_000_000) -> None:
        """Run until at most ``left`` frames wait.

        Raises CardError when there are still more after ``limit`` cycles.
        """
        if not self._c.tg_run_until_taken(self._handle, left, limit):
            raise CardError(f"{self.frames_pending} frames still wait after {limit} cycles")

    def reset(self) -> None:
        """Pull the card's reset; what is in flight is lost, host memory stays."""
        self._c.tg_reset(self._handle)

    @property
    def cycles(self) -> int:
        """Cycles run since power-up."""
        cycles: int = self._c.tg_cycles(self._handle)
        return cycles

    @property
    def quiet(self) -> bool:
        """Whether nothing is in flight, in the card or on its way to it."""
        return bool(self._c.tg_quiet(self._handle))

    # ---- bus ----

    def bar_write32(self, offset: int, value: int) -> None:
        """Post a register write."""
        _check_offset(offset)
        if not 0 <= value < 1 << 32:
            raise ValueError(f"a register's value must be a u32, not {value!r}")
        self._c.tg_write(self._handle, offset, value)

    def bar_read32(self, offset: int) -> int:
        """Return a register. Raises CardError when the card answers with an error or not at all."""
        _check_offset(offset)
        value = _U32()
        failed = self._c.tg_read(self._handle, offset, _READ_LIMIT, ctypes.byref(value))
        if failed:
            why = "with an error" if failed == 1 else f"not at all in {_READ_LIMIT} cycles"
            raise CardError(f"the card answered the read of {offset:#x} {why}")
        return value.value

    @property
    def faults(self) -> int:
        """Requests of the card that were no valid access to its memory, or answers to nothing."""
        faults: int = self._c.tg_faults(self._handle)
        return faults

    def interrupts(self, vector: int) -> int:
        """Return how often a vector fired since the last call."""
        count: int = self._c.tg_interrupts(self._handle, vector)
        return count

    # ---- network ----

    def push_frame(self, frame: bytes, *, error: bool = False, line: int = 0) -> None:
        """Queue one Ethernet frame without check sequence for line A (0) or B (1) of the feed.

        ``error`` marks the check sequence as wrong.
        """
        if not frame:
            raise ValueError("a frame must have at least one byte")
        if line not in (0, 1):
            raise ValueError(f"line must be 0 or 1, not {line!r}")
        self._c.tg_push_frame(self._handle, frame, len(frame), int(error), line)

    def sent_frame(self) -> bytes | None:
        """Return the oldest frame that the card sent and that was not fetched yet, if any."""
        buffer = ctypes.create_string_buffer(_SENT_BYTES)
        length: int = self._c.tg_sent_pop(self._handle, buffer, _SENT_BYTES)
        return buffer.raw[:length] if length else None

    @property
    def frames_pending(self) -> int:
        """Frames that the card has not taken yet."""
        pending: int = self._c.tg_frames_pending(self._handle)
        return pending

    def link(self, up: bool) -> None:
        """Connect or drop the order-entry stream; what was on it is lost."""
        self._c.tg_link(self._handle, int(up))

    @property
    def connect_wanted(self) -> bool:
        """Whether the card asks for the order-entry stream."""
        return bool(self._c.tg_connect_wanted(self._handle))

    def oe_send(self, data: bytes) -> int:
        """Send bytes to the card on the order-entry stream; return how many it has room for."""
        taken: int = self._c.tg_entry_send(self._handle, data, len(data))
        return taken

    def oe_recv(self, limit: int = 1 << 16) -> bytes:
        """Return bytes that the card sent on the order-entry stream."""
        buffer = ctypes.create_string_buffer(limit)
        length = self._c.tg_entry_receive(self._handle, buffer, limit)
        return buffer.raw[:length]

    def tap(self, on: bool) -> None:
        """Keep records of the top-of-book tap from now on, or not."""
        self._c.tg_tap(self._handle, int(on))

    def tap_records(self) -> NDArray[np.void]:
        """Return the tap records kept since the last call, as an array of ``TAP``."""
        records = np.zeros(self._c.tg_tap_pending(self._handle), TAP)
        self._c.tg_tap_pop(self._handle, records.ctypes.data, len(records))
        return records

    # ---- transport ----

    def fileno(self) -> int:
        """There is no descriptor: -1."""
        return -1

    def check(self) -> None:
        """Raise CardGone when the card was closed."""
        if not self._open:
            raise CardGone("the card was closed")

    def close(self) -> None:
        """Free the card. Its memory must not be used any more."""
        if self._open:
            self._open = False
            self._c.tg_destroy(self._card)

    @property
    def _handle(self) -> ctypes.c_void_p:
        self.check()
        return self._card


@contextmanager
def open_card(library: Path | None = None, **options: int) -> Iterator[CardLibrary]:
    """Open a card (options as for `CardLibrary`) and close it at the end."""
    card = CardLibrary(library, **options)
    try:
        yield card
    finally:
        card.close()


def _load(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


def _check_offset(offset: int) -> None:
    if offset % 4 or not 0 <= offset < BAR_BYTES:
        raise ValueError(f"an offset must be a multiple of 4 inside the BAR, not {offset}")
