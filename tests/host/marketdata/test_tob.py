"""The published top of book, and the engine's view of it."""

import pytest
from tickgate.marketdata.quote import Quote
from tickgate.marketdata.tob import TobFile, TobReader
from tickgate.marketdata.view import MarketView
from tickgate.records.codec import to_slot
from tickgate.records.messages import TopOfBook

TOP = TopOfBook(symbol=1, trading_state="T", bid=100, ask=200, bid_size=5, ask_size=6, message=9)


def test_what_is_put_is_read_by_another_mapping(tmp_path):
    writer = TobFile(tmp_path / "tob.bin", 3)
    reader = TobReader(tmp_path / "tob.bin")
    assert reader.symbols == 3
    assert reader.get(1) is None
    writer.put(1, to_slot(TOP, 77))
    assert reader.get(1) == TOP
    writer.put(1, to_slot(TOP._replace(bid=101), 78))
    assert reader.get(1).bid == 101
    assert reader.get(0) is None
    writer.close()
    reader.close()


def test_a_slot_whose_writer_died_writing_it_reads_as_none(tmp_path):
    path = tmp_path / "tob.bin"
    TobFile(path, 1).put(0, to_slot(TOP, 1))
    raw = bytearray(path.read_bytes())
    raw[56:64] = bytes(8)
    path.write_bytes(raw)
    assert TobReader(path).get(0) is None


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        TobReader(tmp_path / "tob.bin")


def test_the_view_keeps_the_latest_and_counts():
    view = MarketView(2)
    assert view.quote(1) == Quote(0, 0)
    assert view.update(TOP._replace(merged=3))
    assert view.quote(1) == Quote(100, 200)
    assert not view.update(TOP._replace(symbol=2))
    assert view.update(TOP._replace(flags=1))
    assert view.quote(1) == Quote(0, 0)
    assert (view.updates, view.merged, view.unknown) == (2, 3, 1)


@pytest.mark.parametrize(
    ("quote", "long", "short", "mid"),
    [
        (Quote(100, 103), 100, 103, 101),
        (Quote(0, 103), 0, 103, 103),
        (Quote(100, 0), 100, 0, 100),
        (Quote(0, 0), 0, 0, 0),
    ],
)
def test_marks(quote, long, short, mid):
    assert (quote.touch(1), quote.touch(-1), quote.touch(0), quote.mid()) == (long, short, 0, mid)
