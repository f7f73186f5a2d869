"""Sums of 16-bit words, from which Internet checksums are judged."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["WordSum", "is_ones"]


class WordSum(wiring.Component):
    """Add up chosen bytes of beats as big-endian 16-bit words, carries kept.

    A sum is complete two cycles after its last beat was given. Source: RFC 1071.

    Parameters
    ----------
    width : int
        Width of the sum in bits.

    Members
    -------
    valid, first : In(1), In(1)
        A beat is given; the sum starts anew with it.
    data, mask : In(64), In(8)
        Its bytes, and which of them count; the others are 0 in the sum.
    total : Out(width)
        The sum.
    """

    def __init__(self, width):
        super().__init__({
            "valid": In(1), "first": In(1), "data": In(64), "mask": In(8), "total": Out(width)})

    def elaborate(self, platform):
        m = Module()
        words = []
        for lane in range(0, 8, 2):
            high, low = (
                self.data.word_select(at, 8) & self.mask[at].replicate(8)
                for at in (lane, lane + 1)
            )
            words.append(Cat(low, high))
        pairs = Signal(17), Signal(17)
        valid, first = Signal(), Signal()
        m.d.sync += valid.eq(self.valid)
        with m.If(self.valid):
            m.d.sync += [
                pairs[0].eq(words[0] + words[1]), pairs[1].eq(words[2] + words[3]),
                first.eq(self.first),
            ]
        with m.If(valid):
            m.d.sync += self.total.eq(Mux(first, 0, self.total) + pairs[0] + pairs[1])
        return m


def is_ones(total):
    """Return whether ``total``, of 17 to 31 bits, is 0xFFFF once its carries are added to it.

    Right for every sum whose carries are less than 0xFFFF, and of which the low half and the
    carries together are below 0x1FFFE: so for all up to 2**20.
    """
    low, carries = total[:16], total[16:]
    return ~low == carries
