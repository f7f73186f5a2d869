"""Which symbol is a message about? The table of tracked symbols, and what each stock locate
means."""

from amaranth import Array, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["SymbolTable"]


class SymbolTable(wiring.Component):
    """Find a symbol's index by its text or by the day's stock locate.

    Messages with the text bind the locate (``remember``), the others rely on it. The answer is
    there in the cycle after ``look``. Names must be unique; of equal ones the lowest index is
    found.

    Parameters
    ----------
    symbols : :class:`int`
        Number of symbols, a power of two.
    locate_bits : :class:`int`
        Width of the stock locates that can be told apart, 16 but in small tests.

    Members
    -------
    write, write_index, write_name, write_enable : :py:`In`
        Write an entry; character 0 in bits 7:0, space padded.
    changed : :py:`Out(1)`
        This write enables a symbol that was not tracked under this index before.
    enabled : :py:`Out(symbols)`
        Symbols tracked.
    clear : :py:`In(1)`
        Forget all locates, one a cycle. Needed after reset too. Names stay.
    look, by_name, name, locate : :py:`In(1)`, :py:`In(1)`, :py:`In(64)`, :py:`In(16)`
        Look for a symbol.
    tracked, symbol : :py:`Out(1)`, :py:`Out(range(symbols))`
        The answer: whether it is tracked, and its index.
    remember : :py:`In(1)`
        In the cycle of the answer: bind the locate to it.
    busy : :py:`Out(1)`
        Locates are being forgotten.
    """

    def __init__(self, *, symbols, locate_bits=16):
        self._symbols = symbols
        self._locate_bits = locate_bits
        super().__init__(
            {
                "write": In(1),
                "write_index": In(8),
                "write_name": In(64),
                "write_enable": In(1),
                "changed": Out(1),
                "enabled": Out(symbols),
                "clear": In(1),
                "look": In(1),
                "by_name": In(1),
                "name": In(64),
                "locate": In(16),
                "tracked": Out(1),
                "symbol": Out(range(symbols)),
                "remember": In(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bits = (self._symbols - 1).bit_length()
        names = Array(Signal(64, name=f"name_{index}") for index in range(self._symbols))
        in_range = self.write_index < self._symbols
        same = self.enabled.bit_select(self.write_index[:bits], 1) & (
            names[self.write_index[:bits]] == self.write_name
        )
        m.d.comb += self.changed.eq(self.write & in_range & self.write_enable & ~same)
        with m.If(self.write & in_range):
            m.d.sync += [
                names[self.write_index[:bits]].eq(self.write_name),
                self.enabled.bit_select(self.write_index[:bits], 1).eq(self.write_enable),
            ]

        # By name: one comparator a symbol.
        matches = Signal(self._symbols)
        matched, index = Signal(), Signal(bits)
        by_name = Signal()
        m.d.comb += matches.eq(
            sum(((names[i] == self.name) & self.enabled[i]) << i for i in range(self._symbols))
        )
        with m.If(self.look):
            m.d.sync += [matched.eq(matches.any()), by_name.eq(self.by_name)]
            for i in reversed(range(self._symbols)):
                with m.If(matches[i]):
                    m.d.sync += index.eq(i)

        # By locate: 0 = not tracked, else 1 and the index.
        m.submodules.locates = locates = memory.Memory(
            shape=bits + 1, depth=1 << self._locate_bits, init=[]
        )
        read, write = locates.read_port(), locates.write_port()
        sweep, bound = Signal(self._locate_bits), Signal(16)
        far = Signal()  # a locate that the memory cannot tell apart
        with m.If(self.look):
            m.d.sync += [bound.eq(self.locate), far.eq(self.locate >> self._locate_bits != 0)]
        m.d.comb += [
            read.addr.eq(self.locate),
            read.en.eq(self.look),
            write.addr.eq(Mux(self.busy, sweep, bound)),
            write.data.eq(Mux(self.busy | ~matched, 0, (1 << bits) | index)),
            write.en.eq(self.busy | (self.remember & ~far)),
        ]
        with m.If(self.busy):
            m.d.sync += sweep.eq(sweep + 1)
            with m.If(sweep == (1 << self._locate_bits) - 1):
                m.d.sync += self.busy.eq(0)
        with m.If(self.clear):
            m.d.sync += [self.busy.eq(1), sweep.eq(0)]

        with m.If(by_name):
            m.d.comb += [self.tracked.eq(matched), self.symbol.eq(index)]
        with m.Else():
            m.d.comb += [
                self.symbol.eq(read.data[:bits]),
                self.tracked.eq(
                    read.data[bits] & ~far & self.enabled.bit_select(read.data[:bits], 1)
                ),
            ]
        return m
