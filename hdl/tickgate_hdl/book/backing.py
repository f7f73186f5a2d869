"""The levels of every book side that are worse than its front's: ``Backing``."""

from amaranth.hdl import Assert, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.enum import Enum
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.directory import (
    Edit,
    directory_row,
    from_on,
    initial,
    leaf_of,
    next_entry,
    reached,
)
from tickgate_hdl.book.front import deep_op
from tickgate_hdl.book.level_layouts import Level, level_row
from tickgate_hdl.book.sorted_row import RowChange, compare, signed_change
from tickgate_hdl.book.trees import exceeds, one_of
from tickgate_hdl.lib.delay import delayed

__all__ = ["Backing"]

_SETTLE = 4
"""Cycles from registered comparisons to the registered row after them, where ``registered``: the
inputs of ``RowChange`` stand still meanwhile, so it may have fewer stages than that."""


class Source(Enum, shape=2):
    """Where the row in work is loaded from."""

    READ = 0
    CHANGED = 1
    WORSE_HALF = 2
    SHIFTED = 3


class Backing(wiring.Component):
    """Keep levels in leaves, sorted rows of which a directory says who has which prices.

    An operation reads the directory, finds its leaf, reads that, compares, changes it and writes
    it; the next one follows two cycles later. A full leaf is split in halves, an empty one given
    back: that takes some cycles, and what is under way behind it begins anew. When a side has no
    leaf left to give, its worst leaf is dropped and the directory remembers from where on nothing
    is known: operations there are ignored.

    Parameters
    ----------
    symbols, leaf, leaves : int
        Symbols, levels of a leaf, and leaves of a side.
    registered : bool
        Registers behind the memories and the comparisons and before the new row; one operation at
        a time, and a level handed out every other cycle.

    Members
    -------
    i : In(stream of ``deep_op``)
        Operations.
    pop, pop_side : In(1), In
        Hand out the best levels of a side, once what was given before is done. When ``pop`` falls,
        what is not taken is stored; it may rise for another side at once.
    level_valid, level, level_taken : Out(1), Out(Level), In(1)
        The best level; it is taken out.
    pop_empty, pop_floored : Out(1)
        Strobe: there is none; and whether worse ones were dropped.
    dropped, dropped_side : Out(1), Out
        Strobe: a leaf was dropped.
    idle : Out(1)
        Nothing is under way.
    clear, busy : In(1), Out(1)
        Empty all sides, while idle; they are being emptied.
    """

    def __init__(self, *, symbols, leaf, leaves, registered=False):
        self._symbols, self._leaf, self._leaves = symbols, leaf, leaves
        self._registered = registered
        self._bits = (symbols - 1).bit_length()
        side = self._bits + 1
        super().__init__({
            "i": In(stream.Signature(deep_op(self._bits))),
            "pop": In(1), "pop_side": In(side),
            "level_valid": Out(1), "level": Out(Level), "level_taken": In(1),
            "pop_empty": Out(1), "pop_floored": Out(1),
            "dropped": Out(1), "dropped_side": Out(side),
            "idle": Out(1), "clear": In(1), "busy": Out(1, init=1),
        })

    def elaborate(self, platform):
        m = Module()
        registered = self._registered
        leaf, leaves, half = self._leaf, self._leaves, self._leaf // 2
        sides = 2 * self._symbols
        Directory, Row, Op = directory_row(leaves), level_row(leaf), deep_op(self._bits)
        slot_bits = len(Signal(Directory).slots[0])
        m.submodules.directory = directory = Memory(
            shape=Directory, depth=sides, init=[], attrs={"ram_style": "block"})
        m.submodules.rows = rows = Memory(shape=Row, depth=sides * leaves, init=[])
        directory_read, directory_write = directory.read_port(), directory.write_port()
        row_read, row_write = rows.read_port(), rows.write_port()
        staged = m.d.sync if registered else m.d.comb

        def side_of(op):
            return Cat(op.sell, op.symbol)

        def kept(value):
            return delayed(m, value, "kept")

        # What was read. The directory's stands until its next read.
        found, row_now = Signal(Directory, reset_less=True), Signal(Row, reset_less=True)
        staged += [
            Value.cast(found).eq(Value.cast(directory_read.data)),
            Value.cast(row_now).eq(Value.cast(row_read.data)),
        ]
        after_read = 2 if registered else 1

        # Which operation is next: those that begin anew, in their order, or the oldest one.
        running = Signal()  # operations may begin: no leaf is being split, given back, handed out
        split_op, behind_op = Signal(), Signal()  # which begin anew: op3, and the one behind it
        again, op1, op2, op3 = (
            Signal(Op, name=name, reset_less=True) for name in ("again", "op1", "op2", "op3"))
        head, have, issue, free = Signal(Op), Signal(), Signal(), Signal()
        retries = split_op | behind_op
        m.d.comb += [
            Value.cast(head).eq(Mux(split_op, Value.cast(op3), Mux(
                behind_op, Value.cast(again), Value.cast(self.i.payload)))),
            have.eq(retries | self.i.valid),
            issue.eq(free & have),
            self.i.ready.eq(free & ~retries),
        ]
        with m.If(issue):
            m.d.sync += op1.eq(head)
            with m.If(split_op):
                m.d.sync += split_op.eq(0)
            with m.Else():
                m.d.sync += behind_op.eq(0)

        # Stages of an operation: the directory is there; the leaf is known; the leaf is there and
        # is compared; the leaf is changed; it is written.
        lookup = delayed(m, issue, "lookup", registered)
        at_directory = delayed(m, lookup, "at_directory", after_read + registered)
        at_slot, at_write = Signal(), Signal()
        position2, position3 = Signal(leaves), Signal(leaves)
        address2, address3 = Signal(range(sides * leaves)), Signal(range(sides * leaves))
        useful2, fresh2, fresh3 = Signal(), Signal(), Signal()
        splits, restructure, turns_back = Signal(), Signal(), Signal()
        picked = Signal()  # the best leaf of a side is to be read

        # Find the leaf.
        reached_now, floor_reached = Signal(leaves), Signal()
        staged += [
            reached_now.eq(reached(found, op1.level.key, leaves)),
            floor_reached.eq(op1.level.key >= found.floor),
        ]
        known = ~(found.floored & floor_reached)
        with m.If(at_directory):
            m.d.sync += [
                op2.eq(op1), position2.eq(leaf_of(reached_now, found.count, leaves)),
                fresh2.eq(found.count == 0), useful2.eq(known & (op1.add | (found.count != 0))),
            ]
        m.d.sync += at_slot.eq((at_directory & ~turns_back) | picked)

        # Read it.
        slot = Signal(slot_bits)
        slots = [found.slots[n] for n in range(leaves)]
        staged += slot.eq(one_of(list(position2), slots))
        read_row = delayed(m, at_slot, "read_row", registered)
        m.d.comb += [row_read.addr.eq(Cat(slot, side_of(op2))), row_read.en.eq(read_row)]
        with m.If(read_row):
            m.d.sync += address2.eq(row_read.addr)
        at_row = delayed(m, at_slot & useful2 & ~turns_back, "at_row", after_read + registered)
        handing = Signal()  # leaves are handed out
        at_leaf = at_row & ~handing

        # Compare. A row that is changed or written as it is read is still here.
        row3, chosen = Signal(Row), Signal(Row)
        count3 = Signal.like(row3.count, name="count3")
        levels3 = Signal(leaf * Level.size, reset_less=True)
        m.d.comb += Value.cast(row3).eq(Cat(levels3, count3))
        here = Signal()
        compared, work = (row3, op3) if registered else (chosen, op2)
        count = Mux(fresh2, 0, Mux(here, row3.count, row_now.count))
        levels = Mux(here, Value.cast(row3.levels), Value.cast(row_now.levels))
        m.d.comb += Value.cast(chosen).eq(Cat(levels, count))
        equal3, better3, ending3 = Signal(leaf), Signal(leaf), Signal(leaf)
        shares3 = Signal(signed(41), reset_less=True)
        orders3 = Signal(signed(21), reset_less=True)
        with m.If(at_leaf):
            m.d.sync += [
                op3.eq(op2), position3.eq(position2), fresh3.eq(fresh2),
                shares3.eq(signed_change(op2.add, op2.level.size)),
                orders3.eq(signed_change(op2.add, op2.level.orders)),
            ]
        with m.If(at_row):
            m.d.sync += address3.eq(address2)

        equal, better, ending = compare(
            compared, work.level.key, work.level.orders[0], leaf,
            kept if registered else lambda bit: bit)
        m.d.sync += [equal3.eq(equal), better3.eq(better), ending3.eq(ending)]

        # Change it, unless it must be split first.
        at_change = delayed(m, at_leaf, "at_change", 4 + _SETTLE if registered else 1)
        overfull, ends, after = Signal(), Signal(), Signal(Row, reset_less=True)
        change = RowChange(
            m, row3, equal3, better3, ending3, op3.level, shares3, orders3,
            adds=op3.add, takes=~op3.add, levels=leaf, registered=registered)
        m.d.comb += overfull.eq(op3.add & ~equal3.any() & row3.count[-1])
        staged += [
            Value.cast(after).eq(Value.cast(change.row)),
            splits.eq(overfull), ends.eq(~op3.add & change.empty),
        ]
        m.d.comb += restructure.eq(at_change & (splits | ends | fresh3))

        # Free for an operation: where they overlap one may follow unless it might be turned back
        # without having been taken up; where not, one is in work until it is done.
        risky, begins = Signal(), Signal()  # begins: a leaf is to be handed out
        if registered:
            busy = Signal()
            done = (at_slot & ~useful2 & ~handing) | (at_change & ~restructure)
            with m.If(issue):
                m.d.sync += busy.eq(1)
            with m.Elif(done | restructure):
                m.d.sync += busy.eq(0)
            m.d.comb += free.eq(running & ~busy & ~begins)
        else:
            busy = at_directory | at_slot | at_leaf | at_change
            with m.If(at_leaf):
                m.d.sync += risky.eq(fresh2 | chosen.count[-1] | ~exceeds(chosen.count, 1))
            same = (side_of(op2) == side_of(op3)) & (position2 & position3).any()
            m.d.sync += here.eq((at_change | at_write) & same)
            m.d.comb += [
                free.eq(running & ~at_directory & ~(at_change & risky)),
                turns_back.eq(restructure),
            ]
            m.d.sync += Assert(~restructure | risky, "a leaf was to be split unexpectedly")
        m.d.comb += self.idle.eq(running & ~have & ~busy)

        # Split a leaf, give one back, or take the first one: read the directory, pick what is
        # concerned, decide for each entry, build the row, write it.
        reading = Signal()
        picking = delayed(m, reading, "picking", after_read)
        deciding = delayed(m, picking, "deciding")
        building = delayed(m, deciding, "building")
        writing = delayed(m, building, "writing")
        splitting, first, write_half = Signal(), Signal(), Signal()
        moved, moved_slot, behind3 = Signal(leaves), Signal(slot_bits), Signal(leaves)
        behind_now = from_on(position3, kept)
        edit = Edit(leaves)
        at_end = position3[leaves - 1]  # what is split off is the worst of a full directory
        full = found.count[-1]
        with m.If(restructure):
            m.d.sync += [
                running.eq(0), splitting.eq(splits), first.eq(fresh3),
                split_op.eq(splits), behind_op.eq(turns_back & (at_directory | at_slot)),
            ]
        with m.If(reading):
            m.d.sync += again.eq(op2)
        with m.If(picking):
            m.d.sync += [
                moved.eq(Mux(splitting, next_entry(found.count, leaves), position3)),
                behind3.eq(behind_now),
            ]
        with m.If(deciding):
            m.d.sync += edit.decide(found, position3, behind3, inserts=splitting & ~at_end,
                                    removes=~splitting & ~first)
            m.d.sync += moved_slot.eq(one_of(list(moved), slots))
        with m.If(building & splitting):
            m.d.sync += address3.eq(Cat(moved_slot, side_of(op3)))
        m.d.sync += write_half.eq(building & splitting & ~at_end)
        with m.If(writing):
            m.d.sync += [running.eq(1), handing.eq(0)]
        m.d.comb += [
            self.dropped.eq(writing & splitting & full), self.dropped_side.eq(side_of(op3))]

        # Hand out: the best leaf, its first level at the exit.
        handed = Signal()  # the leaf that is handed out is here
        wanted = Signal()  # since it began
        asked_side = Signal(self._bits + 1)
        fetch = Signal()
        offered, taken, shifts = Signal(), Signal(), Signal()
        none, emptied, put_back = Signal(), Signal(), Signal()
        best = delayed(m, fetch, "best", after_read)
        m.d.comb += [
            picked.eq(best & (found.count != 0)),
            none.eq(best & (found.count == 0)),
            self.pop_empty.eq(none & wanted), self.pop_floored.eq(found.floored),
            Value.cast(self.level).eq(Value.cast(row3.levels[0])),
            self.level_valid.eq(handed & wanted & offered),
            taken.eq(self.level_valid & self.level_taken),
        ]
        m.d.sync += [
            asked_side.eq(self.pop_side),
            fetch.eq(begins), wanted.eq(self.pop & (wanted | begins)),
        ]
        if registered:
            m.d.sync += [
                # It sets a lot: known a cycle before, and no operation begins then.
                begins.eq(self.idle & self.pop & ~begins),
                shifts.eq(taken),
                offered.eq(handed & ~taken & Mux(shifts, row3.count != 1, row3.count != 0)),
            ]
            stands = handed & ~shifts
        else:
            m.d.comb += [
                begins.eq(self.idle & delayed(m, self.pop, "asked")),
                shifts.eq(taken), offered.eq(row3.count != 0),
            ]
            stands = handed
        m.d.comb += [
            emptied.eq(stands & (row3.count == 0)),
            put_back.eq(stands & (row3.count != 0) & ~wanted),
        ]
        with m.If(begins):
            m.d.sync += [
                running.eq(0), handing.eq(1), useful2.eq(1), fresh2.eq(0),
                position2.eq(1), position3.eq(1), splitting.eq(0), first.eq(0),
                *(signal.eq(value) for op in (op2, op3) for signal, value in (
                    (op.sell, asked_side[0]), (op.symbol, asked_side[1:]))),
            ]
        with m.If(none | put_back):
            m.d.sync += [running.eq(1), handing.eq(0)]
        with m.If(delayed(m, at_row & handing, "arrives", registered)):
            m.d.sync += handed.eq(1)
        with m.If(emptied | put_back):
            m.d.sync += handed.eq(0)
        m.d.sync += [
            reading.eq(restructure | emptied),
            at_write.eq(delayed(m, at_change, "changed", registered) | put_back),
        ]

        # The row in work. The worse half of a leaf that is split is written after the better one.
        loads, loads_levels, source = Signal(), Signal(), Signal(Source)
        others = at_row | (picking & splitting) | taken
        staged += [
            loads.eq(others | at_change), loads_levels.eq(others | (at_change & ~splits)),
            source.eq(Mux(at_row, Source.READ, Mux(at_change, Source.CHANGED, Mux(
                picking, Source.WORSE_HALF, Source.SHIFTED)))),
        ]
        count_next, levels_next = Signal.like(row3.count), Signal(leaf * Level.size)
        levels_now = Value.cast(row3.levels)
        with m.Switch(source):
            with m.Case(Source.READ):
                m.d.comb += [
                    count_next.eq(chosen.count), levels_next.eq(Value.cast(chosen.levels))]
            with m.Case(Source.CHANGED):
                m.d.comb += [
                    count_next.eq(Mux(splits, half, after.count)),
                    levels_next.eq(Value.cast(after.levels)),
                ]
            with m.Case(Source.WORSE_HALF):
                m.d.comb += [
                    count_next.eq(leaf - half), levels_next.eq(levels_now >> half * Level.size)]
            with m.Case(Source.SHIFTED):
                m.d.comb += [
                    count_next.eq(row3.count - 1), levels_next.eq(levels_now >> Level.size)]
        with m.If(loads):
            m.d.sync += count3.eq(count_next)
        with m.If(loads_levels):
            m.d.sync += levels3.eq(levels_next)
        m.d.comb += [
            row_write.addr.eq(address3), row_write.en.eq(at_write | write_half),
            Value.cast(row_write.data).eq(Value.cast(row3)),
        ]

        # The row of the directory that is written; after reset and ``clear`` an empty one to all.
        empty = initial(leaves)
        fields = Signal(Directory, init=empty)
        sweeping, address = Signal(init=1), Signal(range(sides))
        start = row3.levels[0].key
        clear = delayed(m, self.clear, "clears", int(registered))
        m.d.comb += [
            directory_read.addr.eq(
                Mux(running, side_of(op1 if registered else head), side_of(op3))),
            directory_read.en.eq(lookup | reading | fetch),
            directory_write.addr.eq(address), directory_write.en.eq(sweeping | writing),
            Value.cast(directory_write.data).eq(Value.cast(fields)),
            self.busy.eq(sweeping | (clear if registered else 0)),
        ]
        with m.If(sweeping):
            m.d.sync += address.eq(address + 1)
            with m.If(address == sides - 1):
                m.d.sync += [sweeping.eq(0), running.eq(1)]
        with m.Elif(clear):
            m.d.sync += [
                sweeping.eq(1), running.eq(0), address.eq(0),
                Value.cast(fields).eq(Value.cast(empty)),
            ]
        with m.Elif(building):
            count, floored, floor = Signal.like(found.count), Signal(), Signal(32)
            m.d.comb += [floored.eq(found.floored), floor.eq(found.floor)]
            with m.If(first):
                m.d.comb += count.eq(1)
            with m.Elif(splitting):
                m.d.comb += count.eq(Mux(full, leaves, found.count + 1))
                with m.If(full):
                    m.d.comb += [
                        floored.eq(1),
                        floor.eq(Mux(at_end, start, found.starts[leaves - 1])),
                    ]
            with m.Else():
                m.d.comb += count.eq(found.count - 1)
            m.d.sync += [
                address.eq(side_of(op3)),
                Value.cast(fields).eq(Cat(
                    edit.after(found.starts, start), floor, edit.after(found.slots, moved_slot),
                    count, floored)),
            ]
        return m
