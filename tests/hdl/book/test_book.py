"""The book against its golden model: one case per sentence of its docstring, then random days."""

import random

import pytest
from tickgate_hdl.book import Book, BookCommand
from tickgate_hdl.top.config import CardConfig
from tickgate_sim.bfm.simulator import Bench
from tickgate_sim.models.book import BookModel, Top
from tickgate_sim.models.itch import Command, ItchModel
from tickgate_sim.models.mold import Item
from tickgate_sim.tb.feed_book_records import event, top, top_record
from tickgate_sim.traffic import itch

CONFIG = CardConfig(symbols=4, accounts=2, levels=4, order_sets=8, order_ways=2, open_orders=2)
A, B = itch.STOCKS[:2]
NAMES = [A, B, None, None]
ADD, DELETE, REDUCE, REPLACE = itch.add, itch.delete, itch.reduce, itch.replace


class BookBench(Bench):
    """A book with its model; steps are commands, or (symbol, name) to enable one."""

    def __init__(self, steps, *, names=NAMES, config=CONFIG, stall=0.0, seed=1):
        super().__init__(Book(config, locate_bits=4), seed=seed)
        self.tob = self.sink(self.dut.tob, stall=stall)
        self.told = self.sink(self.dut.events, stall=stall)
        self.model = BookModel(list(names), config.levels, config.order_sets, config.order_ways)
        self.steps = steps
        self.latencies = []
        self.process(self._play)
        self.run(limit=100_000)
        self.records = [top_record(word)[0] for word in self.tob]
        self.events = [event(word) for word in self.told]
        assert self.records == self.model.records
        assert self.events == self.model.events
        assert self.counts == self.model.counts
        assert self.tops == self.model.tops

    async def _enable(self, ctx, index, name):
        ctx.set(self.dut.symbol_index, index)
        ctx.set(self.dut.symbol_name, int.from_bytes(name or b"", "little"))
        ctx.set(self.dut.symbol_enable, name is not None)
        ctx.set(self.dut.symbol_write, 1)
        await ctx.tick()
        ctx.set(self.dut.symbol_write, 0)

    async def _idle(self, ctx):
        while ctx.get(self.dut.active):
            await ctx.tick()

    async def _play(self, ctx):
        dut = self.dut
        assert ctx.get(dut.busy), "before the sweep nothing may be believed"
        assert top(ctx.get(dut.query_top.as_value())).stale
        while ctx.get(dut.busy):
            await ctx.tick()
        for index, name in enumerate(self.model.names):
            await self._enable(ctx, index, name)
        for step in self.steps:
            if isinstance(step, Command):
                self.model.command(step)
                ctx.set(dut.i.payload.as_value(), _bits(step))
                ctx.set(dut.i.valid, 1)
                await ctx.tick().until(dut.i.ready)
                ctx.set(dut.i.valid, 0)
            else:
                await self._idle(ctx)
                self.model.enable(*step)
                await self._enable(ctx, *step)
                await ctx.tick()
        await self._idle(ctx)
        self.counts = {name: ctx.get(getattr(dut, f"count_{name}")) for name in self.model.counts}
        self.tops = []
        for symbol in range(len(self.model.names)):
            ctx.set(dut.query_symbol, symbol)
            await ctx.tick()
            self.tops.append(top(ctx.get(dut.query_top.as_value())))
        ctx.set(dut.query_symbol, 200)
        await ctx.tick()
        assert ctx.get(dut.query_top).stale


def _bits(command):
    values = {
        "kind": ord(command.kind),
        "sequence": command.sequence,
        "expected": command.expected,
        "time_ns": command.time_ns,
        "itch_time": command.itch_time,
        "locate": command.locate,
        "stock": int.from_bytes(command.stock, "little"),
        "code": ord(command.code),
        "reference": command.reference,
        "new_reference": command.new_reference,
        "sell": command.side == "S",
        "shares": command.shares,
        "price": command.price,
    }
    return BookCommand.const(values).as_value().value


def commands(*steps, first=1):
    """Steps from ITCH messages, events (letters) and symbols to enable."""
    decoder = ItchModel()
    result = []
    for number, step in enumerate(steps, start=first):
        if isinstance(step, bytes):
            item = decoder.item(Item("M", number, data=step), 1000 * number)
            assert item is not None
            result.append(item)
        elif isinstance(step, str):
            result.append(Command(step, number, 1000 * number, expected=number - 1))
        else:
            result.append(step)
    return result


def play(*steps, **options):
    return BookBench(commands(*steps), **options)


def quotes(bench):
    return [(record.top.bid, record.top.bid_size) for record in bench.records]


def kinds(bench):
    return "".join(event.kind for event in bench.events)


def test_adds_at_and_behind_the_touch():
    bench = play(
        ADD(1, A, 1, b"B", 100, 10),
        ADD(1, A, 2, b"B", 50, 10),
        ADD(1, A, 3, b"B", 10, 9),
        ADD(1, A, 4, b"B", 20, 11),
    )
    assert quotes(bench) == [(10, 100), (10, 150), (11, 20)]
    assert bench.counts["book_updates"] == 3


def test_the_next_level_shows_when_the_best_empties():
    bench = play(
        ADD(1, A, 1, b"B", 100, 10),
        ADD(1, A, 2, b"B", 50, 9),
        REDUCE(1, 1, 40, b"E"),
        REDUCE(1, 1, 60, b"C"),
        DELETE(1, 2),
    )
    assert quotes(bench) == [(10, 100), (10, 60), (9, 50), (0, 0)]


def test_sides_and_symbols_are_apart():
    bench = play(ADD(1, A, 1, b"B", 1, 10), ADD(1, A, 2, b"S", 2, 12), ADD(2, B, 3, b"S", 3, 11))
    assert bench.tops[:2] == [Top(10, 1, 12, 2), Top(0, 0, 11, 3)]


def test_a_replace_changes_the_quote_once():
    bench = play(ADD(1, A, 1, b"B", 100, 10), REPLACE(1, 1, 2, 70, 8), DELETE(1, 2))
    assert quotes(bench) == [(10, 100), (8, 70), (0, 0)]


def test_a_replace_by_the_same_quote_tells_nothing():
    bench = play(ADD(1, A, 1, b"B", 100, 10), REPLACE(1, 1, 2, 100, 10))
    assert len(bench.records) == 1


def test_a_replace_to_no_shares_removes():
    bench = play(ADD(1, A, 1, b"S", 100, 10), REPLACE(1, 1, 2, 0, 10), DELETE(1, 2))
    assert bench.tops[0] == Top()
    assert kinds(bench) == "U"


def test_more_shares_than_there_are_end_the_order():
    bench = play(
        ADD(1, A, 1, b"B", 100, 10), ADD(1, A, 2, b"B", 5, 10), REDUCE(1, 1, 101), DELETE(1, 1)
    )
    assert quotes(bench) == [(10, 100), (10, 105), (10, 5)]
    assert kinds(bench) == "U"


def test_unknown_references_are_counted_and_told_once_a_symbol():
    bench = play(
        itch.directory(1, A), itch.directory(2, B),
        DELETE(1, 7), REDUCE(1, 8, 1), REPLACE(2, 7, 8, 1, 1), DELETE(3, 7),
    )  # fmt: skip
    assert [(told.kind, told.symbol) for told in bench.events[2:]] == [("U", 0), ("U", 1)]
    assert bench.counts["book_unknown_reference"] == 3
    assert bench.counts["itch_untracked"] == 1
    assert not any(top.stale for top in bench.tops)


def test_an_add_with_a_used_reference_is_ignored_and_counted():
    bench = play(ADD(1, A, 1, b"B", 100, 10), ADD(1, A, 1, b"B", 50, 12), DELETE(1, 1))
    assert quotes(bench) == [(10, 100), (0, 0)]
    assert bench.counts["book_unknown_reference"] == 1


def test_a_replace_by_a_used_reference_only_removes():
    bench = play(ADD(1, A, 1, b"B", 100, 10), ADD(1, A, 2, b"B", 50, 9), REPLACE(1, 1, 2, 70, 11))
    assert quotes(bench)[-1] == (9, 50)
    assert bench.counts["book_unknown_reference"] == 1


def test_an_order_without_a_place_makes_its_symbol_stale():
    references = [n | n << 3 for n in range(5)]  # all of set 0
    bench = play(*(ADD(1, A, reference, b"B", 1, 10) for reference in references))
    assert bench.counts["book_order_overflow"] > 1
    assert kinds(bench) == "O"
    assert [top.stale for top in bench.tops] == [True, False, False, False]


def test_a_level_without_a_place_makes_its_symbol_stale_and_the_rest_stays():
    bench = play(
        *(ADD(1, A, 8 + n, b"S", 1, 10 + n) for n in range(5)),
        *(DELETE(1, 8 + n) for n in range(5)),
    )
    assert bench.counts["book_level_overflow"] == 1
    assert kinds(bench) == "O"
    assert bench.tops[0] == Top(stale=True)


def test_a_gap_makes_all_symbols_stale_and_the_book_goes_on():
    bench = play(ADD(1, A, 1, b"B", 1, 10), "G", ADD(1, A, 2, b"B", 1, 11))
    assert [(record.symbol, record.top.stale) for record in bench.records] == [
        (0, False), (0, True), (1, True), (0, True),
    ]  # fmt: skip
    assert bench.events[0].expected == 1
    assert all(top.stale for top in bench.tops)


def test_a_new_session_empties_all_and_tells_it():
    bench = play(
        "N", itch.status(1, A, b"T"), ADD(1, A, 1, b"B", 1, 10), "G", "Z", "N", DELETE(1, 1)
    )
    assert kinds(bench) == "NHGZN"
    assert bench.tops == [Top()] * 4
    assert bench.counts["itch_untracked"] == 1
    assert bench.records[-2:] == bench.model.records[-2:]
    assert [record.top for record in bench.records[-2:]] == [Top(), Top()]


def test_status_and_system_events():
    bench = play(
        itch._head(b"S", 0, 5) + b"Q", itch.status(1, A, b"H"), itch.status(1, A, b"T"),
        itch.status(1, A, b"T"), itch.status(9, b"OTHER   ", b"T"), itch.directory(2, B),
    )  # fmt: skip
    assert kinds(bench) == "SHHHR"
    assert [record.top.trading_state for record in bench.records] == ["H", "T"]
    assert bench.counts["itch_untracked"] == 1
    assert bench.counts["book_updates"] == 0


def test_a_symbol_enabled_after_orders_were_seen_is_stale():
    bench = play(
        ADD(1, A, 1, b"B", 1, 10), (2, itch.STOCKS[2]), (3, itch.STOCKS[3]), (0, A),
        ADD(3, itch.STOCKS[2], 2, b"B", 1, 10),
    )  # fmt: skip
    assert [top.stale for top in bench.tops] == [False, False, True, True]


def test_a_symbol_enabled_before_any_order_is_not_stale():
    bench = play(
        "N", itch._head(b"S", 0, 5) + b"O", itch.directory(3, itch.STOCKS[2]),
        (2, itch.STOCKS[2]), ADD(3, itch.STOCKS[2], 2, b"B", 1, 10),
    )  # fmt: skip
    assert not bench.tops[2].stale


@pytest.mark.parametrize(("seed", "stall"), [(1, 0.0), (2, 0.0), (3, 0.8), (4, 0.5)])
def test_random_days_equal_the_model(seed, stall):
    rng = random.Random(seed)
    steps = ["N"]
    for message in itch.random_day(seed, 400, stocks=[A, B], ticks=6, oddities=0.1):
        if ItchModel().item(Item("M", 1, data=message)) is not None:
            steps.append(message)
        if rng.random() < 0.01:
            steps.append(rng.choice("GNZ"))
    bench = play(*steps, stall=stall, seed=seed)
    assert all(bench.counts.values())
