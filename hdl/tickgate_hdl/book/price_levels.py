"""Price levels of every book side, exact after every operation: ``Levels``."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.backing import Backing
from tickgate_hdl.book.front import Front, deep_op
from tickgate_hdl.book.level_layouts import DepthRow, LevelOp, LevelResult

__all__ = ["Levels"]

_QUEUE = 16
"""Operations that may wait for the levels behind the front."""


class Levels(wiring.Component):
    """Apply operations to price levels; tell the best bid and offer after each.

    The best levels of a side are its front, one row; the others are behind it, in leaves. What is
    behind follows the front at its own pace, in order. When a front gets low while there are levels
    behind it, the input waits and the best of them are moved up, one a cycle: so the best bid and
    offer come from the front alone, always exact, also when a level has just vanished.

    When a side has more levels than there is room for, its worst leaf is dropped (``lost``). What
    is worse than that is ignored from then on. Only if the front runs dry by that is the best price
    not known any more (``unknown``).

    Parameters
    ----------
    symbols, front, leaf, leaves : int
        Symbols; levels in a front row and in a leaf; leaves of a side. All are powers of two.
    registered : bool
        More registers, for an FPGA that needs them.

    Attributes
    ----------
    latency : cycles from an operation's transfer to its result
    interval : cycles between two operations

    Members
    -------
    read, read_symbol : In(1), In(8)
        Read the rows of a symbol; a cycle or more before its operation, and after the one before.
    op : In(stream of ``LevelOp``)
        Operations.
    kill : In(1)
        In the cycle after a transfer: that operation changes nothing, but has a result.
    result_valid, result : Out(1), Out(LevelResult)
        The best levels after each operation.
    depth_write, depth_row : Out(1), Out(DepthRow)
        The best levels of a side, with each result and after each filling up.
    lost, unknown, strobe_symbol : Out(1), Out(1), Out(8)
        Strobes: levels of a symbol were dropped; its best price is not known any more.
    count_level_dropped : Out(32)
        Leaves dropped. Wraps.
    clear, busy : In(1), Out(1)
        Empty all, while nothing is ``active``; it is being emptied.
    active : Out(1)
        Operations are under way.
    """

    def __init__(self, *, symbols, front=16, leaf=16, leaves=64, registered=False):
        self._symbols, self._front = symbols, front
        self._leaf, self._leaves, self._registered = leaf, leaves, registered
        self.latency = self.interval = 4 if registered else 2
        super().__init__({
            "read": In(1), "read_symbol": In(8), "op": In(stream.Signature(LevelOp)),
            "kill": In(1), "result_valid": Out(1), "result": Out(LevelResult),
            "depth_write": Out(1), "depth_row": Out(DepthRow),
            "lost": Out(1), "unknown": Out(1), "strobe_symbol": Out(8),
            "count_level_dropped": Out(32),
            "clear": In(1), "busy": Out(1, init=1), "active": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        bits = (self._symbols - 1).bit_length()
        sides = 2 * self._symbols
        m.submodules.front = front = Front(
            symbols=self._symbols, levels=self._front, registered=self._registered)
        m.submodules.backing = backing = Backing(
            symbols=self._symbols, leaf=self._leaf, leaves=self._leaves,
            registered=self._registered)
        Op = deep_op(bits)
        m.submodules.queue = queue = fifo.SyncFIFO(width=Op.size, depth=_QUEUE)

        # Of each side: whether there is anything behind the front, and whether it can be had. An
        # operation sees what the one before it has made of that.
        deep, dry = Signal(sides), Signal(sides)
        is_deep, is_dry = Signal(), Signal()
        filling, since = Signal(), Signal(range(self.interval))
        asked = Cat(self.op.payload.sell, self.op.payload.symbol[:bits])
        with m.If(since == 0):
            m.d.sync += [
                is_deep.eq(deep.bit_select(asked, 1)), is_dry.eq(dry.bit_select(asked, 1))]

        # What goes behind the front is not urgent: a register before the queue.
        push, pushed = Signal(), Signal(Op)
        has_room = Signal()
        m.d.sync += [
            push.eq(front.push), pushed.eq(front.pushed),
            has_room.eq(queue.level < _QUEUE - 4),
        ]

        wanted, side = Signal(), Signal(bits + 1)
        go = Signal()
        # The row that was filled is stored in the cycle after: whoever reads it in that very cycle
        # for the operation after next would get it as it was.
        stores, was_filled = Signal(), Signal()
        m.d.sync += was_filled.eq(front.fill)
        m.d.comb += stores.eq(was_filled & ~front.fill)
        m.d.comb += [
            self.op.ready.eq((since == 0) & ~filling & ~stores & has_room & ~self.busy),
            go.eq(self.op.valid & self.op.ready),
            front.read.eq(self.read), front.read_symbol.eq(self.read_symbol),
            front.go.eq(go), front.op.eq(self.op.payload), front.kill.eq(self.kill),
            front.deep.eq(is_deep), front.dry.eq(is_dry),
            self.result_valid.eq(front.result_valid), self.result.eq(front.result),
            self.depth_write.eq(front.depth_write), self.depth_row.eq(front.depth_row),
            queue.w_en.eq(push), queue.w_data.eq(Value.cast(pushed)),
            Value.cast(backing.i.payload).eq(queue.r_data), backing.i.valid.eq(queue.r_rdy),
            queue.r_en.eq(backing.i.ready),
            front.clear.eq(self.clear), backing.clear.eq(self.clear),
            self.busy.eq(front.busy | backing.busy),
            self.active.eq(
                (since != 0) | filling | stores | front.changing | front.result_valid | push
                | queue.r_rdy | ~backing.idle),
        ]
        with m.If(go):
            m.d.sync += since.eq(self.interval - 1)
        with m.Elif(since != 0):
            m.d.sync += since.eq(since - 1)

        # Adding behind the front makes a side deep, and no longer dry.
        adds = Signal()
        m.d.comb += [
            adds.eq(front.push & front.pushed.add),
            wanted.eq(front.low & (is_deep | adds)),
        ]
        with m.If(adds):
            m.d.sync += [
                deep.bit_select(front.side, 1).eq(1), dry.bit_select(front.side, 1).eq(0)]

        # Fill up a front that got low.
        m.d.comb += [
            front.fill.eq(0),
            backing.pop_side.eq(side),
            front.fill_level.eq(backing.level),
            front.filling.eq(backing.level_taken),
            self.strobe_symbol.eq(Mux(backing.dropped, backing.dropped_side[1:], side[1:])),
            self.lost.eq(backing.dropped),
        ]
        target = self._front - max(1, self._front // 8)
        with m.FSM():
            with m.State("Run"):
                with m.If(wanted):
                    m.d.sync += [filling.eq(1), side.eq(front.side)]
                    m.next = "Fill"
                with m.Elif(front.emptied & is_deep):
                    m.d.sync += side.eq(front.side)
                    m.next = "Unknown"
            with m.State("Fill"):
                m.d.comb += [
                    front.fill.eq(1),
                    backing.pop.eq(~queue.r_rdy & ~push),
                    backing.level_taken.eq(backing.level_valid & backing.pop),
                ]
                with m.If(backing.pop_empty):
                    m.d.sync += [
                        deep.bit_select(side, 1).eq(backing.pop_floored),
                        dry.bit_select(side, 1).eq(backing.pop_floored),
                        filling.eq(0),
                    ]
                    m.next = "Run"
                    with m.If(backing.pop_floored & (front.count == 0)):
                        m.next = "Unknown"
                with m.Elif(backing.level_taken & (front.count == target - 1)):
                    m.d.sync += filling.eq(0)
                    m.next = "Run"
            with m.State("Unknown"):
                m.d.comb += [self.unknown.eq(~backing.dropped), front.fill.eq(0)]
                with m.If(~backing.dropped):
                    m.next = "Run"
        with m.If(self.lost):
            m.d.sync += self.count_level_dropped.eq(self.count_level_dropped + 1)
        with m.If(self.clear):
            m.d.sync += [deep.eq(0), dry.eq(0)]
        return m
