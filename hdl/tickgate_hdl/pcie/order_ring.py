"""The order ring: slots that the host wrote, read by DMA, in order."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from tickgate.records.schema import (
    BLOCK_BYTES,
    ORDER_REQUEST,
    SCHEMA_ID,
    SCHEMA_VERSION,
    SLOT_BYTES,
)

from tickgate_hdl.lib.layouts import RecordBody
from tickgate_hdl.pcie.completions import Completions
from tickgate_hdl.pcie.layouts import RC_TUSER, AxiStream, ReadRequest

__all__ = ["OrderRing"]

_SLOT = StructLayout({
    "block_bytes": 16, "template": 16, "schema": 16, "version": 16,
    "body": 384, "sequence": 64,
})


class OrderRing(wiring.Component):
    """Read each slot that the host announces and hand on its record, in the ring's order.

    Up to ``TAGS`` reads are under way; slot ``n`` has tag ``n mod TAGS``, completions may come in
    any order and in parts. A read that fails (error completion, poisoned data, or no answer within
    ``timeout`` cycles while it is next in line) is counted and sent again after ``pause`` cycles,
    for as long as the ring is enabled: no order is skipped. A slot whose header is no
    ``OrderRequest``, or whose sequence is not ``n + 1``, is counted and passed over.

    ``tail`` is the host's, ``head`` counts the slots taken; a ``tail`` more than the ring's size
    ahead is not believed, and nothing is read. The step of ``enable`` from 0 to 1 sets ``head``
    to 0; answers to reads from before it are awaited and thrown away. ``tail`` must be 0 then.

    Parameters
    ----------
    timeout, pause : int
        Cycles, see above. By default 54 ms (the PCIe default) and 1.6 us at 156.25 MHz.

    Members
    -------
    enable, base, log2, tail : In
        Registers; ``log2`` outside 4 to 16 is as if not enabled.
    head : Out(32)
        Slots taken.
    o : Out(stream of ``RecordBody``)
        Records.
    request : Out(stream of ``ReadRequest``), rc : ``AxiStream``
        Reads and their completions.
    malformed, failed : Out(1)
        Strobes: a slot was passed over; a read or a completion went wrong.
    pending : Out(1)
        Reads are under way or slots wait to be handed on.
    """

    TAGS = 8

    def __init__(self, *, timeout=1 << 23, pause=256):
        self._timeout, self._pause = timeout, pause
        super().__init__({
            "enable": In(1), "base": In(64), "log2": In(5), "tail": In(32), "head": Out(32),
            "o": Out(stream.Signature(RecordBody)),
            "request": Out(stream.Signature(ReadRequest)), "rc": In(AxiStream(RC_TUSER)),
            "malformed": Out(1), "failed": Out(1), "pending": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        tags, bits = self.TAGS, (self.TAGS - 1).bit_length()
        m.submodules.completions = completions = Completions(tags)
        m.submodules.slots = slots = Memory(
            shape=unsigned(8 * SLOT_BYTES), depth=tags, init=[])
        store, load = slots.write_port(granularity=32), slots.read_port()
        wiring.connect(m, wiring.flipped(self.rc), completions.rc)

        # Where each read stands. ``asked`` until its last completion, then ``done`` or ``bad``;
        # what was asked before the ring was enabled anew is ``stale``.
        asked, done, bad, stale = (Signal(tags, name=n) for n in ("asked", "done", "bad", "stale"))
        m.d.comb += [
            store.addr.eq(completions.tag),
            store.data.eq(completions.data),
            store.en.eq(
                Mux(asked.bit_select(completions.tag, 1), completions.enables, 0)),
        ]
        ended = Signal(tags)
        ended_well = Signal()
        m.d.comb += [
            ended.eq((completions.ended << completions.tag) & asked),
            ended_well.eq(~completions.error),
        ]

        active, was_active, starting = Signal(), Signal(), Signal()
        m.d.comb += [
            active.eq(self.enable & (self.log2 >= 4) & (self.log2 <= 16)),
            starting.eq(active & ~was_active),
        ]
        m.d.sync += was_active.eq(active)
        running = active & was_active

        # Ask for the next slot, or once more for the one that is next in line.
        fetch, size = Signal(32), Signal(17)
        line, ahead = self.head[:bits], Signal(32)
        waited = Signal(range(max(self._timeout, self._pause) + 1))
        again = Signal()
        wanted = Signal(32)
        m.d.comb += [
            size.eq(Const(1, 1) << self.log2),
            ahead.eq(self.tail - fetch),
            again.eq(bad.bit_select(line, 1) & (waited >= self._pause)),
            wanted.eq(Mux(again, self.head, fetch)),
        ]
        asking = Signal(tags)
        fresh = ((ahead != 0) & (ahead <= size) & ((fetch - self.head)[:32] < tags)
                 & ~(asked | done | bad).bit_select(fetch[:bits], 1))
        request = self.request
        with m.If(request.ready):
            m.d.sync += request.valid.eq(0)
        with m.If(running & (~request.valid | request.ready) & (again | fresh)):
            slot = wanted[:16] & (size - 1)[:16]
            m.d.sync += [
                request.valid.eq(1),
                request.payload.address.eq(self.base + Cat(Const(0, 6), slot)),
                request.payload.tag.eq(wanted[:bits]),
            ]
            m.d.comb += asking.eq(1 << wanted[:bits])
            with m.If(~again):
                m.d.sync += fetch.eq(fetch + 1)

        # Hand on the slot that is next in line.
        record = _SLOT(load.data)
        taken, expired = Signal(tags), Signal(tags)
        whole = Signal()
        m.d.comb += [
            load.addr.eq(line),
            whole.eq(
                (record.block_bytes == BLOCK_BYTES) & (record.template == ORDER_REQUEST.template)
                & (record.schema == SCHEMA_ID) & (record.version == SCHEMA_VERSION)
                & (record.sequence == self.head + 1)
            ),
        ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.FSM():
            with m.State("Wait"), m.If(running & done.bit_select(line, 1)):
                m.next = "Load"
            with m.State("Load"):
                with m.If(~running):
                    m.next = "Wait"
                with m.Elif(~whole):
                    m.d.comb += [self.malformed.eq(1), taken.eq(1 << line)]
                    m.next = "Wait"
                with m.Elif(~self.o.valid | self.o.ready):
                    m.d.comb += taken.eq(1 << line)
                    m.d.sync += [
                        self.o.valid.eq(1),
                        self.o.payload.template.eq(ORDER_REQUEST.template),
                        self.o.payload.body.eq(record.body),
                    ]
                    m.next = "Wait"
        with m.If(taken.any()):
            m.d.sync += self.head.eq(self.head + 1)

        # The clock of the slot in line: how long it has been asked for, or has been bad. A read of
        # before the start that never ends holds the line as well, so it runs out the same way.
        holding = (asked | bad).bit_select(line, 1)
        with m.If(~holding | (taken | asking | ended | expired).any()):
            m.d.sync += waited.eq(0)
        with m.Elif(waited != max(self._timeout, self._pause)):
            m.d.sync += waited.eq(waited + 1)
        with m.If(asked.bit_select(line, 1) & (waited == self._timeout)):
            m.d.comb += expired.eq(1 << line)

        over = ended | expired
        m.d.sync += [
            asked.eq((asked & ~over) | asking),
            done.eq((done | (ended & ~stale & ended_well.replicate(tags))) & ~taken),
            bad.eq((bad | (ended & ~stale & ~ended_well.replicate(tags)) | (expired & ~stale))
                   & ~asking),
            stale.eq(stale & ~over),
        ]
        m.d.comb += [
            self.failed.eq(expired.any() | completions.failed),
            self.pending.eq(asked.any() | done.any() | bad.any() | request.valid | self.o.valid
                            | (running & (ahead != 0) & (ahead <= size))),
        ]
        with m.If(starting):
            m.d.sync += [
                self.head.eq(0), fetch.eq(0), done.eq(0), bad.eq(0), stale.eq(asked & ~over),
            ]
        return m
