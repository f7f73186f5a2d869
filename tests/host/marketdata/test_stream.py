"""The message ring's books: right, or said not to be; whatever the ring leaves out."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tickgate.marketdata.recovery import SNAPSHOT_NUMBERS, SNAPSHOT_SPAN
from tickgate.marketdata.stream import MessageStream, StreamState
from tickgate.records.messages import ItchMessage

from tests.host.marketdata.feed_model import Venue, add_message, delete_message, unpack
from tests.host.marketdata.recovery_world import Faults, World


def records(number: int, message: bytes) -> list[ItchMessage]:
    """The records of one message, as the card makes them."""
    first = ItchMessage(
        sequence=number, time_ns=number, length=len(message), part=0, data=message[:30]
    )
    if len(message) <= 30:
        return [first]
    return [first, first._replace(part=1, data=message[30:])]


def take(stream: MessageStream, number: int, message: bytes) -> None:
    for record in records(number, message):
        stream.on_record(record)


def orders(stream: MessageStream) -> int:
    book = stream.books.books["TEST"]
    return sum(count for _, count in (*book.bids.values(), *book.asks.values()))


@pytest.fixture
def stream():
    return MessageStream(["TEST"])


def snapshot(index: int, attempt: int = 1) -> int:
    return SNAPSHOT_NUMBERS + attempt * SNAPSHOT_SPAN + index


def test_books_are_right_from_message_one_on(stream):
    assert stream.state is StreamState.UNKNOWN
    take(stream, 5, add_message(1))
    assert (stream.state, orders(stream)) == (StreamState.UNKNOWN, 0)
    for number in range(1, 4):
        take(stream, number, add_message(number))
    take(stream, 4, delete_message(2))
    assert (stream.state, orders(stream), stream.expected) == (StreamState.LIVE, 2, 5)


@pytest.mark.parametrize("number", [4, 6, 400])
def test_a_hole_or_a_step_back_empties_the_books_for_good(stream, number):
    for at in range(1, 5):
        take(stream, at, add_message(at))
    take(stream, number, add_message(9))
    assert (stream.state, orders(stream)) == (StreamState.BROKEN, 0)
    take(stream, number + 1, add_message(10))
    assert (stream.state, orders(stream)) == (StreamState.BROKEN, 0)
    assert stream.counters["holes"] == 1


def test_a_half_message_breaks(stream):
    take(stream, 1, add_message(1))
    stream.on_record(records(2, add_message(2))[1])
    assert stream.state is StreamState.BROKEN
    assert stream.counters["halves of messages alone"] == 1


def test_a_snapshot_makes_them_right_again(stream):
    take(stream, 7, add_message(1))
    take(stream, snapshot(0), add_message(11))
    take(stream, snapshot(1), add_message(12))
    assert stream.state is StreamState.SNAPSHOT
    stream.on_resumed(1, 2, 100)
    assert (stream.state, orders(stream)) == (StreamState.LIVE, 2)
    take(stream, 100, add_message(13))
    assert (stream.state, orders(stream), stream.expected) == (StreamState.LIVE, 3, 101)


def test_an_empty_snapshot_empties_the_books(stream):
    take(stream, 1, add_message(1))
    stream.on_resumed(1, 0, 2)
    take(stream, 2, add_message(13))
    assert (stream.state, orders(stream)) == (StreamState.LIVE, 1)


@pytest.mark.parametrize(
    ("indexes", "resume"),
    [
        ([0, 2], 100),
        ([1, 2], 100),
        ([0, 1], 100),  # the last one is missing
        ([0, 1, 2], 99),  # message 99 is missing
        ([0, 1, 2], None),  # nobody told that it was whole
    ],
)
def test_a_snapshot_with_a_hole_is_not_believed(stream, indexes, resume):
    for index in indexes:
        take(stream, snapshot(index), add_message(index))
    if resume is not None:
        stream.on_resumed(1, 3, resume)
    take(stream, 100, add_message(13))
    assert (stream.state in (StreamState.BROKEN, StreamState.UNKNOWN), orders(stream)) == (True, 0)


def test_the_end_of_another_attempt_is_not_this_ones(stream):
    take(stream, snapshot(0, 1), add_message(1))
    stream.on_resumed(2, 1, 100)  # the second attempt is yet to be read
    assert stream.state is StreamState.SNAPSHOT
    take(stream, snapshot(0, 2), add_message(2))
    assert (stream.state, stream.expected, orders(stream)) == (StreamState.LIVE, 100, 1)


def test_two_attempts_are_never_one_snapshot(stream):
    take(stream, snapshot(0, 1), add_message(1))
    take(stream, snapshot(1, 2), add_message(2))  # the second one's first message was left out
    stream.on_resumed(2, 2, 100)
    take(stream, 100, add_message(3))
    assert (stream.state, orders(stream)) == (StreamState.BROKEN, 0)


def test_a_second_attempt_begins_anew(stream):
    take(stream, snapshot(0, 1), add_message(1))
    take(stream, snapshot(0, 2), add_message(2))
    stream.on_resumed(2, 1, 100)
    take(stream, 100, add_message(3))
    assert (stream.state, orders(stream)) == (StreamState.LIVE, 2)


def test_messages_from_before_a_snapshot_that_are_read_late_stay_what_they_were(stream):
    for number in (1, 2, 3):
        take(stream, number, add_message(number))
    stream.on_resumed(1, 1, 4)  # told before the ring was read that far
    take(stream, 4, add_message(4))
    assert (stream.state, orders(stream)) == (StreamState.LIVE, 4)
    take(stream, snapshot(0), add_message(9))
    take(stream, 4, add_message(4))
    assert (stream.state, orders(stream)) == (StreamState.LIVE, 2)


def test_a_new_session_begins_anew_whichever_is_heard_first(stream):
    stream.on_session()
    take(stream, 1, add_message(1))
    take(stream, 1, add_message(5))
    stream.on_session()
    take(stream, 2, add_message(6))
    assert (stream.state, orders(stream)) == (StreamState.LIVE, 2)
    stream.on_session()
    take(stream, 1, add_message(7))
    assert (stream.state, orders(stream)) == (StreamState.LIVE, 1)


def test_a_session_whose_first_messages_are_missing_is_not_taken_for_the_old_one(stream):
    stream.on_session()
    take(stream, 1, add_message(1))
    stream.on_session()
    take(stream, 2, add_message(6))  # of the new one, though the number fits
    assert (stream.state, orders(stream)) == (StreamState.BROKEN, 0)
    assert stream.counters["beginnings of sessions missing"] == 1


def test_a_record_that_cannot_be_read_breaks(stream):
    take(stream, 1, add_message(1))
    stream.lose()
    assert (stream.state, orders(stream)) == (StreamState.BROKEN, 0)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 1 << 32),
    left_out=st.sampled_from((0, 0, 1, 5)),
    faults=st.builds(
        Faults,
        loss_a=st.sampled_from((0, 20, 100)),
        loss_b=st.sampled_from((10, 60)),
        rerequest=st.sampled_from(("answer", "some", "none")),
        glimpse=st.sampled_from(("answer", "some", "none")),
    ),
)
def test_through_losses_and_recoveries_the_books_are_right_when_they_say_so(
    seed, left_out, faults
):
    """What a card delivers, with messages left out on the way to the host, read late or soon."""
    world = World(seed, faults, max_missing=30)
    stream = MessageStream(["TEST"])
    world.recovery._resumed = stream.on_resumed
    rng = random.Random(seed)
    read = 0
    begun = False
    for number in range(200):
        if number == 120 and rng.random() < 0.5:
            world.card.end()
            world.venue.begin("S2")
            begun = False
        world.step(rng.randrange(3), cut=number % 60 > 45)
        if world.card.started and not begun and world.card.session == world.venue.session:
            begun = True
            stream.on_session()
        delivered = world.card.delivered
        until = rng.randrange(read, len(delivered) + 1)
        for at in range(read, until):
            sequence, message = delivered[at]
            if rng.randrange(100) >= left_out:
                take(stream, sequence, message)
        read = until
        if stream.state is StreamState.LIVE and read == len(delivered) and not world.card.wrong:
            if world.card.rebuilding or stream.expected != world.card.expected:
                continue  # the card was emptied, or its newest messages were left out
            assert orders(stream) == len(world.card.book)
    if not left_out and faults.rerequest == faults.glimpse == "answer":
        world.faults = Faults()
        world.settle()
        for sequence, message in world.card.delivered[read:]:
            take(stream, sequence, message)
        assert stream.state is StreamState.LIVE
        assert orders(stream) == len(world.card.book) == len(world.venue.open)


def test_the_venue_of_these_tests_numbers_its_packets():
    venue = Venue(random.Random(1))
    assert unpack(venue.publish(3))[1] == 1
    assert unpack(venue.publish(0)) == ("S1", 4, [])
