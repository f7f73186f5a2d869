"""The driver's way to the feed: lines, channels, state, packets that are handed in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.card import registers as reg
from tickgate.card.driver import CardDriver
from tickgate.card.feed_driver import INJECT_BYTES

from tests.host.card.conftest import FakeCard


@pytest.fixture
def card(fake):
    return CardDriver(fake)


def test_each_channel_has_two_lines(card, fake):
    card.set_feed("239.1.2.3", 26400)
    card.set_feed("239.1.2.4", 26401, line="b")
    card.set_feed("239.9.9.9", 1, line="b", channel=3)
    card.set_feed("0.0.0.0", 0, line="a", channel=3)
    assert fake.feed_lines == {
        (0, "group a"): 0xEF010203, (0, "port a"): 26400,
        (0, "group b"): 0xEF010204, (0, "port b"): 26401,
        (3, "group b"): 0xEF090909, (3, "port b"): 1, (3, "group a"): 0, (3, "port a"): 0,
    }  # fmt: skip


@pytest.mark.parametrize("arguments", [("239.1.1", 1), ("239.1.1.256", 1), ("239.1.1.1", 65_536)])
def test_a_line_that_cannot_be_is_refused_before_anything_is_written(card, fake, arguments):
    with pytest.raises(ValueError, match="must be"):
        card.set_feed(*arguments)
    assert fake.feed_lines == {}


@pytest.mark.parametrize("channel", [-1, 4])
def test_a_channel_that_cannot_be_is_refused(card, fake, channel):
    calls = (
        lambda: card.set_feed("239.1.1.1", 1, channel=channel),
        lambda: card.feed_state(channel),
        lambda: card.inject_packet(b"x", channel=channel),
        lambda: card.rebuild_feed(channel),
        lambda: card.resume_feed(1, channel),
        lambda: card.forget_session(channel),
    )
    for call in calls:
        with pytest.raises(ValueError, match="channel must be 0 to 3"):
            call()
    assert fake.writes == []


def test_the_cards_own_addresses(card, fake):
    card.set_address("10.1.2.3", bytes.fromhex("020304050607"))
    assert fake.get(reg.NET_ADDRESS) == 0x0A010203
    assert fake.get(reg.NET_MAC_HIGH) == 0x0203
    assert fake.get(reg.NET_MAC_LOW) == 0x04050607
    with pytest.raises(ValueError, match="6 bytes long, was 5"):
        card.set_address("10.1.2.3", bytes(5))
    card.set_reorder(1_000_000)
    assert fake.get(reg.FEED_REORDER) == 1_000_000


def test_state_comes_in_one_go(card, fake):
    values = {
        reg.FEED_STATE: reg.FEED_STATE.pack(started=1, gap_open=1, stale=1),
        reg.FEED_EXPECTED_LOW: 5, reg.FEED_EXPECTED_HIGH: 1,
        reg.FEED_HIGHEST_LOW: 9, reg.FEED_HIGHEST_HIGH: 1,
        reg.FEED_SESSION_0: int.from_bytes(b"2611", "little"),
        reg.FEED_SESSION_1: int.from_bytes(b"26A ", "little"),
        reg.FEED_SESSION_2: int.from_bytes(b"  ", "little"),
        reg.COUNT_INJECT_MESSAGES: 77, reg.COUNT_MOLD_PACKETS: 88, reg.COUNT_MOLD_FOREIGN: 99,
    }  # fmt: skip
    for register, value in values.items():
        fake.words[register.offset] = value
    state = card.feed_state(2)
    assert (state.expected, state.highest) == ((1 << 32) + 5, (1 << 32) + 9)
    assert state.session == "261126A"
    assert (state.injected, state.packets, state.foreign) == (77, 88, 99)
    assert (state.started, state.gap_open, state.stale) == (True, True, True)
    assert {state.missing, state.suspect, state.rebuilding, state.ended} == {False}
    assert fake.writes == [("feed_select", 2)]


def test_no_session_is_an_empty_name(card):
    assert card.feed_state().session == ""


def test_commands(card, fake):
    card.rebuild_feed(1)
    card.resume_feed((7 << 32) + 3, 1)
    card.forget_session(1)
    assert fake.writes == [
        ("feed_select", 1), ("feed_control", 1),
        ("feed_select", 1), ("feed_resume_low", 3), ("feed_resume_high", 7), ("feed_control", 2),
        ("feed_select", 1), ("feed_control", 4),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="64 bits"):
        card.resume_feed(1 << 64)


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=90), st.booleans()), max_size=12))
def test_packets_arrive_as_they_were_and_the_queue_never_overflows(packets):
    fake = FakeCard()
    card = CardDriver(fake)
    fake.words[reg.FEED_INJECT_ROOM.offset] = 20
    taken = []
    for payload, snapshot in packets:
        while not card.inject_packet(payload, snapshot=snapshot):
            fake.words[reg.FEED_INJECT_ROOM.offset] += 5  # the card works some of it off
        taken.append((0, int(snapshot), payload))
    assert fake.packets == taken


def test_without_room_nothing_is_written(card, fake):
    fake.words[reg.FEED_INJECT_ROOM.offset] = 3
    assert card.inject_packet(bytes(24))
    written = len(fake.writes)
    assert not card.inject_packet(bytes(8))
    assert len(fake.writes) == written
    fake.words[reg.FEED_INJECT_ROOM.offset] = 1
    assert card.inject_packet(bytes(8))


@pytest.mark.parametrize("size", [0, INJECT_BYTES + 1])
def test_a_packet_that_never_fits_is_an_error(card, size):
    with pytest.raises(ValueError, match=f"1 to {INJECT_BYTES} bytes long, was {size}"):
        card.inject_packet(bytes(size))


# ---- the message ring, and depth ----


def test_messages_are_polled_once_the_ring_is_on(card, fake):
    card.setup_rings(4, 4, 4)
    assert card.poll_messages(10) == []
    card.enable_messages(4)
    assert reg.RING_ENABLE.unpack(fake.get(reg.RING_ENABLE)) == {
        "order": 1, "event": 1, "market": 1, "message": 1, "depth": 0,
    }  # fmt: skip
    assert fake.get(reg.MESSAGE_RING_BASE_LOW) == 3 * 16 * 64
    for count in range(20):
        fake.deliver("MESSAGE", count, b"m%d" % count)
        (slot,) = card.poll_messages(5)
        assert slot.startswith(b"m%d." % count)
    assert fake.get(reg.MESSAGE_RING_HEAD) >= 18
    card.arm_interrupts()
    assert fake.get(reg.MESSAGE_RING_HEAD) == 20
    card.disable_messages()
    assert card.poll_messages(5) == []
    assert not reg.RING_ENABLE.unpack(fake.get(reg.RING_ENABLE))["message"]


def test_depth_is_switched_alone(card, fake):
    card.setup_rings(4, 4, 4)
    card.enable_messages(4)
    card.set_depth(True)
    assert fake.get(reg.RING_ENABLE) == reg.RING_ENABLE.pack(
        order=1, event=1, market=1, message=1, depth=1
    )
    card.set_depth(False)
    assert not reg.RING_ENABLE.unpack(fake.get(reg.RING_ENABLE))["depth"]


def test_a_second_host_goes_on_with_an_empty_message_ring(card, fake):
    card.setup_rings(4, 4, 4)
    card.enable_messages(5)
    card.set_depth(True)
    fake.deliver("MESSAGE", 0, b"seen by the first host, or not")
    second = CardDriver(fake)
    second.attach_rings()
    assert second.poll_messages(5) == []
    fake.deliver("MESSAGE", 0, b"new")
    assert [slot[:3] for slot in second.poll_messages(5)] == [b"new"]
    assert fake.get(reg.MESSAGE_RING_SIZE) == 5


def test_a_message_ring_that_does_not_fit_is_refused(card, fake):
    card.setup_rings(4, 4, 4)
    with pytest.raises(ValueError, match="does not fit behind"):
        card.enable_messages(10)
    with pytest.raises(ValueError, match="2\\*\\*4"):
        card.enable_messages(3)
    assert not reg.RING_ENABLE.unpack(fake.get(reg.RING_ENABLE))["message"]
