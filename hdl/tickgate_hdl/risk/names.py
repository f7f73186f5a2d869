"""The symbol table: stock texts for the venue, and which symbols may be traded."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

__all__ = ["SymbolNames"]


class SymbolNames(wiring.Component):
    """Keep a stock text for each symbol, and whether it is listed.

    Members
    -------
    symbol, name, listed : In, Out(64), Out(1)
        A symbol's entry, one cycle later.
    symbol_write, symbol_index, symbol_name, symbol_enable : In
        Write port. Symbols that the card has no room for are left out.
    sweep, sweep_row : In
        Empty a row.
    """

    def __init__(self, symbols):
        self._symbols = symbols
        index = ceil_log2(symbols)
        super().__init__({
            "symbol": In(index), "name": Out(64), "listed": Out(1),
            "symbol_write": In(1), "symbol_index": In(16), "symbol_name": In(64),
            "symbol_enable": In(1), "sweep": In(1), "sweep_row": In(index),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.names = names = Memory(
            shape=StructLayout({"name": 64, "enable": 1}), depth=self._symbols, init=[])
        write, read = names.write_port(), names.read_port()
        m.d.comb += [
            read.addr.eq(self.symbol), self.name.eq(read.data.name),
            self.listed.eq(read.data.enable),
            write.addr.eq(self.symbol_index), write.data.name.eq(self.symbol_name),
            write.data.enable.eq(self.symbol_enable),
            write.en.eq(self.symbol_write & (self.symbol_index < self._symbols)),
        ]
        with m.If(self.sweep):
            m.d.comb += [write.addr.eq(self.sweep_row), write.data.eq(0), write.en.eq(1)]
        return m
