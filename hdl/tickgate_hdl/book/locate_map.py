"""Which symbol is a message about? The tracked symbols, and what each stock locate means."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.trees import index_of, lowest
from tickgate_hdl.lib.delay import delayed
from tickgate_hdl.lib.sweep import sweep

__all__ = ["LocateMap"]

_VERSIONS = 4  # bits
_PIECE = 8  # bits of a name that are compared in one go


class LocateMap(wiring.Component):
    """Find a symbol's index by the day's stock locate in one cycle, by its text in two.

    Only locates of tracked symbols are kept, by ``learn`` after a search by text. Names must be
    unique; of equal ones the lowest index is found. An entry that is given another name or turned
    off forgets its locates: each is kept with the version of its symbol's name.

    Parameters
    ----------
    symbols : int
        Number of symbols, a power of two.
    channels : int
        Channels of the feed; each has locates of its own.
    locate_bits : int
        Width of the stock locates that can be told apart, 16 but in small tests; others are not
        tracked.
    registered : bool
        Registers behind the memory of the locates and behind what it says, and in the comparison
        of texts: answers take two cycles more.

    Attributes
    ----------
    latency : cycles from ``look`` to the answer

    Members
    -------
    write, write_index, write_name, write_enable : In
        Write an entry, in the next cycle; character 0 in bits 7:0, space padded. Not the same one
        in two neighbouring cycles; where ``registered``, a cycle later, and not in three.
    changed, changed_symbol : Out(1), Out
        From now on ``enabled`` has a symbol that was not tracked under this index, and which.
    enabled : Out(symbols)
        Symbols tracked.
    look, channel, locate : In(1), In(2), In(16)
        Look a locate up.
    mapped, symbol : Out(1), Out
        ``latency`` cycles after ``look``, until the next one: it is that of a tracked symbol, and
        which.
    search, name : In(1), In(64)
        Search by text.
    searched, matched, match : Out(1), Out(1), Out
        Two cycles after ``search`` (four where ``registered``), while ``name`` stays: strobe,
        whether there is one of that name, and which.
    learn, learn_channel, learn_locate : In(1), In(2), In(16)
        With ``searched``: this locate is that symbol's, for a ``look`` in the next cycle; where
        ``registered``, in the one after.
    clear, busy : In(1), Out(1)
        Forget all locates, one a cycle; they are being forgotten. Names stay.
    """

    def __init__(self, *, symbols, channels=1, locate_bits=16, registered=False):
        self._symbols, self._locate_bits, self._registered = symbols, locate_bits, registered
        self.latency = 3 if registered else 1
        self._channel_bits = (channels - 1).bit_length()
        super().__init__({
            "write": In(1), "write_index": In(16), "write_name": In(64), "write_enable": In(1),
            "changed": Out(1), "changed_symbol": Out(range(symbols)), "enabled": Out(symbols),
            "look": In(1), "channel": In(2), "locate": In(16),
            "mapped": Out(1), "symbol": Out(range(symbols)),
            "search": In(1), "name": In(64), "searched": Out(1), "matched": Out(1),
            "match": Out(range(symbols)), "learn": In(1),
            "learn_channel": In(2), "learn_locate": In(16),
            "clear": In(1), "busy": Out(1, init=1),
        })

    def elaborate(self, platform):
        m = Module()
        bits = (self._symbols - 1).bit_length()
        names = [Signal(64, name=f"name_{index}") for index in range(self._symbols)]
        m.submodules.versions = versions = Memory(shape=_VERSIONS, depth=self._symbols, init=[])
        version_write = versions.write_port()

        def version_of(index):
            port = versions.read_port(domain="comb")
            m.d.comb += port.addr.eq(index)
            return port.data

        # A write compares with the entry as it was, a cycle after that was read.
        writes, index, name, enable = Signal(), Signal(16), Signal(64), Signal()
        was_name, was_enabled, same = Signal(64), Signal(), Signal()
        m.d.sync += [
            writes.eq(self.write & (self.write_index < self._symbols)), index.eq(self.write_index)]
        with m.If(self.write):
            m.d.sync += [
                name.eq(self.write_name), enable.eq(self.write_enable),
                was_enabled.eq(self.enabled.bit_select(self.write_index[:bits], 1)),
            ]
            m.d.sync += was_name.eq(Cat(names).word_select(self.write_index[:bits], 64))
        m.d.comb += same.eq(was_enabled & (name == was_name))
        if self._registered:  # what was compared is a register too
            writes, index, name, enable, was_enabled, same = (
                delayed(m, value, f"{what}_later") for what, value in (
                    ("writes", writes), ("index", index), ("name", name), ("enable", enable),
                    ("was_enabled", was_enabled), ("same", same)))
        m.d.sync += [
            self.changed.eq(writes & enable & ~same), self.changed_symbol.eq(index)]
        m.d.comb += [
            version_write.en.eq(writes & was_enabled & ~(same & enable)),
            version_write.addr.eq(index),
            version_write.data.eq(version_of(index) + 1),
        ]
        for number in range(self._symbols):
            with m.If(writes & (index == number)):
                m.d.sync += [names[number].eq(name), self.enabled[number].eq(enable)]

        # By text: one comparator a symbol, then the lowest.
        matches = Signal(self._symbols)
        steps = Signal(3 if self._registered else 1)  # of a search: where it is
        m.d.sync += Cat(steps, self.searched).eq(Cat(self.search, steps))
        pieces = [Cat(name[at:at + _PIECE] == self.name[at:at + _PIECE]
                      for at in range(0, 64, _PIECE)) for name in names]
        found_by_text, any_matches = lowest(matches), matches.any()
        if self._registered:
            equal = [Signal(64 // _PIECE, name=f"equal_{number}") for number in range(len(names))]
            lowest_match = Signal(self._symbols)
            m.d.sync += [
                *(one.eq(now) for one, now in zip(equal, pieces, strict=True)),
                matches.eq(Cat(one.all() for one in equal) & self.enabled),
                lowest_match.eq(found_by_text),
            ]
            found_by_text, any_matches = lowest_match, lowest_match.any()
        else:
            with m.If(self.search):
                m.d.sync += matches.eq(Cat(one.all() for one in pieces) & self.enabled)
        with m.If(steps[-1]):
            m.d.sync += [self.matched.eq(any_matches), self.match.eq(index_of(found_by_text))]

        # By locate.
        depth_bits = self._locate_bits + self._channel_bits
        entry = StructLayout({"mapped": 1, "version": _VERSIONS, "symbol": bits})
        # Where registered, each bit is a memory of its own: block RAMs are deepest that way.
        widths = [1] * entry.size if self._registered else [entry.size]
        reads, writes_to = [], []
        for number, width in enumerate(widths):
            memory = Memory(shape=width, depth=1 << depth_bits, init=[])
            m.submodules[f"locates_{number}"] = memory
            reads.append(memory.read_port())
            writes_to.append(memory.write_port())
        stored = Cat(port.data for port in reads)
        store_at, stores, to_store = Signal(depth_bits), Signal(), Signal(entry)
        swept = sweep(m, 1 << depth_bits, busy=self.busy, clear=self.clear)
        far, is_far, found = Signal(), Signal(), Signal(entry)

        def place(channel, locate):
            return Cat(locate[:self._locate_bits], channel[:self._channel_bits])

        with m.If(self.look):
            m.d.sync += is_far.eq(self.locate >> self._locate_bits != 0)
        known = found.mapped & ~far & (found.version == version_of(found.symbol))
        staged = m.d.sync if self._registered else m.d.comb
        staged += [
            Value.cast(found).eq(stored), far.eq(is_far),
            self.symbol.eq(found.symbol), self.mapped.eq(known),
            store_at.eq(Mux(self.busy, swept, place(self.learn_channel, self.learn_locate))),
            to_store.mapped.eq(~self.busy),
            to_store.version.eq(version_of(self.match)),
            to_store.symbol.eq(self.match),
            stores.eq(self.busy | (self.learn & self.matched
                                   & (self.learn_locate >> self._locate_bits == 0))),
        ]
        m.d.comb += [
            *(port.addr.eq(place(self.channel, self.locate)) for port in reads),
            *(port.en.eq(self.look) for port in reads),
            *(port.addr.eq(store_at) for port in writes_to),
            *(port.en.eq(stores) for port in writes_to),
            Cat(port.data for port in writes_to).eq(Value.cast(to_store)),
        ]
        return m

