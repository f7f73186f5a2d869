"""The directory of a book side's leaves: its row, and expressions on it."""

from amaranth.hdl import Cat, Mux, Signal
from amaranth.lib.data import ArrayLayout, StructLayout

from tickgate_hdl.book.trees import any_of, exceeds

__all__ = [
    "Edit", "directory_row", "from_on", "initial", "leaf_of", "next_entry", "reached",
]

_CHUNK = 8
"""Positions that are looked at together where one position says something of those behind it."""


def directory_row(leaves):
    """Return the layout of a directory: which leaf has the levels from which key on.

    The first ``count`` entries are in use, best leaf first; leaf ``n`` has the keys from its
    ``start`` up to that of the next one, leaf 0 also what is better than its ``start``. The slots
    of the entries that are not in use are those that are free. Levels at ``floor`` and worse were
    dropped, if ``floored``.
    """
    bits = max(1, (leaves - 1).bit_length())
    return StructLayout({
        "starts": ArrayLayout(32, leaves), "floor": 32, "slots": ArrayLayout(bits, leaves),
        "count": leaves.bit_length(), "floored": 1,
    })


def initial(leaves):
    """Return the value of an empty directory."""
    return directory_row(leaves).const({
        "count": 0, "floored": 0, "floor": 0, "starts": [0] * leaves, "slots": list(range(leaves)),
    })


def from_on(position, piece):
    """Return the bits at the position, of which one bit is set, and behind it.

    ``piece`` may put a register behind each of the parts that they are put together from.
    """
    chunks = [position[at:at + _CHUNK] for at in range(0, len(position), _CHUNK)]
    hits = [piece(chunk.any()) for chunk in chunks]
    return Cat(
        piece(chunk[:at + 1].any()) | (any_of(hits[:number]) if number else 0)
        for number, chunk in enumerate(chunks) for at in range(len(chunk)))


def reached(row, key, leaves):
    """Return of each entry whether its start is not worse than the key, used or not."""
    return Cat(1, *(key >= row.starts[number] for number in range(1, leaves)))


def leaf_of(reached_now, count, leaves):
    """Return bits, of which the one at the position of the leaf that has a key is set.

    ``reached_now`` are the bits of :func:`reached`; in an empty directory it is position 0.
    """
    beyond = [1, *(exceeds(count, number) & reached_now[number] for number in range(1, leaves)), 0]
    return Cat(beyond[number] & ~beyond[number + 1] for number in range(leaves))


def next_entry(count, leaves):
    """Return bits: which entry gives its slot to a new one; in a full directory the worst one."""
    return Cat(
        *(count == number for number in range(leaves - 1)), exceeds(count, leaves - 2))


class Edit:
    """Where each entry of a row comes from when one is put in or taken out: registers.

    An entry that is put in comes behind ``position``, and in a full row the last one goes. Where
    one is taken out, at ``position``, its slot goes to the first entry that is not in use then.

    Parameters
    ----------
    leaves : int
        Entries of the row.
    """

    def __init__(self, leaves):
        self._leaves = leaves
        self._placed, self._down, self._up = Signal(leaves), Signal(leaves), Signal(leaves)

    def decide(self, row, position, behind, *, inserts, removes):
        """Return the statements that load the registers.

        ``position`` and ``behind`` are bits, at the position and at what :func:`from_on` gives.
        """
        statements = []
        for number in range(self._leaves):
            statements += [
                self._down[number].eq(0),
                self._placed[number].eq(removes & (row.count == number + 1)),
                self._up[number].eq(removes & behind[number] & exceeds(row.count, number + 1)),
            ]
            if number:
                statements += [
                    self._down[number].eq(inserts & behind[number - 1] & ~position[number - 1]
                                          & exceeds(row.count, number - 1)),
                    self._placed[number].eq((inserts & position[number - 1])
                                            | (removes & (row.count == number + 1))),
                ]
        return statements

    def after(self, before, placed):
        """Return the bits of the entries' starts, or of their slots, after the edit.

        ``placed`` is the start of the entry put in, or the slot of the one put in or taken out.
        """
        last = self._leaves - 1
        return Cat(
            Mux(self._placed[number], placed,
                Mux(self._down[number], before[max(0, number - 1)],
                    Mux(self._up[number], before[min(last, number + 1)], before[number])))
            for number in range(self._leaves))
