"""The symbol table: names, locates, and what a write changes."""

from tickgate_hdl.book.symbols import SymbolTable
from tickgate_sim.bfm.simulator import Bench

SYMBOLS, LOCATE_BITS = 4, 3


def code(name):
    return int.from_bytes(name.ljust(8), "little")


class SymbolBench(Bench):
    """A symbol table with its operations as coroutines."""

    def __init__(self):
        super().__init__(SymbolTable(symbols=SYMBOLS, locate_bits=LOCATE_BITS))

    async def clear(self, ctx):
        ctx.set(self.dut.clear, 1)
        await ctx.tick()
        ctx.set(self.dut.clear, 0)
        while ctx.get(self.dut.busy):
            await ctx.tick()

    async def write(self, ctx, index, name, enable=1):
        """Write an entry; whether it says that a symbol is new."""
        ctx.set(self.dut.write_index, index)
        ctx.set(self.dut.write_name, code(name))
        ctx.set(self.dut.write_enable, enable)
        ctx.set(self.dut.write, 1)
        changed = ctx.get(self.dut.changed)
        await ctx.tick()
        ctx.set(self.dut.write, 0)
        return bool(changed)

    async def look(self, ctx, *, name=None, locate=0, remember=False):
        """Index of the symbol, None when it is not tracked."""
        ctx.set(self.dut.by_name, name is not None)
        ctx.set(self.dut.name, code(name or b""))
        ctx.set(self.dut.locate, locate)
        ctx.set(self.dut.look, 1)
        await ctx.tick()
        ctx.set(self.dut.look, 0)
        ctx.set(self.dut.name, 0)
        ctx.set(self.dut.locate, 0)
        ctx.set(self.dut.remember, remember)
        found = ctx.get(self.dut.symbol) if ctx.get(self.dut.tracked) else None
        await ctx.tick()
        ctx.set(self.dut.remember, 0)
        return found


def run(scenario):
    bench = SymbolBench()

    async def process(ctx):
        await bench.clear(ctx)
        await scenario(bench, ctx)

    bench.process(process)
    bench.run(limit=5000)


def test_names_are_found_whole_and_only_when_enabled():
    async def scenario(bench, ctx):
        assert await bench.look(ctx, name=b"") is None
        await bench.write(ctx, 2, b"AAPL")
        await bench.write(ctx, 3, b"A")
        assert await bench.look(ctx, name=b"AAPL") == 2
        assert await bench.look(ctx, name=b"A") == 3
        assert await bench.look(ctx, name=b"AAPLX") is None
        await bench.write(ctx, 2, b"AAPL", enable=0)
        assert await bench.look(ctx, name=b"AAPL") is None

    run(scenario)


def test_a_locate_means_what_it_was_bound_to_last():
    async def scenario(bench, ctx):
        await bench.write(ctx, 0, b"AAPL")
        await bench.write(ctx, 1, b"MSFT")
        assert await bench.look(ctx, locate=5) is None
        await bench.look(ctx, name=b"MSFT", locate=5, remember=True)
        await bench.look(ctx, name=b"AAPL", locate=6, remember=True)
        assert await bench.look(ctx, locate=5) == 1
        assert await bench.look(ctx, locate=6) == 0
        assert await bench.look(ctx, locate=7) is None
        await bench.look(ctx, name=b"OTHER", locate=5, remember=True)
        assert await bench.look(ctx, locate=5) is None
        await bench.write(ctx, 0, b"AAPL", enable=0)
        assert await bench.look(ctx, locate=6) is None
        await bench.clear(ctx)
        await bench.write(ctx, 0, b"AAPL")
        assert await bench.look(ctx, locate=6) is None

    run(scenario)


def test_a_locate_beyond_the_map_is_not_taken_for_another():
    async def scenario(bench, ctx):
        await bench.write(ctx, 0, b"AAPL")
        await bench.look(ctx, name=b"AAPL", locate=8 + 5, remember=True)
        assert await bench.look(ctx, locate=8 + 5) is None
        assert await bench.look(ctx, locate=5) is None

    run(scenario)


def test_only_a_newly_tracked_symbol_is_a_change():
    async def scenario(bench, ctx):
        assert await bench.write(ctx, 1, b"AAPL")
        assert not await bench.write(ctx, 1, b"AAPL")
        assert await bench.write(ctx, 1, b"MSFT")
        assert not await bench.write(ctx, 1, b"MSFT", enable=0)
        assert await bench.write(ctx, 1, b"MSFT")
        assert not await bench.write(ctx, 200, b"AAPL")
        assert ctx.get(bench.dut.enabled) == 0b0010

    run(scenario)
