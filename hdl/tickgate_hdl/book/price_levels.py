"""Price levels of every book side, exact after every operation: ``Levels``."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.backing import Backing
from tickgate_hdl.book.front import Front, deep_op
from tickgate_hdl.book.level_layouts import DepthRow, LevelOp, LevelResult
from tickgate_hdl.book.staged_front import StagedFront
from tickgate_hdl.book.trees import exceeds
from tickgate_hdl.lib.delay import delayed
from tickgate_hdl.lib.own_reset import own_reset

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
    read, read_symbol : In(1), In(16)
        Read the rows of a symbol; a cycle or more before its operation, and after the one before.
    op : In(stream of ``LevelOp``)
        Operations.
    kill : In(1)
        In the cycle after a transfer: that operation changes nothing, but has a result.
    result_valid, result : Out(1), Out(LevelResult)
        The best levels after each operation.
    depth_write, depth_row : Out(1), Out(DepthRow)
        The best levels of a side, with the result of each operation that may have changed them,
        and after each filling up.
    lost, unknown, strobe_symbol : Out(1), Out(1), Out(16)
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
        self._kind = StagedFront if registered else Front
        self.latency, self.interval = self._kind.latency, self._kind.interval
        super().__init__({
            "read": In(1), "read_symbol": In(16), "op": In(stream.Signature(LevelOp)),
            "kill": In(1), "result_valid": Out(1), "result": Out(LevelResult),
            "depth_write": Out(1), "depth_row": Out(DepthRow),
            "lost": Out(1), "unknown": Out(1), "strobe_symbol": Out(16),
            "count_level_dropped": Out(32),
            "clear": In(1), "busy": Out(1, init=1), "active": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        bits = (self._symbols - 1).bit_length()
        front = self._kind(symbols=self._symbols, levels=self._front)
        m.submodules.front = own_reset(self._registered, front, "front")
        backing = Backing(
            symbols=self._symbols, leaf=self._leaf, leaves=self._leaves,
            registered=self._registered)
        m.submodules.backing = own_reset(self._registered, backing, "backing")
        Op = deep_op(bits)
        m.submodules.queue = queue = fifo.SyncFIFO(width=Op.size, depth=_QUEUE)

        # When an operation may come is known a cycle early; but, where not registered, that the one
        # before it left too few levels.
        opens, go, fill = Signal(), Signal(), Signal()
        since = Signal(range(max(self.interval, front.settling + 1)))
        adds, wanted, filling = Signal(), Signal(), Signal()
        is_deep, is_dry = Signal(), Signal()  # of the operation's side
        owed, owed_symbol = Signal(), Signal(bits)  # to be told: not known any more
        at_work = ((since != 0) | fill | front.result_valid | front.push | owed
                   | queue.r_rdy | ~backing.idle)
        m.d.sync += opens.eq(
            ~go & ~exceeds(since, 1) & ~fill & (queue.level < _QUEUE - 4)
            & ~self.busy & ~self.clear)
        m.d.comb += [
            self.op.ready.eq(opens if self._registered else opens & ~wanted),
            go.eq(self.op.valid & self.op.ready),
            front.read.eq(self.read), front.read_symbol.eq(self.read_symbol),
            front.go.eq(go), front.op.eq(self.op.payload), front.kill.eq(self.kill),
            front.deep.eq(is_deep), front.dry.eq(is_dry),
            self.result_valid.eq(front.result_valid), self.result.eq(front.result),
            self.depth_write.eq(front.depth_write), self.depth_row.eq(front.depth_row),
            queue.w_en.eq(front.push), queue.w_data.eq(Value.cast(front.pushed)),
            Value.cast(backing.i.payload).eq(queue.r_data), backing.i.valid.eq(queue.r_rdy),
            queue.r_en.eq(backing.i.ready),
            front.clear.eq(self.clear), backing.clear.eq(self.clear),
            self.busy.eq(front.busy | backing.busy),
            self.active.eq(delayed(m, go | at_work, "at_work") if self._registered else at_work),
        ]

        # Fill up a front that got low, up to some levels less than there is room for.
        target = self._front - max(1, self._front // 8)
        taken = Signal()
        m.d.comb += [
            adds.eq(front.push & front.pushed.add),
            wanted.eq(front.low & (is_deep | adds)),
            fill.eq(wanted | filling),
            front.fill.eq(fill), front.filling.eq(taken), front.fill_level.eq(backing.level),
            backing.pop.eq(fill & ~queue.r_rdy & ~front.push), backing.pop_side.eq(front.side),
            taken.eq(backing.level_valid & filling), backing.level_taken.eq(taken),
        ]
        with m.If(go):
            m.d.sync += since.eq(self.interval - 1)
        with m.Elif(since != 0):
            m.d.sync += since.eq(since - 1)
        with m.If(wanted):
            m.d.sync += filling.eq(1)
        fills_last = filling & (backing.pop_empty | (taken & (front.count == target - 1)))
        if self._registered:  # the next level would come a cycle later still
            fills_last = delayed(m, fills_last, "fills_last")
        with m.If(fills_last):
            m.d.sync += [filling.eq(0), since.eq(front.settling)]

        # Of each side: whether there is anything behind the front, and whether nothing of it can
        # be had. Adding there makes a side deep, and no longer dry. When nothing is left that can
        # be had, it is both if worse levels were dropped, else neither.
        deep, dry = (
            [Signal(self._symbols, name=f"{name}_{side}") for side in ("bids", "asks")]
            for name in ("deep", "dry"))
        popped, floored = Signal(), Signal()
        marks, marked_deep, marked_dry = Signal(), Signal(), Signal()
        m.d.sync += [popped.eq(filling & backing.pop_empty), floored.eq(backing.pop_floored)]
        m.d.comb += [
            marks.eq(adds | popped), marked_deep.eq(adds | floored),
            marked_dry.eq(~adds & floored),
        ]
        for number in range(2):
            with m.If(marks & (front.side[0] == number)):
                m.d.sync += [
                    deep[number].bit_select(front.side[1:], 1).eq(marked_deep),
                    dry[number].bit_select(front.side[1:], 1).eq(marked_dry),
                ]
        with m.If(self.clear):
            m.d.sync += [side.eq(0) for side in (*deep, *dry)]

        # An operation sees what the one before it has made of that. Which side it is of shows last.
        if self._registered:
            asks, sell, symbol = 1, front.side[0], front.side[1:]
        else:
            asks, sell, symbol = since == 0, self.op.payload.sell, self.op.payload.symbol[:bits]
        marked = [marks & (front.side == Cat(bool(number), symbol)) for number in range(2)]
        with m.If(asks):
            for sees, bits_of, made in ((is_deep, deep, marked_deep), (is_dry, dry, marked_dry)):
                bid, ask = (
                    Mux(marked[number], made, bits_of[number].bit_select(symbol, 1))
                    for number in range(2))
                m.d.sync += sees.eq(Mux(sell, ask, bid))

        # Tell what was lost, and if a front has run dry by that; the former first.
        dries = Signal()
        m.d.comb += [
            dries.eq((front.emptied & is_deep & ~wanted)
                     | (popped & floored & (front.count == 0))),
            self.lost.eq(backing.dropped),
            self.unknown.eq((owed | dries) & ~backing.dropped),
            self.strobe_symbol.eq(Mux(
                backing.dropped, backing.dropped_side[1:],
                Mux(owed, owed_symbol, front.side[1:]))),
        ]
        with m.If(self.unknown):
            m.d.sync += owed.eq(0)
        with m.If(dries & (owed | backing.dropped)):
            m.d.sync += [owed.eq(1), owed_symbol.eq(front.side[1:])]
        with m.If(self.lost):
            m.d.sync += self.count_level_dropped.eq(self.count_level_dropped + 1)
        return m
