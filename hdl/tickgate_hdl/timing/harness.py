"""A component between flip-flops, so that a block alone can be placed, routed and timed."""

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Const, Module, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

__all__ = ["Harness"]


class Harness(wiring.Component):
    """Put each input bit of a component behind a flip-flop, and each output bit into one.

    The input flip-flops are one long shift chain (``in_<port>``), so a block with thousands of
    ports needs two pins. The output flip-flops (``out_<port>``) are kept by an attribute, nothing
    reads them: so the harness adds flip-flops only, no logic. All paths are register to register,
    and the placer is free to put the harness where the block wants it, which is kinder than a full
    chip. The block's reset comes from a flip-flop of its own, as on a card.

    Parameters
    ----------
    dut : :class:`amaranth.lib.wiring.Component`
        The block. It is clocked by ``sync`` alone.

    Members
    -------
    clk : :py:`In(1)`
        Clock of all.
    shift : :py:`In(1)`
        Start of the shift chain.

    Attributes
    ----------
    flip_flops : :class:`int`
        Flip-flops that the harness adds, before synthesis drops the unused ones.
    """

    clk: In(1)
    shift: In(1)

    def __init__(self, dut):
        self._dut = dut
        self._inputs, self._outputs = [], []
        for path, member, port in dut.signature.flatten(dut):
            value = Value.cast(port)
            if not isinstance(value, Const):
                ports = self._inputs if member.flow is In else self._outputs
                ports.append(("__".join(str(part) for part in path), value))
        widths = [Shape.cast(value.shape()).width for _, value in self._inputs + self._outputs]
        self.flip_flops = sum(widths) + 1
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = sync = ClockDomain()
        m.submodules.dut = self._dut
        reset = Signal(name="in_rst", reset_less=True)
        m.d.sync += reset.eq(self.shift)
        m.d.comb += [ClockSignal().eq(self.clk), sync.rst.eq(reset)]
        last = reset
        for name, value in self._inputs:
            if len(value):
                stage = Signal(len(value), name=f"in_{name}", reset_less=True)
                m.d.sync += stage.eq(Cat(last, stage))
                m.d.comb += value.eq(stage)
                last = stage[-1]
        for name, value in self._outputs:
            caught = Signal(
                len(value), name=f"out_{name}", reset_less=True, attrs={"keep": 1})
            m.d.sync += caught.eq(value)
        return m
