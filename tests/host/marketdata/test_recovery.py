"""Recovery brings the card back, or leaves it stale; whatever is lost and whatever servers do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tickgate.marketdata.recovery import SNAPSHOT_NUMBERS, SNAPSHOT_SPAN, Inject, Phase

from tests.host.marketdata.feed_model import add_message, packet
from tests.host.marketdata.recovery_world import Faults, World


def right(world: World) -> bool:
    return not world.card.stale and world.card.expected == world.venue.next


def test_one_line_losing_needs_no_help():
    world = World(1, Faults(loss_a=30))
    world.run(300)
    assert right(world)
    assert not world.recovery.counters


def test_a_gap_on_both_lines_is_asked_for_and_filled():
    world = World(2, Faults())
    world.run(20)
    world.run(5, cut=True)
    world.run(20)
    world.settle()
    assert right(world)
    counters = world.recovery.counters
    assert counters["gaps filled"] == 1
    assert not counters["snapshots begun"]
    assert world.recovery.phase is Phase.IDLE


def test_a_long_cut_is_recovered_by_a_snapshot():
    world = World(3, Faults())
    world.run(50)
    world.run(200, cut=True)
    world.run(50)
    world.settle()
    assert right(world)
    counters = world.recovery.counters
    assert counters["snapshots"] == 1
    assert counters["messages of snapshots"] == world.resumed[0][1] > 0
    assert counters["requests"] == 0 or counters["gaps filled"] == 1


def test_a_gap_during_a_snapshot_is_filled_after_it():
    world = World(4, Faults())
    world.run(50)
    world.run(100, cut=True)
    while world.recovery.phase is not Phase.SNAPSHOT:
        world.step(1)
    world.run(10, cut=True)
    world.run(20)
    world.settle()
    assert right(world)
    assert world.recovery.counters["snapshots"] == 1
    assert world.recovery.counters["gaps filled"] >= 1


def test_messages_kept_during_a_snapshot_are_not_asked_for():
    world = World(5, Faults())
    world.run(30)
    world.run(100, cut=True)
    world.step(heartbeat=True)
    while not world.resumed:
        world.step(0)
    world.step(4)
    world.settle()
    assert right(world)
    assert world.recovery.counters["requests"] == 0


def test_a_suspect_channel_is_rebuilt():
    world = World(6, Faults())
    world.run(30)
    world.card.suspect = True
    world.run(50)
    world.settle()
    assert right(world)
    assert world.recovery.counters["snapshots"] == 1


def test_a_bad_frame_during_the_snapshot_makes_another_one():
    world = World(7, Faults())
    world.run(30)
    world.card.suspect = True
    while world.recovery.phase is not Phase.DRAIN:
        world.step(0)
    world.card.suspect = True
    world.settle()
    assert right(world)
    assert world.recovery.counters["snapshots"] == 2


def test_without_snapshots_a_suspect_channel_is_played_again_from_the_start():
    world = World(8, Faults(glimpse="none"))
    world.run(60)
    world.card.suspect = True
    world.run(30)
    world.settle()
    assert right(world)
    counters = world.recovery.counters
    assert counters["replays"] == 1
    assert counters["messages re-requested"] > 60
    assert world.resumed == [(0, 0, 1)]


def test_without_servers_the_card_stays_stale_and_it_is_said_why():
    world = World(9, Faults(rerequest="none", glimpse="none"))
    world.run(20)
    world.run(5, cut=True)
    world.run(20)
    world.settle(100)
    assert world.card.stale
    assert "no server is configured" in world.recovery.problem


def test_a_silent_server_is_left_for_the_next_and_then_for_a_snapshot():
    world = World(10, Faults(rerequest="ignore"))
    world.run(20)
    world.run(5, cut=True)
    world.run(20)
    world.settle()
    assert right(world)
    assert world.asked[:4] == [0, 1, 0, 1]
    counters = world.recovery.counters
    assert counters["request timeouts"] == 4
    assert counters["re-requests given up"] == 1
    assert counters["snapshots"] == 1


def test_a_failing_snapshot_is_tried_again_while_the_card_stays_stale():
    world = World(11, Faults(rerequest="none", glimpse="refuse"))
    world.run(20)
    world.run(5, cut=True)
    world.run(60)
    assert world.card.stale
    assert world.recovery.counters["snapshot: refused"] > 1
    assert world.recovery.problem == "snapshot: refused"
    world.faults = Faults()
    world.settle()
    assert right(world)


def test_a_host_that_starts_in_the_middle_of_anothers_snapshot_begins_a_new_one():
    world = World(12, Faults())
    world.run(30)
    world.card.rebuild()
    rest = [add_message(1 << 40), add_message(1 << 41)]
    world.card.queue.append((packet("S1", SNAPSHOT_NUMBERS + 7, rest), True))
    world.card.book = set()
    world.run(20)
    world.settle()
    assert right(world)
    assert world.recovery.counters["snapshots"] == 1


def test_a_session_that_begins_during_recovery_ends_it():
    world = World(13, Faults(rerequest="ignore", glimpse="refuse"))
    world.run(20)
    world.run(5, cut=True)
    world.run(20)
    assert world.card.stale
    world.card.end()
    world.venue.begin("S2")
    world.run(20)
    assert right(world)
    assert world.recovery.phase is Phase.IDLE
    assert world.recovery.counters["begun anew: a session began"] >= 1


def test_a_session_that_begins_during_a_snapshot_ends_it():
    world = World(14, Faults(rerequest="none"))
    world.run(60)
    world.card.suspect = True
    while world.recovery.phase is not Phase.SNAPSHOT:
        world.step(0)
    world.card.end()
    world.venue.begin("S2")
    world.run(20)
    world.settle()
    assert right(world)
    assert world.card.session == "S2"
    assert world.resumed == []


def test_a_silent_session_is_given_up_for_the_one_that_is_heard():
    world = World(15, Faults())
    world.run(20)
    world.venue.begin("S2")  # nobody told the end of S1
    world.run(30)
    assert world.card.session == "S1"
    assert world.card.foreign > 10
    world.run(60)
    world.settle()
    assert world.card.session == "S2"
    assert right(world)
    assert world.recovery.counters["sessions given up"] == 1


def test_a_foreign_session_beside_the_own_one_changes_nothing():
    world = World(16, Faults())
    for _ in range(100):
        world.step(1)
        world.card.line(packet("OTHER", 1, [b"y" * 20]))
    assert right(world)
    assert world.card.session == "S1"
    assert not world.recovery.counters


def test_a_session_whose_name_is_no_text_can_be_asked_for_nowhere():
    world = World(17, Faults())
    world.card.line(packet("S1", 5, [b"y" * 20]))
    world.card.session = "\ufffd\ufffd"
    world.pump()
    assert "can be no server's" in world.recovery.problem


def test_packets_for_the_card_are_short_and_snapshots_have_numbers_of_their_own():
    world = World(18, Faults())
    seen = []
    take = world.card.inject

    def watch(data, snapshot):
        seen.append((data, snapshot))
        return take(data, snapshot)

    world.card.inject = watch
    world.run(100)
    world.run(150, cut=True)
    world.run(30)
    world.settle()
    assert right(world)
    assert all(len(data) <= 512 for data, _ in seen)
    numbers = [int.from_bytes(data[10:18], "big") for data, snapshot in seen if snapshot]
    assert numbers[0] == SNAPSHOT_NUMBERS + SNAPSHOT_SPAN  # the first attempt
    assert numbers == sorted(numbers)


def test_a_card_that_is_replaced_begins_anew():
    world = World(19, Faults())
    world.run(20)
    world.run(5, cut=True)
    world.run(3)
    world.recovery.reset()
    assert not world.recovery.commands
    assert world.recovery.phase is Phase.IDLE
    world.settle()
    assert right(world)


def test_what_the_card_lost_on_the_way_is_asked_for_again():
    world = World(20, Faults(glimpse="none"))
    world.run(20)
    lost = []
    take = world.card.inject

    def lose(data, snapshot):
        if not lost:
            lost.append(data)
            return True
        return take(data, snapshot)

    world.card.inject = lose
    world.run(8, cut=True)
    world.run(4)
    world.settle()
    assert right(world)
    assert lost
    assert world.recovery.counters["messages lost on the way to the card"] >= 1


def test_a_snapshot_of_which_the_card_lost_a_part_is_not_believed():
    world = World(21, Faults(rerequest="none"))
    world.run(60)
    world.card.suspect = True
    lost = []
    take = world.card.inject

    def lose(data, snapshot):
        if snapshot and not lost:
            lost.append(data)
            return True
        return take(data, snapshot)

    world.card.inject = lose
    world.settle()
    assert right(world)
    assert lost
    assert world.recovery.counters["snapshot: the card did not take all of it"] == 1
    assert world.recovery.counters["snapshots"] == 1


def test_answers_that_nobody_asked_for_are_counted():
    world = World(22, Faults())
    world.run(5)
    world.recovery.on_datagram(b"junk", world.now)
    assert world.recovery.counters["answers not asked for"] == 1
    assert not any(isinstance(command, Inject) for command in world.recovery.commands)


faults = st.builds(
    Faults,
    loss_a=st.sampled_from((0, 1, 10, 60, 100)),
    loss_b=st.sampled_from((0, 5, 30, 100)),
    bad=st.sampled_from((0, 0, 3)),
    rerequest=st.sampled_from(("answer", "ignore", "garble", "some", "none")),
    glimpse=st.sampled_from(("answer", "refuse", "cut", "garble", "some", "none")),
)


@settings(max_examples=80)
@given(
    seed=st.integers(0, 1 << 32),
    faults=faults,
    max_missing=st.sampled_from((5, 40, 1000)),
    sessions=st.booleans(),
)
def test_never_wrong_and_in_the_end_complete_or_stale(seed, faults, max_missing, sessions):
    """``World.check`` looks after each step that a book is right unless it is said to be stale."""
    world = World(seed, faults, max_missing=max_missing)
    for number in range(6):
        world.run(world.rng.randrange(5, 40))
        world.run(world.rng.randrange(20), cut=True)
        if sessions and number == 3:
            if world.rng.random() < 0.5:
                world.card.end()
            world.venue.begin("S2")
    world.faults = Faults(rerequest=faults.rerequest, glimpse=faults.glimpse)
    world.settle(1500)
    helped = faults.rerequest in ("answer", "some") and faults.glimpse in ("answer", "some")
    if helped:
        assert right(world), (world.recovery.phase, world.recovery.counters)
    else:
        assert right(world) or world.card.stale
    # With servers that do what they should, every pattern of loss is recovered from.
    world.faults = Faults()
    if faults.rerequest != "none":
        world.settle(4000)
        assert right(world), (world.recovery.phase, world.recovery.counters)


@pytest.mark.parametrize("kind", ["answer", "garble"])
def test_the_model_can_tell_a_wrong_book(kind):
    """The property above can fail: a message that is not the venue's ends in a wrong book."""
    world = World(1, Faults(rerequest=kind))
    world.run(10)
    world.card.book ^= {999_999}
    with pytest.raises(AssertionError, match="a book is wrong and not stale"):
        world.step(0)
