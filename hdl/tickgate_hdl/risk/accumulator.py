"""What is used of a limit, kept exact while an operation may come in every cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from tickgate_hdl.lib.compare import is_above
from tickgate_hdl.lib.delay import copies, delayed

__all__ = ["GIVEN", "LEAD", "Accumulator"]

GIVEN = {False: 1, True: 2}
"""Cycles from looking a row up to giving amount and limit, by ``registered``."""
LEAD = {False: 1, True: 3}
"""Cycles from looking a row up to comparing it, by ``registered``: for all of the gate."""


class Accumulator(wiring.Component):
    """Rows of what is used, and whether one more amount would be over the limit.

    A cycle is an operation or nothing; what follows is said of one operation, by its cycles.

    ===================  ============================  =========================================
    cycle                with ``registered``           what happens
    ===================  ============================  =========================================
    look, 0              0                             ``row`` is given, its memory is read
    1                    2                             ``amount``, ``weighed``, ``limit`` are given
    weigh, 1             3                             used and weighed are compared with the limit
    verdict, 2           4                             ``over`` is told; ``commit`` says whether
                                                       the amount is added
    after it, 3          5                             the row is written, if so
    ===================  ============================  =========================================

    Operations of one row see each other whatever lies between them. The one right before is not
    decided while this one is compared: both cases are compared, and the one that is true is chosen
    a cycle later. So no path is longer than one addition, and there is one in each direction.
    Where ``registered``, the row is brought forward a cycle before it is compared, as the operation
    two before leaves it if it passes and if not, so that a path is one choice and a carry chain.

    What is used never wraps: it stays at the end of its range (``width`` bits, signed; with
    ``floor`` no less than 0). An operation that ``forces`` must not be followed by one of the same
    row in the next cycle.

    Parameters
    ----------
    rows, width : int
        Size of the table.
    floor : bool
        What is used stays at 0 where it would go below.
    registered : bool
        Two more cycles between a row and its comparison, for an FPGA that needs them.

    Attributes
    ----------
    lead : cycles from ``row`` to the comparison
    given : cycles from ``row`` to ``amount`` and ``limit``

    Members
    -------
    looks, row : In(1), In
        An operation begins, of this row.
    amount, weighed, limit : In(signed), In(signed), In
        What is added, and what is compared: the same, or what is told means nothing. They are two
        so that ``weighed`` may be there early.
    forces, moves : In(1), In(signed)
        With ``amount``: this operation adds ``moves`` instead, and what is told of it means
        nothing. It commits.
    held : In(1)
        Where ``registered``, in the cycle after that of the limit: it is held to the limit. What
        is not is never over it.
    over, over_if : Out(1), Out(2)
        Over the limit; where ``registered`` also in either case, which are known before it is: that
        the operation right before was refused, and that it was committed.
    commit : In(1)
    view_row, view : In, Out(signed)
        A row for the host, one cycle later; what is under way is not in it.
    sweep, sweep_row : In(1), In
        Set a row to 0. Nothing may be under way.
    """

    def __init__(self, rows, width, *, floor=False, registered=False):
        self._rows, self._width, self._floor = rows, width, floor
        self._registered = registered
        self.lead = LEAD[registered]
        self.given = GIVEN[registered]
        index = ceil_log2(rows)
        super().__init__({
            "looks": In(1), "row": In(index), "amount": In(signed(width)),
            "weighed": In(signed(width)), "limit": In(width - 1),
            "forces": In(1), "moves": In(signed(width)),
            "held": In(1), "over": Out(1), "over_if": Out(2), "commit": In(1),
            "view_row": In(index), "view": Out(signed(width)),
            "sweep": In(1), "sweep_row": In(index),
        })

    def elaborate(self, platform):
        m = Module()
        lead, width = self.lead, self._width
        rows, looked = [self.row], [self.looks]  # of the cycle so many before
        for cycle in range(1, lead + 3):
            rows.append(delayed(m, rows[-1], f"row_{cycle}", reset_less=True))
            looked.append(delayed(m, looked[-1], f"looked_{cycle}"))

        m.submodules.memory = memory = Memory(shape=signed(width), depth=self._rows, init=[])
        write, read, view = memory.write_port(), memory.read_port(), memory.read_port()
        committed = Signal(attrs={"keep": 1})
        result = Signal(signed(width))  # of the operation after its verdict
        written = Signal(signed(width), reset_less=True)
        m.d.comb += [
            read.addr.eq(self.row), view.addr.eq(self.view_row), self.view.eq(view.data),
            write.addr.eq(rows[lead + 2]), write.data.eq(result), write.en.eq(committed),
        ]
        added = Signal(signed(width), reset_less=True)
        m.d.sync += [
            written.eq(result), committed.eq(self.commit),
            added.eq(Mux(self.forces, self.moves, self.amount)),
        ]
        with m.If(self.sweep):
            m.d.comb += [write.addr.eq(self.sweep_row), write.data.eq(0), write.en.eq(1)]

        # ``same(k, t)``: what looked t cycles ago has the row of the operation k cycles before it.
        found = {k: delayed(m, looked[k] & (self.row == rows[k]), f"same_{k}")
                 for k in range(1, lead + 3)}

        def same(before, cycle):
            return delayed(m, found[before], f"same_{before}_at", cycle - 1)

        stored = Mux(same(lead + 2, 1), written, read.data)
        stored = Mux(same(lead + 1, 1), result, stored)
        weigh = self._staged if self._registered else self._direct
        weigh(m, same, stored, added, committed, result)
        return m

    def _direct(self, m, same, value, added, committed, result):
        """Weigh in the cycle in which the row is there."""
        width = self._width
        first, second, kept = (
            Signal(signed(width), name=name, reset_less=True)
            for name in ("first", "second", "kept"))
        moved = Signal(signed(width + 1), reset_less=True)
        deciding = Signal(signed(width + 1))  # what the operation before makes of its row
        used = Signal(signed(width))  # before the operation in its verdict
        over_first, over_second = Signal(), Signal()
        next_to = same(1, 1)
        alone = Signal(signed(width + 1))
        # What is used if the operation before is refused, and if not.
        base, heaped = Signal(signed(width)), Signal(signed(width + 1))
        m.d.comb += [
            alone.eq(self.limit - self.weighed),
            used.eq(Mux(committed, second, first)), deciding.eq(used + added),
            base.eq(Mux(next_to, used, value)), heaped.eq(Mux(next_to, deciding, value)),
            self.over.eq(Mux(committed, over_second, over_first)),
            result.eq(Mux(committed, self._clamped(moved), kept)),
        ]
        m.d.sync += [
            first.eq(base), second.eq(heaped),
            over_first.eq(base > alone), over_second.eq(heaped > alone),
            kept.eq(used), moved.eq(deciding),
        ]

    def _staged(self, m, same, stored, added, committed, result):
        """Bring the row forward a cycle before it is weighed, for both of what may become of the
        operation that is in its verdict then; weigh for both of the one after that."""
        width = self._width
        in_weigh, in_verdict = copies(m, self.commit, "commits", 2)
        value, kept, moved = (
            Signal(signed(width), name=name, reset_less=True)
            for name in ("value", "kept", "moved"))
        alone = Signal(signed(width + 1), reset_less=True)
        # Each if the operation before is refused, and if it passes: ``base`` and ``heaped``, and by
        # them what is used before it (``used``) and ``after`` it, and whether it is ``over``. Of
        # ``coming`` it is the operation two before.
        coming, used = ([Signal(signed(width), name=f"{name}_{case}", reset_less=True)
                         for case in range(2)] for name in ("coming", "used"))
        after = [Signal(signed(width + 1), name=f"after_{case}", reset_less=True)
                 for case in range(2)]
        over = Signal(2)
        # What may be used: without end, if it is not held to the limit.
        sign, free = alone[-1], ~self.held
        room = Cat(alone, sign ^ free, sign & ~free).as_signed()
        base, heaped, deciding, decided = (
            Signal(signed(width), name=name) for name in ("base", "heaped", "deciding", "decided"))
        m.d.comb += [
            # In its weigh.
            base.eq(Mux(in_weigh, coming[1], coming[0])),
            heaped.eq(Mux(same(1, 3), Mux(in_weigh, after[1], after[0]), base)),
            # In its verdict.
            deciding.eq(Mux(in_verdict, used[1], used[0])),
            decided.eq(self._clamped(Mux(in_verdict, after[1], after[0]))),
            self.over_if.eq(over), self.over.eq(Mux(in_verdict, over[1], over[0])),
            # After it.
            result.eq(Mux(committed, moved, kept)),
        ]
        newest = Mux(same(3, 2), result, value)
        m.d.sync += [
            value.eq(stored),
            alone.eq(self.limit - self.weighed),
            coming[0].eq(newest), coming[1].eq(Mux(same(2, 2), decided, newest)),
            used[0].eq(base), after[0].eq(base + added), over[0].eq(is_above(base, room)),
            used[1].eq(heaped), after[1].eq(heaped + added), over[1].eq(is_above(heaped, room)),
            kept.eq(deciding), moved.eq(decided),
        ]

    def _clamped(self, value):
        """Bring a sum of one bit more back into the range."""
        width = self._width
        most = (1 << width - 1) - 1
        if self._floor:
            return Mux(value[-1], 0, Mux(value[-2], most, value[:width].as_signed()))
        return Mux(value[-1] == value[-2], value[:width].as_signed(),
                   Mux(value[-1], -most - 1, most))
