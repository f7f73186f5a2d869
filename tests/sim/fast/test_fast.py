"""Feed, book and gate in whole buffers: the same as the golden model, and the same whether what is
idle is skipped or not."""

import random
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from tickgate.records.codec import pack
from tickgate.records.schema import ORDER_REQUEST
from tickgate.risk.checks import BY_NAME
from tickgate_hdl.top.verilog import SMALL, SMALL_LOCATE_BITS
from tickgate_sim.fast import ORDER, FastError, FastFeed, Result, beats, inject_beats
from tickgate_sim.fast.build import build
from tickgate_sim.models.book import BookModel
from tickgate_sim.models.feed_book import FeedBookModel
from tickgate_sim.models.gate import Limits
from tickgate_sim.models.line import LineModel
from tickgate_sim.traffic import itch
from tickgate_sim.traffic.frames import GROUP, PORT, datagram, mold_packet

STOCKS = itch.STOCKS[:3]
SYMBOLS = [stock.decode().strip() for stock in STOCKS]
QUICK = "-O0"
"""What is compiled runs for a second; to compile it well takes half a minute."""
LINES = {"line_a": ("233.54.12.1", PORT), "line_b": ("233.54.12.2", PORT)}

pytestmark = pytest.mark.sim


@pytest.fixture(scope="module")
def skipping() -> Path:
    return build(SMALL, locate_bits=SMALL_LOCATE_BITS, optimise=QUICK)


@pytest.fixture(scope="module")
def plain() -> Path:
    return build(SMALL, locate_bits=SMALL_LOCATE_BITS, skip=False, optimise=QUICK)


def opened(library: Path, **options) -> FastFeed:
    return FastFeed(SMALL, SYMBOLS, library=library, **LINES, **options)


def packets(messages: list[bytes], *, most: int = 12, first: int = 1) -> Iterator[bytes]:
    for at in range(0, len(messages), most):
        yield mold_packet(first + at, messages[at : at + most])


def framed(messages: list[bytes], *, line: int = 0, **options) -> list[bytes]:
    return [datagram(packet, group=GROUP + line) for packet in packets(messages, **options)]


def as_bytes(result: Result) -> dict[str, object]:
    """All of a result but the time that it took."""
    found: dict[str, object] = {}
    for field in fields(result):
        value = getattr(result, field.name)
        found[field.name] = value.tobytes() if isinstance(value, np.ndarray) else value
    del found["seconds"]
    found["lines"] = [
        (line.late_beats, line.stalled_cycles, line.lag, line.lost.tolist())
        for line in result.lines
    ]
    return found


def order(number: int, price: int, *, symbol: int = 0, side: str = "B", cycle: int = 0):
    body = pack(
        ORDER_REQUEST, user_ref_num=number, orig_user_ref_num=0, price=price, quantity=100,
        account=1, symbol=symbol, session=0, action="O", side=side, time_in_force="0",
        display="Y", capacity="P", intermarket_sweep="N", cross_type="N", clordid="",
        strategy=3, reserved_b=0,
    )  # fmt: skip
    return np.array([(cycle, body)], ORDER)


def arm(feed: FastFeed) -> None:
    """Load limits that let account 1 trade symbol 0 within 10 % of the best price; arm."""
    free = (0xFFFF_FFFF, 0x7FFF_FFFF)
    credit = (1, 0, *free, *free)
    limits = Limits(
        account={
            1: (1, 1000, 0xFFFF_FFFF, 0, 1000, 1000, 0xFF, 1000, *free * 6, 0, 0, 0, 0, 1000, 1000)
        },
        symbol={0: (1, 1000, *[0] * 5, 0b111, 1000, 1000)},
        position={(1, 0): (10_000, 10_000, 8, 10_000)},
        firm=credit,
        group={0: credit},
        clearing={0: credit},
        session=dict.fromkeys(range(32), (1, 1000, 1000)),
        strategy={3: (1, 1000)},
    )
    sizes = SMALL.accounts, SMALL.symbols, SMALL.groups, SMALL.clearing_firms
    last = None
    for address, word in limits.words(*sizes):
        if address != last:
            feed.write(limit_address__value=address)
        feed.write(limit_data__value=word)
        last = address + 1
    feed.write(limit_crc__value=limits.crc(*sizes), limit_generation__value=7)
    feed.write(limit_commit__commit=1)
    feed.run_cycles(2000)
    assert feed.read("limit_active_generation__value") == 7
    feed.write(events_room=1, session_up=1, watchdog_timeout__ms=1000, watchdog_touch__touch=1)
    feed.write(limit_lease__ms=1000, limit_renew__value=7)
    feed.write(control__arm=1)
    feed.run_cycles(20)
    assert feed.read("status__armed") == 1


def scenario(library: Path, seed: int) -> list[dict[str, object]]:
    """Everything at once: loss and damage on two lines, recovery by the host, orders."""
    rng = random.Random(seed)
    day = list(itch.random_day(seed, 900, stocks=STOCKS, ticks=60))
    lines = []
    for line in range(2):
        frames = []
        for frame in framed(day, line=line):
            choice = rng.random()
            if choice < 0.12:
                at = rng.randrange(14, len(frame))
                frame = frame[:at] + bytes([frame[at] ^ 1 << rng.randrange(8)]) + frame[at + 1 :]
            if choice < 0.7:
                frames.append(frame)
            if choice > 0.9 or 0.12 < choice < 0.2:
                frames.append(frame)
        errors = [rng.random() < 0.02 for _ in frames]
        lines.append(beats(frames, load=0.8, start=40 * line, errors=errors))
    results = []
    with opened(library, seed=seed, reorder_cycles=600) as feed:
        arm(feed)
        orders = np.concatenate(
            [order(n + 1, 1_000_000 + 100 * n, cycle=150 * n) for n in range(40)])
        results.append(feed.run(*lines, orders=orders))
        feed.write(rebuild=1)
        snapshot = list(itch.random_day(seed + 50, 60, stocks=STOCKS, oddities=0.0))
        hands_in = np.concatenate(
            [inject_beats(mold_packet(0, snapshot[at : at + 5]), snapshot=True)
             for at in range(0, 60, 5)])
        results.append(feed.run(inject=hands_in))
        feed.write(resume_sequence=2000, resume=1)
        more = list(itch.random_day(seed + 90, 300, stocks=STOCKS))
        late = beats(framed(more, first=2000, line=1), load=0.5)
        results.append(feed.run(None, late, drop=True))
    return [as_bytes(result) for result in results]


@pytest.mark.parametrize("seed", range(3))
def test_skipping_what_is_idle_changes_nothing(skipping, plain, seed):
    skipped, whole = scenario(skipping, seed), scenario(plain, seed)
    assert skipped == whole
    counters = skipped[0]["counters"]
    for name in ("frames_bad", "mold_gaps", "mold_duplicates", "window_reordered",
                 "orders_in", "orders_refused", "book_updates"):
        assert counters[name] > 0, name
    assert skipped[1]["counters"]["inject_messages"] == 60


def test_the_same_calls_give_the_same_results(skipping):
    assert scenario(skipping, 4) == scenario(skipping, 4)


def test_one_line_is_as_the_golden_model_says(skipping):
    day = list(itch.random_day(11, 2000, stocks=STOCKS, ticks=10))
    names = [*STOCKS, *[None] * (SMALL.symbols - len(STOCKS))]
    model = FeedBookModel(
        LineModel(GROUP, PORT), BookModel(names, SMALL.order_sets, SMALL.order_ways))
    frames = framed(day)
    for frame in frames:
        model.frame(frame)
    with opened(skipping) as feed:
        result = feed.run(beats(frames))
        assert feed.read("expected") == model.expected == len(day) + 1
        types = feed.type_counts(list(model.itch.by_type))
    assert types == model.itch.by_type
    record = result.tops
    found = list(zip(*(record[name].tolist() for name in (
        "symbol", "bid", "bid_size", "bid_orders", "ask", "ask_size", "ask_orders", "message",
        "itch_time")), strict=True))
    wanted = [
        (r.symbol, r.top.bid, r.top.bid_size, r.top.bid_orders, r.top.ask, r.top.ask_size,
         r.top.ask_orders, r.message, r.itch_time) for r in model.book.records]
    assert len(wanted) > 200
    assert found == wanted
    for name, count in model.counts().items():
        assert result.counters[name] == count, name
    assert result.messages == len(day)
    assert (np.diff(result.tops["cycle"].astype(np.int64)) >= 0).all()


def flood(messages: int) -> list[bytes]:
    """Frames of the shortest messages: up to three of them to a beat; one a cycle is taken."""
    return framed([b"?"] * messages, most=40)


def test_a_line_that_may_not_wait_loses_frames_and_the_card_knows_it(skipping):
    frames = flood(12_000)
    counts = [-(-len(frame) // 8) for frame in frames]
    line = beats(frames, cycles_per_frame=max(counts) + 8)
    with opened(skipping) as feed:
        result = feed.run(line, drop=True)
    lost = result.lines[0].lost.tolist()
    assert 0 < len(lost) < len(frames)
    assert lost == sorted(set(lost))
    # Each was lost from its beginning, or ends with an error.
    begun = len(frames) - result.counters["frames"]
    assert result.counters["bad_fcs"] == len(lost) - begun
    assert result.counters["itch_unknown"] + result.counters["itch_messages"] == result.messages
    assert result.messages < 12_000
    assert result.high_water_lines >= SMALL.line_fifo


def test_a_line_that_may_wait_loses_nothing(skipping):
    frames = flood(12_000)
    line = beats(frames, cycles_per_frame=max(-(-len(frame) // 8) for frame in frames))
    with opened(skipping) as feed:
        result = feed.run(line)
    waited = result.lines[0]
    assert not len(waited.lost)
    assert 0 < waited.late_beats <= waited.stalled_cycles
    assert waited.lag > 1000
    assert result.messages == 12_000
    assert result.counters["frames_bad"] == 0


def test_a_snapshot_and_the_line_after_it_are_one_book(skipping):
    before = [itch.directory(1, STOCKS[0]), itch.add(1, STOCKS[0], 5, b"B", 100, 50_000)]
    rebuilt = [itch.directory(1, STOCKS[0]), itch.add(1, STOCKS[0], 9, b"S", 300, 70_000)]
    after = [itch.add(1, STOCKS[0], 11, b"B", 200, 60_000), itch.delete(1, 9)]
    with opened(skipping) as feed:
        feed.run(beats(framed(before)))
        feed.write(rebuild=1)
        packet = inject_beats(mold_packet(0, rebuilt), snapshot=True)
        middle = feed.run(inject=packet)
        assert middle.tops["ask"][-1] == 70_000
        assert middle.tops["bid"][-1] == 0
        assert feed.read("rebuilding") == 1
        feed.write(resume_sequence=41, resume=1)
        last = feed.run(beats(framed(after, first=41)))
        assert feed.read("feed_stale") == 0
    assert last.tops[["bid", "bid_size", "ask"]][-1].item() == (60_000, 200, 0)
    assert last.counters["inject_messages"] == 2


def test_the_gate_decides_on_the_book(skipping):
    book = [
        itch.event(b"Q"), itch.directory(1, STOCKS[0]), itch.status(1, STOCKS[0], b"T"),
        itch.add(1, STOCKS[0], 5, b"B", 100, 1_000_000),
        itch.add(1, STOCKS[0], 6, b"S", 100, 1_001_000),
    ]
    with opened(skipping) as feed:
        closed = feed.run(beats(framed(book)), orders=order(1, 1_000_000, cycle=2000))
        arm(feed)
        result = feed.run(
            orders=np.concatenate([order(2, 1_001_000), order(3, 1_900_000), order(4, 999_000)]))
    gate_closed = 1 << BY_NAME["gate_closed"].bit
    assert closed.decisions["checks"][0] & gate_closed
    assert not len(closed.passed)
    assert result.decisions["user_ref_num"].tolist() == [2, 3, 4]
    assert result.decisions["checks"].tolist() == [0, 1 << BY_NAME["price_collar"].bit, 0]
    assert result.decisions["bid"].tolist() == [1_000_000] * 3
    assert result.decisions["ask"].tolist() == [1_001_000] * 3
    assert result.passed["user_ref_num"].tolist() == [2, 4]
    assert result.counters["orders_passed"] == 2
    assert closed.counters["orders_refused"] == 1


def test_what_cannot_be_offered_is_refused(skipping):
    with pytest.raises(ValueError, match="4 symbols at most"):
        FastFeed(SMALL, ["A"] * 5, library=skipping)
    with opened(skipping) as feed:
        with pytest.raises(TypeError, match="line_a must be an array of"):
            feed.run(np.zeros(3, np.uint8))
        with pytest.raises(ValueError, match="reorder_cycles must fit 64 bits"):
            feed.write(reorder_cycles=-1)
        with pytest.raises(KeyError):
            feed.write(frobnicate=1)
        with pytest.raises(ValueError, match="a symbol must be"):
            feed.load_symbol(0, "TOOLONGNAME")
        with pytest.raises(FastError, match="quiet in 10 cycles"):
            feed.run(beats(framed([b"?"] * 400)), limit=10)
    with pytest.raises(ValueError, match="at least one byte"):
        inject_beats(b"")
