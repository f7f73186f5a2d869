"""Orders that passed a moment ago, to know the same one when it comes again."""

from amaranth.hdl import Cat, Const, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from tickgate_hdl.lib.delay import delayed, shares, stages
from tickgate_hdl.risk.accumulator import LEAD
from tickgate_hdl.risk.forwarding import told_by_both
from tickgate_hdl.risk.references import CLOCK
from tickgate_hdl.top.config import CardConfig

__all__ = ["Duplicates"]

_TICKS = 3
"""Bits for the milliseconds between an order and one so few cycles before it."""
_QUANTITY = 20


class Duplicates(wiring.Component):
    """Tell of an enter whether an equal one passed less than ``window`` milliseconds ago.

    Equal are account, symbol, side, price and quantity. Each enter that passes is kept in the row
    that these choose (``_row``), until another takes its place: one that is forgotten too early is
    counted. The cycles are those of ``Accumulator``: look, weigh, verdict; a row is written in the
    cycle after the verdict. What the orders before it will write is known to an order.

    Members
    -------
    looks, account, symbol, side, price, quantity : In
        An enter looks; what it is. An account or symbol that the card has not must not pass.
    now : In(40)
        Milliseconds since reset.
    window : In(32)
        Milliseconds; with the amounts of the accumulators.
    duplicate : Out(1)
        In the verdict's cycle.
    commit : In(1)
        In the verdict's cycle: the enter passed.
    sweep, sweep_row : In(1), In
        Empty a row. Nothing may be under way.
    count_duplicates_forgotten__count : Out(32)
        Enters whose row was taken by another while they were younger than the window of the
        account that took it.
    """

    def __init__(self, config: CardConfig):
        self._config = config
        self._lead = LEAD[config.registered]
        super().__init__({
            "looks": In(1), "account": In(16), "symbol": In(16), "side": In(8), "price": In(32),
            "quantity": In(32), "now": In(CLOCK), "window": In(32),
            "duplicate": Out(1), "commit": In(1),
            "sweep": In(1), "sweep_row": In(ceil_log2(config.recent_orders)),
            "count_duplicates_forgotten__count": Out(32),
        })

    def elaborate(self, platform):
        m = Module()
        config, lead = self._config, self._lead
        key = Cat(
            self.account[:ceil_log2(config.accounts)], self.symbol[:ceil_log2(config.symbols)],
            self.side, self.price, self.quantity[:_QUANTITY])
        layout = StructLayout({"known": 1, "key": len(key), "passed": CLOCK})
        rows, keys, times, looked = [self._row()], [key], [self.now], [self.looks]
        for cycle in range(1, lead + 3):
            for values, name in ((rows, "row"), (keys, "key"), (times, "now")):
                values.append(delayed(m, values[-1], f"{name}_{cycle}", reset_less=True))
            looked.append(delayed(m, looked[-1], f"looked_{cycle}"))
        committed = delayed(m, self.commit, "committed")

        m.submodules.recent = memory = Memory(shape=layout, depth=config.recent_orders, init=[])
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            read.addr.eq(rows[0]),
            write.addr.eq(rows[lead + 2]), write.en.eq(committed), write.data.known.eq(1),
            write.data.key.eq(keys[lead + 2]), write.data.passed.eq(times[lead + 2]),
        ]
        with m.If(self.sweep):
            m.d.comb += [write.addr.eq(self.sweep_row), write.data.eq(0), write.en.eq(1)]

        # By the memory: what was there when it looked.
        staged = stages(m, config.registered)
        kept = layout(staged(read.data, "kept"))
        at = lead - 1 if config.registered else lead
        age = staged((times[at] - kept.passed)[:CLOCK], "age")
        same, known = staged(kept.key == keys[at], "same"), staged(kept.known, "known")
        window = staged(self.window, "window_kept")
        young = known & (age < window)
        # Where registered, ticks only choose: whether the window is more is known for all of them.
        above = staged(
            Cat(self.window > ticks for ticks in range(1 << _TICKS)), "window_above")

        # By the enters before: the newest of its row takes the memory's place.
        parts = 1 + config.registered

        def hits(before):
            ticks = self.now[:_TICKS] - times[before][:_TICKS]
            return {
                "row": looked[before].replicate(parts) & _agree(rows[0], rows[before], parts),
                "same": _agree(key, keys[before], parts),
                "ticks": ticks[:_TICKS],
            }

        def told(state):
            """Return whether its row has an equal enter, and another, that is young."""
            there, equal, ticks = state[0], state[1], state[2:]
            newer = above.bit_select(ticks, 1) if config.registered else window > ticks
            fresh = Mux(there, newer, young)
            equal = Mux(there, equal, same)
            return Cat(fresh & equal, fresh & ~equal)

        result = told_by_both(
            m, lead, hits=hits, after=_after, width=2 + _TICKS, committed=committed, tells=told)
        m.d.comb += self.duplicate.eq(result[0])
        with m.If(committed & delayed(m, result[1], "forgets")):
            m.d.sync += self.count_duplicates_forgotten__count.eq(
                self.count_duplicates_forgotten__count + 1)
        return m

    def _row(self):
        """Return the row of an enter.

        Prices are mostly multiples of a cent and quantities of a round lot: the low bits of either
        say the least, so those of the price are left for last and the quantity is turned round.
        """
        bits = ceil_log2(self._config.recent_orders)
        account = self.account[:ceil_log2(self._config.accounts)]
        price = Cat(self.price[2:2 + bits - 2], self.price[:2])
        quantity = Cat(reversed(list(self.quantity[:bits])))
        return price ^ quantity ^ self.symbol[:bits] ^ Cat(Const(0, bits - len(account)), account)


def _after(state, hit, commits):
    """Return what is known once an enter before has passed, or not: one of its row, an equal one,
    and milliseconds between them."""
    writes = commits & hit["row"].all()
    return Mux(writes, Cat(Const(1, 1), hit["same"].all(), hit["ticks"]), state)


def _agree(one, other, parts):
    """Return of so many parts of two values whether they are equal: both values are if all are."""
    return Cat(one[bits] == other[bits] for bits in shares(len(one), parts))
