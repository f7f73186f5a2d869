"""No own working order is missed: properties of ``risk.self_match.SelfMatch``."""

from amaranth.asserts import AnyConst, AnySeq
from amaranth.hdl import Assert, Assume, Cat, Mux, Signal

from tickgate_hdl.lib.delay import delayed
from tickgate_hdl.prove.mutation import Mutation
from tickgate_hdl.prove.opened import Opened
from tickgate_hdl.prove.proof import Proof
from tickgate_hdl.top.config import CardConfig

__all__ = ["PROOFS"]

_BITS = 6
"""Of prices; with 31, and one price more, the solver took nine minutes in the `latency` profile."""
_PRICES = 3
"""Prices at which orders of the row are kept: two find a place, and two may be told as one, when
some that had a place are gone."""
_MOST = 4
"""Orders of the row at a time."""
_SIZES = {"groups": 2, "symbols": 2, "open_orders": _MOST, "own_prices": 2}


def make(registered):
    def build(m):
        from tickgate_hdl.risk.self_match import SelfMatch

        dut = SelfMatch(CardConfig(**_SIZES, registered=registered), price_bits=_BITS)
        opened = Opened(dut)
        row = AnyConst(3)
        prices = [AnyConst(_BITS) for _ in range(_PRICES)]
        port, peeks = opened.peek("prices", row)
        m.submodules.dut = opened.module
        m.d.comb += peeks
        lead = 3 if registered else 1
        verdict = lead + 1

        # The orders: which look, whose row and side they are of, and at which price.
        looks = Signal(name="spec_looks")
        m.d.comb += looks.eq(AnySeq(1))
        looked = [looks]
        rows, asked = [Cat(dut.sells, dut.symbol, dut.group)], [dut.price[:_BITS]]
        for cycle in range(1, verdict + 3):
            for values, name in ((looked, "looked"), (rows, "row"), (asked, "price")):
                values.append(delayed(m, values[-1], f"spec_{name}_{cycle}"))
        gone = [dut.gone]
        gone_row = [Cat(dut.gone_sells, dut.gone_symbol, dut.gone_group)]
        gone_price = [dut.gone_price[:_BITS]]
        for cycle in range(1, 3 + registered):
            for values, name in ((gone, "gone"), (gone_row, "gone_row"), (gone_price, "gone_at")):
                values.append(delayed(m, values[-1], f"spec_{name}_{cycle}"))
        committed = delayed(m, dut.commit, "spec_committed")

        # The ledger: how many of each price are in the memory's row, and of these how many found
        # no place (which the component says, as an order is put in).
        kept = [Signal(3, name=f"spec_kept_{at}") for at in range(_PRICES)]
        others = [Signal(3, name=f"spec_others_{at}") for at in range(_PRICES)]
        comes = committed & (rows[verdict + 1] == row)
        goes = gone[-1] & (gone_row[-1] == row)
        at_price = [Mux(goes, gone_price[-1], asked[verdict + 1]) == price for price in prices]
        # Each change when it is worked out, and when it is written, which may be a cycle later.
        changes = [(comes, goes, opened["joins"], *at_price)]
        if registered:
            changes.append(tuple(
                delayed(m, value, f"spec_change_{at}") for at, value in enumerate(changes[0])))
        written_comes, written_goes, written_joins, *written_at = changes[-1]
        for count, other, at in zip(kept, others, written_at, strict=True):
            with m.If(at & written_comes):
                m.d.sync += [count.eq(count + 1), other.eq(other + written_joins)]
            with m.Elif(at & written_goes):
                m.d.sync += [count.eq(count - 1), other.eq(other - written_joins)]
        # With what is being put in: every order that had its verdict before.
        working = [count + sum(each[3 + at] & each[0] for each in changes)
                   for at, count in enumerate(kept)]

        def through(price, other):
            """Whether an order of the other side, at this price, trades with one of the row's."""
            return Mux(row[0], price >= other, price <= other)

        asks = looked[verdict] & (rows[verdict] == (row ^ 1))
        crossed = Cat((count != 0) & through(asked[verdict], price)
                      for count, price in zip(working, prices, strict=True)).any()
        best = port.data[2]
        others_crossed = (best.used & through(
            asked[verdict], Mux(row[0], best.key, ~best.key))) | Cat(
                each[0] & each[2] & through(asked[verdict], asked[verdict + 1 + at])
                for at, each in enumerate(changes)).any()

        under_way = Cat(looked).any() | committed
        m.d.comb += [
            # How it is to be used.
            Assume(Cat(price == other for at, price in enumerate(prices)
                       for other in prices[:at]) == 0),
            Assume(~dut.commit | looked[verdict]),
            Assume(~(dut.commit & (rows[verdict] == row)) | Cat(
                asked[verdict] == price for price in prices).any()),
            Assume(~(dut.commit & (rows[verdict] == row)) | (sum(working) < _MOST)),
            Assume(~dut.gone | ~under_way),
            Assume(~Cat(gone[:2 + registered]).any() | ~looks),
            Assume(~dut.sweep),
            Assume(~written_goes | Cat(at & (count != 0)
                                       for at, count in zip(written_at, kept, strict=True)).any()),
            # What is claimed.
            Assert(~asks | ~crossed | dut.crosses),
            Assert(~asks | ~dut.crosses | crossed | others_crossed),
        ]
        _invariants(m, row, prices, port, kept, others)
        return opened.inputs()

    return build


def _invariants(m, row, prices, port, kept, others):
    """Say that the row in the memory is the ledger."""
    keys = [Mux(row[0], price, ~price)[:_BITS] for price in prices]
    *places, merged = port.data
    for count, other, key in zip(kept, others, keys, strict=True):
        apart = sum(Mux(place.used & (place.key == key), place.orders, 0) for place in places)
        m.d.comb += [
            Assert(count == apart + other),
            Assert((other == 0) | (merged.used & (merged.key <= key))),
        ]
    m.d.comb += [
        *(Assert(place.used == (place.orders != 0)) for place in (*places, merged)),
        *(Assert(~place.used | Cat(place.key == key for key in keys).any())
          for place in (*places, merged)),
        Assert(~(places[0].used & places[1].used & (places[0].key == places[1].key))),
        Assert(merged.orders == sum(others)),
        Assert(sum(kept) <= _MOST),
    ]


_FAULTS = (
    Mutation("the orders right before are not seen", "risk.self_match",
             '(commits & hit["crosses"])', "0"),
    Mutation("a row that changes while it is read is not seen", "risk.self_match",
             "delayed(m, written(read.addr), name)", "0"),
    Mutation("an order does not keep what the one right before kept", "risk.self_match",
             'delayed(m, written(row_1), "follows")', "0"),
    Mutation("a price that was kept right before gets a second place", "risk.self_match",
             "follows & moved[place], same_key & latest[place].used",
             "follows & moved[place], same_key & 0"),
    Mutation("an order at the price of an own one passes", "risk.self_match",
             "one.used & ~is_above(one.key, asked[:self._bits])",
             "one.used & is_above(asked[:self._bits], one.key)"),
    Mutation("the worst of the prices without a place counts", "risk.self_match",
             "(~one.used | less)", "(~one.used | ~less)"),
    Mutation("a price is free when one of its orders is gone", "risk.self_match",
             "(has[place] & leaves & (one.orders == 1))", "(has[place] & leaves)"),
    Mutation("the orders without a place are gone when one is", "risk.self_match",
             "Mux(joins, ~leaves | (one.orders != 1), one.used)",
             "Mux(joins, ~leaves, one.used)"),
)

_STAGED = (
    Mutation("a row that is written while it is read is not seen", "risk.self_match",
             'Mux(delayed(m, writing & (read.addr == row_3), f"{name}_then"), before, row)',
             "row"),
    Mutation("an order does not keep what the one two before kept", "risk.self_match",
             'delayed(m, written(row), "two_before")',
             'delayed(m, written(row) & 0, "two_before")'),
    Mutation("prices are compared with those that the one two before found", "risk.self_match",
             "Mux(two_before, having(latest), having(row_kept))", "having(row_kept)"),
    Mutation("the best of the prices without a place is that of one before", "risk.self_match",
             "follows, is_above(latest[places].key, key_2)",
             "follows & 0, is_above(latest[places].key, key_2)"),
)
"""Faults of what only ``ecp5`` has."""

PROOFS = tuple(
    Proof(
        name=f"self_match.{profile}",
        claim="an order is told to cross whenever a working order of its group and symbol, of the "
        "other side, is at its price or a better one, whatever orders came and ended in any order; "
        "and only then, unless orders without a place of their own are there and the best price "
        "of those since there were none would trade",
        of=f"SelfMatch, 2 groups and symbols, 2 prices apart, {_MOST} orders of any {_PRICES} "
        f"prices of {_BITS} bits in a row, {profile}",
        assumes="commits only of orders that looked, no more of a row than there are slots; an "
        "order is gone once, while none is under way and none looks in the cycle after, in `ecp5` "
        "the two after; no sweep",
        make=make(profile == "ecp5"),
        mutations=_FAULTS + (_STAGED if profile == "ecp5" else ()),
        depth=10 if profile == "ecp5" else 7, search=12)
    for profile in ("latency", "ecp5"))
