"""The market data half of the card in Verilator; the tests themselves are in tickgate_sim.tb."""

import os
from pathlib import Path

import pytest
from tickgate_hdl.feed.feed_book import FeedBook
from tickgate_sim import runner
from tickgate_sim.tb import feed_book_config

SHARED = Path(os.environ.get("TICKGATE_SHARED", Path(__file__).parents[4] / "shared"))
GENERATED = [
    "random_traffic.*", "two_lines", "best_levels_vanish", "line_rate_input", "reset_in_the_middle",
]  # fmt: skip
SAMPLES = [
    "real_market_data",
    "third_party_framing",
    "real_frames",
    "simulated_crossing_data",
    "every_message_type",
]


def run(tests):
    runner.run(
        FeedBook(feed_book_config.CONFIG, locate_bits=14),
        name="feed_book",
        tb="tickgate_sim.tb.feed_book_tests",
        seed=10,  # its random words make the unswept tables look full of orders, levels and locates
        random_memories=True,
        test_filter="|".join(tests),
        environment={"TICKGATE_SHARED": str(SHARED)},
    )


@pytest.mark.sim
def test_random_traffic_equals_the_model():
    run(GENERATED)


@pytest.mark.sim
@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason=f"no sample data in {SHARED}")
def test_sample_data_equals_the_model_and_the_peer():
    run(SAMPLES)
