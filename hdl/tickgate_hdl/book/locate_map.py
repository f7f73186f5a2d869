"""Which symbol is a message about? The tracked symbols, and what each stock locate means."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.trees import lowest

__all__ = ["LocateMap"]

_VERSIONS = 4  # bits


class LocateMap(wiring.Component):
    """Find a symbol's index by the day's stock locate in one cycle, by its text in three.

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
        A register behind the memory of the locates: the answer takes a cycle more.

    Attributes
    ----------
    latency : cycles from ``look`` to the answer

    Members
    -------
    write, write_index, write_name, write_enable : In
        Write an entry; character 0 in bits 7:0, space padded.
    changed : Out(1)
        This write enables a symbol that was not tracked under this index before.
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
        Two cycles after ``search``: strobe, whether there is one of that name, and which.
    learn, learn_channel, learn_locate : In(1), In(2), In(16)
        With ``searched``: this locate is that symbol's, for a ``look`` in the next cycle.
    clear, busy : In(1), Out(1)
        Forget all locates, one a cycle; they are being forgotten. Names stay.
    """

    def __init__(self, *, symbols, channels=1, locate_bits=16, registered=False):
        self._symbols, self._locate_bits, self._registered = symbols, locate_bits, registered
        self.latency = 2 if registered else 1
        self._channel_bits = (channels - 1).bit_length()
        super().__init__({
            "write": In(1), "write_index": In(8), "write_name": In(64), "write_enable": In(1),
            "changed": Out(1), "enabled": Out(symbols),
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

        for index in range(self._symbols):
            with m.If(self.write & (self.write_index == index)):
                same = self.enabled[index] & (names[index] == self.write_name)
                m.d.comb += self.changed.eq(self.write_enable & ~same)
                m.d.sync += [
                    names[index].eq(self.write_name), self.enabled[index].eq(self.write_enable)]
                m.d.comb += version_write.en.eq(self.enabled[index] & ~(same & self.write_enable))
        m.d.comb += [
            version_write.addr.eq(self.write_index),
            version_write.data.eq(version_of(self.write_index) + 1),
        ]

        # By text: one comparator a symbol, then the lowest.
        matches = Signal(self._symbols)
        searching = Signal()
        m.d.sync += [searching.eq(self.search), self.searched.eq(searching)]
        with m.If(self.search):
            m.d.sync += matches.eq(
                Cat((names[i] == self.name) & self.enabled[i] for i in range(self._symbols)))
        with m.If(searching):
            m.d.sync += [self.matched.eq(matches.any()), self.match.eq(lowest(matches))]

        # By locate.
        depth_bits = self._locate_bits + self._channel_bits
        entry = StructLayout({"mapped": 1, "version": _VERSIONS, "symbol": bits})
        m.submodules.locates = locates = Memory(shape=entry, depth=1 << depth_bits, init=[])
        read, write = locates.read_port(), locates.write_port()
        sweep, far = Signal(depth_bits), Signal()
        found, is_far = Signal(entry), Signal()

        def place(channel, locate):
            return Cat(locate[:self._locate_bits], channel[:self._channel_bits])

        with m.If(self.look):
            m.d.sync += is_far.eq(self.locate >> self._locate_bits != 0)
        if self._registered:
            m.d.sync += [found.eq(read.data), far.eq(is_far)]
        else:
            m.d.comb += [found.eq(read.data), far.eq(is_far)]
        m.d.comb += [
            read.addr.eq(place(self.channel, self.locate)),
            read.en.eq(self.look),
            write.addr.eq(Mux(self.busy, sweep, place(self.learn_channel, self.learn_locate))),
            write.data.mapped.eq(~self.busy),
            write.data.version.eq(version_of(self.match)),
            write.data.symbol.eq(self.match),
            write.en.eq(self.busy | (self.learn & self.matched
                                     & (self.learn_locate >> self._locate_bits == 0))),
            self.symbol.eq(found.symbol),
            self.mapped.eq(
                found.mapped & ~far & (found.version == version_of(found.symbol))),
        ]
        with m.If(self.busy):
            m.d.sync += sweep.eq(sweep + 1)
            with m.If(sweep == (1 << depth_bits) - 1):
                m.d.sync += self.busy.eq(0)
        with m.If(self.clear):
            m.d.sync += [self.busy.eq(1), sweep.eq(0)]
        return m

