"""A channel of the feed in Verilator; the tests themselves are in tickgate_sim.tb.channel_tests."""

import os
from pathlib import Path

import pytest
from tickgate_hdl.feed.channel import Channel
from tickgate_sim import runner
from tickgate_sim.tb.channel_config import CONFIG

SHARED = Path(os.environ.get("TICKGATE_SHARED", Path(__file__).parents[4] / "shared"))
GENERATED = [
    "loss_on_one_line.*", "loss_on_both_lines.*", "a_long_cut.*", "hostile_frames.*",
    "every_length.*", "reset_in_mid_traffic",
]  # fmt: skip


def run(tests):
    runner.run(
        Channel(CONFIG),
        name="channel",
        tb="tickgate_sim.tb.channel_tests",
        seed=3,
        random_memories=True,
        test_filter="|".join(tests),
        environment={"TICKGATE_SHARED": str(SHARED)},
    )


@pytest.mark.sim
def test_faulty_lines_and_hostile_frames():
    run(GENERATED)


@pytest.mark.sim
@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason=f"no sample data in {SHARED}")
def test_captured_packets():
    run(["captured_packets"])
