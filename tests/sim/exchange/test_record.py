"""A recorded day: the same bytes each time, a mix near the real one, and peers that read it."""

import datetime
import io
from collections import Counter
from pathlib import Path
from typing import Any

import itchcpp
import pytest
from itch_book import Feed
from itchcpp.book import BookManager
from tickgate.protocols import binaryfile, itch50
from tickgate_sim.exchange import record as recorder
from tickgate_sim.exchange.config import ConfigError

SIZE = 60_000


def record(**settings: int) -> tuple[bytes, Counter[str]]:
    defaults = {"symbol_count": 8, "messages": SIZE, "seed": 1, "orders_per_side": 100}
    file = io.BytesIO()
    counts = recorder.record(file, **{**defaults, **settings})
    return file.getvalue(), counts


@pytest.fixture(scope="module")
def day() -> tuple[bytes, Counter[str]]:
    return record()


def test_the_file_holds_what_was_counted(day: Any) -> None:
    data, counts = day
    kinds: Counter[str] = Counter()
    last = 0
    for message in binaryfile.read(io.BytesIO(data), require_end=True):
        decoded = itch50.decode(message)
        kinds[type(decoded).TYPE] += 1
        assert decoded.timestamp >= last
        last = decoded.timestamp
    assert kinds == counts
    assert SIZE <= counts.total() < SIZE + 2 * 8 * 100 * 2 + 100


def test_the_mix_is_near_a_real_days(day: Any) -> None:
    _, counts = day
    share = {kind: 100 * count // counts.total() for kind, count in counts.items()}
    share["A"] = 100 * (counts["A"] + counts["F"]) // counts.total()
    for kind, low, high in (("A", 39, 49), ("D", 38, 48), ("U", 6, 11), ("E", 1, 6), ("X", 0, 3)):
        assert low <= share[kind] <= high, (kind, share)


def test_every_type_of_message_occurs(day: Any) -> None:
    assert set(day[1]) == set(itch50.MESSAGES)


def test_the_seed_decides_all() -> None:
    first, _ = record(messages=3000)
    assert record(messages=3000)[0] == first
    assert record(messages=3000, seed=2)[0] != first


def test_itchcpp_reads_every_message(day: Any) -> None:
    data, counts = day
    kinds = Counter(
        message.message_type.decode() for message in itchcpp.MessageParser().parse_stream(data)
    )
    assert kinds == counts


def test_itchcpp_and_itch_book_agree_on_the_books(day: Any, tmp_path: Path) -> None:
    """At the moment before the close; at its end every book is empty for both."""
    data, _ = day
    messages = list(binaryfile.read(io.BytesIO(data)))
    close = max(at for at, item in enumerate(messages) if item[:1] == b"S" and item[11:12] == b"M")
    path = tmp_path / "day.itch50"
    binaryfile.write(path, messages[:close])
    manager = BookManager()
    names = [name for name, _, _ in recorder.symbols(8)]
    for name in names:
        manager.track_symbol(name)
    manager.process_stream(path.read_bytes())
    feed = Feed(str(path), date=datetime.date(2026, 1, 5), price_type="fixed")
    last: dict[int, tuple[int, ...]] = {}
    for batch in feed.batches(("bbo",)):
        columns = ("locate", "bid_px", "bid_sz", "ask_px", "ask_sz")
        rows = [batch.bbo[name].tolist() for name in columns]
        last.update({locate: tuple(row) for locate, *row in zip(*rows, strict=True)})
    for locate, name in enumerate(names, start=1):
        bbo = manager.book_for_symbol(name).bbo()
        assert bbo.bid_shares > 0
        assert bbo.ask_shares > 0
        assert last[locate] == (
            round(bbo.bid_price * 10_000),
            bbo.bid_shares,
            round(bbo.ask_price * 10_000),
            bbo.ask_shares,
        )
    assert feed.stats is not None
    doubts = ("unknown", "malformed", "missing_ref", "dup_ref", "rejected", "crossed_books")
    assert {name: feed.stats[name] for name in doubts} == dict.fromkeys(doubts, 0)


def test_an_order_that_gives_more_than_it_shows_is_executed_with_a_price(day: Any) -> None:
    prices: dict[int, tuple[str, int]] = {}
    seen = 0
    for raw in binaryfile.read(io.BytesIO(day[0])):
        match itch50.decode(raw):
            case itch50.AddOrder() | itch50.AddOrderMpid() as order:
                prices[order.order_reference_number] = (order.buy_sell_indicator, order.price)
            case itch50.OrderExecutedWithPrice() as execution:
                side, price = prices[execution.order_reference_number]
                better = execution.execution_price - price
                assert (better if side == "B" else -better) == 50, "half a cent"
                seen += 1
    assert seen > 20


def test_any_number_of_symbols(tmp_path: Path) -> None:
    _, counts = record(symbol_count=300, messages=3000, orders_per_side=2)
    assert counts["R"] == 300
    names = [name for name, _, _ in recorder.symbols(recorder.MAX_SYMBOLS)]
    assert len(set(names)) == recorder.MAX_SYMBOLS


@pytest.mark.parametrize("count", [0, -1, recorder.MAX_SYMBOLS + 1])
def test_a_number_of_symbols_that_cannot_be(count: int) -> None:
    with pytest.raises(ConfigError, match="symbols must be 1 to"):
        record(symbol_count=count)


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "day.itch50"
    assert recorder.command(["--out", str(path), "--messages", "2000", "--symbols", "2"]) == 0
    out = capsys.readouterr().out
    total = sum(1 for _ in binaryfile.read(path, require_end=True))
    assert out.startswith(f"{total} messages in ")
    assert recorder.command(["--out", str(tmp_path), "--messages", "1"]) == 1
    assert recorder.command(["--out", str(path), "--messages", "1", "--symbols", "0"]) == 1
    assert recorder.command(["--out", str(path), "--orders-per-side", "-1"]) == 1
    assert capsys.readouterr().err.count("record: ") == 3
