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
_Ring = TypeVar("_Ring")


class RingDriver(CardBase):
    """Order requests out, events and market data in."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._orders: OrderRing | None = None
        self._events: RecordRing | None = None
        self._market: RecordRing | None = None

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
            memory = buffer[start : start + (SLOT_BYTES << log2)]
            memory[:] = bytes(len(memory))  # no slot of an earlier ring may look new
            address = self.transport.dma.bus_address + start
            self.registers.write(low, address & 0xFFFF_FFFF)
            self.registers.write(high, address >> 32)
            self.registers.write_checked(size, log2)
            memories.append(memory)
            start += len(memory)
        for count in (reg.ORDER_RING_TAIL, reg.EVENT_RING_HEAD, reg.MARKET_RING_HEAD):
            self.registers.write_checked(count, 0)
        self.registers.write_checked(reg.RING_ENABLE, _ENABLED)
        self._orders = OrderRing(memories[0])
        self._events = RecordRing(memories[1])
        self._market = RecordRing(memories[2])

    def attach_rings(self, events_seen: int = 0) -> None:
        """Go on with the rings of the host before this one.

        ``events_seen`` is the ring_sequence of the last event that is known to be dealt with
        (journalled): the card may show more of them as new, since a host gives slots back in
        groups. Requests whose doorbell was not rung are lost; `last_token` tells which the gate has
        seen. Raises CardError when no rings are set up.
        """
        if self.registers.read(reg.RING_ENABLE) != _ENABLED:
            raise CardError("the card's rings are not set up; use setup_rings")
        orders, events, market = (self._mapped(*ring) for ring in _RINGS)
        tail = widen(orders, self.registers.read(reg.ORDER_RING_TAIL))
        self._orders = OrderRing(orders, tail, tail)
        self._orders.taken(self.registers.read(reg.ORDER_RING_HEAD))
        self._events = RecordRing(events, widen(events, self.registers.read(reg.EVENT_RING_HEAD)))
        self._events.skip_to(events_seen)
        self._market = RecordRing(market, widen(market, self.registers.read(reg.MARKET_RING_HEAD)))

    def _mapped(self, low: Register, high: Register, size: Register) -> memoryview:
        dma = self.transport.dma
        start = self.registers.read(low) + (self.registers.read(high) << 32) - dma.bus_address
        end = start + (SLOT_BYTES << self.registers.read(size))
        if not 0 <= start < end <= len(dma.buffer):
            raise CardError(f"the card's {low.name} points outside the DMA memory")
        return dma.buffer[start:end]

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
        ring = self._ready(self._market)
        slots = ring.poll(limit)
        ring.consume(len(slots))
        if ring.report_due:
            self._report(ring, reg.MARKET_RING_HEAD)
        return slots

    def arm_interrupts(self) -> None:
        """Report what was consumed and arm both vectors; do this before waiting on ``irqs``.

        A vector fires at once when its ring holds slots that were not given back.
        """
        self._report(self._ready(self._events), reg.EVENT_RING_HEAD)
        self._report(self._ready(self._market), reg.MARKET_RING_HEAD)

    def _report(self, ring: RecordRing, head: Register) -> None:
        self.registers.write(head, ring.consumed & 0xFFFF_FFFF)
        ring.reported = ring.consumed

    @staticmethod
    def _ready(ring: _Ring | None) -> _Ring:
        if ring is None:
            raise CardError("the rings are not set up; use setup_rings or attach_rings")
        return ring
