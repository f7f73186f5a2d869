"""The limits image in two banks: upload, read-back, CRC, swap."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import crc, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2
from tickgate.risk.image import ACCOUNT, FIRM, POSITION, SYMBOL, TABLES, rows

from tickgate_hdl.lib.sweep import sweep
from tickgate_hdl.risk.layouts import row_layout
from tickgate_hdl.top.config import CardConfig

__all__ = ["LimitsImage"]


class LimitsImage(wiring.Component):
    """Hold the limits in force and the shadow bank that the host writes.

    A commit reads every word of the shadow bank back through the CRC (``zlib.crc32`` over the
    little-endian words, tables in the order of ``tickgate.risk.image.TABLES``), about one word
    a cycle, and swaps the banks only when the CRC and the generation are right. While it runs,
    writes are ignored: nothing can change behind the check. An order reads all its rows, and
    ``generation``, in one cycle, so it sees one bank. Both banks are swept to zero after reset
    (``busy``); a zero row refuses.

    Ports named ``<register>__<field>`` are those of the register file.

    Members
    -------
    account, symbol : In
        Row to read in the bank in force.
    account_row, symbol_row, position_row, firm_row : Out
        The rows, one cycle later.
    generation : Out(32)
        Generation in force; 0 = none.
    finished : Out(1)
        Strobe: a commit ended; ``limit_status`` says how.
    """

    def __init__(self, config: CardConfig):
        self._config = config
        account, symbol = ceil_log2(config.accounts), ceil_log2(config.symbols)
        super().__init__({
            "account": In(account), "symbol": In(symbol),
            "account_row": Out(row_layout(ACCOUNT)),
            "symbol_row": Out(row_layout(SYMBOL)),
            "position_row": Out(row_layout(POSITION)), "firm_row": Out(row_layout(FIRM)),
            "busy": Out(1, init=1), "generation": Out(32), "finished": Out(1),
            "limit_address__value": In(16), "limit_address__value__we": In(1),
            "limit_address__value__next": Out(16), "limit_address__value__next__we": Out(1),
            "limit_data__value": In(32), "limit_data__value__we": In(1),
            "limit_read_address__value": In(16), "limit_read__value": Out(32),
            "limit_crc__value": In(32), "limit_generation__value": In(32),
            "limit_commit__commit": In(1),
            "limit_status__busy": Out(1), "limit_status__committed": Out(1),
            "limit_status__bad_crc": Out(1), "limit_computed_crc__value": Out(32),
        })

    def elaborate(self, platform):
        m = Module()
        config = self._config
        sizes = {table: rows(table, accounts=config.accounts, symbols=config.symbols)
                 for table in TABLES}
        bank = Signal()

        # The sweep clears every row of both banks, all tables at once.
        sweeping = self.busy
        row_swept = sweep(m, 2 * max(sizes.values()), busy=sweeping)

        address, checking = Signal(16), Signal()
        writing = Signal()
        m.d.comb += [
            writing.eq(self.limit_data__value__we & ~checking & ~sweeping),
            self.limit_address__value__next.eq(address + 1),
            self.limit_address__value__next__we.eq(writing),
        ]
        with m.If(self.limit_address__value__we):
            m.d.sync += address.eq(self.limit_address__value)
        with m.Elif(writing):
            m.d.sync += address.eq(address + 1)

        walk = Signal(16)
        back = Mux(checking, walk, self.limit_read_address__value)
        word_shown = Signal(32)
        in_force = {ACCOUNT: (self.account, self.account_row),
                    SYMBOL: (self.symbol, self.symbol_row),
                    POSITION: (Cat(self.symbol, self.account), self.position_row),
                    FIRM: (Const(0, 0), self.firm_row)}
        select_shown = Signal(2)
        m.d.sync += select_shown.eq(back[14:16])
        for table in TABLES:
            count, word_bits = sizes[table], ceil_log2(table.row_words)
            row_bits = ceil_log2(count)
            memory = m.submodules[table.name] = Memory(
                shape=unsigned(32 * table.row_words), depth=2 * count, init=[])

            write = memory.write_port(granularity=32)
            row = address[word_bits:14]
            m.d.comb += [
                write.addr.eq(Cat(row[:row_bits], ~bank)),
                write.data.eq(self.limit_data__value.replicate(table.row_words)),
            ]
            with m.If(sweeping):
                m.d.comb += [write.addr.eq(row_swept), write.data.eq(0), write.en.eq(-1)]
                with m.If(row_swept >= 2 * count):
                    m.d.comb += write.en.eq(0)
            with m.Elif(writing & (address[14:16] == table.select) & (row < count)):
                m.d.comb += write.en.eq(1 << address[:word_bits])

            read = memory.read_port()
            index, target = in_force[table]
            m.d.comb += [read.addr.eq(Cat(index, bank)), target.eq(read.data)]

            shadow = memory.read_port()
            word, in_range = Signal(word_bits), Signal()
            m.d.comb += shadow.addr.eq(Cat(back[word_bits:word_bits + row_bits], ~bank))
            m.d.sync += [word.eq(back[:word_bits]), in_range.eq(back[word_bits:14] < count)]
            with m.If((select_shown == table.select) & in_range):
                m.d.comb += word_shown.eq(shadow.data.word_select(word, 32))
        m.d.sync += self.limit_read__value.eq(word_shown)

        m.submodules.crc = check = crc.catalog.CRC32_ISO_HDLC(data_width=32).create()
        reading = Signal()
        m.d.sync += reading.eq(0)
        m.d.comb += [check.data.eq(word_shown), check.valid.eq(reading)]
        wanted, generation = Signal(32), Signal(32)
        m.d.comb += self.limit_status__busy.eq(checking)

        with m.FSM():
            with m.State("Quiet"), m.If(self.limit_commit__commit & ~sweeping):
                m.d.comb += check.start.eq(1)
                m.d.sync += [
                    checking.eq(1),
                    self.limit_status__committed.eq(0),
                    self.limit_status__bad_crc.eq(0),
                    wanted.eq(self.limit_crc__value),
                    generation.eq(self.limit_generation__value),
                    walk.eq(TABLES[0].select << 14),
                ]
                m.next = "Walk"
            with m.State("Walk"):
                m.d.sync += [reading.eq(1), walk.eq(walk + 1)]
                for position, table in enumerate(TABLES):
                    last = table.select << 14 | (sizes[table] * table.row_words - 1)
                    with m.If(walk == last):
                        if position + 1 < len(TABLES):
                            m.d.sync += walk.eq(TABLES[position + 1].select << 14)
                        else:
                            m.next = "Drain"
            with m.State("Drain"):
                m.next = "Compare"
            with m.State("Compare"):
                m.d.sync += self.limit_computed_crc__value.eq(check.crc)
                with m.If((check.crc == wanted) & (generation != 0)):
                    m.next = "Swap"
                with m.Else():
                    m.d.sync += [self.limit_status__bad_crc.eq(1), checking.eq(0),
                                 self.finished.eq(1)]
                    m.next = "Finish"
            with m.State("Swap"):
                m.d.sync += [
                    bank.eq(~bank),
                    self.generation.eq(generation),
                    self.limit_status__committed.eq(1),
                    checking.eq(0),
                    self.finished.eq(1),
                ]
                m.next = "Finish"
            with m.State("Finish"):
                m.d.sync += self.finished.eq(0)
                m.next = "Quiet"
        return m
