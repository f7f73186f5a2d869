"""The best levels of every book side: ``Front``."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.level_layouts import DepthRow, Level, LevelOp, LevelResult, level_row
from tickgate_hdl.book.sorted_row import RowChange, compare, delta_of
from tickgate_hdl.book.trees import exceeds
from tickgate_hdl.pcie.depth import DEPTH_LEVELS

__all__ = ["Front", "deep_op"]


def deep_op(symbol_bits):
    """Return the layout of an operation on the levels behind the front: a key, and signed changes.

    ``level`` has the key, and with ``add`` the shares and orders to put there; without it they are
    those to take off.
    """
    return StructLayout({"symbol": symbol_bits, "sell": 1, "add": 1, "level": Level})


class Front(wiring.Component):
    """Keep the best levels of each book side in one row; say which operations are behind it.

    An operation takes a cycle to compare and a cycle to change the row; its result is registered
    after them. A row that was just written is forwarded: reads never rely on what a memory gives
    when it is written at the same address.

    The level belongs to the front if it is not worse than the front's last one, or if the row has
    room and nothing is ``deep``, that is behind it. A level that falls off a full row goes there.

    Parameters
    ----------
    symbols, levels : int
        Rows, and levels of a row: powers of two.
    registered : bool
        Registers between the memory and the comparison, and between what is to be done and the
        row after it; two cycles more.

    Members
    -------
    read, read_symbol : In(1), In(8)
        Read the rows of a symbol, at least a cycle before its operation.
    go, op : In(1), In(LevelOp)
        Do an operation, on the symbol read last.
    kill : In(1)
        In the cycle after ``go``: change nothing.
    deep, dry : In(1)
        Of the operation's side, from the cycle after ``go`` to the change: something is behind the
        front; but nothing of it can be had.
    changing, side : Out(1), Out
        The cycle of the change, and whose it is: ``Cat(sell, symbol)``.
    push, pushed : Out(1), Out
        In that cycle: an operation for the levels behind the front.
    low : Out(1)
        In that cycle: so few levels are left that more are wanted.
    emptied : Out(1)
        In that cycle: no level is left.
    result_valid, result : Out(1), Out(LevelResult)
        Registered, the cycle after the change.
    fill, filling, fill_level : In(1), In(1), In(Level)
        The row changed last is being filled: in each cycle of ``filling`` a level is put at its
        end; when ``fill`` falls the row is written back.
    count : Out
        Levels in the row changed last.
    depth_write, depth_row : Out(1), Out(DepthRow)
        The best levels of a side that may have changed.
    clear : In(1)
        Strobe: empty all rows.
    busy : Out(1)
        They are being emptied.
    """

    def __init__(self, *, symbols, levels, registered=False):
        self._symbols, self._levels, self._registered = symbols, levels, registered
        self._bits = (symbols - 1).bit_length()
        super().__init__({
            "read": In(1), "read_symbol": In(8), "go": In(1), "op": In(LevelOp), "kill": In(1),
            "deep": In(1), "dry": In(1),
            "changing": Out(1), "side": Out(self._bits + 1),
            "push": Out(1), "pushed": Out(deep_op(self._bits)),
            "low": Out(1), "emptied": Out(1),
            "result_valid": Out(1), "result": Out(LevelResult),
            "fill": In(1), "filling": In(1), "fill_level": In(Level),
            "count": Out(levels.bit_length()),
            "depth_write": Out(1), "depth_row": Out(DepthRow),
            "clear": In(1), "busy": Out(1, init=1),
        })

    def elaborate(self, platform):
        m = Module()
        bits, levels = self._bits, self._levels
        Row = level_row(levels)
        memories = [Memory(shape=Row, depth=self._symbols, init=[]) for _ in range(2)]
        m.submodules.bids, m.submodules.asks = memories
        reads = [memory.read_port() for memory in memories]
        writes = [memory.write_port() for memory in memories]
        for port in reads:
            m.d.comb += [port.addr.eq(self.read_symbol[:bits]), port.en.eq(self.read)]

        # The row written last, and where: what the memories do not give yet. Whether it is one of
        # those read is known a cycle before it is used.
        last, last_side, last_good = Signal(Row), Signal(bits + 1), Signal()
        symbol, side_next = Signal(bits), Signal(bits + 1)
        m.d.comb += side_next.eq(Mux(self.changing, self.side, last_side))
        with m.If(self.read):
            m.d.sync += symbol.eq(self.read_symbol)
        rows = []
        for sell, port in enumerate(reads):
            row = Signal(Row, name=f"row_{sell}")
            forward = Signal(name=f"forward_{sell}")
            of_read, of_last = (side_next == Cat(bool(sell), one)
                                for one in (self.read_symbol[:bits], symbol))
            m.d.sync += forward.eq(
                (last_good | self.changing) & Mux(self.read, of_read, of_last))
            m.d.comb += Value.cast(row).eq(
                Mux(forward, Value.cast(last), Value.cast(port.data)))
            rows.append(row)
        op, go, kill_now = self.op, self.go, Signal()
        chosen, other = Signal(Row), Signal(Level)
        other_used = Signal()
        picked = [
            Value.cast(chosen).eq(Mux(op.sell, Value.cast(rows[1]), Value.cast(rows[0]))),
            Value.cast(other).eq(Mux(
                op.sell, Value.cast(rows[0].levels[0]), Value.cast(rows[1].levels[0]))),
            other_used.eq(Mux(op.sell, rows[0].count != 0, rows[1].count != 0)),
        ]
        if self._registered:
            late_op, late_go, killed = Signal(LevelOp), Signal(), Signal()
            with m.If(go):
                m.d.sync += [late_op.eq(op), *picked]
            m.d.sync += [late_go.eq(go), killed.eq(self.kill)]
            op, go = late_op, late_go
            m.d.comb += kill_now.eq(killed)
        else:
            m.d.comb += [*picked, kill_now.eq(self.kill)]

        # Compare.
        key = Signal(32)
        equal_now, better_now, ending_now = compare(chosen, key, op.order, levels)
        shares_now, orders_now = delta_of(op)
        row, first_other, has_other = Signal(Row), Signal(Level), Signal()
        equal, better, ending = Signal(levels), Signal(levels), Signal(levels)
        behind = Signal()  # worse than the last level of the row
        shares, orders = Signal(signed(33)), Signal(signed(2))
        work, fresh = Signal(LevelOp), Signal(Level)
        m.d.comb += key.eq(Mux(op.sell, op.price, ~op.price))
        deciding = Signal()  # all inputs of the change are there
        m.d.sync += deciding.eq(go)
        within = Cat(
            exceeds(chosen.count, number) & (chosen.levels[number].key >= key)
            for number in range(levels)
        ).any()
        with m.If(go):
            m.d.sync += [
                row.eq(chosen), first_other.eq(other), has_other.eq(other_used),
                equal.eq(equal_now), better.eq(better_now), ending.eq(ending_now),
                behind.eq(~within),
                shares.eq(shares_now), orders.eq(orders_now), work.eq(op),
                fresh.key.eq(key), fresh.size.eq(op.shares), fresh.orders.eq(op.order),
            ]

        # Change.
        in_front = Signal()
        adds, takes, goes_behind = Signal(), Signal(), Signal()
        full = row.count[-1]
        change = RowChange(
            m, row, equal, better, ending, fresh, shares, orders,
            adds=adds, takes=takes, levels=levels, registered=self._registered)
        side = self.side
        m.d.comb += [
            in_front.eq(~behind | (~full & ~self.deep)),
            adds.eq(deciding & ~kill_now & in_front & work.add),
            takes.eq(deciding & ~kill_now & in_front & ~work.add),
            side.eq(Cat(work.sell, work.symbol[:bits])),
            self.pushed.symbol.eq(work.symbol),
            self.pushed.sell.eq(work.sell),
            self.emptied.eq(self.changing & change.empty),
            self.low.eq(self.changing & change.few & ~self.dry),
        ]
        decided = m.d.sync if self._registered else m.d.comb
        decided += [
            self.changing.eq(deciding),
            goes_behind.eq(deciding & ~kill_now & ~in_front),
        ]
        with m.If(change.pushed):
            m.d.comb += [
                self.push.eq(1), self.pushed.add.eq(1),
                self.pushed.level.eq(row.levels[levels - 1]),
            ]
        with m.Else():
            m.d.comb += [
                self.push.eq(goes_behind & (work.add | self.deep)),
                self.pushed.add.eq(work.add), self.pushed.level.eq(fresh),
            ]
        missed = change.missed | (goes_behind & ~work.add & ~self.deep)

        # Fill up the row changed last.
        was_filling = Signal()
        m.d.sync += was_filling.eq(self.fill)
        with m.If(self.changing):
            m.d.sync += [last.eq(change.row), last_side.eq(side), last_good.eq(1)]
        with m.Elif(self.filling):
            m.d.sync += last.count.eq(last.count + 1)
            for number in range(levels):
                with m.If(last.count == number):
                    m.d.sync += last.levels[number].eq(self.fill_level)
        m.d.comb += self.count.eq(last.count)

        # Write back.
        sweeping, swept = Signal(init=1), Signal(bits)
        written, filled = Signal(Row), Signal()
        m.d.comb += [
            filled.eq(was_filling & ~self.fill),
            Value.cast(written).eq(
                Mux(self.changing, Value.cast(change.row), Value.cast(last))),
        ]
        for sell, port in enumerate(writes):
            m.d.comb += [
                port.addr.eq(Mux(sweeping, swept, side_next[1:])),
                port.en.eq(sweeping | ((self.changing | filled) & (side_next[0] == sell))),
                Value.cast(port.data).eq(Mux(sweeping, 0, Value.cast(written))),
            ]
        m.d.comb += self.busy.eq(sweeping)
        with m.If(sweeping):
            m.d.sync += [swept.eq(swept + 1), last_good.eq(0)]
            with m.If(swept == self._symbols - 1):
                m.d.sync += sweeping.eq(0)
        with m.If(self.clear):
            m.d.sync += [sweeping.eq(1), swept.eq(0), last_good.eq(0)]

        self._show(m, work, change, first_other, has_other, missed, last, last_side, filled)
        return m

    def _show(self, m, work, change, other, has_other, missed, last, last_side, filled):
        """The result, and the depth of the side, from the row after the change."""
        m.d.sync += self.result_valid.eq(self.changing)
        with m.If(self.changing):
            m.d.sync += [
                self.result.symbol.eq(work.symbol), self.result.sell.eq(work.sell),
                self.result.missed.eq(missed),
            ]
            for sell, best in enumerate((self.result.bid, self.result.ask)):
                mine = change.first(lambda level, sell=sell: _shown(level, sell))
                m.d.sync += Value.cast(best).eq(Mux(
                    work.sell == sell, Mux(change.empty, 0, mine),
                    Mux(has_other, _shown(other, sell), 0)))
        m.d.comb += [
            self.depth_write.eq(self.result_valid | filled),
            self.depth_row.symbol.eq(last_side[1:]),
            self.depth_row.sell.eq(last_side[0]),
        ]
        for number in range(min(DEPTH_LEVELS, self._levels)):
            m.d.comb += Value.cast(self.depth_row.levels[number]).eq(
                Mux(exceeds(last.count, number), _shown(last.levels[number], last_side[0]), 0))


def _shown(level, sell):
    """Return a level as a ``BestLevel``'s bits: its price for its key, and saturated counts."""
    size = Mux(level.size[32:].any(), 0xFFFF_FFFF, level.size[:32])
    orders = Mux(level.orders[16:].any(), 0xFFFF, level.orders[:16])
    return Cat(Mux(sell, level.key, ~level.key), size, orders)
