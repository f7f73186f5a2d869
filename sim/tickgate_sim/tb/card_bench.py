"""The whole card in cocotb: a host on its bus, a feed on its wire, a venue on its byte stream."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from tickgate.card import registers as reg
from tickgate.card.limits import image_addresses, image_crc
from tickgate.protocols.ouch50 import outbound
from tickgate.protocols.soupbintcp import LoginAccepted, PacketReader, SequencedData
from tickgate.records import codec
from tickgate.records.messages import OrderRequest
from tickgate.risk.checks import failed
from tickgate.risk.image import (
    ACCOUNT,
    CLEARING_FIRM,
    ENTITLED,
    FIRM,
    GROUP,
    POSITION,
    SESSION,
    SESSIONS,
    STRATEGY,
    SYMBOL,
)
from tickgate_hdl.lib.layouts import ByteBeat
from tickgate_hdl.top.verilog import SMALL

from tickgate_sim.bfm import StreamSink, StreamSource
from tickgate_sim.tb.card_bus import CardBus
from tickgate_sim.traffic import frames, itch

__all__ = ["CardBench", "check_names", "order"]

# Rings are not aligned to a page on purpose: slots lie on both sides of 4 KiB borders.
_ORDERS, _EVENTS, _MARKET = 0x0FC0, 0x8FC0, 0x1_8FC0
ORDER_LOG2, EVENT_LOG2, MARKET_LOG2 = 4, 7, 4
BID, ASK = 1_000_000, 1_000_100
NOW_NS = 1_700_000_000_000_000_000


def order(token, *, symbol=0, quantity=100, price=ASK, side="B", action="O", account=0, **more):
    """An order that passes the gate of a bench that is ready to trade."""
    fields = {"time_in_force": "0", "display": "Y", "capacity": "A", "intermarket_sweep": "N",
              "cross_type": "N", "clordid": f"T{token}"}
    return OrderRequest(user_ref_num=token, symbol=symbol, quantity=quantity, price=price,
                        side=side, action=action, account=account, **(fields | more))


def check_names(decision):
    """Names of the checks that failed, in order of priority."""
    return [check.name for check in failed(decision.checks)]


class Ring:
    """The host's end of a ring that the card writes."""

    def __init__(self, bus, offset, log2, head):
        self.bus, self.offset, self.log2, self.head_register = bus, offset, log2, head
        self.head = 0

    def peek(self):
        """Records that wait, oldest first."""
        records, at = [], self.head
        while at - self.head < 1 << self.log2:
            start = self.offset + at % (1 << self.log2) * 64
            slot = bytes(self.bus.memory[start:start + 64])
            if codec.ring_sequence(slot) != at + 1:
                break
            records.append(codec.unpack(slot)[1])
            at += 1
        return records

    async def take(self, limit=None):
        """Return the records that wait, at most ``limit``, and tell the card."""
        records = self.peek()[:limit]
        self.head += len(records)
        await self.bus.write(self.head_register, self.head)
        return records


class CardBench:
    """A card with everything around it. ``start`` brings it up to enabled rings."""

    def __init__(self, dut):
        self.dut = dut
        dut.rst.value = 1
        for name in ("oe_link_up", "ms_tick"):
            getattr(dut, name).value = 0
        dut.time_ns.value = NOW_NS
        cocotb.start_soon(Clock(dut.clk, 4, unit="ns").start())
        self.net = StreamSource(dut, "net_rx_a")
        self.net_b = StreamSource(dut, "net_rx_b")
        self.rx = StreamSource(dut, "oe_rx")
        self.tx = StreamSink(dut, "oe_tx")
        self.bus = CardBus(dut)
        self.read, self.write = self.bus.read, self.bus.write
        self.packets = PacketReader()
        self.mold_next, self.soup_next, self.generation = 1, 1, 0
        self._new_rings()

    def _new_rings(self):
        self.bus.memory[:] = bytes(len(self.bus.memory))
        self.tail = 0
        self.events = Ring(self.bus, _EVENTS, EVENT_LOG2, reg.EVENT_RING_HEAD)
        self.market = Ring(self.bus, _MARKET, MARKET_LOG2, reg.MARKET_RING_HEAD)

    async def cycles(self, count):
        await ClockCycles(self.dut.clk, count)

    async def reset(self):
        """Reset the card; the bus and the host's memory stay."""
        self.dut.rst.value = 1
        self.dut.oe_link_up.value = 0
        await self.cycles(10)
        self.dut.rst.value = 0
        self.tx.clear()
        self.packets = PacketReader()
        self.mold_next, self.soup_next = 1, 1

    async def start(self):
        await self.reset()
        await self.bus.enumerate()
        await self.wait_ready()
        await self.enable_rings()

    async def wait_ready(self):
        while not await self.read(reg.STATUS) & 1:
            await self.cycles(20)

    async def flush(self):
        """Wait until the card has taken every write: a read does not overtake them."""
        await self.read(reg.MAGIC)

    async def enable_rings(self):
        """Start all rings from slot 0."""
        self._new_rings()
        await self.write(reg.RING_ENABLE, 0)
        places = {"order": (_ORDERS, ORDER_LOG2), "event": (_EVENTS, EVENT_LOG2),
                  "market": (_MARKET, MARKET_LOG2)}
        for name, (offset, log2) in places.items():
            address = self.bus.base + offset
            await self.write(reg.BY_NAME[f"{name}_ring_base_low"], address & 0xFFFF_FFFF)
            await self.write(reg.BY_NAME[f"{name}_ring_base_high"], address >> 32)
            await self.write(reg.BY_NAME[f"{name}_ring_size"], log2)
        for register in (reg.ORDER_RING_TAIL, reg.EVENT_RING_HEAD, reg.MARKET_RING_HEAD):
            await self.write(register, 0)
        await self.write(reg.RING_ENABLE, reg.RING_ENABLE.pack(order=1, event=1, market=1))

    def put_order(self, request):
        """Write a slot of the order ring."""
        start = _ORDERS + self.tail % (1 << ORDER_LOG2) * 64
        self.tail += 1
        self.bus.memory[start:start + 64] = codec.to_slot(request, self.tail)

    async def submit(self, *requests):
        """Write orders and ring the doorbell once."""
        for request in requests:
            self.put_order(request)
        await self.write(reg.ORDER_RING_TAIL, self.tail)

    async def wait_events(self, count):
        """Take events until there are ``count``; fails when none comes for long."""
        records, idle = [], 0
        while len(records) < count:
            new = await self.events.take()
            records += new
            idle = 0 if new else idle + 1
            assert idle < 200, f"{len(records)} of {count} events: {records}"
            await self.cycles(10)
        return records

    async def load_symbols(self, *names):
        for index, name in enumerate(names):
            text = name.encode().ljust(8)
            await self.write(reg.SYMBOL_ADDRESS, index)
            await self.write(reg.SYMBOL_NAME_LOW, int.from_bytes(text[:4], "little"))
            await self.write(reg.SYMBOL_NAME_HIGH, int.from_bytes(text[4:], "little"))
            await self.write(reg.SYMBOL_STORE, reg.SYMBOL_STORE.pack(store=1))

    async def upload_limits(self, *, spoil=False):
        """Load limits that let everything reasonable pass; return ``limit_status``."""
        much = (0xFFFF_FFFF, 0xFF)
        image = {table.address(0, n): word for table in (FIRM, GROUP, CLEARING_FIRM)
                 for n, word in enumerate((1, 0, *much, *much))}
        for account in range(SMALL.accounts):
            # Enabled, quantity, value, rate, burst, permissions, orders, six totals,
            # group, clearing firm, duplicates, cancels, rejects.
            row = (1, 10_000, *much, 60_000, 1000, 0x1FF, 10_000, *much * 6, 0, 0, 0, 60_000, 1000,
                   10_000)
            image |= {ACCOUNT.address(account, n): word for n, word in enumerate(row)}
            for symbol in range(SMALL.symbols):
                place = account * SMALL.symbols + symbol
                row = (100_000, 100_000, ENTITLED, 100_000)
                image |= {POSITION.address(place, n): word for n, word in enumerate(row)}
        for symbol in range(SMALL.symbols):
            row = (1, 50_000, *[0] * 5, 0b111, 60_000, 1000)
            image |= {SYMBOL.address(symbol, n): word for n, word in enumerate(row)}
        for session in range(SESSIONS):
            image |= {SESSION.address(session, n): word
                      for n, word in enumerate((1, 60_000, 1000))}
        image |= {STRATEGY.address(0, n): word for n, word in enumerate((1, 10_000))}
        for table in image_addresses(SMALL.table_sizes):
            await self.write(reg.LIMIT_ADDRESS, table[0])
            for address in table:
                await self.write(reg.LIMIT_DATA, image.get(address, 0))
        crc = image_crc(image, SMALL.table_sizes)
        self.generation += 1
        await self.write(reg.LIMIT_CRC, crc ^ spoil)
        await self.write(reg.LIMIT_GENERATION, self.generation)
        await self.write(reg.LIMIT_COMMIT, 1)
        while (status := await self.read(reg.LIMIT_STATUS)) & 1:
            await self.cycles(20)
        return reg.LIMIT_STATUS.unpack(status)

    async def send_frame(self, *messages, error=False):
        """One MoldUDP64 packet with these ITCH messages, in one frame."""
        packet = frames.mold_packet(self.mold_next, messages)
        self.mold_next += len(messages)
        await self.net.send(*frames.beats(frames.datagram(packet), error=error))

    async def make_market(self, *names):
        """Give each symbol a trading state, a bid and an ask."""
        await self.write(reg.FEED_GROUP, frames.GROUP)
        await self.write(reg.FEED_PORT, frames.PORT)
        await self.flush()
        await self.send_frame(itch.event(b"Q"))  # regular market hours
        for number, name in enumerate(names):
            stock = name.encode().ljust(8)
            await self.send_frame(
                itch.directory(number + 1, stock), itch.status(number + 1, stock, b"T"),
                itch.add(number + 1, stock, 2 * number + 1, b"B", 500, BID),
                itch.add(number + 1, stock, 2 * number + 2, b"S", 700, ASK))

    async def from_venue(self, data):
        """Bytes of the venue's side of the stream."""
        for at in range(0, len(data), 8):
            piece = data[at:at + 8]
            await self.rx.send(ByteBeat.const({
                "data": int.from_bytes(piece, "little"), "keep": (1 << len(piece)) - 1, "last": 0,
            }).as_bits())

    async def from_venue_ouch(self, message):
        self.soup_next += 1
        await self.from_venue(SequencedData(payload=message.encode()).encode())

    async def accept(self, request, reference=1):
        """Tell that the venue took an order."""
        await self.from_venue_ouch(outbound.OrderAccepted(
            timestamp=1, user_ref_num=request.user_ref_num, side=request.side,
            quantity=request.quantity, symbol="AAPL", price=request.price, time_in_force="0",
            display="Y", order_reference_number=reference, capacity="A",
            intermarket_sweep_eligibility="N", cross_type="N", order_state="L", clordid=""))

    def to_venue(self):
        """Packets that the card has sent since the last call."""
        data = b""
        for bits in self.tx.recv_all():
            beat = ByteBeat.from_bits(bits)
            data += beat.data.to_bytes(8, "little")[:beat.keep.bit_count()]
        return self.packets.feed(data)

    async def wait_sent(self, count):
        """Packets to the venue, ``count`` of them."""
        packets = []
        for _ in range(200):
            packets += self.to_venue()
            if len(packets) >= count:
                break
            await self.cycles(20)
        assert len(packets) == count, packets
        return packets

    async def log_in(self):
        """Connect the byte stream and log in; returns the packet that asked for it."""
        await self.write(reg.SOUP_CONTROL, reg.SOUP_CONTROL.pack(connect=1))
        await self.flush()
        assert self.dut.oe_connect.value == 1
        self.dut.oe_link_up.value = 1
        await self.write(reg.SOUP_CONTROL, reg.SOUP_CONTROL.pack(connect=1, login=1))
        [request] = await self.wait_sent(1)
        await self.from_venue(LoginAccepted(session="S1", sequence_number=1).encode())
        return request

    async def arm(self):
        await self.write(reg.WATCHDOG_TIMEOUT, 1000)
        await self.write(reg.WATCHDOG_TOUCH, 1)
        await self.write(reg.LIMIT_LEASE, 1000)
        await self.write(reg.LIMIT_RENEW, self.generation)
        await self.write(reg.CONTROL, reg.CONTROL.pack(arm=1))

    async def ready_to_trade(self, *names):
        """From reset to an armed gate with a market; events up to then are taken."""
        names = names or ("AAPL",)
        await self.load_symbols(*names)
        await self.make_market(*names)
        assert (await self.upload_limits())["committed"]
        await self.log_in()
        await self.arm()
        await self.settle()
        await self.events.take()
        await self.market.take()
        status = reg.STATUS.unpack(await self.read(reg.STATUS))
        assert {name for name, on in status.items() if not on} == {
            "kill_any", "mass_cancel_on", "mass_cancel_due"}, status

    async def settle(self):
        """Wait until the card says that nothing is under way."""
        await self.flush()
        for _ in range(20000):
            await RisingEdge(self.dut.clk)
            if not self.dut.busy.value and self.net.idle() and self.rx.idle():
                await self.cycles(200)  # the bus has its own latency
                if not self.dut.busy.value:
                    return
        raise AssertionError("the card never rests")
