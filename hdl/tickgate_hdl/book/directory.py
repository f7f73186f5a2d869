"""The directory of a book side's leaves: expressions on its row."""

from amaranth.hdl import Cat, Mux, Signal, Value
from amaranth.lib.data import ArrayLayout, StructLayout

from tickgate_hdl.book.trees import any_of, exceeds

__all__ = [
    "directory_row", "find_leaf", "initial", "inserted", "next_slot", "one_of", "removed",
]


def directory_row(leaves):
    """Return the layout of a directory: which leaf has the levels from which key on.

    The first ``count`` entries are in use, best leaf first; leaf ``n`` has the keys from its
    ``start`` up to that of the next one, leaf 0 also what is better than its ``start``. The slots
    of the entries that are not in use are those that are free. Levels at ``floor`` and worse were
    dropped, if ``floored``.
    """
    bits = max(1, (leaves - 1).bit_length())
    entry = StructLayout({"start": 32, "slot": bits})
    return StructLayout({
        "count": leaves.bit_length(), "floored": 1, "floor": 32,
        "entries": ArrayLayout(entry, leaves),
    })


def initial(leaves):
    """Return the value of an empty directory."""
    return directory_row(leaves).const({
        "count": 0, "floored": 0, "floor": 0,
        "entries": [{"start": 0, "slot": number} for number in range(leaves)],
    })


def one_of(positions, values):
    """Return the value at the position whose bit is set; 0 if none is."""
    return any_of(
        [Mux(position, value, 0) for position, value in zip(positions, values, strict=True)])


def find_leaf(row, key, leaves):
    """Return bits, of which the one at the position of the leaf for ``key`` is set."""
    beyond = [1]  # the key is not better than the leaf's start
    for number in range(1, leaves):
        beyond.append(exceeds(row.count, number) & (key >= row.entries[number].start))
    beyond.append(0)
    return Cat(beyond[number] & ~beyond[number + 1] for number in range(leaves))


def next_slot(row, leaves):
    """Return the slot of a new entry; in a full directory the worst leaf gives its own."""
    last = leaves - 1
    return one_of([row.count == number for number in range(last)] + [exceeds(row.count, last - 1)],
                  [row.entries[number].slot for number in range(leaves)])


def inserted(m, row, position, behind, slot, start, leaves):
    """Return the row with a new entry, of that slot, behind ``position`` (bits).

    ``behind`` are the bits at ``position`` and behind it. In a full directory the worst leaf goes,
    and the floor is its start.
    """
    full = row.count[-1]
    last = leaves - 1
    entries = _entries(m, row, leaves, "grown")
    for number in range(1, leaves):
        with m.If(position[number - 1]):
            m.d.comb += [entries[number].start.eq(start), entries[number].slot.eq(slot)]
        with m.Elif(behind[number - 1] & exceeds(row.count, number - 1)):
            m.d.comb += entries[number].eq(row.entries[number - 1])
    floor = Mux(full, row.entries[last].start, row.floor)
    count = Mux(full, leaves, row.count + 1)
    return _row(m, count, full | row.floored, floor, entries, leaves, "grown")


def removed(m, row, behind, slot, leaves):
    """Return the row without the entry at which ``behind`` begins; its slot is free again."""
    entries = _entries(m, row, leaves, "shrunk")
    for number in range(leaves):
        with m.If(row.count == number + 1):
            m.d.comb += entries[number].slot.eq(slot)
        with m.Elif(behind[number] & exceeds(row.count, number)):
            if number < leaves - 1:
                m.d.comb += entries[number].eq(row.entries[number + 1])
    return _row(m, row.count - 1, row.floored, row.floor, entries, leaves, "shrunk")


def _entries(m, row, leaves, name):
    """Return signals that have the row's entries, unless they are assigned something else.

    They are one by one, since a simulator takes a wide signal that is assigned in parts as a whole.
    """
    entries = []
    for number in range(leaves):
        entry = Signal(row.entries[number].shape(), name=f"{name}_{number}")
        m.d.comb += Value.cast(entry).eq(Value.cast(row.entries[number]))
        entries.append(entry)
    return entries


def _row(m, count, floored, floor, entries, leaves, name):
    result = Signal(directory_row(leaves), name=name)
    m.d.comb += [
        result.count.eq(count), result.floored.eq(floored), result.floor.eq(floor),
        Value.cast(result.entries).eq(Cat(Value.cast(entry) for entry in entries)),
    ]
    return result
