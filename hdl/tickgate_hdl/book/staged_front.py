"""The best levels of every book side, with short logic between registers: ``StagedFront``."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory

from tickgate_hdl.book.front import front_members, shown
from tickgate_hdl.book.level_layouts import BestLevel, Level, LevelOp, level_row
from tickgate_hdl.book.sorted_row import changed_by, picked, signed_change
from tickgate_hdl.book.trees import exceeds, one_of
from tickgate_hdl.lib.delay import copies, delayed
from tickgate_hdl.lib.sweep import sweep

__all__ = ["StagedFront"]

_LEVELS_A_COPY = 2
"""Levels that are compared with one copy of the key."""


class StagedFront(wiring.Component):
    """Do what :class:`~tickgate_hdl.book.front.Front` does, one operation at a time.

    The row is read when its operation is there, so ``read`` has no effect, and is written before
    the next one may come, so nothing is forwarded. The level that changes is computed once, apart
    from the row. The best level of each side, as it is shown, is kept in a memory of its own: the
    result needs that of the other side.

    Cycles from ``go``: 1 the row is read, 2 is there, 3 compared, 4 what that means for the row,
    5 what is to be done, and the level at the key, 6 its sums, 7 the level to be put in, 8 the row
    after, 9 the flags, 10 the result; the row is written.

    Parameters
    ----------
    symbols, levels : int
        As of ``Front``, and so are the members.
    """

    latency = interval = 10
    settling = 3

    def __init__(self, *, symbols, levels):
        self._symbols, self._levels = symbols, levels
        super().__init__(front_members(symbols, levels))

    def elaborate(self, platform):
        m = Module()
        levels, last = self._levels, self._levels - 1
        Row, sides = level_row(levels), 2 * self._symbols
        # In block RAM: one of LUTs would have hundreds of addresses to reach in a cycle.
        m.submodules.rows = rows = Memory(
            shape=Row, depth=sides, init=[], attrs={"ram_style": "block"})
        m.submodules.bests = bests = Memory(shape=BestLevel, depth=sides, init=[])
        row_read, row_write = rows.read_port(), rows.write_port()
        best_read, best_write = bests.read_port(), bests.write_port()

        # Strobes, and the operation: it stays, as does the row that is read, till the next one. So
        # what follows from them in later cycles needs no enable.
        after = [self.go]  # after[n]: n cycles after go
        for number in range(1, self.latency + 1):
            after.append(delayed(m, after[-1], f"after_{number}"))
        work, killed = Signal(LevelOp, reset_less=True), Signal()
        key = Signal(32, reset_less=True)
        with m.If(self.go):
            m.d.sync += [
                work.eq(self.op), key.eq(Mux(self.op.sell, self.op.price, ~self.op.price))]
        with m.If(after[1]):
            m.d.sync += killed.eq(self.kill)
        m.d.comb += [
            self.side.eq(Cat(work.sell, work.symbol)),
            row_read.addr.eq(self.side), row_read.en.eq(after[1]),
            best_read.addr.eq(self.side ^ 1), best_read.en.eq(after[1]),
        ]
        shares, orders = Signal(signed(33)), Signal(signed(2))
        m.d.sync += [
            shares.eq(signed_change(work.add, work.shares)),
            orders.eq(signed_change(work.add, work.order)),
        ]

        # Compare, and say what that means for the row. It is there two cycles after the key.
        keys = copies(m, key, "key_copy", -(-levels // _LEVELS_A_COPY))
        row = Signal(Row, reset_less=True)
        m.d.sync += Value.cast(row).eq(Value.cast(row_read.data))
        same, less, alone, used = (Signal(levels) for _ in range(4))
        equal, better = Signal(levels), Signal(levels)
        hit, ends, within = Signal(), Signal(), Signal()
        for number in range(levels):
            level, at_key = row.levels[number], keys[number // _LEVELS_A_COPY]
            m.d.sync += [
                same[number].eq(level.key == at_key), less[number].eq(level.key < at_key),
                used[number].eq(exceeds(row.count, number)),
                alone[number].eq(
                    ~level.orders[1:].any() & (work.order | ~level.orders[0])),
            ]
        m.d.sync += [
            equal.eq(used & same), better.eq(used & less),
            hit.eq((used & same).any()), ends.eq((used & same & alone).any()),
            within.eq((used & ~less).any()),
        ]

        # What is to be done, and the level that is at the key.
        full, in_front = row.count[-1], within | (~row.count[-1] & ~self.deep)
        inserts, removes, updates = Signal(), Signal(), Signal()
        pushes_off, goes_behind, misses, takes = Signal(), Signal(), Signal(), Signal()
        there = Signal(Level, reset_less=True)
        size, left = Signal(signed(42), reset_less=True), Signal(signed(22), reset_less=True)
        m.d.sync += [
            inserts.eq(~killed & in_front & work.add & ~hit),
            removes.eq(~killed & in_front & ~work.add & ends),
            updates.eq(~killed & in_front & hit & (work.add | ~ends)),
            goes_behind.eq(~killed & ~in_front & (work.add | self.deep)),
            takes.eq(~killed & in_front & ~work.add),
            misses.eq(~killed & ~work.add & Mux(in_front, ~hit, ~self.deep)),
            Value.cast(there).eq(one_of(
                list(equal), [Value.cast(row.levels[number]) for number in range(levels)])),
            size.eq(changed_by(there.size, shares, takes=~work.add)),
            left.eq(changed_by(there.orders, orders, takes=~work.add)),
        ]

        # The level to be put in, and where; a front that is filled up gets levels the same way.
        fills, where, puts = Signal(), Signal.like(row.count, name="where"), Signal(levels)
        fill_value, value = Signal(Level, reset_less=True), Signal(Level, reset_less=True)
        m.d.sync += [
            fills.eq(self.filling), Value.cast(fill_value).eq(Value.cast(self.fill_level)),
            where.eq(self.count),
            value.key.eq(Mux(fills, fill_value.key, key)),
            value.size.eq(Mux(
                fills, fill_value.size, Mux(inserts, work.shares, Mux(size < 0, 0, size)))),
            value.orders.eq(Mux(fills, fill_value.orders, Mux(inserts, work.order, left[:20]))),
            puts.eq(Cat(after[7] | (fills & (where == number)) for number in range(levels))),
        ]
        count_after, empty, few, missed = (
            Signal.like(row.count, name="count_after"), Signal(), Signal(), Signal())
        fallen = Signal(Level, reset_less=True)  # what is to be done behind the front
        m.d.sync += [
            pushes_off.eq(inserts & full),
            count_after.eq(row.count + (inserts & ~full) - removes),
            empty.eq(count_after == 0), few.eq(~exceeds(count_after, levels // 2)),
            missed.eq(misses | (takes & ((size < 0) | (left < 0)))),
        ]
        m.d.sync += [
            fallen.key.eq(Mux(pushes_off, row.levels[last].key, key)),
            fallen.size.eq(Mux(pushes_off, row.levels[last].size, work.shares)),
            fallen.orders.eq(Mux(pushes_off, row.levels[last].orders, work.order)),
        ]

        # The row after.
        after_levels = [
            Signal(Level, name=f"level_{number}", reset_less=True) for number in range(levels)]
        for number, level in enumerate(after_levels):
            old = Value.cast(row.levels[number])
            before = Value.cast(row.levels[number - 1]) if number else old
            behind = Value.cast(row.levels[number + 1]) if number < last else old
            beyond = ~better[number - 1] if number else 0
            put, shift = Signal(name=f"put_{number}"), Signal(name=f"shift_{number}")
            m.d.sync += [
                put.eq(fills | (inserts & ~better[number]) | (updates & equal[number])),
                shift.eq(
                    ~fills & ~better[number] & ((inserts & beyond) | removes)),
            ]
            with m.If(puts[number]):
                m.d.sync += Value.cast(level).eq(
                    picked(put, shift, old=old, value=Value.cast(value), before=before,
                           behind=behind))
        with m.If(after[8]):
            m.d.sync += self.count.eq(count_after)
        with m.Elif(self.filling):
            m.d.sync += self.count.eq(self.count + 1)

        # What concerns the side.
        m.d.sync += [
            self.push.eq(after[8] & (pushes_off | goes_behind)),
            self.low.eq(after[8] & ~killed & few & ~self.dry),
            self.emptied.eq(after[8] & ~killed & empty),
            self.pushed.add.eq(pushes_off | work.add),
            self.pushed.level.eq(fallen),
        ]
        m.d.comb += [self.pushed.sell.eq(work.sell), self.pushed.symbol.eq(work.symbol)]

        # Write, also what was filled up, when its last level is there.
        filling = delayed(m, self.fill, "filling", 2)
        stores = after[9] | (delayed(m, filling, "was_filling") & ~filling)
        sweeping = Signal(init=1)
        swept = sweep(m, sides, busy=sweeping, clear=self.clear)
        address, writes, empties = Signal(range(sides)), Signal(), Signal()
        m.d.sync += [
            address.eq(Mux(sweeping, swept, self.side)), writes.eq(sweeping | stores),
            empties.eq(sweeping),
        ]
        m.d.comb += [
            row_write.addr.eq(address), row_write.en.eq(writes),
            row_write.data.count.eq(Mux(empties, 0, self.count)),
            Value.cast(row_write.data.levels).eq(Cat(map(Value.cast, after_levels))),
            best_write.addr.eq(address), best_write.en.eq(writes),
            Value.cast(best_write.data).eq(
                Mux(empties, 0, Value.cast(self.depth_row.levels[0]))),
            self.busy.eq(sweeping),
        ]

        # Show.
        seen = [Mux(exceeds(self.count, number), shown(level, work.sell), 0)
                for number, level in enumerate(after_levels)]
        depth = self.depth_row.levels
        m.d.sync += [
            self.depth_write.eq(stores),
            *(Value.cast(one).eq(level) for one, level in zip(depth, seen, strict=False)),
        ]
        m.d.comb += [
            self.depth_row.symbol.eq(work.symbol), self.depth_row.sell.eq(work.sell),
            self.result_valid.eq(after[10]),
            self.result.symbol.eq(work.symbol), self.result.sell.eq(work.sell),
        ]
        other = Value.cast(best_read.data)
        m.d.sync += [
            self.result.missed.eq(missed),
            Value.cast(self.result.bid).eq(Mux(work.sell, other, seen[0])),
            Value.cast(self.result.ask).eq(Mux(work.sell, seen[0], other)),
        ]
        return m
