"""The levels of every book side that are worse than its front's: ``Backing``."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.directory import (
    directory_row,
    find_leaf,
    initial,
    inserted,
    next_slot,
    one_of,
    removed,
)
from tickgate_hdl.book.front import deep_op
from tickgate_hdl.book.level_layouts import Level, level_row
from tickgate_hdl.book.sorted_row import RowChange, compare

__all__ = ["Backing"]


class Backing(wiring.Component):
    """Keep levels in leaves, sorted rows of which a directory says who has which prices.

    An operation reads the directory, compares, reads the leaf, compares, and writes; the next one
    follows two cycles later. A full leaf is split in halves, an empty one given back: that takes
    some cycles, and what is under way behind it begins anew. When a side has no leaf left to give,
    its worst leaf is dropped and the directory remembers from where on nothing is known:
    operations there are ignored.

    Parameters
    ----------
    symbols, leaf, leaves : int
        Symbols, levels of a leaf, and leaves of a side.
    registered : bool
        Registers behind the memories and the comparisons; one operation at a time.

    Members
    -------
    i : In(stream of ``deep_op``)
        Operations.
    pop, pop_side : In(1), In
        Hand out the best levels of a side, once what was given before is done.
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
        leaf, leaves, half = self._leaf, self._leaves, self._leaf // 2
        sides = 2 * self._symbols
        Directory, Row, Op = directory_row(leaves), level_row(leaf), deep_op(self._bits)
        slot_bits = len(Value.cast(Signal(Directory).entries[0].slot))
        m.submodules.directory = directory = Memory(shape=Directory, depth=sides, init=[])
        m.submodules.rows = rows = Memory(shape=Row, depth=sides * leaves, init=[])
        directory_read, directory_write = directory.read_port(), directory.write_port()
        row_read, row_write = rows.read_port(), rows.write_port()

        def side_of(op):
            return Cat(op.sell, op.symbol)

        # The row of the directory and of the leaf that were read; where they are registered the
        # stages behind wait a cycle longer.
        found, row_now = Signal(Directory), Signal(Row)
        delay = 1 if self._registered else 0
        if delay:
            m.d.sync += [
                Value.cast(found).eq(Value.cast(directory_read.data)),
                Value.cast(row_now).eq(Value.cast(row_read.data)),
            ]
        else:
            m.d.comb += [
                Value.cast(found).eq(Value.cast(directory_read.data)),
                Value.cast(row_now).eq(Value.cast(row_read.data)),
            ]

        # Which operation is next: one that had to wait for a leaf, or the oldest one.
        again, retry = Signal(Op), Signal()
        head, have = Signal(Op), Signal()
        m.d.comb += [
            Value.cast(head).eq(Mux(retry, Value.cast(again), Value.cast(self.i.payload))),
            have.eq(retry | self.i.valid),
        ]

        # Stages: the directory comes; the leaf comes and is compared; the leaf is changed.
        at_directory, at_leaf, at_change = Signal(), Signal(), Signal()
        at_slot, at_decision = Signal(), Signal()  # stages that are there only where registered
        op2, op3 = Signal(Op), Signal(Op)
        position2, position3 = Signal(leaves), Signal(leaves)
        address2, address3 = Signal(range(sides * leaves)), Signal(range(sides * leaves))
        fresh2, fresh3 = Signal(), Signal()
        row3, equal3, better3, ending3 = Signal(Row), Signal(leaf), Signal(leaf), Signal(leaf)
        shares3, orders3 = Signal(signed(41)), Signal(signed(21))
        last, last_address, last_good = Signal(Row), Signal(range(sides * leaves)), Signal()
        restructure, running = Signal(), Signal()
        issue = Signal()
        popping = Signal(self._bits + 1)  # the side that is handed out

        m.d.comb += [
            issue.eq(running & have & ~at_directory & ~restructure),
            directory_read.addr.eq(side_of(head)),
            directory_read.en.eq(issue),
            self.idle.eq(running & ~have & ~at_directory & ~at_leaf & ~at_change),
        ]
        if delay:
            waiting, leaf_waiting = Signal(), Signal()
            quiet = ~(waiting | at_directory | at_slot | leaf_waiting | at_leaf | at_decision
                      | at_change)
            m.d.comb += [
                issue.eq(running & have & quiet & ~restructure),
                self.idle.eq(running & ~have & quiet),
            ]
            m.d.sync += [waiting.eq(issue), at_directory.eq(waiting)]
        else:
            m.d.sync += at_directory.eq(issue)

        position = Signal(leaves)
        slot = Signal(slot_bits)
        known = ~found.floored | (head.level.key < found.floor)
        goes = at_directory & ~restructure
        m.d.comb += [
            position.eq(find_leaf(found, head.level.key, leaves)),
            slot.eq(one_of(list(position2 if delay else position),
                           [found.entries[n].slot for n in range(leaves)])),
            self.i.ready.eq(goes & ~retry),
            row_read.addr.eq(Cat(slot, side_of(op2 if delay else head))),
            row_read.en.eq(at_slot if delay else goes),
        ]
        useful = goes & known & (head.add | (found.count != 0))
        if delay:
            m.d.sync += [
                at_slot.eq(useful), leaf_waiting.eq(at_slot), at_leaf.eq(leaf_waiting)]
        else:
            m.d.sync += at_leaf.eq(useful)
        with m.If(goes):
            m.d.sync += [
                retry.eq(0), op2.eq(head), position2.eq(position), fresh2.eq(found.count == 0)]
        with m.If(row_read.en):
            m.d.sync += address2.eq(row_read.addr)

        chosen = Signal(Row)
        forward = last_good & (last_address == address2)
        m.d.comb += Value.cast(chosen).eq(
            Mux(forward, Value.cast(last), Value.cast(row_now)))
        with m.If(fresh2):
            m.d.comb += chosen.count.eq(0)
        equal, better, ending = compare(chosen, op2.level.key, op2.level.orders[0], leaf)
        if delay:
            m.d.sync += [at_decision.eq(at_leaf), at_change.eq(at_decision)]
        else:
            m.d.sync += at_change.eq(at_leaf)
        with m.If(at_leaf):
            m.d.sync += [
                op3.eq(op2), position3.eq(position2), fresh3.eq(fresh2), address3.eq(address2),
                row3.eq(chosen), equal3.eq(equal), better3.eq(better), ending3.eq(ending),
                shares3.eq(Mux(op2.add, op2.level.size, -op2.level.size)),
                orders3.eq(Mux(op2.add, op2.level.orders, -op2.level.orders)),
            ]

        # Change the leaf, unless it must be split first.
        overfull, splits, ends = Signal(), Signal(), Signal()
        change = RowChange(
            m, row3, equal3, better3, ending3, op3.level, shares3, orders3,
            adds=op3.add & ~overfull, takes=~op3.add, levels=leaf, registered=self._registered)
        m.d.comb += [
            overfull.eq(op3.add & ~equal3.any() & row3.count[-1]),
            splits.eq(at_change & overfull),
            ends.eq(at_change & ~op3.add & change.empty),
            restructure.eq(at_change & (splits | ends | fresh3)),
        ]
        with m.If(at_change):
            m.d.sync += [last.eq(change.row), last_address.eq(address3), last_good.eq(1)]

        # Handed out: the leaf in a register, its first level at the exit.
        handing, handed_address = Signal(Row), Signal(range(sides * leaves))
        m.d.comb += Value.cast(self.level).eq(Value.cast(handing.levels[0]))

        sweeping, swept = Signal(init=1), Signal(range(sides))
        m.d.comb += [
            directory_write.addr.eq(Mux(sweeping, swept, side_of(op3))),
            Value.cast(directory_write.data).eq(initial(leaves)),
            directory_write.en.eq(sweeping),
            row_write.addr.eq(address3),
            Value.cast(row_write.data).eq(Value.cast(change.row)),
            row_write.en.eq(at_change & ~splits),
            self.busy.eq(sweeping),
            self.dropped_side.eq(side_of(op3)),
        ]
        with m.If(sweeping):
            m.d.sync += swept.eq(swept + 1)
            with m.If(swept == sides - 1):
                m.d.sync += sweeping.eq(0)

        splitting, first = Signal(), Signal()
        ending_pop = Signal()
        new_slot, old_slot = Signal(slot_bits), Signal(slot_bits)
        behind3 = Signal(leaves)  # the leaf's position, and those behind it
        grown_now = inserted(
            m, found, position3, behind3, new_slot, row3.levels[half].key, leaves)
        shrunk_now = removed(m, found, behind3, old_slot, leaves)
        grown, shrunk = Signal(Directory), Signal(Directory)
        at_end = position3[leaves - 1]
        worst = found.count == leaves

        with m.FSM():
            with m.State("Run"):
                m.d.comb += running.eq(~sweeping)
                with m.If(restructure):
                    m.d.sync += [splitting.eq(splits), first.eq(fresh3), last_good.eq(0)]
                    m.next = "Read Directory"
                with m.Elif(self.idle & self.pop):
                    m.d.sync += popping.eq(self.pop_side)
                    m.next = "Pop"
            with m.State("Read Directory"):
                m.d.comb += [
                    directory_read.addr.eq(side_of(op3)),
                    directory_read.en.eq(1),
                    row_write.en.eq(splitting),
                    Value.cast(row_write.data).eq(Value.cast(row3)),
                    row_write.data.count.eq(half),
                ]
                m.next = "Wait Directory" if delay else "Pick Slot"
            if delay:
                with m.State("Wait Directory"):
                    m.next = "Pick Slot"
            with m.State("Pick Slot"):
                m.d.sync += [
                    new_slot.eq(next_slot(found, leaves)),
                    old_slot.eq(one_of(
                        list(position3), [found.entries[n].slot for n in range(leaves)])),
                    behind3.eq(Cat(position3[:n + 1].any() for n in range(leaves))),
                ]
                m.next = "Change Directory"
            with m.State("Change Directory"):
                m.d.sync += [grown.eq(grown_now), shrunk.eq(shrunk_now)]
                m.next = "Write Directory"
            with m.State("Write Directory"):
                m.d.comb += directory_write.en.eq(1)
                m.next = "Run"
                with m.If(splitting):
                    m.d.comb += [
                        self.dropped.eq(worst),
                        row_write.en.eq(~at_end),
                        row_write.addr.eq(Cat(new_slot, side_of(op3))),
                        row_write.data.count.eq(leaf - half),
                        Value.cast(row_write.data.levels).eq(
                            Value.cast(row3.levels) >> (half * Level.size)),
                        Value.cast(directory_write.data).eq(Value.cast(grown)),
                    ]
                    with m.If(at_end):  # the half that is split off is the worst leaf itself
                        m.d.comb += [
                            Value.cast(directory_write.data).eq(Value.cast(found)),
                            directory_write.data.floored.eq(1),
                            directory_write.data.floor.eq(row3.levels[half].key),
                        ]
                    m.d.sync += [again.eq(op3), retry.eq(1)]
                with m.Elif(first):
                    m.d.comb += [
                        Value.cast(directory_write.data).eq(Value.cast(found)),
                        directory_write.data.count.eq(1),
                    ]
                with m.Else():
                    m.d.comb += Value.cast(directory_write.data).eq(Value.cast(shrunk))
                with m.If(ending_pop):
                    m.d.sync += ending_pop.eq(0)
                    m.next = "Pop"

            with m.State("Pop"):
                m.d.comb += [
                    directory_read.addr.eq(popping), directory_read.en.eq(self.pop)]
                m.d.sync += last_good.eq(0)
                m.next = "Run"
                with m.If(self.pop):
                    m.next = "Wait Best" if delay else "Best Leaf"
            if delay:
                with m.State("Wait Best"):
                    m.next = "Best Leaf"
            with m.State("Best Leaf"):
                address = Cat(found.entries[0].slot, popping)
                m.d.comb += [
                    row_read.addr.eq(address), row_read.en.eq(1),
                    self.pop_empty.eq(found.count == 0), self.pop_floored.eq(found.floored),
                ]
                m.d.sync += handed_address.eq(address)
                m.next = "Wait Leaf" if delay else "Load Leaf"
                with m.If(found.count == 0):
                    m.next = "Run"
            if delay:
                with m.State("Wait Leaf"):
                    m.next = "Load Leaf"
            with m.State("Load Leaf"):
                m.d.sync += handing.eq(row_now)
                m.next = "Hand Out"
            with m.State("Hand Out"):
                m.d.comb += [
                    self.level_valid.eq(handing.count != 0),
                    row_write.addr.eq(handed_address),
                    Value.cast(row_write.data).eq(Value.cast(handing)),
                ]
                with m.If(self.level_taken & self.level_valid):
                    m.d.sync += [
                        handing.count.eq(handing.count - 1),
                        Value.cast(handing.levels).eq(
                            Value.cast(handing.levels) >> Level.size),
                    ]
                with m.Elif(handing.count == 0):
                    m.d.sync += [
                        op3.sell.eq(popping[0]), op3.symbol.eq(popping[1:]), position3.eq(1),
                        splitting.eq(0), first.eq(0), ending_pop.eq(1),
                    ]
                    m.next = "Read Directory"
                with m.Elif(~self.pop):
                    m.d.comb += row_write.en.eq(1)
                    m.next = "Run"

        with m.If(self.clear):
            m.d.sync += [sweeping.eq(1), swept.eq(0), last_good.eq(0)]
        return m
