"""The limits image in two banks: upload, read-back, CRC, swap."""

from functools import reduce
from itertools import pairwise
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import crc, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2
from tickgate.risk.image import (
    ACCOUNT,
    CLEARING_FIRM,
    FIRM,
    GROUP,
    MEMBERSHIPS,
    POSITION,
    SELECT_BIT,
    SESSION,
    SESSIONS,
    STRATEGIES,
    STRATEGY,
    SYMBOL,
    TABLES,
    rows,
)

from tickgate_hdl.lib.compare import is_below
from tickgate_hdl.lib.delay import delayed, stages
from tickgate_hdl.lib.sweep import sweep
from tickgate_hdl.risk.layouts import row_layout
from tickgate_hdl.risk.membership import Membership
from tickgate_hdl.top.config import CardConfig

__all__ = ["LimitsImage"]


class LimitsImage(wiring.Component):
    """Hold the limits in force and the shadow bank that the host writes.

    A commit reads every word of the shadow bank back through the CRC (``zlib.crc32`` over the
    little-endian words, tables in the order of ``tickgate.risk.image.TABLES``), about one word
    a cycle, and swaps the banks only when the CRC and the generation are right, and each account
    that is set belongs to the group and clearing firm that it belonged to since reset. While it
    runs, writes are ignored: nothing can change behind the check. An order reads all its rows, and
    ``generation``, in one cycle, so it sees one bank. Both banks are swept to zero after reset
    (``busy``); a zero row refuses.

    Ports named ``<register>__<field>`` are those of the register file.

    Members
    -------
    of_account, group_of, clearing_firm_of : In, Out, Out
        Rows that the account of an order belongs to, in the same cycle.
    of_settled, group_of_settled, clearing_firm_of_settled : In, Out, Out
        The same of an account whose exposure moves.
    account, symbol, group, clearing_firm, session, strategy : In
        Rows to read in the bank in force.
    account_row, symbol_row, position_row, firm_row, group_row, clearing_firm_row, session_row, \
    strategy_row : Out
        The rows, one cycle later.
    generation : Out(32)
        Generation in force; 0 = none.
    finished : Out(1)
        Strobe: a commit ended; ``limit_status`` says how.
    """

    def __init__(self, config: CardConfig):
        self._config = config
        account, symbol = ceil_log2(config.accounts), ceil_log2(config.symbols)
        sizes = config.table_sizes
        members = {table.name: ceil_log2(rows(table, sizes)) for table in MEMBERSHIPS}
        super().__init__({
            "of_account": In(account), "of_settled": In(account),
            **{f"{name}_{of}": Out(bits) for name, bits in members.items()
               for of in ("of", "of_settled")},
            "account": In(account), "symbol": In(symbol),
            **{name: In(bits) for name, bits in members.items()},
            "session": In(ceil_log2(SESSIONS)), "strategy": In(ceil_log2(STRATEGIES)),
            **{f"{table.name}_row": Out(row_layout(table)) for table in TABLES},
            "busy": Out(1, init=1), "generation": Out(32), "finished": Out(1),
            "limit_address__value": In(32), "limit_address__value__we": In(1),
            "limit_address__value__next": Out(32), "limit_address__value__next__we": Out(1),
            "limit_data__value": In(32), "limit_data__value__we": In(1),
            "limit_read_address__value": In(32), "limit_read__value": Out(32),
            "limit_crc__value": In(32), "limit_generation__value": In(32),
            "limit_commit__commit": In(1),
            "limit_status__busy": Out(1), "limit_status__committed": Out(1),
            "limit_status__bad_crc": Out(1), "limit_status__bad_member": Out(1),
            "limit_computed_crc__value": Out(32),
        })

    def elaborate(self, platform):
        m = Module()
        config = self._config
        sizes = {table: rows(table, config.table_sizes) for table in TABLES}
        bank = Signal()
        # Registered, a word is written two cycles after it came, and shown one cycle later.
        registered = config.registered
        staged = stages(m, registered)

        def flag(value, name):
            return delayed(m, value, name, int(registered))

        # The sweep clears every row of both banks, all tables at once.
        sweeping = self.busy
        if registered:
            sweeping = Signal(init=1)
            m.d.sync += self.busy.eq(sweeping)  # until the last row is written
        row_swept = sweep(m, 2 * max(sizes.values()), busy=sweeping)

        address, checking = Signal(32), Signal()
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
        puts, put_data = flag(writing, "puts"), staged(self.limit_data__value, "put_data")
        put_address = staged(address, "put_address")

        walk = Signal(32)
        back = Mux(checking, walk, self.limit_read_address__value)
        words_shown = []
        in_force = {ACCOUNT: (self.account, self.account_row),
                    SYMBOL: (self.symbol, self.symbol_row),
                    POSITION: (Cat(self.symbol, self.account), self.position_row),
                    FIRM: (Const(0, 0), self.firm_row),
                    GROUP: (self.group, self.group_row),
                    CLEARING_FIRM: (self.clearing_firm, self.clearing_firm_row),
                    SESSION: (self.session, self.session_row),
                    STRATEGY: (self.strategy, self.strategy_row)}
        table_bits = slice(SELECT_BIT, 32)
        back_shown = Signal.like(back)
        m.d.sync += back_shown.eq(back)
        select_shown = back_shown[table_bits]
        for table in TABLES:
            count, word_bits = sizes[table], ceil_log2(table.row_words)
            row_bits = ceil_log2(count)
            memory = m.submodules[table.name] = Memory(
                shape=unsigned(32 * table.row_words), depth=2 * count, init=[])

            write = memory.write_port(granularity=32)
            place, data, enables = Signal.like(write.addr), Signal(32), Signal.like(write.en)
            row = put_address[word_bits:SELECT_BIT]
            m.d.comb += [
                place.eq(Cat(row[:row_bits], ~bank)), data.eq(put_data),
                write.addr.eq(staged(place, f"{table.name}_place")),
                write.data.eq(staged(data, f"{table.name}_put").replicate(table.row_words)),
                write.en.eq(flag(enables, f"{table.name}_enables")),
            ]
            with m.If(sweeping):
                m.d.comb += [place.eq(row_swept), data.eq(0), enables.eq(-1)]
                with m.If(row_swept >= 2 * count):
                    m.d.comb += enables.eq(0)
            with m.Elif(puts & (put_address[table_bits] == table.select) & is_below(row, count)):
                m.d.comb += enables.eq(1 << put_address[:word_bits])

            read = memory.read_port()
            index, target = in_force[table]
            m.d.comb += [read.addr.eq(Cat(index, bank)), target.eq(read.data)]

            shadow = memory.read_port()
            in_range = Signal()
            m.d.comb += shadow.addr.eq(Cat(back[word_bits:word_bits + row_bits], ~bank))
            m.d.sync += in_range.eq(is_below(back[word_bits:SELECT_BIT], count))
            words_shown.append(Mux(
                flag((select_shown == table.select) & in_range, f"{table.name}_is_shown"),
                staged(shadow.data.word_select(back_shown[:word_bits], 32),
                       f"{table.name}_shown"), 0))
        m.d.sync += self.limit_read__value.eq(reduce(or_, words_shown))

        m.submodules.crc = check = crc.catalog.CRC32_ISO_HDLC(data_width=32).create()
        # Words are looked at a cycle after they are shown, by where they are.
        shown = 2 if registered else 1
        word, looked_at = self.limit_read__value, delayed(m, back_shown, "looked_at", shown)
        reads, keeps = Signal(), Signal()
        m.d.sync += [reads.eq(0), keeps.eq(0)]
        reading, keeping = (
            delayed(m, bit, name, shown) for bit, name in ((reads, "reading"), (keeps, "keeping")))
        m.d.comb += [check.data.eq(word), check.valid.eq(reading)]
        wanted, generation = Signal(32), Signal(32)
        agrees = staged(check.crc == wanted, "same") & staged(generation != 0, "given")
        m.d.comb += self.limit_status__busy.eq(checking)
        strays = self._memberships(
            m, looked_at, word, reading, keeping, flag(sweeping, "forgets"),
            staged(row_swept, "row_forgotten"))
        with m.If(strays):
            m.d.sync += self.limit_status__bad_member.eq(1)
        walks, ends = Signal(), {}
        for table in TABLES:
            last = table.address(sizes[table] - 1, table.row_words - 1)
            # Where the walk was a cycle before says it too: it goes on by one word, in a table.
            ends[table] = (
                delayed(m, walks & (walk == last - 1), f"{table.name}_ends") if registered
                else walk == last)

        def wait(*states):
            """Let each state last a cycle, and the last one follow."""
            for state, following in pairwise(states):
                with m.State(state):
                    m.next = following

        with m.FSM():
            with m.State("Quiet"), m.If(self.limit_commit__commit & ~self.busy):
                m.d.comb += check.start.eq(1)
                m.d.sync += [
                    checking.eq(1),
                    self.limit_status__committed.eq(0),
                    self.limit_status__bad_crc.eq(0),
                    self.limit_status__bad_member.eq(0),
                    wanted.eq(self.limit_crc__value),
                    generation.eq(self.limit_generation__value),
                    walk.eq(TABLES[0].address(0, 0)),
                ]
                m.next = "Land" if registered else "Walk"
            if registered:  # what was written just before
                wait("Land", "Landed", "Walk")
            with m.State("Walk"):
                m.d.comb += walks.eq(1)
                m.d.sync += [reads.eq(1), walk.eq(walk + 1)]
                for position, table in enumerate(TABLES):
                    with m.If(ends[table]):
                        if position + 1 < len(TABLES):
                            m.d.sync += walk.eq(TABLES[position + 1].address(0, 0))
                        else:
                            m.next = "Drain"
            wait("Drain", "Last", *(("Summed", "Weighed") if registered else ()), "Compare")
            with m.State("Compare"):
                m.d.sync += [
                    self.limit_computed_crc__value.eq(check.crc),
                    walk.eq(ACCOUNT.address(0, 0)),
                ]
                with m.If(agrees):
                    m.next = "Keep"
                with m.Else():
                    m.d.sync += self.limit_status__bad_crc.eq(1)
                    m.next = "Refuse"
                with m.If(self.limit_status__bad_member):
                    m.next = "Refuse"
            with m.State("Refuse"):
                m.d.sync += [checking.eq(0), self.finished.eq(1)]
                m.next = "Finish"
            with m.State("Keep"):
                m.d.comb += walks.eq(1)
                m.d.sync += [keeps.eq(1), walk.eq(walk + 1)]
                with m.If(ends[ACCOUNT]):
                    m.next = "Kept"
            # The last one is kept with the swap; registered, by the cycle before, in which an
            # order that sees it has asked already where its account belongs.
            wait("Kept", *(("Shown", "Asked", "Told") if registered else ()), "Swap")
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

    def _memberships(self, m, address, word, checks, keeps, sweeping, row_swept):
        """Return whether the word of an account's row that is shown says what cannot be.

        Registered, it is told a cycle later.
        """
        bits = ceil_log2(ACCOUNT.row_words)
        row = address[bits:bits + len(self.account)]
        of_account = address[SELECT_BIT:] == ACCOUNT.select
        enabled = Signal()
        told = delayed(m, checks, "told", int(self._config.registered))
        with m.If((checks | keeps) & of_account & (address[:bits] == 0)):
            m.d.sync += enabled.eq(word[0])
        strays = []
        for table in MEMBERSHIPS:
            field = next(field for field in ACCOUNT.fields if field.name == table.name)
            members = m.submodules[f"{table.name}_of"] = Membership(
                self._config.accounts, rows(table, self._config.table_sizes),
                registered=self._config.registered)
            m.d.comb += [
                members.account.eq(self.of_account),
                getattr(self, f"{table.name}_of").eq(members.member),
                members.settled_account.eq(self.of_settled),
                getattr(self, f"{table.name}_of_settled").eq(members.settled_member),
                members.shown.eq(
                    (checks | keeps) & of_account & (address[:bits] == field.word)),
                members.row.eq(row), members.enabled.eq(enabled), members.word.eq(word),
                members.keep.eq(keeps),
                members.sweep.eq(sweeping), members.sweep_row.eq(row_swept),
            ]
            strays.append(members.wrong & told)
        return Cat(strays).any()
