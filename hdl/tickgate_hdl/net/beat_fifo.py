"""A FIFO that beats go round while it is empty: ``BeatFifo``."""

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.delay import copies, delayed
from tickgate_hdl.lib.layouts import FrameBeat

__all__ = ["BeatFifo", "StoredBeat"]

StoredBeat = StructLayout({"time_ns": 64, "cycles": 32, "beat": FrameBeat})
"""A beat of a frame, and when it was at the card's input."""


class BeatFifo(wiring.Component):
    """Keep the beats of a line that stalls; pass them on in the same cycle while nothing is kept.

    A stream at both ends: what was offered stays until it is taken. Behind the beat that is
    offered, ``depth`` more fit (where ``registered``, one less or one more: what came in the last
    two cycles is not counted yet); when these have waited, the next of them may come a cycle late.

    Parameters
    ----------
    depth : int
        Beats that fit, a power of two; where ``registered`` at least 4.
    registered : bool
        Offer beats from a register only, and tell that there is room from one, for an FPGA that
        needs it: room is told two cycles after enough beats of a full FIFO were taken.

    Attributes
    ----------
    latency : cycles from a beat to its passing on, while nothing is kept

    Members
    -------
    i : In(stream of ``FrameBeat``)
        Beats; ``ready`` is low only while the FIFO is full, and after that as above.
    cycles, time_ns : In(32), In(64)
        Stamped on each beat as it comes.
    o : Out(stream of ``StoredBeat``)
        The beats, in order.
    high_water : Out(16)
        Most beats that were kept at a time since reset; one that passed through the register of
        ``registered`` without waiting was not.
    active : Out(1)
        A beat is offered or kept.
    """

    def __init__(self, depth, *, registered=False):
        if registered and depth < 4:
            raise ValueError(f"{depth} beats are too few for what is counted late; 4 are the least")
        self._depth, self._registered = depth, registered
        self.latency = int(registered)
        super().__init__({
            "i": In(stream.Signature(FrameBeat)), "cycles": In(32), "time_ns": In(64),
            "o": Out(stream.Signature(StoredBeat)), "high_water": Out(16),
            "active": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        stamped = Signal(StoredBeat)
        front = Signal(StoredBeat, reset_less=True)  # has a beat while ``kept``
        kept = Signal()
        empty = Signal(init=1)  # the queue is; known before the cycle
        free, direct, puts = Signal(), Signal(), Signal()
        m.d.comb += [
            stamped.beat.eq(self.i.payload), stamped.cycles.eq(self.cycles),
            stamped.time_ns.eq(self.time_ns),
            free.eq(~kept | self.o.ready),
            direct.eq(empty & self.i.valid),
            self.active.eq(self.o.valid | ~empty),
        ]
        if self._registered:
            m.d.comb += puts.eq(self.i.valid & self.i.ready & ~(empty & free))
            queue = self._registered_queue(m, stamped, puts, free)
            waiting, stays = Signal(), direct
            m.d.sync += waiting.eq(kept & ~self.o.ready)
            m.d.comb += [self.o.valid.eq(kept), self.o.payload.eq(front)]
        else:
            queue = self._queue(m, stamped, puts, free)
            waiting, stays = kept, direct & (kept | ~self.o.ready)
            m.d.comb += [
                puts.eq(self.i.valid & ~(empty & free)),
                self.o.valid.eq(kept | direct),
                Value.cast(self.o.payload).eq(Mux(kept, Value.cast(front), Value.cast(stamped))),
            ]
        loads = free
        if self._registered:  # what many bits depend on is a register of its own
            front_kept, = copies(m, Mux(free, queue.there | stays, kept), "front_kept", 1)
            loads = ~front_kept | self.o.ready
        with m.If(free):
            m.d.sync += kept.eq(queue.there | stays)
        with m.If(loads):
            m.d.sync += Value.cast(front).eq(Mux(empty, Value.cast(stamped), queue.data))
        with m.If(puts):
            m.d.sync += empty.eq(0)
        with m.Elif(free & queue.there & queue.last):
            m.d.sync += empty.eq(1)

        level = Signal(range(self._depth + 3))
        m.d.sync += level.eq(queue.level + waiting)
        with m.If(level > self.high_water):
            m.d.sync += self.high_water.eq(level)
        return m

    def _queue(self, m, stamped, puts, free):
        """The beats behind the front, in a FIFO of the library."""
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(
            width=StoredBeat.size, depth=self._depth)
        m.d.comb += [
            self.i.ready.eq(queue.w_rdy), queue.w_en.eq(puts),
            queue.w_data.eq(Value.cast(stamped)), queue.r_en.eq(free),
        ]
        return _Queue(queue.r_rdy, queue.r_data, queue.level == 1, queue.level)

    def _registered_queue(self, m, stamped, puts, free):
        """The same, but what it says to either side comes from registers that know it early: each
        is updated by what is put in and taken out, no number is compared on the way.
        """
        m.submodules.memory = memory = Memory(
            shape=StoredBeat.size, depth=self._depth, init=[])
        write, read = memory.write_port(), memory.read_port()
        # Beats in the memory a cycle ago, what came and went since; whether there are any now, and
        # whether one was taken and is offered to the front.
        stored, some, there = Signal(range(self._depth + 1)), Signal(), Signal()
        room = Signal(init=1)
        takes = Signal()
        m.d.comb += [
            takes.eq(some & (~there | free)), self.i.ready.eq(room),
            # What is not put there is written where nothing is yet: none of that need be known.
            write.en.eq(self.i.valid & self.i.ready), write.data.eq(Value.cast(stamped)),
        ]
        with m.If(puts):
            m.d.sync += write.addr.eq(write.addr + 1)
        with m.If(takes):
            m.d.sync += read.addr.eq(read.addr + 1)
        came, went = delayed(m, puts, "came"), delayed(m, takes, "went")
        # Read in every cycle: what was taken is there in the next one, and kept after that.
        taken = Signal(StoredBeat.size, reset_less=True)
        with m.If(went):
            m.d.sync += taken.eq(read.data)
        m.d.sync += [
            stored.eq(stored + came - went),
            there.eq(takes | (there & ~free)),
            # Enough for what came in the two cycles that are not counted yet, and one more.
            room.eq(stored < self._depth - 2),
        ]
        one = Mux(came, Mux(went, stored == 1, stored == 0), stored == Mux(went, 2, 1))
        with m.If(puts):
            m.d.sync += some.eq(1)
        with m.Elif(takes & one):
            m.d.sync += some.eq(0)
        return _Queue(
            there, Mux(went, read.data, taken), ~some, stored + delayed(m, there, "was_there"))


@dataclass(frozen=True)
class _Queue:
    """What is known of the beats behind the front."""

    there: Value
    """One is offered to the front."""
    data: Value
    """It."""
    last: Value
    """None is behind it."""
    level: Value
    """How many there are."""
