"""The rings between host and card, over the card's registers."""

from typing import TypeVar

from tickgate.card import registers as reg
from tickgate.card.base import CardBase
from tickgate.card.errors import CardError
from tickgate.card.protocols import Transport
from tickgate.card.regmap import Register
from tickgate.card.rings import OrderRing, RecordRing, widen
from tickgate.records.schema import SLOT_BYTES

__all__ = ["RingDriver"]

MIN_LOG2, MAX_LOG2 = 4, 16
"""Smallest and largest ring, as powers of two of slots."""

_ENABLED = reg.RING_ENABLE.pack(order=1, event=1, market=1)
_RINGS = (
    (reg.ORDER_RING_BASE_LOW, reg.ORDER_RING_BASE_HIGH, reg.ORDER_RING_SIZE),
    (reg.EVENT_RING_BASE_LOW, reg.EVENT_RING_BASE_HIGH, reg.EVENT_RING_SIZE),
    (reg.MARKET_RING_BASE_LOW, reg.MARKET_RING_BASE_HIGH, reg.MARKET_RING_SIZE),
)
_MESSAGES = (reg.MESSAGE_RING_BASE_LOW, reg.MESSAGE_RING_BASE_HIGH, reg.MESSAGE_RING_SIZE)
_Ring = TypeVar("_Ring")


class RingDriver(CardBase):
    """Order requests out, events and market data in; on demand, depth and every message."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._orders: OrderRing | None = None
        self._events: RecordRing | None = None
        self._market: RecordRing | None = None
        self._messages: RecordRing | None = None

    def setup_rings(self, order_log2: int, event_log2: int, market_log2: int) -> None:
        """Disarm the gate and start three empty rings of ``2**log2`` slots each.

        Raises ValueError for a size that the card cannot have, or that the DMA memory cannot hold.
        """
        sizes = (order_log2, event_log2, market_log2)
        if not all(MIN_LOG2 <= log2 <= MAX_LOG2 for log2 in sizes):
            raise ValueError(f"a ring has 2**{MIN_LOG2} to 2**{MAX_LOG2} slots, not 2**{sizes}")
        needed = sum(SLOT_BYTES << log2 for log2 in sizes)
        buffer = self.transport.dma.buffer
        if needed > len(buffer):
            raise ValueError(f"rings of {needed} bytes do not fit the DMA memory of {len(buffer)}")
        self.disarm()
        self.registers.write_checked(reg.RING_ENABLE, 0)
        memories, start = [], 0
        for log2, (low, high, size) in zip(sizes, _RINGS, strict=True):
            memory = self._place(start, log2, low, high, size)
            memories.append(memory)
            start += len(memory)
        for count in (reg.ORDER_RING_TAIL, reg.EVENT_RING_HEAD, reg.MARKET_RING_HEAD):
            self.registers.write_checked(count, 0)
        self.registers.write_checked(reg.RING_ENABLE, _ENABLED)
        self._orders = OrderRing(memories[0])
        self._events = RecordRing(memories[1])
        self._market = RecordRing(memories[2])
        self._messages = None

    def _place(
        self, start: int, log2: int, low: Register, high: Register, size: Register
    ) -> memoryview:
        """Give a ring its memory, emptied: no slot of an earlier ring may look new."""
        memory = self.transport.dma.buffer[start : start + (SLOT_BYTES << log2)]
        memory[:] = bytes(len(memory))
        address = self.transport.dma.bus_address + start
        self.registers.write(low, address & 0xFFFF_FFFF)
        self.registers.write(high, address >> 32)
        self.registers.write_checked(size, log2)
        return memory

    def enable_messages(self, log2: int) -> None:
        """Start an empty message ring of ``2**log2`` slots, behind the other rings.

        Raises ValueError as `setup_rings` does, CardError when the other rings are not set up.
        """
        if not MIN_LOG2 <= log2 <= MAX_LOG2:
            raise ValueError(f"a ring has 2**{MIN_LOG2} to 2**{MAX_LOG2} slots, not 2**{log2}")
        start = max(self._span(*ring)[1] for ring in _RINGS)
        buffer = self.transport.dma.buffer
        if start + (SLOT_BYTES << log2) > len(buffer):
            raise ValueError(
                f"a message ring of {SLOT_BYTES << log2} bytes does not fit behind the {start} "
                f"bytes of rings in the DMA memory of {len(buffer)}"
            )
        self._switch(message=0)
        self.registers.read(reg.MESSAGE_RING_TAIL)  # a slot that was under way has landed by then
        memory = self._place(start, log2, *_MESSAGES)
        self.registers.write_checked(reg.MESSAGE_RING_HEAD, 0)
        self._switch(message=1)
        self._messages = RecordRing(memory)

    def disable_messages(self) -> None:
        """Stop the message ring: no message is taken, and none counted as left out."""
        self._switch(message=0)
        self._messages = None

    def set_depth(self, on: bool) -> None:
        """Have the market-data ring carry the best price levels with each top of book, or not."""
        self._switch(depth=int(on))

    def _switch(self, **bits: int) -> None:
        """Set these bits of ``ring_enable`` and leave the others."""
        wanted = {**self.registers.fields(reg.RING_ENABLE), **bits}
        self.registers.write_checked(reg.RING_ENABLE, reg.RING_ENABLE.pack(**wanted))

    def attach_rings(self, events_seen: int = 0) -> None:
        """Go on with the rings of the host before this one.

        ``events_seen`` is the ring_sequence of the last event that is known to be dealt with
        (journalled): the card may show more of them as new, since a host gives slots back in
        groups. Requests whose doorbell was not rung are lost; `last_token` tells which the gate has
        seen. What the message ring holds is passed over. Raises CardError when no rings are set
        up.
        """
        enabled = self.registers.read(reg.RING_ENABLE)
        if enabled & _ENABLED != _ENABLED:
            raise CardError("the card's rings are not set up; use setup_rings")
        orders, events, market = (self._mapped(*ring) for ring in _RINGS)
        tail = widen(orders, self.registers.read(reg.ORDER_RING_TAIL))
        self._orders = OrderRing(orders, tail, tail)
        self._orders.taken(self.registers.read(reg.ORDER_RING_HEAD))
        self._events = RecordRing(events, widen(events, self.registers.read(reg.EVENT_RING_HEAD)))
        self._events.skip_to(events_seen)
        self._market = RecordRing(market, widen(market, self.registers.read(reg.MARKET_RING_HEAD)))
        self._messages = None
        if reg.RING_ENABLE.unpack(enabled)["message"]:
            self.enable_messages(self.registers.read(reg.MESSAGE_RING_SIZE))

    def _mapped(self, low: Register, high: Register, size: Register) -> memoryview:
        start, end = self._span(low, high, size)
        return self.transport.dma.buffer[start:end]

    def _span(self, low: Register, high: Register, size: Register) -> tuple[int, int]:
        """Where a ring lies in the DMA memory. Raises CardError when it does not lie there."""
        dma = self.transport.dma
        start = self.registers.read(low) + (self.registers.read(high) << 32) - dma.bus_address
        end = start + (SLOT_BYTES << self.registers.read(size))
        if not 0 <= start < end <= len(dma.buffer):
            raise CardError(f"the card's {low.name} points outside the DMA memory")
        return start, end

    def submit(self, record_body: bytes) -> bool:
        """Write an OrderRequest body to the order ring; False when the ring is full.

        The card sees it with the next `ring_doorbell`, so that one doorbell can announce several.
        """
        ring = self._ready(self._orders)
        if ring.full:
            ring.taken(self.registers.read(reg.ORDER_RING_HEAD))
            if ring.full:
                return False
        ring.put(record_body)
        return True

    def ring_doorbell(self) -> None:
        """Tell the card of all requests submitted so far."""
        self.registers.write(reg.ORDER_RING_TAIL, self._ready(self._orders).tail & 0xFFFF_FFFF)

    def poll_events(self, limit: int) -> list[bytes]:
        """Return up to ``limit`` new slots of the events ring, each once, in order."""
        slots = self._ready(self._events).poll(limit)
        if not slots:
            self.transport.check()
        return slots

    def consume_events(self, n: int) -> None:
        """Give back the oldest ``n`` events polled. The card hears of it in groups, or when
        idle."""
        ring = self._ready(self._events)
        ring.consume(n)
        if ring.report_due:
            self._report(ring, reg.EVENT_RING_HEAD)

    def poll_market(self, limit: int) -> list[bytes]:
        """Return up to ``limit`` new slots of the market-data ring; they are given back at once."""
        return self._drain(self._ready(self._market), reg.MARKET_RING_HEAD, limit)

    def poll_messages(self, limit: int) -> list[bytes]:
        """Return up to ``limit`` new slots of the message ring; none while it is not enabled.

        They are given back at once. ``message_dropped`` counts what was left out.
        """
        if self._messages is None:
            return []
        return self._drain(self._messages, reg.MESSAGE_RING_HEAD, limit)

    def _drain(self, ring: RecordRing, head: Register, limit: int) -> list[bytes]:
        slots = ring.poll(limit)
        ring.consume(len(slots))
        if ring.report_due:
            self._report(ring, head)
        return slots

    def arm_interrupts(self) -> None:
        """Report what was consumed and arm both vectors; do this before waiting on ``irqs``.

        A vector fires at once when its ring holds slots that were not given back.
        """
        self._report(self._ready(self._events), reg.EVENT_RING_HEAD)
        self._report(self._ready(self._market), reg.MARKET_RING_HEAD)
        if self._messages is not None:
            self._report(self._messages, reg.MESSAGE_RING_HEAD)

    def _report(self, ring: RecordRing, head: Register) -> None:
        self.registers.write(head, ring.consumed & 0xFFFF_FFFF)
        ring.reported = ring.consumed

    @staticmethod
    def _ready(ring: _Ring | None) -> _Ring:
        if ring is None:
            raise CardError("the rings are not set up; use setup_rings or attach_rings")
        return ring
