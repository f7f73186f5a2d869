"""The engine's source of reference prices: what is uploaded, when, and what is journalled."""

import os
from collections import Counter
from dataclasses import replace

import pytest
from tickgate.engine.core import Core
from tickgate.engine.inputs import ReferencesSet, Started, decode
from tickgate.engine.references import (
    LOOK_NS,
    REPEAT_NS,
    SYMBOLS_A_TURN,
    Prices,
    References,
    ReferencesError,
    ReferenceSettings,
    parse,
)
from tickgate.journal import Journal
from tickgate.marketdata.quote import Quote

SYMBOLS = ["AAPL", "MSFT"]
FILE = """
[AAPL]
national_bid = "187.2"
band_low = "178.00"
band_high = "196.00"
[MSFT]
window = "400.0001"
"""
AAPL = Prices(1_872_000, 1_780_000, 1_960_000)
MSFT = Prices(window=4_000_001)
SECOND = 1_000_000_000


def test_a_file_says_what_is_known():
    assert parse(FILE, SYMBOLS) == {"AAPL": AAPL, "MSFT": MSFT}
    assert parse("", SYMBOLS) == {}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("[MSFT]", "[IBM]", "IBM is no symbol of the engine"),
        ("[MSFT]", "[MSFT", "not valid TOML"),
        ("[AAPL]", "MSFT = 5\n[AAPL]", "not valid TOML"),
        ("[MSFT]\nwindow", "[MSFT]\nmid", "MSFT.mid is no reference; known: national_bid, band_l"),
        ('"187.2"', "187.2", "AAPL has a price that must be an amount in USD as text"),
        ('"187.2"', '"429496.7296"', "AAPL has a price that must be at most 429496.7295"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(old, new, problem):
    assert old in FILE
    with pytest.raises(ReferencesError, match=problem):
        parse(FILE.replace(old, new, 1), SYMBOLS)
    with pytest.raises(ReferencesError, match="AAPL must be a table"):
        parse("AAPL = 5", SYMBOLS)


class Uploads:
    """A card that takes references, and a source of them whose time the test makes."""

    def __init__(self, tmp_path, symbols=SYMBOLS, *, file=True, window_s=0):
        self.path = tmp_path / "references.toml"
        self.rows = []
        self.journal = []
        self.counters = Counter()
        self.quotes = {number: Quote(0, 0) for number in range(len(symbols))}
        self.utc_ns, self.now_ns = 1000 * SECOND, 0
        core = Core()
        core.handle(Started([], list(symbols), [], ""), 1, 0)
        settings = ReferenceSettings(self.path if file else None, window_s)
        self.make = lambda: References(
            settings, core, self.quotes.__getitem__, self.journal.append, self.counters,
            utc=lambda: self.utc_ns,
        )  # fmt: skip
        self.references = self.make()

    def write_reference(self, symbol, **prices):
        self.rows.append((symbol, Prices(**prices)))

    def write(self, text=FILE):
        """Put another file in the place of the one before."""
        new = self.path.with_suffix(".new")
        new.write_text(text)
        new.rename(self.path)

    def after(self, ns, *, card=True):
        """Let time go by; what was uploaded then."""
        self.now_ns += ns
        self.utc_ns += ns
        self.rows.clear()
        self.references.work(self if card else None, self.now_ns)
        return list(self.rows)


def test_each_file_is_uploaded_once_also_when_it_says_the_same(tmp_path):
    uploads = Uploads(tmp_path)
    assert uploads.after(0) == []
    uploads.write()
    assert uploads.after(LOOK_NS) == [(0, AAPL), (1, MSFT)]
    assert uploads.after(LOOK_NS) == []
    uploads.write()
    assert uploads.after(LOOK_NS) == [(0, AAPL), (1, MSFT)]
    uploads.write("[MSFT]")  # of AAPL nothing is said: its references get older
    assert uploads.after(LOOK_NS) == [(1, Prices())]
    assert not uploads.counters


def test_a_file_that_was_there_at_the_start_is_not_of_now(tmp_path):
    uploads = Uploads(tmp_path)
    uploads.write()
    uploads.references = uploads.make()
    assert uploads.after(LOOK_NS) == []
    os.utime(uploads.path, ns=(1, 1))  # written again
    assert len(uploads.after(LOOK_NS)) == 2


def test_what_comes_while_there_is_no_card_is_not_kept_for_it(tmp_path):
    uploads = Uploads(tmp_path)
    uploads.write()
    assert uploads.after(LOOK_NS, card=False) == []
    assert uploads.after(LOOK_NS) == []
    assert uploads.journal == []


def test_a_file_that_is_wrong_or_gone_uploads_nothing_and_is_counted(tmp_path):
    uploads = Uploads(tmp_path)
    uploads.write(FILE + "[IBM]")
    for _ in range(3):
        assert uploads.after(LOOK_NS) == []
    assert uploads.counters == {"references: IBM is no symbol of the engine": 1}
    uploads.path.unlink()
    assert uploads.after(LOOK_NS) == []
    assert len(uploads.counters) == 2
    uploads.write()
    assert len(uploads.after(LOOK_NS)) == 2


def test_a_turn_uploads_a_few_and_the_next_ones_the_others(tmp_path):
    names = [f"S{number}" for number in range(2 * SYMBOLS_A_TURN + 1)]
    uploads = Uploads(tmp_path, names)
    uploads.write("\n".join(f"[{name}]" for name in names))
    found = [uploads.after(LOOK_NS) for _ in range(4)]
    assert [len(rows) for rows in found] == [SYMBOLS_A_TURN, SYMBOLS_A_TURN, 1, 0]
    assert [symbol for rows in found for symbol, _ in rows] == list(range(len(names)))


def test_the_window_begins_with_the_middle_of_the_book(tmp_path):
    uploads = Uploads(tmp_path, file=False, window_s=60)
    uploads.utc_ns = 6000 * SECOND
    assert uploads.after(0) == []  # no book yet
    uploads.quotes[0] = Quote(100, 103)
    uploads.quotes[1] = Quote(100, 0)
    middle = Prices(window=101)
    assert uploads.after(REPEAT_NS) == [(0, middle)]
    uploads.quotes[0] = Quote(200, 202)
    assert uploads.after(REPEAT_NS - 1) == []
    assert uploads.after(1) == [(0, middle)]  # the same window, whatever the book is
    uploads.quotes[0] = Quote(0, 0)  # stale
    assert uploads.after(REPEAT_NS) == []
    uploads.quotes[0] = Quote(200, 0)
    assert uploads.after(REPEAT_NS) == [(0, middle)]
    uploads.quotes[0] = Quote(300, 302)
    assert uploads.after(56 * SECOND - 1) == [(0, middle)]
    assert uploads.after(1) == [(0, Prices(window=301))]  # the next one, at once


def test_the_books_window_goes_with_the_file(tmp_path):
    uploads = Uploads(tmp_path, window_s=60)
    uploads.quotes.update({0: Quote(100, 102), 1: Quote(200, 202)})
    assert uploads.after(5 * SECOND) == []  # without news of the file nothing looks new
    uploads.write()
    assert uploads.after(LOOK_NS) == [(0, AAPL._replace(window=101)), (1, MSFT)]


def test_what_is_new_is_journalled_once_a_second_at_most(tmp_path):
    uploads = Uploads(tmp_path)
    told = uploads.journal

    def say(bid):
        uploads.write(f'[MSFT]\nnational_bid = "{bid}"')
        return uploads.after(LOOK_NS)

    assert say(1)
    assert told == [ReferencesSet("MSFT", 10_000, 0, 0, 0)]
    for bid in (1, 2, 3):
        assert say(bid)
    assert len(told) == 1
    uploads.after(REPEAT_NS)
    assert told[1:] == [ReferencesSet("MSFT", 30_000, 0, 0, 0)]
    uploads.after(REPEAT_NS)
    assert say(4)
    assert say(3)  # as it was told before the 4, which was
    uploads.after(REPEAT_NS)
    assert [entry.national_bid for entry in told[2:]] == [40_000, 30_000]


def test_an_engine_uploads_them_and_a_card_that_is_gone_is_tried_again(world, fresh_card):
    file = world.directory / "references.toml"
    world.config = replace(world.config, references=ReferenceSettings(file))
    world.start()
    new = file.with_suffix(".new")
    new.write_text(FILE)
    new.rename(file)
    world.until(lambda: len(world.card.references) == 2)
    assert world.card.references == [(0, AAPL._asdict()), (1, MSFT._asdict())]
    world.lose_card()
    world.card = fresh_card(world.venue)
    world.until(lambda: world.card.armed)
    assert world.card.references == []
    os.utime(file, ns=(1, 1))
    world.until(lambda: len(world.card.references) == 2)
    world.engine.close()
    world.engine = None
    journal = Journal(world.config.state_dir / "journal")
    inputs = [decode(entry) for entry in journal.entries()]
    journal.close()
    assert [value for value in inputs if isinstance(value, ReferencesSet)] == [
        ReferencesSet("AAPL", *AAPL),
        ReferencesSet("MSFT", *MSFT),
    ]
