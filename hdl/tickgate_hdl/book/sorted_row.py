"""A sorted row of price levels: the comparisons and the new row, for front and leaves alike.

Functions on expressions, no components: a row operation is one cycle of comparing and one of
shifting, and the caller has the registers between them.
"""

from amaranth.hdl import Cat, Mux, Signal, Value, signed

from tickgate_hdl.book.level_layouts import Level
from tickgate_hdl.book.trees import exceeds

__all__ = ["RowChange", "compare", "delta_of"]


def compare(row, key, order, levels, piece=lambda bit: bit):
    """Return ``equal``, ``better``, ``ending``: which levels are at ``key``, which before it.

    Since the row is sorted, ``better`` is a run of ones from level 0. The keys of a row that ends
    early mean nothing, so all are 0 there. ``ending`` are those of ``equal`` that have no order
    left when one (or with ``order`` 0 none) is taken off. ``piece`` may put a register behind each
    comparison before they are put together.
    """
    equal, better, ending = [], [], []
    for number in range(levels):
        level = row.levels[number]
        used = piece(exceeds(row.count, number))
        same = used & piece(level.key == key)
        equal.append(same)
        better.append(used & piece(level.key < key))
        ending.append(same & piece(~level.orders[1:].any() & (order | ~level.orders[0])))
    return Cat(equal), Cat(better), Cat(ending)


def delta_of(op):
    """Return what an operation does to a level: signed shares, signed orders."""
    return (
        Mux(op.add, op.shares, -op.shares).as_signed(),
        Mux(op.order, Mux(op.add, 1, -1), 0).as_signed(),
    )


class RowChange:
    """The row after an operation, from what comparing found and was registered.

    Parameters
    ----------
    m : Module
        Gets the combinational statements.
    row : View
        The row before.
    equal, better, ending : Value
        Bits of :func:`compare`.
    fresh : View of ``Level``
        The level to put in where there is none at its key.
    shares, orders : Value
        Signed change of the level that is there.
    adds, takes : Value
        Whether to change anything, and in which direction.
    levels : int
        Room in the row, a power of two.
    registered : bool
        What is to be done is registered: the row after comes a cycle after ``adds`` and ``takes``,
        while the other inputs stay as they are.

    Attributes
    ----------
    row : the row after; ``count`` too
    empty : no level is left in it
    few : it has at most half as many levels as there is room for
    pushed : a level fell off the end of a full row
    missed : there was less than was to be taken
    """

    def __init__(self, m, row, equal, better, ending, fresh, shares, orders, *, adds, takes,
                 levels, registered=False):
        hit = equal.any()
        wants_insert, wants_remove = Signal(), Signal()
        inserts, updates, removes = Signal(), Signal(), Signal()
        short = Signal(levels)
        self.row = Signal.like(row)
        self.pushed = Signal()
        self.missed = Signal()
        last = levels - 1
        full = row.count[-1]
        count = Signal.like(row.count, name="count_after")
        m.d.comb += [
            wants_remove.eq(takes & ending.any()),
            wants_insert.eq(adds & ~hit),
            self.row.count.eq(count),
        ]
        decided = m.d.sync if registered else m.d.comb
        decided += [
            removes.eq(wants_remove), inserts.eq(wants_insert),
            updates.eq((adds | takes) & ~wants_remove),
            self.pushed.eq(wants_insert & full & ~better[last]),
            self.missed.eq(takes & (~hit | (equal & short).any())),
            count.eq(row.count),
        ]
        with m.If(wants_insert & ~full):
            decided += count.eq(row.count + 1)
        with m.If(wants_remove):
            decided += count.eq(row.count - 1)
        half = levels // 2
        self.empty = Mux(inserts, 0, Mux(removes, row.count == 1, row.count == 0))
        self.few = ~Mux(inserts, exceeds(row.count, half - 1),
                        Mux(removes, exceeds(row.count, half + 1), exceeds(row.count, half)))
        # One by one, since a simulator takes a wide signal that is assigned in parts as a whole.
        after_change = [Signal(Level, name=f"after_{number}") for number in range(levels)]
        m.d.comb += Value.cast(self.row.levels).eq(Cat(map(Value.cast, after_change)))
        for number in range(levels):
            old, new = row.levels[number], after_change[number]
            before = row.levels[number - 1] if number else old
            after = row.levels[number + 1] if number < last else old
            size = Signal(signed(42), name=f"size_{number}")
            left = Signal(signed(22), name=f"left_{number}")
            is_first = ~better[number] & (better[number - 1] if number else 1)
            changed = Signal(Level, name=f"changed_{number}")
            m.d.comb += [
                size.eq(old.size + shares),
                left.eq(old.orders + orders),
                short[number].eq((size < 0) | (left < 0)),
                Value.cast(new).eq(Value.cast(old)),
            ]
            decided += [
                changed.key.eq(old.key),
                changed.size.eq(Mux(size < 0, 0, size)),
                changed.orders.eq(left),
            ]
            with m.If(inserts & is_first):
                m.d.comb += new.eq(fresh)
            with m.Elif(inserts & ~better[number]):
                m.d.comb += new.eq(before)
            with m.Elif(removes & ~better[number]):
                m.d.comb += new.eq(after)
            with m.Elif(updates & equal[number]):
                m.d.comb += new.eq(changed)
            if not number:
                self._first = [
                    (inserts & ~better[0], fresh), (removes & ~better[0], after),
                    (updates & equal[0], changed)]
                self._first_else = old

    def first(self, shown):
        """Return ``shown(level)`` of level 0 of the row after, without waiting for which it is."""
        result = shown(self._first_else)
        for condition, level in reversed(self._first):
            result = Mux(condition, shown(level), result)
        return result
