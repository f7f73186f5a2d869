"""Drives order entry in cocotb: byte stream, gate, events ring, host registers."""

import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from tickgate.protocols.soupbintcp import LoginAccepted, PacketReader
from tickgate.records.codec import pack, slot, unpack
from tickgate.records.schema import BY_TEMPLATE, ORDER_REQUEST
from tickgate_hdl.lib.layouts import ByteBeat, RecordBody
from tickgate_hdl.risk.layouts import PassedOrder, VenueUpdate

from tickgate_sim.bfm.stream import StreamSink, StreamSource, randomly
from tickgate_sim.models.entry import Session, Venue
from tickgate_sim.models.gate import Update

__all__ = ["EntryDriver", "beats"]


def beats(data, rng=None):
    """Return payloads of ByteBeats that carry ``data``, in pieces of 8 or of random sizes."""
    result, at = [], 0
    while at < len(data):
        size = 8 if rng is None else rng.randint(1, 8)
        piece = data[at:at + size]
        at += size
        result.append(ByteBeat.const({
            "data": int.from_bytes(piece, "little"), "keep": (1 << len(piece)) - 1,
            "last": rng.random() < 0.5 if rng else 1}).as_bits())
    return result


def _record(bits):
    body = RecordBody.from_bits(bits)
    record = unpack(slot(BY_TEMPLATE[body.template], body.body.to_bytes(48, "little"), 1))[1]
    if body.template == 12:
        return Session(record.kind, record.sequence, record.code, record.session)
    return Venue(**{name: getattr(record, name) for name in Venue._fields})


def _update(bits):
    update = VenueUpdate.from_bits(bits)
    return Update(chr(update.message_type), update.user_ref_num, update.quantity,
                  update.orig_user_ref_num, update.match_number, bool(update.dead), update.price)


class EntryDriver:
    """Entry with its neighbours. ``seed`` makes all of them pause at random."""

    def __init__(self, dut, seed=None):
        self.dut = dut
        self.rng = random.Random(seed)

        def pause(share, offset):
            return None if seed is None else randomly(share, seed + offset)

        self.passed = StreamSource(dut, "passed")
        self.rx = StreamSource(dut, "rx", pause=pause(0.3, 1))
        self.tx = StreamSink(dut, "tx", pause=pause(0.4, 2))
        self.venue = StreamSink(dut, "venue", pause=pause(0.7, 3))
        self.events = StreamSink(dut, "events", pause=pause(0.5, 4))
        self.reader = PacketReader()
        self.strobes = []
        self.split = seed is not None

    async def start(self, *, link=True):
        """Start clock, reset, connect."""
        dut = self.dut
        for name in ("link_up", "ms_tick", "soup_control__login", "soup_control__logout",
                     "time_ns", "mass_cancel"):
            getattr(dut, name).value = 0
        dut.soup_control__connect.value = 1
        self.set_texts("USER01", "SECRET", "")
        self.set_mass_cancel("ALFA", "")
        dut.soup_sequence__value.value = 1
        cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
        dut.rst.value = 1
        await ClockCycles(dut.clk, 3)
        dut.rst.value = 0
        await ClockCycles(dut.clk, 2)
        cocotb.start_soon(self._watch())
        if link:
            await self.link(True)

    async def _watch(self):
        dut = self.dut
        while True:
            await RisingEdge(dut.clk)
            if dut.sent.value:
                self.strobes.append("sent")
            if dut.unsent.value:
                self.strobes.append("unsent")
            for name in ("mass_cancel_taken", "mass_cancel_sent", "mass_cancel_cut"):
                if getattr(dut, name).value:
                    self.strobes.append(name)
            if dut.mass_cancel_taken.value:
                dut.mass_cancel.value = 0

    def set_texts(self, username, password, session):
        """Write the registers of the log-in."""
        for name, text, width, count in (
                ("username", username, 6, 2), ("password", password, 10, 3),
                ("session", session, 10, 3)):
            raw = (text.rjust if name == "session" else text.ljust)(width).encode()
            for index in range(count):
                word = int.from_bytes(raw[4 * index:4 * index + 4], "little")
                getattr(self.dut, f"soup_{name}_{index}__value").value = word

    def set_mass_cancel(self, firm, symbol):
        """Write the registers of the mass cancel."""
        raw = firm.ljust(4).encode() + symbol.ljust(8).encode()
        for at, name in enumerate(("firm", "symbol_low", "symbol_high")):
            word = int.from_bytes(raw[4 * at:4 * at + 4], "little")
            getattr(self.dut, f"mass_cancel_{name}__value").value = word

    def cancel_all(self, token):
        """Offer a mass cancel as the gate does, until it is taken."""
        self.dut.mass_cancel_token.value = token
        self.dut.mass_cancel.value = 1

    async def link(self, up):
        """Connect or drop the byte stream."""
        self.dut.link_up.value = up
        if not up:
            self.rx.clear()
            self.reader = PacketReader()
        await ClockCycles(self.dut.clk, 4)

    async def strobe(self, name):
        """Write a command."""
        handle = getattr(self.dut, name)
        handle.value = 1
        await RisingEdge(self.dut.clk)
        handle.value = 0
        await RisingEdge(self.dut.clk)

    async def ticks(self, count):
        """Let milliseconds pass, one every two cycles."""
        for _ in range(count):
            await self.strobe("ms_tick")

    async def receive(self, data):
        """Bytes from the venue, in pieces, and until everything that they do is done."""
        self.rx.send_nowait(*beats(data, self.rng if self.split else None))
        await self.rx.wait()
        await self.settle()

    async def settle(self):
        """Wait until nothing more comes out."""
        before = None
        while before != (before := (self.venue.count(), self.events.count(), self.tx.count())):
            await ClockCycles(self.dut.clk, 150)

    def packets(self):
        """Packets that were sent since the last call."""
        data = b""
        for bits in self.tx.recv_all():
            beat = ByteBeat.from_bits(bits)
            count = beat.keep.bit_count()
            assert beat.keep == (1 << count) - 1, "keep must be contiguous"
            data += beat.data.to_bytes(8, "little")[:count]
        return self.reader.feed(data)

    def records(self):
        """Records for the host since the last call."""
        return [_record(bits) for bits in self.events.recv_all()]

    def updates(self):
        """Updates for the gate since the last call."""
        return [_update(bits) for bits in self.venue.recv_all()]

    def offer(self, request, symbol_name):
        """Offer a passed order."""
        body = int.from_bytes(pack(ORDER_REQUEST, **request._asdict()), "little")
        self.passed.send_nowait(PassedOrder.const({
            "record": {"template": ORDER_REQUEST.template, "body": body},
            "symbol_name": int.from_bytes(symbol_name.ljust(8).encode(), "little")}).as_bits())

    async def log_in(self, sequence=1, session="S1"):
        """Send a log-in and have it accepted. Returns the request that was sent."""
        await self.strobe("soup_control__login")
        await self.settle()
        request, = self.packets()
        await self.receive(LoginAccepted(session=session, sequence_number=sequence).encode())
        return request
