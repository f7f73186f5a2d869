"""Many streams of records into one."""

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.lib.layouts import RecordBody

__all__ = ["RecordArbiter"]


class RecordArbiter(wiring.Component):
    """Pass on one record a cycle; the source of the lowest number that has one goes first.

    A decision that waits for the ring is so never overtaken by the venue's answer to its order. The
    record is registered: it leaves one cycle after it came.

    Parameters
    ----------
    sources : int
        Number of inputs, ``i0`` to ``i<sources - 1>``.
    """

    def __init__(self, sources):
        self._sources = sources
        super().__init__({
            **{f"i{n}": In(stream.Signature(RecordBody)) for n in range(sources)},
            "o": Out(stream.Signature(RecordBody)),
        })

    def elaborate(self, platform):
        m = Module()
        free = Signal()
        m.d.comb += free.eq(~self.o.valid | self.o.ready)
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        earlier = Const(0)
        for number in range(self._sources):
            source = getattr(self, f"i{number}")
            m.d.comb += source.ready.eq(free & ~earlier)
            with m.If(source.valid & source.ready):
                m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(source.payload)]
            earlier = earlier | source.valid
        return m
