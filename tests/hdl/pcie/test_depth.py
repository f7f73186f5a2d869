"""Depth and staleness in the market-data ring."""

from tickgate.records.messages import BookDepth, TopOfBook
from tickgate_hdl.pcie.market_ring import MarketRing

from tests.hdl.pcie.test_rings import Bench


async def write_row(ctx, ring, symbol, sell, levels):
    ctx.set(ring.depth_row.symbol, symbol)
    ctx.set(ring.depth_row.sell, sell)
    for number in range(5):
        price, size, orders = levels[number] if number < len(levels) else (0, 0, 0)
        ctx.set(ring.depth_row.levels[number].price, price)
        ctx.set(ring.depth_row.levels[number].size, size)
        ctx.set(ring.depth_row.levels[number].orders, orders)
    ctx.set(ring.depth_write, 1)
    await ctx.tick()
    ctx.set(ring.depth_write, 0)


def two(symbol, message, first, bids, asks, flags=0):
    def level(levels, number):
        return levels[number] if number < len(levels) else (0, 0, 0)

    (ba, sa, oa), (bb, sb, ob) = level(bids, first), level(bids, first + 1)
    (aa, ta, pa), (ab, tb, pb) = level(asks, first), level(asks, first + 1)
    return BookDepth(
        symbol=symbol, first_level=first, flags=flags, message=message,
        bid_a=ba, bid_size_a=sa, bid_orders_a=oa, ask_a=aa, ask_size_a=ta, ask_orders_a=pa,
        bid_b=bb, bid_size_b=sb, bid_orders_b=ob, ask_b=ab, ask_size_b=tb, ask_orders_b=pb)


BIDS = [(100 - n, 10 + n, n + 1) for n in range(5)]
ASKS = [(101 + n, 20 + n, n + 1) for n in range(3)]


def test_a_record_is_followed_by_the_best_five_levels(simulate):
    bench = Bench(MarketRing(4), 4)
    ring = bench.ring

    async def check(ctx):
        ctx.set(ring.depth, 1)
        await bench.enable(ctx)
        await write_row(ctx, ring, 2, 0, BIDS)
        await write_row(ctx, ring, 2, 1, ASKS)
        top = TopOfBook(symbol=2, trading_state="T", bid=100, ask=101, message=9)
        await bench.offer(ctx, top)
        await ctx.tick().repeat(40)
        levels = [two(2, 9, first, BIDS, ASKS) for first in (0, 2, 4)]
        assert bench.host.consume() == [top, *levels]
        ctx.set(ring.depth_clear, 1)
        await ctx.tick()
        ctx.set(ring.depth_clear, 0)
        await write_row(ctx, ring, 2, 1, ASKS)
        await bench.offer(ctx, top)
        await ctx.tick().repeat(40)
        levels = [two(2, 9, first, [], ASKS) for first in (0, 2, 4)]
        assert bench.host.consume() == [top, *levels], "a cleared side is empty"

    simulate(ring, check, bench.memory)


def test_every_symbol_is_told_when_the_feed_becomes_stale_and_when_it_is_right_again(simulate):
    bench = Bench(MarketRing(4), 4)
    ring = bench.ring
    tops = [TopOfBook(symbol=n, trading_state="T", bid=n + 1) for n in (1, 3)]

    async def check(ctx):
        await bench.enable(ctx)
        for top in tops:
            await bench.offer(ctx, top)
        await ctx.tick().repeat(40)
        await bench.consume(ctx)
        for stale in (1, 0):
            bench.records.clear()
            ctx.set(ring.stale, stale)
            await ctx.tick().repeat(40)
            await bench.consume(ctx)
            assert sorted(bench.records) == sorted(t._replace(flags=stale) for t in tops)

    simulate(ring, check, bench.memory)
