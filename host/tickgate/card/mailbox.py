"""Layout of the BAR mailbox: how register accesses reach the simulated card.

A BAR is not plain memory: each write is an event, and a read may have effects. So writes and reads
go, in their order, through a ring in shared memory with one producer (the host) and one consumer
(the card). All words are 32-bit little-endian. The ring's counts run free (modulo 2**32); entry
``n`` is in slot ``n % SLOTS``. The card answers a read of entry ``n`` by storing the value in that
entry, then ``n + 1`` in RESPONSE_COUNT; so many reads can be under way at once. A host that
attaches later goes on from PRODUCED.

The host stores an entry before PRODUCED and relies on the processor keeping stores in order
(x86-64). While SLEEPING is not 0 the host also writes the wake eventfd; a wake that is lost to a
race costs at most ``SLEEP_LIMIT_MS``, as the card never sleeps longer than that.
"""

MAGIC = 0x42_4D_47_54
"""'TGMB' at MAGIC_AT."""
VERSION = 2
SLOTS = 1024
"""Entries of the ring, a power of two."""
SLOT_BYTES = 16

MAGIC_AT = 0x00
VERSION_AT = 0x04
PRODUCED_AT = 0x40
"""Entries written by the host."""
CONSUMED_AT = 0x80
"""Entries taken by the card."""
SLEEPING_AT = 0x84
"""1 while the card sleeps."""
RESPONSE_COUNT_AT = 0xC0
RING_AT = 0x100

OPERATION_AT, OFFSET_AT, VALUE_AT = 0, 4, 8
"""In an entry: what to do, the register's offset in the BAR, the value to write or that was
read."""
WRITE, READ = 1, 2

BYTES = RING_AT + SLOTS * SLOT_BYTES
SLEEP_LIMIT_MS = 1

HANDSHAKE_VERSION = 1
"""``version`` of the JSON that the card sends first, with five descriptors: DMA memory, this
mailbox, the wake eventfd (host to card), and the eventfds of interrupt vectors 0 and 1."""


def c_constants() -> dict[str, int]:
    """Name and value of what the C++ side must agree with; its header is made from this."""
    return {
        f"MAILBOX_{name}": value
        for name, value in globals().items()
        if name.isupper() and isinstance(value, int)
    }
