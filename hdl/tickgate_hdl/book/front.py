"""The best levels of every book side: ``Front``."""

from functools import partial

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.level_layouts import DepthRow, Level, LevelOp, LevelResult, level_row
from tickgate_hdl.book.sorted_row import RowChange, compare, signed_change
from tickgate_hdl.book.trees import exceeds
from tickgate_hdl.lib.sweep import sweep
from tickgate_hdl.pcie.depth import DEPTH_LEVELS

__all__ = ["Front", "deep_op", "front_members", "shown"]


def deep_op(symbol_bits):
    """Return the layout of an operation on the levels behind the front: a key, and signed changes.

    ``level`` has the key, and with ``add`` the shares and orders to put there; without it they are
    those to take off.
    """
    return StructLayout({"level": Level, "symbol": symbol_bits, "sell": 1, "add": 1})


def front_members(symbols, levels):
    """Return the members of a front: those of :class:`Front`, which has what they mean."""
    bits = (symbols - 1).bit_length()
    return {
        "read": In(1), "read_symbol": In(16), "go": In(1), "op": In(LevelOp), "kill": In(1),
        "deep": In(1), "dry": In(1),
        "side": Out(bits + 1), "push": Out(1), "pushed": Out(deep_op(bits)),
        "low": Out(1), "emptied": Out(1),
        "result_valid": Out(1), "result": Out(LevelResult),
        "fill": In(1), "filling": In(1), "fill_level": In(Level),
        "count": Out(levels.bit_length()),
        "depth_write": Out(1), "depth_row": Out(DepthRow),
        "clear": In(1), "busy": Out(1, init=1),
    }


def shown(level, sell):
    """Return a level as a ``BestLevel``'s bits: its price for its key, and saturated counts."""
    size = Mux(level.size[32:].any(), 0xFFFF_FFFF, level.size[:32])
    orders = Mux(level.orders[16:].any(), 0xFFFF, level.orders[:16])
    return Cat(Mux(sell, level.key, ~level.key), size, orders)


class Front(wiring.Component):
    """Keep the best levels of each book side in one row; say which operations are behind it.

    An operation takes a cycle to compare and a cycle to change the row; what comes of it is
    registered after them. A row that was just written is forwarded: reads never rely on what a
    memory gives when it is written at the same address.

    The level belongs to the front if it is not worse than the front's last one, or if the row has
    room and nothing is ``deep``, that is behind it. A level that falls off a full row goes there.

    Parameters
    ----------
    symbols, levels : int
        Symbols, and levels of a row: powers of two.

    Attributes
    ----------
    latency : cycles from ``go`` to the result
    interval : cycles from ``go`` to the next one
    settling : cycles from the end of filling up to the next ``go``

    Members
    -------
    read, read_symbol : In(1), In(16)
        Read the rows of a symbol, at least a cycle before its operation.
    go, op : In(1), In(LevelOp)
        Do an operation, on the symbol read last.
    kill : In(1)
        In the cycle after ``go``: change nothing.
    deep, dry : In(1)
        Of the operation's side, from the cycle after ``go`` to the change: something is behind the
        front; but nothing of it can be had.
    side : Out
        ``Cat(sell, symbol)`` of the row changed last, with what follows.
    push, pushed : Out(1), Out
        The cycle after the change: an operation for the levels behind the front.
    low : Out(1)
        In that cycle: so few levels are left that more are wanted.
    emptied : Out(1)
        In that cycle: no level is left.
    result_valid, result : Out(1), Out(LevelResult)
        The result of an operation, also of one that was killed.
    fill, filling, fill_level : In(1), In(1), In(Level)
        The row changed last is being filled, from the cycle of ``low`` on: in each cycle of
        ``filling`` a level is put at its end; when ``fill`` falls the row is written back.
    count : Out
        Levels in the row changed last.
    depth_write, depth_row : Out(1), Out(DepthRow)
        The best levels of a side that may have changed.
    clear : In(1)
        Strobe: empty all rows.
    busy : Out(1)
        They are being emptied.
    """

    latency = interval = 2
    settling = 1

    def __init__(self, *, symbols, levels):
        self._symbols, self._levels = symbols, levels
        self._bits = (symbols - 1).bit_length()
        super().__init__(front_members(symbols, levels))

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
        deciding, changing = Signal(), Signal()  # an operation was compared; and is not killed
        m.d.comb += changing.eq(deciding & ~self.kill)
        last, last_good, side = Signal(Row), Signal(), Signal(bits + 1)
        symbol = Signal(bits)
        with m.If(self.read):
            m.d.sync += symbol.eq(self.read_symbol)
        rows = []
        for sell, port in enumerate(reads):
            row, forward = Signal(Row, name=f"row_{sell}"), Signal(name=f"forward_{sell}")
            of_changed, of_last = (
                one == Cat(bool(sell), Mux(self.read, self.read_symbol[:bits], symbol))
                for one in (side, self.side))
            m.d.sync += forward.eq(Mux(changing, of_changed, last_good & of_last))
            m.d.comb += Value.cast(row).eq(
                Mux(forward, Value.cast(last), Value.cast(port.data)))
            rows.append(row)
        op, go = self.op, self.go
        chosen, other, other_used = Signal(Row), Signal(Level), Signal()
        m.d.comb += [
            Value.cast(chosen).eq(Mux(op.sell, Value.cast(rows[1]), Value.cast(rows[0]))),
            Value.cast(other).eq(Mux(
                op.sell, Value.cast(rows[0].levels[0]), Value.cast(rows[1].levels[0]))),
            other_used.eq(Mux(op.sell, rows[0].count != 0, rows[1].count != 0)),
        ]

        # Compare.
        key = Signal(32)
        equal_now, better_now, ending_now = compare(chosen, key, op.order, levels)
        row, first_other, has_other = Signal(Row), Signal(Level), Signal()
        equal, better, ending = Signal(levels), Signal(levels), Signal(levels)
        kept = Signal(levels)  # what is in the row and not better than the operation's level
        shares, orders = Signal(signed(33)), Signal(signed(2))
        work, fresh = Signal(LevelOp), Signal(Level)
        m.d.comb += key.eq(Mux(op.sell, op.price, ~op.price))
        m.d.sync += deciding.eq(go)
        with m.If(go):
            m.d.sync += [
                row.eq(chosen), first_other.eq(other), has_other.eq(other_used),
                equal.eq(equal_now), better.eq(better_now), ending.eq(ending_now),
                kept.eq(Cat(exceeds(chosen.count, number) for number in range(levels))
                        & ~better_now),
                shares.eq(signed_change(op.add, op.shares)),
                orders.eq(signed_change(op.add, op.order)), work.eq(op),
                fresh.key.eq(key), fresh.size.eq(op.shares), fresh.orders.eq(op.order),
            ]

        # Change. Whether the operation is killed is known late, so it is not asked how the row
        # changes but whether.
        behind, in_front, goes_behind, pushes = Signal(), Signal(), Signal(), Signal()
        change = RowChange(
            m, row, equal, better, ending, fresh, shares, orders,
            adds=work.add, takes=~work.add, fits=in_front, levels=levels)
        m.d.comb += [
            behind.eq(~kept.any()),  # worse than the last level of the row
            in_front.eq(~behind | (~row.count[-1] & ~self.deep)),
            goes_behind.eq(~in_front & (work.add | self.deep)),
            pushes.eq(change.pushed | goes_behind),
            side.eq(Cat(work.sell, work.symbol[:bits])),
            self.pushed.sell.eq(self.side[0]), self.pushed.symbol.eq(self.side[1:]),
        ]
        m.d.sync += [
            self.push.eq(changing & pushes),
            self.low.eq(changing & change.few & ~self.dry),
            self.emptied.eq(changing & change.empty),
            self.pushed.add.eq(work.add),
            Value.cast(self.pushed.level).eq(Mux(
                behind, Value.cast(fresh), Value.cast(row.levels[levels - 1]))),
        ]

        # Fill up the row changed last.
        was_filling, filled = Signal(), Signal()
        m.d.sync += was_filling.eq(self.fill)
        m.d.comb += [filled.eq(was_filling & ~self.fill), self.count.eq(last.count)]
        with m.If(changing):
            m.d.sync += [last.eq(change.row), self.side.eq(side), last_good.eq(1)]
        with m.Elif(self.filling):
            m.d.sync += last.count.eq(last.count + 1)
            for number in range(levels):
                with m.If(last.count == number):
                    m.d.sync += last.levels[number].eq(self.fill_level)

        # Write back. In an empty row the levels mean nothing.
        sweeping = Signal(init=1)
        swept = sweep(m, self._symbols, busy=sweeping, clear=self.clear)
        written = Cat(
            Mux(deciding, Value.cast(change.row.levels), Value.cast(last.levels)),
            Mux(sweeping, 0, Mux(deciding, change.row.count, last.count)))
        for sell, port in enumerate(writes):
            m.d.comb += [
                port.addr.eq(Mux(sweeping, swept, Mux(deciding, side, self.side)[1:])),
                port.en.eq(sweeping | (changing & (side[0] == sell))
                           | (filled & (self.side[0] == sell))),
                Value.cast(port.data).eq(written),
            ]
        m.d.comb += self.busy.eq(sweeping)
        with m.If(sweeping | self.clear):
            m.d.sync += last_good.eq(0)

        # Show the result, and the depth of the side.
        m.d.sync += self.result_valid.eq(deciding)
        with m.If(deciding):
            m.d.sync += [
                self.result.symbol.eq(work.symbol), self.result.sell.eq(work.sell),
                self.result.missed.eq(
                    ~self.kill & Mux(in_front, change.missed, ~work.add & ~self.deep)),
            ]
            for sell, best in enumerate((self.result.bid, self.result.ask)):
                m.d.sync += Value.cast(best).eq(change.first(
                    partial(shown, sell=sell), kept=self.kill, wanted=work.sell == sell,
                    other=Mux(has_other, shown(first_other, sell), 0)))
        changed = Signal()
        m.d.sync += changed.eq(changing)
        m.d.comb += [
            self.depth_write.eq(changed | filled),
            self.depth_row.symbol.eq(self.side[1:]), self.depth_row.sell.eq(self.side[0]),
        ]
        for number in range(min(DEPTH_LEVELS, levels)):
            m.d.comb += Value.cast(self.depth_row.levels[number]).eq(
                Mux(exceeds(last.count, number), shown(last.levels[number], self.side[0]), 0))
        return m
