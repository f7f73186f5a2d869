"""Prices of working orders, to know an order that would trade with one of its own group."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2
from tickgate.protocols.ouch50 import MAX_PRICE

from tickgate_hdl.lib.compare import equal, is_above
from tickgate_hdl.lib.delay import delayed, stages
from tickgate_hdl.risk.accumulator import LEAD
from tickgate_hdl.risk.forwarding import told_by_both
from tickgate_hdl.top.config import CardConfig

__all__ = ["SelfMatch"]


class SelfMatch(wiring.Component):
    """Tell of an order whether a working order of its group may trade with it.

    That is one of the same symbol and the other side, at its price or a better one. An order is
    working from when it passes until it is ``gone``. Orders of one group, symbol and side share a
    row of ``own_prices`` places, each for a price and how many orders have it. A price that finds
    no place joins the others that found none: of these only the best price is kept, until all their
    orders are gone. So no order is missed, and one may be told that is not there any more;
    ``count_own_prices_merged`` counts the orders that joined.

    The cycles are those of ``Accumulator``: look, weigh, verdict. What the orders before it will
    keep is known to an order. Its own row is read a cycle before its verdict, and written two
    cycles later, if it passed; with ``registered``, read two before and written three cycles
    after the read row was chosen (``_keep``).

    Parameters
    ----------
    config : CardConfig
        Sizes.
    price_bits : int
        Bits of a price that count; proofs are of fewer.

    Members
    -------
    group, symbol, sells, price : In
        An order looks. One whose group or symbol the card has not must not pass.
    crosses : Out(1)
        In the verdict's cycle.
    commit : In(1)
        In the verdict's cycle: the order passed.
    gone, gone_group, gone_symbol, gone_sells, gone_price : In
        Strobe: an order that was kept works no more. Nothing may be under way, nor look in
        the next cycle; with ``registered``, in the next two.
    sweep, sweep_row : In(1), In
        Empty a row. Nothing may be under way.
    count_own_prices_merged__count : Out(32)
        Orders kept whose price found no place.
    """

    def __init__(self, config: CardConfig, *, price_bits: int = MAX_PRICE.bit_length()):
        self._config, self._bits = config, price_bits
        self._lead = LEAD[config.registered]
        group, symbol = ceil_log2(config.groups), ceil_log2(config.symbols)
        super().__init__({
            "group": In(group), "symbol": In(symbol), "sells": In(1), "price": In(32),
            "crosses": Out(1), "commit": In(1),
            "gone": In(1), "gone_group": In(group), "gone_symbol": In(symbol),
            "gone_sells": In(1), "gone_price": In(32),
            "sweep": In(1), "sweep_row": In(group + symbol + 1),
            "count_own_prices_merged__count": Out(32),
        })

    def elaborate(self, platform):
        m = Module()
        config, lead = self._config, self._lead
        level = StructLayout({
            "used": 1, "key": self._bits, "orders": ceil_log2(config.open_orders) + 1})
        layout = ArrayLayout(level, config.own_prices + 1)  # the last: what found no place
        rows, keys = [Cat(self.sells, self.symbol, self.group)], [self._key(self.sells, self.price)]
        for cycle in range(1, lead + 3):
            for values, name in ((rows, "row"), (keys, "key")):
                values.append(delayed(m, values[-1], f"{name}_{cycle}", reset_less=True))
        committed = delayed(m, self.commit, "committed")
        m.submodules.prices = memory = Memory(shape=layout, depth=1 << len(self.sweep_row), init=[])

        # By the memory: what the other side had when it looked. What was written in that cycle is
        # not read.
        begins = lead - config.registered
        newest = self._keep(m, memory, layout, rows[begins], keys[begins], committed)
        staged = stages(m, config.registered)
        read = memory.read_port()
        m.d.comb += read.addr.eq(rows[0] ^ 1)
        kept = layout(staged(newest(read, "was_written"), "kept"))
        asked = ~keys[lead - 1 if config.registered else lead]
        crossed = staged(
            Cat(one.used & ~is_above(one.key, asked[:self._bits]) for one in kept),
            "crossed").any()

        # By the orders before it.
        m.d.comb += self.crosses.eq(told_by_both(
            m, lead, width=1, committed=committed,
            hits=lambda before: {"crosses": (
                (rows[before] == (rows[0] ^ 1))
                & ~is_above(keys[before], (~keys[0])[:self._bits]))},
            after=lambda own, hit, commits: own | (commits & hit["crosses"]),
            tells=lambda own: own | crossed))
        return m

    def _key(self, sells, price):
        """Return what is less of a better price: it trades with whatever is beyond it."""
        return Mux(sells, price, ~price)[:self._bits]

    def _keep(self, m, memory, layout, row, key, committed):
        """Keep prices: read a row, choose what the one two before made of it, change it.

        Where registered the row that was read is kept for a cycle before that is chosen, and what
        it becomes for a cycle before it is written: paths from and to a memory are long.

        Returns a function of a read port: what its row is, a cycle after it was read.
        """
        places, registered = self._config.own_prices, self._config.registered
        row = Mux(self.gone, Cat(self.gone_sells, self.gone_symbol, self.gone_group), row)
        key = Mux(self.gone, self._key(self.gone_sells, self.gone_price), key)
        row_0 = row  # as it is read
        if registered:
            row, key = (delayed(m, value, name, reset_less=True) for value, name in (
                (row, "keeps_row_0"), (key, "keeps_key_0")))
        row_1, key_1 = (delayed(m, value, name, reset_less=True) for value, name in (
            (row, "keeps_row_1"), (key, "keeps_key_1")))
        row_2, key_2 = (delayed(m, value, name, reset_less=True) for value, name in (
            (row_1, "keeps_row_2"), (key_1, "keeps_key_2")))
        leaves = delayed(m, delayed(m, self.gone, "leaves_early", 1 + registered), "leaves")
        writes = leaves | committed
        latest = Signal(layout, reset_less=True)  # the row that changed last
        write, writing, row_3 = memory.write_port(), writes, row_2
        if registered:
            writing, before = delayed(m, writes, "writing"), delayed(
                m, Value.cast(latest), "before_latest", reset_less=True)
            row_3 = delayed(m, row_2, "keeps_row_3", reset_less=True)
        moved = Signal(places)  # the place of it that changed

        def written(address):
            return writes & (address == row_2)

        def newest(read, name):
            """Return what was read, or what its row became while it was."""
            row = Value.cast(read.data)
            if registered:
                row = Mux(delayed(m, writing & (read.addr == row_3), f"{name}_then"), before, row)
            return Mux(delayed(m, written(read.addr), name), Value.cast(latest), row)

        def having(row):
            return Cat(row[place].used & equal(row[place].key, key_1, piece=2)
                       for place in range(places))

        # The row, but for what the one right before it makes of it.
        read, as_read = memory.read_port(), Signal(layout)
        m.d.comb += read.addr.eq(row_0)
        if registered:
            row_kept = layout(delayed(
                m, newest(read, "three_before"), "row_kept", reset_less=True))
            two_before = delayed(m, written(row), "two_before")
            m.d.comb += Value.cast(as_read).eq(
                Mux(two_before, Value.cast(latest), Value.cast(row_kept)))
            # Both are compared, and one is chosen.
            has_key = delayed(m, Mux(two_before, having(latest), having(row_kept)), "has_key")
        else:
            m.d.comb += Value.cast(as_read).eq(newest(read, "two_before"))
            has_key = delayed(m, having(as_read), "has_key")
        row_read = layout(delayed(m, Value.cast(as_read), "row_read", reset_less=True))

        # With that.
        follows = delayed(m, written(row_1), "follows")
        same_key = delayed(m, key_1 == key_2, "same_key")
        now, after, has = Signal(layout), Signal(layout), Signal(places)
        used = Cat(now[place].used for place in range(places))
        first = Cat(~now[place].used & used[:place].all() for place in range(places))
        joins = Signal()  # it finds no place of its own, or has none
        m.d.comb += [
            Value.cast(now).eq(
                Mux(follows, Value.cast(latest), Value.cast(row_read))),
            *(has[place].eq(Mux(
                follows & moved[place], same_key & latest[place].used, has_key[place]))
              for place in range(places)),
            joins.eq(~has.any() & (leaves | used.all())),
        ]
        for place in range(places):
            one, then = now[place], after[place]
            opens = ~leaves & ~has.any() & first[place]
            m.d.comb += [
                then.key.eq(Mux(opens, key_2, one.key)),
                then.orders.eq(Mux(
                    opens, 1, Mux(has[place], _counted(one.orders, leaves), one.orders))),
                then.used.eq(opens | (one.used & ~(has[place] & leaves & (one.orders == 1)))),
            ]
        one, then = now[places], after[places]
        if registered:
            less = Mux(
                follows, is_above(latest[places].key, key_2), delayed(
                    m, Mux(two_before, is_above(latest[places].key, key_1),
                           is_above(row_kept[places].key, key_1)), "is_less"))
        else:
            less = key_2 < one.key
        better = ~leaves & (~one.used | less)
        m.d.comb += [
            then.key.eq(Mux(joins & better, key_2, one.key)),
            then.orders.eq(Mux(joins, _counted(one.orders, leaves), one.orders)),
            then.used.eq(Mux(joins, ~leaves | (one.orders != 1), one.used)),
        ]
        m.d.sync += [latest.eq(after), moved.eq(Mux(has.any(), has, first))]
        merged = delayed(m, committed & joins, "merged")
        with m.If(merged):
            m.d.sync += self.count_own_prices_merged__count.eq(
                self.count_own_prices_merged__count + 1)
        m.d.comb += [
            write.addr.eq(row_3), write.en.eq(writing),
            write.data.eq(latest if registered else after)]
        with m.If(self.sweep):
            m.d.comb += [write.addr.eq(self.sweep_row), write.data.eq(0), write.en.eq(1)]
        return newest


def _counted(orders, leaves):
    """Return how many orders there are with one more, or one less."""
    return Mux(leaves, orders - 1, orders + 1)
