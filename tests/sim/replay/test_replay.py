"""Replay of the samples through the Verilated gateware, against four others that built the same
books."""

import csv
import dataclasses
import gzip
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import typer
from tickgate.protocols import binaryfile
from tickgate.protocols.itch50 import MESSAGES, AddOrder, OrderCancel, OrderDelete, StockDirectory
from tickgate_sim.card.build import build as build_card
from tickgate_sim.fast.build import build
from tickgate_sim.replay import Report, SourceError, replay
from tickgate_sim.replay import source as replay_source
from tickgate_sim.replay.cli import register
from tickgate_sim.replay.passes import _Changes
from tickgate_sim.replay.source import blocks, messages, scan
from tickgate_sim.soak.oracles import (
    Change,
    changes,
    golden_model,
    itch_book,
    itchcpp,
    only_changes,
)
from tickgate_sim.traffic.mix import SYMBOLS, real_mix
from typer.testing import CliRunner

AAPL = "aapl-20200130-premarket-first2500"
SAMPLES = (AAPL, "itchcpp-testvalues-23types", "simulated-ritch-12012")

pytestmark = pytest.mark.sim


@pytest.fixture(scope="module")
def library() -> Path:
    return build()


@pytest.fixture(scope="module")
def samples(shared_data: Path) -> Path:
    return shared_data / "itch"


@pytest.fixture(scope="module")
def reports(samples: Path, library: Path) -> dict[str, Report]:
    return {name: replay(samples / f"{name}.itch50", library=library) for name in SAMPLES}


def test_the_oracle_has_the_same_book_after_every_message(samples, reports):
    def rows() -> Iterator[Change]:
        with gzip.open(samples / f"{AAPL}.bbo.csv.gz", "rt") as file:
            for row in csv.DictReader(file):
                numbers = [int(row[name]) for name in ("bid_px", "bid_sz", "ask_px", "ask_sz")]
                yield (int(row["msg"]), int(row["ts_ns"]), row["symbol"], *numbers)

    expected = only_changes(rows())
    assert len(expected) > 600
    assert changes(reports[AAPL]) == expected


@pytest.mark.parametrize("name", SAMPLES)
def test_the_golden_model_has_the_same_book_after_every_message(samples, reports, name):
    report = reports[name]
    assert changes(report) == golden_model(samples / f"{name}.itch50", report.symbols)


@pytest.mark.parametrize("name", [AAPL, "simulated-ritch-12012"])
def test_itchcpp_has_the_same_book_after_every_message(samples, reports, name):
    report = reports[name]
    assert changes(report) == itchcpp(samples / f"{name}.itch50", report.symbols)


def test_itch_book_has_the_same_book_after_every_message(samples, reports):
    expected = itch_book(samples / f"{AAPL}.itch50", ["AAPL"])
    assert changes(reports[AAPL]) == expected


@pytest.fixture(scope="module")
def mix(tmp_path_factory) -> Path:
    """A file of eight liquid symbols."""
    path = tmp_path_factory.mktemp("mix") / "mix.itch50"
    binaryfile.write(path, real_mix(7, 25_000))
    return path


def test_eight_symbols_are_as_two_others_have_them(mix, library):
    report = replay(mix, library=library)
    assert sorted(report.symbols) == sorted(SYMBOLS)
    found = changes(report)
    assert len(found) > 1000
    assert found == golden_model(mix, report.symbols)
    assert sorted(found) == sorted(itch_book(mix, report.symbols))
    assert report.stale == []
    assert report.counters["book_unknown_reference"] == 0


def test_the_whole_card_has_the_same(samples, reports):
    name = f"{AAPL}.itch50"
    card = replay(samples / name, card=True, library=build_card().library)
    fast = reports[AAPL]
    assert changes(card) == changes(fast)
    assert card.types == fast.types
    assert {n: c for n, c in card.counters.items() if n.startswith(("itch", "book", "mold"))} == {
        n: c for n, c in fast.counters.items() if n.startswith(("itch", "book", "mold"))}


def test_blocks_join_whatever_their_ends(samples, library, reports, monkeypatch, tmp_path):
    monkeypatch.setattr(replay_source, "_READ_BYTES", 997)
    path = samples / f"{AAPL}.itch50"
    found = list(blocks(path))
    assert len(found) > 50
    assert [block.first for block in found[:2]] == [1, 1 + len(found[0])]
    assert list(messages(path)) == list(binaryfile.read(path))
    report = replay(path, library=library)
    assert changes(report) == changes(reports[AAPL])
    marked = tmp_path / "marked"
    marked.write_bytes(path.read_bytes() + b"\0\0")
    assert scan(marked) == scan(path)


def test_a_message_number_beyond_32_bits_is_whole():
    tops = np.zeros(3, [*((name, "<u4") for name in (
        "symbol", "flags", "bid", "bid_size", "ask", "ask_size", "message")),
        ("book_cycles", "<u2"), ("itch_time", "<u8")])
    tops["bid"] = 1, 2, 3
    tops["message"] = 0xFFFF_FFFE, 0xFFFF_FFFF, 1
    found = _Changes(1, 0)
    found.add(tops, (1 << 32) + 40)
    assert found.rows[0]["message"].tolist() == [2**32 - 2, 2**32 - 1, 2**32 + 1]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_card_counts_the_types_as_the_file_has_them(samples, reports, name):
    counted = Counter(chr(m[0]) for m in binaryfile.read(samples / f"{name}.itch50"))
    report = reports[name]
    assert +report.types == counted
    assert report.types_agree
    assert report.messages == counted.total() == report.counters["itch_messages"]


def test_the_report_reads_well(reports):
    lines = "\n".join(reports[AAPL].lines())
    assert "counted by the card, as in the file" in lines
    assert "A AddOrder                            1,221" in lines
    assert "2,500 messages, 1 symbols\n" in lines
    assert "  AAPL         321.3100       493     321.6000       175" in lines
    ritch = "\n".join(reports["simulated-ritch-12012"].lines())
    assert "117 messages about orders that the book does not know" in ritch


def test_a_difference_between_card_and_file_is_said(reports):
    report = dataclasses.replace(reports[AAPL], file_types=Counter("A"))
    assert not report.types_agree
    assert "BUT the file has" in report.lines()[0]


def test_the_csv_has_a_row_for_each_change(samples, library, reports, tmp_path):
    out = tmp_path / "bbo.csv"
    zipped = tmp_path / "aapl.gz"
    zipped.write_bytes(gzip.compress((samples / f"{AAPL}.itch50").read_bytes()))
    replay(zipped, out, library=library)
    lines = out.read_text().splitlines()
    assert lines[0] == "message,timestamp,symbol,bid,bid_size,ask,ask_size"
    assert lines[1:] == [",".join(map(str, row)) for row in changes(reports[AAPL])]


def test_chosen_symbols_are_tracked_and_no_others(samples, library, reports):
    name = "simulated-ritch-12012"
    report = replay(samples / f"{name}.itch50", symbols=["BOB", "NONE", "BOB"], library=library)
    assert report.symbols == ["BOB", "NONE"]
    assert changes(report) == [row for row in changes(reports[name]) if row[2] == "BOB"]
    assert report.top_of_book()["NONE"] == (0, 0, 0, 0)


@pytest.mark.parametrize("symbol", ["", "TOOLONGNAME", "Ä"])
def test_a_symbol_that_is_none_is_refused(samples, library, symbol):
    with pytest.raises(ValueError, match="a symbol must be"):
        replay(samples / f"{AAPL}.itch50", symbols=[symbol], library=library)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory) -> Path:
    """A file of 70 symbols with orders that come and go."""
    rng = random.Random(5)
    names = [f"S{i:03}" for i in range(70)]
    common = {"tracking_number": 0}
    stream = [directory(name, locate) for locate, name in enumerate(names, 1)]
    live: dict[int, int] = {}
    for reference in range(1, 1500):
        locate = rng.randrange(1, 71)
        stream.append(
            AddOrder(
                stock_locate=locate,
                timestamp=reference,
                order_reference_number=reference,
                buy_sell_indicator=rng.choice("BS"),
                shares=rng.randrange(100, 1000),
                stock=names[locate - 1],
                price=rng.randrange(10, 30) * 100,
                **common,
            ).encode()
        )
        live[reference] = locate
        if reference % 3 == 0:
            gone = rng.choice(list(live))
            fields = {"stock_locate": live[gone], "timestamp": reference, **common}
            if rng.random() < 0.5:
                cancel = OrderCancel(order_reference_number=gone, cancelled_shares=50, **fields)
                stream.append(cancel.encode())
            else:
                stream.append(OrderDelete(order_reference_number=gone, **fields).encode())
                del live[gone]
    path = tmp_path_factory.mktemp("crowd") / "crowd.itch50"
    binaryfile.write(path, stream)
    return path


def directory(name: str, locate: int) -> bytes:
    values = {"stock_locate": locate, "tracking_number": 0, "timestamp": 0, "stock": name}
    fields = {f.name: f.kind for f in StockDirectory.FIELDS}
    for field, kind in fields.items():
        if field not in values and field != "message_type":
            values[field] = " " if kind.is_text else 0
    return StockDirectory(**values).encode()


def test_more_symbols_than_the_card_tracks_take_several_passes(crowd, library):
    told = []
    report = replay(crowd, library=library, progress=lambda done, total: told.append((done, total)))
    assert report.passes == 2
    assert "70 symbols in 2 passes" in "\n".join(report.lines())
    assert len(report.symbols) == 70
    assert changes(report) == golden_model(crowd, report.symbols)
    assert told[-1] == (2 * report.messages, 2 * report.messages)
    assert sorted(told) == told


def write(path: Path, *parts: bytes) -> Path:
    path.write_bytes(b"".join(len(part).to_bytes(2, "big") + part for part in parts))
    return path


def test_messages_that_are_none_are_counted_and_the_rest_goes_on(samples, library, tmp_path):
    good = list(binaryfile.read(samples / f"{AAPL}.itch50"))
    path = write(tmp_path / "x", *good[:3], b"?what", good[3][:-1], *good[3:100])
    report = replay(path, library=library)
    assert (report.counters["itch_unknown"], report.counters["itch_malformed"]) == (1, 1)
    assert (report.file_unknown, report.file_malformed) == (1, 1)
    assert report.types_agree
    assert "1 of unknown type, 1 malformed" in "\n".join(report.lines())
    expected = [(n + 2 if n > 3 else n, *rest) for n, *rest in modelled_first(good[:100], tmp_path)]
    assert changes(report) == expected


def modelled_first(stream: list[bytes], folder: Path) -> list[Change]:
    return golden_model(write(folder / "y", *stream), ["AAPL"])


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "the file has no messages"),
        (b"\0\0", "the file has no messages"),
        (b"\0\0more", "must end with its marker at offset 0"),
        (b"\0\x01S\0", "at message 2: BinaryFILE is cut at offset 3"),
        (b"\0\x01S\0\x05abc", "at message 2: BinaryFILE is cut at offset 3"),
        (b"\x06\x00" + b"S" * 0x600, "at message 1: a message is at most 1450 bytes long"),
        (gzip.compress(b"\0\x01S" * 9, mtime=0)[:-4], "bad gzip data"),
        (gzip.compress(b"\0\x01S", mtime=0)[:10] + b"\xff" * 9, "bad gzip data"),
    ],
)
def test_a_file_that_cannot_be_replayed_is_refused_with_the_place(tmp_path, data, problem):
    path = tmp_path / "bad"
    path.write_bytes(data)
    with pytest.raises(SourceError) as caught:
        replay(path, library=tmp_path / "never loaded")
    assert str(caught.value).startswith(str(path))
    assert problem in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        replay(tmp_path / "none")


def test_scan_finds_symbols_in_the_order_in_which_they_come(samples):
    found = scan(samples / "simulated-ritch-12012.itch50")
    assert list(found.symbols) == ["ALC", "BOB", "CHAR"]
    assert (found.messages, found.unknown, found.malformed) == (12012, 0, 0)
    assert set(found.types) <= set(MESSAGES)


def test_the_command(samples, tmp_path):
    app = typer.Typer()
    register(app)
    out = tmp_path / "bbo.csv"
    done = CliRunner().invoke(app, [str(samples / f"{AAPL}.itch50"), "--bbo", str(out)])
    assert done.exit_code == 0, done.output
    assert "649 rows in" in done.output
    assert len(out.read_text().splitlines()) == 650
    done = CliRunner().invoke(app, [str(tmp_path / "none")])
    assert done.exit_code == 1
    assert "No such file" in done.output
