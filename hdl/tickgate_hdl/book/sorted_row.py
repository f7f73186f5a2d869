"""A sorted row of price levels: the comparisons and the new row, for front and leaves alike.

Functions on expressions, no components: a row operation is one cycle of comparing and one of
shifting, and the caller has the registers between them.
"""

from amaranth.hdl import Cat, Const, Mux, Signal, Value

from tickgate_hdl.book.level_layouts import Level
from tickgate_hdl.book.trees import exceeds
from tickgate_hdl.lib.delay import stages

__all__ = ["RowChange", "changed_by", "compare", "picked", "signed_change"]


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


def signed_change(adds, amount):
    """Return ``amount``, or its complement if it is taken off: what :func:`changed_by` adds.

    The complement has no carry chain, as the negative would; the sum behind the register has one
    anyway, and gives it the one that is missing.
    """
    return (Cat(amount, Const(0, 1)) ^ (~adds).replicate(len(amount) + 1)).as_signed()


def changed_by(before, change, *, takes):
    """Return the signed sum of ``before`` and what :func:`signed_change` made of an amount."""
    return (Cat(Const(1, 1), before, Const(0, 1)).as_signed()
            + Cat(takes, change).as_signed())[1:].as_signed()


def picked(put, shift, *, old, value, before, behind):
    """Return what a level becomes: ``value`` if it is ``put`` there, else it stays ``old``.

    With ``shift`` it is the level ``before`` that is put there, or else the one ``behind``.
    """
    return Mux(put, Mux(shift, before, value), Mux(shift, behind, old))


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
        Change of the level that is there, as :func:`signed_change` has it.
    adds, takes : Value
        Whether to change anything, and in which direction.
    levels : int
        Room in the row, a power of two.
    fits : Value
        Whether the row may get a level more. If not, levels are moved only where there is none:
        what is to be done there shows early, and this may be late.
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
                 levels, registered=False, fits=1):
        hit = equal.any()
        wants_insert, wants_remove = Signal(), Signal()
        inserts, grows, removes = Signal(), Signal(), Signal()
        updates, short = Signal(levels), Signal(levels)
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
        decided, staged = m.d.sync if registered else m.d.comb, stages(m, registered)
        decided += [
            removes.eq(wants_remove), inserts.eq(wants_insert), grows.eq(wants_insert & fits),
            updates.eq(Mux(adds, equal, Mux(takes, equal & ~ending, 0))),
            self.pushed.eq(wants_insert & full & ~better[last]),
            self.missed.eq(takes & (~hit | (equal & short).any())),
            count.eq(row.count),
        ]
        with m.If(wants_insert & fits & ~full):
            decided += count.eq(row.count + 1)
        with m.If(wants_remove):
            decided += count.eq(row.count - 1)
        half = levels // 2
        self.empty = Mux(grows, 0, Mux(removes, row.count == 1, row.count == 0))
        self.few = ~Mux(grows, exceeds(row.count, half - 1),
                        Mux(removes, exceeds(row.count, half + 1), exceeds(row.count, half)))
        # One by one, since a simulator takes a wide signal that is assigned in parts as a whole.
        after_change = [Signal(Level, name=f"after_{number}") for number in range(levels)]
        m.d.comb += Value.cast(self.row.levels).eq(Cat(map(Value.cast, after_change)))
        for number in range(levels):
            old, new = row.levels[number], after_change[number]
            before = row.levels[number - 1] if number else old
            after = row.levels[number + 1] if number < last else old
            size = Signal(40, name=f"size_{number}")
            left = Signal(20, name=f"left_{number}", reset_less=True)
            beyond = ~better[number - 1] if number else 0
            put, shift = Signal(name=f"put_{number}"), Signal(name=f"shift_{number}")
            size_sum, left_sum = (
                changed_by(amount, change, takes=takes)
                for amount, change in ((old.size, shares), (old.orders, orders)))
            decided += left.eq(left_sum)
            below = size_sum < 0
            m.d.comb += [  # where registered, 0 is chosen behind the register, as it is used
                size.eq(Mux(staged(below, f"below_{number}"), 0,
                            staged(size_sum[:40], f"raw_size_{number}"))),
                short[number].eq(below | (left_sum < 0)),
                put.eq(inserts & ~better[number]),
                shift.eq(~better[number] & ((inserts & beyond) | removes)),
            ]
            # What has to be computed comes last, and only where it is needed.
            moved = picked(
                put, shift, old=Value.cast(old), value=Value.cast(fresh),
                before=Value.cast(before), behind=Value.cast(after))
            m.d.comb += Value.cast(new).eq(
                Cat(moved[:32], Mux(updates[number], Cat(size, left), moved[32:])))
            if not number:
                changed = Signal(Level, name="changed")
                m.d.comb += Value.cast(changed).eq(Cat(old.key, size, left))
                self._first = put, shift, updates[0], old, fresh, after, changed
        self._none = row.count == 0

    def first(self, shown, *, kept, wanted, other):
        """Return ``shown(level)`` of level 0 of the row after, or 0; if not ``wanted``, ``other``.

        If ``kept`` it is that of the row before.
        """
        put, shift, update, old, fresh, after, changed = self._first
        moved = picked(
            put & ~kept, shift & ~kept, old=shown(old), value=shown(fresh), before=0,
            behind=shown(after))
        none = Mux(kept, self._none, self.empty)
        return Mux(wanted & update & ~kept, shown(changed),
                   Mux(wanted, Mux(none, 0, moved), other))
