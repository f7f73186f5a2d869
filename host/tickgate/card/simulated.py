"""The bus of the simulated card: shared memory, a mailbox for the BAR, eventfds for interrupts."""

import json
import mmap
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tickgate.card import mailbox
from tickgate.card.errors import CardBusy, CardGone, CardMismatch
from tickgate.card.protocols import Access

__all__ = ["Irq", "SimulatedBar", "SimulatedDma", "Transport", "connect"]

READ_TIMEOUT_S = 10.0
"""Longest wait for a register: far above what a busy machine needs, so that nothing waits for
ever."""
_SPINS = 200
"""Looks at the mailbox between two looks at the clock and the socket."""
_BATCH = mailbox.SLOTS // 2
"""Accesses under way at once: an entry holds its answer, so none may be used again before it is
read."""
_DESCRIPTORS = 5
_ENTRY = struct.Struct("<III")


class Irq:
    """One interrupt vector. See ``tickgate.card.protocols.Irq``."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)

    def fileno(self) -> int:
        """File descriptor to wait on."""
        return self._descriptor

    def acknowledge(self) -> int:
        """Return how often the vector fired since the last call, without waiting."""
        try:
            return os.eventfd_read(self._descriptor)
        except BlockingIOError:
            return 0


class SimulatedDma:
    """The card's view of host memory: one region at a fixed bus address."""

    def __init__(self, memory: mmap.mmap, bus_address: int) -> None:
        self.buffer = memoryview(memory)
        self.bus_address = bus_address


class SimulatedBar:
    """BAR 0 through the mailbox; ``check`` raises CardGone when the card has ended."""

    def __init__(self, memory: mmap.mmap, wake: int, card: "Transport") -> None:
        self._view = memoryview(memory)
        # By index into this a word is stored whole. Struct.pack_into clears the place first, and
        # a card that looks just then would take the count to be 0, and run after it for ever.
        self._words = memoryview(memory).cast("I")
        self._wake = wake
        self._card = card
        self._produced = self._word(mailbox.PRODUCED_AT)

    def write32(self, offset: int, value: int) -> None:
        """Post a write."""
        self._card.check()
        self._post(mailbox.WRITE, offset, value)

    def read32(self, offset: int) -> int:
        """Return a register. Raises CardGone when the card ended or does not answer."""
        self._post(mailbox.READ, offset, 0)
        return self._answers([self._produced], offset)[0]

    def transfer(self, accesses: Sequence[Access]) -> list[int]:
        """Do many accesses; they wait for the card once in ``_BATCH``, not once a read."""
        self._card.check()
        values: list[int] = []
        for start in range(0, len(accesses), _BATCH):
            reads = []
            for offset, value in accesses[start : start + _BATCH]:
                if value is None:
                    self._post(mailbox.READ, offset, 0)
                    reads.append(self._produced)
                else:
                    self._post(mailbox.WRITE, offset, value)
            if reads:
                values += self._answers(reads, offset)
        return values

    def _answers(self, counts: Sequence[int], offset: int) -> list[int]:
        """Values of the reads that made PRODUCED these counts, when the last is answered."""
        last = counts[-1]
        self._wait(lambda: self._word(mailbox.RESPONSE_COUNT_AT) == last, f"read of {offset:#x}")
        return [self._word(_entry(count - 1) + mailbox.VALUE_AT) for count in counts]

    def _post(self, operation: int, offset: int, value: int) -> None:
        if offset % 4 or not 0 <= offset < self._card.bar_bytes:
            raise ValueError(f"an offset must be a multiple of 4 inside the BAR, not {offset}")
        if not 0 <= value < 1 << 32:
            raise ValueError(f"a register's value must be a u32, not {value!r}")
        if self._backlog() >= mailbox.SLOTS:
            self._wait(lambda: self._backlog() < mailbox.SLOTS, f"place for {offset:#x}")
        _ENTRY.pack_into(self._view, _entry(self._produced), operation, offset, value)
        self._produced = (self._produced + 1) & 0xFFFF_FFFF
        self._words[mailbox.PRODUCED_AT // 4] = self._produced
        if self._word(mailbox.SLEEPING_AT):
            os.eventfd_write(self._wake, 1)

    def _backlog(self) -> int:
        return (self._produced - self._word(mailbox.CONSUMED_AT)) & 0xFFFF_FFFF

    def _wait(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + READ_TIMEOUT_S
        while True:
            for _ in range(_SPINS):
                if done():
                    return
            self._card.check()
            if time.monotonic() > deadline:
                raise CardGone(f"the card did not answer in {READ_TIMEOUT_S:.0f} s ({what})")
            os.sched_yield()

    def _word(self, at: int) -> int:
        return self._words[at // 4]


def _entry(count: int) -> int:
    """Where entry ``count`` lies in the mailbox."""
    return mailbox.RING_AT + count % mailbox.SLOTS * mailbox.SLOT_BYTES


class Transport:
    """A connection to a simulated card. See ``tickgate.card.protocols.Transport``.

    Takes over ``connection`` and ``descriptors`` (in the order of the handshake); `close` closes
    them. Raises CardMismatch when the mailbox is not of this version.
    """

    def __init__(
        self, connection: socket.socket, hello: dict[str, int], descriptors: Sequence[int]
    ) -> None:
        dma, box, wake, *irqs = descriptors
        self._socket = connection
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN | select.POLLRDHUP)
        self._descriptors = descriptors
        memory = mmap.mmap(box, mailbox.BYTES)
        magic, version = struct.unpack_from("<II", memory, mailbox.MAGIC_AT)
        if (magic, version) != (mailbox.MAGIC, mailbox.VERSION):
            raise CardMismatch(f"the mailbox has magic {magic:#x} and version {version}")
        self.bar_bytes = hello["bar_bytes"]
        self.dma = SimulatedDma(mmap.mmap(dma, hello["dma_bytes"]), hello["dma_bus"])
        self.irqs = tuple(Irq(irq) for irq in irqs)
        self.bar = SimulatedBar(memory, wake, self)

    def fileno(self) -> int:
        """The socket: readable when the card's process has ended."""
        return self._socket.fileno()

    def check(self) -> None:
        """Raise CardGone when the card's process has ended."""
        if self._socket.fileno() < 0:
            raise CardGone("the connection to the card is closed")
        if self._poll.poll(0):  # after the handshake a card has nothing to say but its end
            raise CardGone("the card's process has ended")

    def close(self) -> None:
        """Let go of the card. The shared memory stays mapped while views of it are in use."""
        if self._socket.fileno() >= 0:
            self._socket.close()
            for descriptor in self._descriptors:
                os.close(descriptor)


def connect(path: str | Path, timeout_s: float = 5.0) -> Transport:
    """Attach to the card that listens at ``path``.

    Raises CardGone when nothing listens there or the handshake does not come in ``timeout_s``,
    CardBusy when another host is attached, CardMismatch when the card speaks another version.
    """
    with ExitStack() as undo:
        connection = undo.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        connection.settimeout(timeout_s)
        try:
            connection.connect(str(path))
            data, descriptors, _, _ = socket.recv_fds(connection, 4096, _DESCRIPTORS)
        except OSError as error:
            raise CardGone(f"no card answers at {path}: {error.strerror or error}") from error
        for descriptor in descriptors:
            undo.callback(os.close, descriptor)
        transport = Transport(connection, _hello(data, len(descriptors), path), descriptors)
        connection.setblocking(False)
        undo.pop_all()
        return transport


def _hello(data: bytes, descriptors: int, path: str | Path) -> dict[str, int]:
    if not data:
        raise CardGone(f"the card at {path} closed the connection")
    try:
        hello = json.loads(data)
        if "error" in hello:
            raise CardBusy(f"the card at {path}: {hello['error']}")
        version = hello["version"]
        fields = {name: int(hello[name]) for name in ("bar_bytes", "dma_bytes", "dma_bus")}
    except (ValueError, KeyError, TypeError) as error:
        raise CardMismatch(f"the card at {path} sent no valid handshake: {data[:80]!r}") from error
    if version != mailbox.HANDSHAKE_VERSION or descriptors != _DESCRIPTORS:
        raise CardMismatch(
            f"the card at {path} must speak version {mailbox.HANDSHAKE_VERSION} with "
            f"{_DESCRIPTORS} descriptors, not version {version} with {descriptors}"
        )
    return fields
