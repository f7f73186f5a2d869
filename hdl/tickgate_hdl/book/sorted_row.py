"""A sorted row of price levels: the comparisons and the new row, for front and leaves alike.

Functions on expressions, no components: a row operation is one cycle of comparing and one of
shifting, and the caller has the registers between them.
"""

from amaranth.hdl import Mux, Signal, Value, signed

from tickgate_hdl.book.level_layouts import Level

__all__ = ["RowChange", "compare", "delta_of"]


def compare(row, key, levels):
    """Return lists ``equal`` and ``better``: which levels are at ``key``, which before it.

    Since the row is sorted, ``better`` is a run of ones from level 0. The keys of a row that ends
    early mean nothing, so both are 0 there.
    """
    equal, better = [], []
    for number in range(levels):
        used = row.count > number
        equal.append(used & (row.levels[number].key == key))
        better.append(used & (row.levels[number].key < key))
    return equal, better


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
    equal, better : Value
        Bits of :func:`compare`.
    fresh : View of ``Level``
        The level to put in where there is none at its key.
    shares, orders : Value
        Signed change of the level that is there.
    adds, takes : Value
        Whether to change anything, and in which direction.

    Attributes
    ----------
    row : the row after; ``count`` too
    pushed : a level fell off the end of a full row
    missed : there was less than was to be taken
    """

    def __init__(self, m, row, equal, better, fresh, shares, orders, *, adds, takes, levels):
        hit = equal.any()
        inserts, updates, removes = Signal(), Signal(), Signal()
        ends = Signal(levels)  # the level's last order goes
        short = Signal(levels)
        self.row = Signal.like(row)
        self.pushed = Signal()
        self.missed = Signal()
        last = levels - 1
        full = row.count == levels
        m.d.comb += [
            removes.eq(takes & (equal & ends).any()),
            inserts.eq(adds & ~hit),
            updates.eq((adds | takes) & hit & ~removes),
            self.pushed.eq(inserts & full & ~better[last]),
            self.missed.eq(takes & (~hit | (equal & short).any())),
            self.row.count.eq(
                Mux(inserts & ~full, row.count + 1, Mux(removes, row.count - 1, row.count))
            ),
        ]
        for number in range(levels):
            old, new = row.levels[number], self.row.levels[number]
            before = row.levels[number - 1] if number else old
            after = row.levels[number + 1] if number < last else old
            size = Signal(signed(42), name=f"size_{number}")
            left = Signal(signed(22), name=f"left_{number}")
            first = ~better[number] & (better[number - 1] if number else 1)
            changed = Signal(Level, name=f"changed_{number}")
            m.d.comb += [
                size.eq(old.size + shares),
                left.eq(old.orders + orders),
                ends[number].eq(left <= 0),
                short[number].eq((size < 0) | (left < 0)),
                changed.key.eq(old.key),
                changed.size.eq(Mux(size < 0, 0, size)),
                changed.orders.eq(left),
                Value.cast(new).eq(Value.cast(old)),
            ]
            with m.If(inserts & first):
                m.d.comb += new.eq(fresh)
            with m.Elif(inserts & ~better[number]):
                m.d.comb += new.eq(before)
            with m.Elif(removes & ~better[number]):
                m.d.comb += new.eq(after)
            with m.Elif(updates & equal[number]):
                m.d.comb += new.eq(changed)
