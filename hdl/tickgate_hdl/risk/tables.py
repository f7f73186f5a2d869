"""The gate's own memories: exposure, open-order slots, fills that may be broken, symbol names."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from tickgate_hdl.risk.layouts import Exposure, fill_layout, slot_layout
from tickgate_hdl.top.config import CardConfig

__all__ = ["GateTables"]


class GateTables(wiring.Component):
    """Memories with synchronous reads: data one cycle after the address.

    All but the names' stock text are swept after reset (``busy``). Exposure rows are indexed by
    account and symbol, slots by UserRefNum modulo their number, fills by a mix of match number
    and UserRefNum. A fill stays until another takes its place.

    Members
    -------
    account, symbol, exposure : In, In, Out
        Exposure row to read, and to write with ``write_position`` and ``write_open``.
    new_exposure, write_position, write_open : In
        New values of the row; ``write_open`` writes both open quantities.
    load, load_account, load_symbol, load_value : In
        Set one position (used between operations; wins over the other write).
    view_account, view_symbol, view : In, In, Out
        Second read of the exposure table, for the host. Rows out of range read 0.
    token, slot, second, second_slot : In, Out, In, Out
        Two slots to read; ``slot`` can be written too.
    write_slot, write_index, new_slot : In
        Write of a slot at a UserRefNum.
    match_number, fill, write_fill, new_fill : In, Out, In, In
        Fill of ``match_number`` and ``token``.
    symbol_write, symbol_index, symbol_name, symbol_enable : In
        Write port of the symbol table.
    name, listed : Out
        Stock text of ``symbol``, and whether the symbol is enabled.
    """

    def __init__(self, config: CardConfig):
        self._config = config
        account, symbol = ceil_log2(config.accounts), ceil_log2(config.symbols)
        super().__init__({
            "account": In(account), "symbol": In(symbol), "exposure": Out(Exposure),
            "new_exposure": In(Exposure), "write_position": In(1), "write_open": In(1),
            "load": In(1), "load_account": In(account), "load_symbol": In(symbol),
            "load_value": In(32),
            "view_account": In(16), "view_symbol": In(16), "view": Out(Exposure),
            "token": In(32), "slot": Out(slot_layout(config)),
            "second": In(32), "second_slot": Out(slot_layout(config)),
            "write_slot": In(1), "write_index": In(32), "new_slot": In(slot_layout(config)),
            "match_number": In(64), "fill": Out(fill_layout(config)),
            "write_fill": In(1), "new_fill": In(fill_layout(config)),
            "symbol_write": In(1), "symbol_index": In(8), "symbol_name": In(64),
            "symbol_enable": In(1),
            "name": Out(64), "listed": Out(1),
            "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        config = self._config
        rows = config.accounts * config.symbols
        account_bits, symbol_bits = len(self.account), len(self.symbol)
        slot_bits = ceil_log2(config.open_orders)

        sweep = Signal(range(max(rows, config.open_orders) + 1))
        m.d.comb += self.busy.eq(sweep != max(rows, config.open_orders))
        with m.If(self.busy):
            m.d.sync += sweep.eq(sweep + 1)

        m.submodules.exposures = exposures = Memory(
            shape=ArrayLayout(unsigned(32), 3), depth=rows, init=[])
        write = exposures.write_port(granularity=1)
        read, view = exposures.read_port(), exposures.read_port()
        view_listed = Signal()
        m.d.sync += view_listed.eq(
            (self.view_account < config.accounts) & (self.view_symbol < config.symbols))
        m.d.comb += [
            read.addr.eq(Cat(self.symbol, self.account)),
            self.exposure.eq(read.data),
            view.addr.eq(Cat(self.view_symbol[:symbol_bits], self.view_account[:account_bits])),
        ]
        with m.If(view_listed):
            m.d.comb += self.view.eq(view.data)
        with m.If(self.busy):
            m.d.comb += [write.addr.eq(sweep), write.en.eq(0b111 & (sweep < rows).replicate(3))]
        with m.Elif(self.load):
            m.d.comb += [
                write.addr.eq(Cat(self.load_symbol, self.load_account)),
                write.data[0].eq(self.load_value),
                write.en.eq(0b001),
            ]
        with m.Else():
            m.d.comb += [
                write.addr.eq(Cat(self.symbol, self.account)),
                write.data.eq(self.new_exposure),
                write.en.eq(Cat(self.write_position, self.write_open.replicate(2))),
            ]

        m.submodules.slots = slots = Memory(
            shape=slot_layout(config), depth=config.open_orders, init=[])
        write, first, second = slots.write_port(), slots.read_port(), slots.read_port()
        m.d.comb += [
            first.addr.eq(self.token), self.slot.eq(first.data),
            second.addr.eq(self.second), self.second_slot.eq(second.data),
            write.addr.eq(self.write_index), write.data.eq(self.new_slot),
            write.en.eq(self.write_slot),
        ]
        with m.If(self.busy):
            m.d.comb += [write.addr.eq(sweep), write.data.eq(0),
                         write.en.eq(sweep < config.open_orders)]

        # Both numbers count up; reversing one spreads them, and keeps the two sides of a trade
        # between two own orders, which share the match number, apart.
        m.submodules.fills = fills = Memory(
            shape=fill_layout(config), depth=config.open_orders, init=[])
        write, read = fills.write_port(), fills.read_port()
        place = Signal(slot_bits)
        m.d.comb += [
            place.eq(self.match_number[:slot_bits] ^ Cat(reversed(list(self.token[:slot_bits])))),
            read.addr.eq(place), self.fill.eq(read.data),
            write.addr.eq(place), write.data.eq(self.new_fill), write.en.eq(self.write_fill),
        ]
        with m.If(self.busy):
            m.d.comb += [write.addr.eq(sweep), write.data.eq(0),
                         write.en.eq(sweep < config.open_orders)]

        m.submodules.names = names = Memory(
            shape=StructLayout({"name": 64, "enable": 1}), depth=config.symbols, init=[])
        write, read = names.write_port(), names.read_port()
        m.d.comb += [
            read.addr.eq(self.symbol), self.name.eq(read.data.name),
            self.listed.eq(read.data.enable),
            write.addr.eq(self.symbol_index), write.data.name.eq(self.symbol_name),
            write.data.enable.eq(self.symbol_enable),
            write.en.eq(self.symbol_write & (self.symbol_index < config.symbols)),
        ]
        with m.If(self.busy):
            m.d.comb += [write.addr.eq(sweep), write.data.eq(0),
                         write.en.eq(sweep < config.symbols)]
        return m
