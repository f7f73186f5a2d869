"""Ring mechanics: order, wrap, back-pressure, give-back in groups, and hosts that come and go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.card import registers as reg
from tickgate.card.driver import CardDriver
from tickgate.card.errors import CardError
from tickgate.card.rings import OrderRing, RecordRing
from tickgate.records.codec import pack, unpack
from tickgate.records.schema import ORDER_REQUEST, SLOT_BYTES

BODY = pack(
    ORDER_REQUEST, user_ref_num=7, orig_user_ref_num=0, price=10_000, quantity=100, account=1,
    symbol=2, session=3, action="O", side="B", time_in_force="0", display="Y", capacity="P",
    intermarket_sweep="N", cross_type="N", clordid="id", strategy=1,
)  # fmt: skip


@pytest.fixture
def card(fake):
    driver = CardDriver(fake)
    driver.setup_rings(4, 4, 4)
    return driver


def test_setup_shuts_the_gate_and_starts_from_nothing(fake):
    fake.dma.buffer[:] = b"\xff" * len(fake.dma.buffer)
    fake.set_status(armed=1)
    card = CardDriver(fake)
    card.setup_rings(5, 4, 6)
    assert not card.status().armed
    names = [name for name, _ in fake.writes]
    enables = [value for name, value in fake.writes if name == "ring_enable"]
    assert enables == [0, 7], "a step from 0 to 1 resets the counts"
    assert names[-1] == "ring_enable"
    assert [len(fake.ring(name)) // 64 for name in ("ORDER", "EVENT", "MARKET")] == [32, 16, 64]
    bases = [fake.get(getattr(reg, f"{n}_RING_BASE_LOW")) for n in ("ORDER", "EVENT", "MARKET")]
    assert bases == [0, 32 * 64, 48 * 64]
    assert card.poll_events(100) == []
    assert card.poll_market(100) == []


@pytest.mark.parametrize("sizes", [(3, 4, 4), (4, 17, 4), (4, 4, 0), (10, 4, 4)])
def test_sizes_that_do_not_fit_are_refused(fake, sizes):
    with pytest.raises(ValueError, match="ring"):
        CardDriver(fake).setup_rings(*sizes)
    assert fake.writes == []


def test_nothing_goes_without_rings(fake):
    card = CardDriver(fake)
    for call in (lambda: card.submit(BODY), card.ring_doorbell, lambda: card.poll_events(1)):
        with pytest.raises(CardError, match="not set up"):
            call()
    with pytest.raises(CardError, match="not set up; use setup_rings"):
        card.attach_rings()


def test_a_request_is_a_whole_slot_and_the_doorbell_tells_of_all(card, fake):
    assert card.submit(BODY)
    assert card.submit(BODY)
    assert fake.get(reg.ORDER_RING_TAIL) == 0
    card.ring_doorbell()
    assert fake.get(reg.ORDER_RING_TAIL) == 2
    ring = fake.ring("ORDER")
    for count in range(2):
        record, order = unpack(bytes(ring[64 * count : 64 * count + 64]))
        assert (record.name, order.user_ref_num, order.clordid) == ("OrderRequest", 7, "id")
        assert int.from_bytes(ring[64 * count + 56 : 64 * count + 64], "little") == count + 1


def test_a_body_of_another_length_is_refused(card):
    with pytest.raises(ValueError, match="48 bytes long, was 3"):
        card.submit(b"abc")


def test_a_full_ring_refuses_until_the_card_took_some(card, fake):
    assert [card.submit(BODY) for _ in range(17)] == [True] * 16 + [False]
    fake.words[reg.ORDER_RING_HEAD.offset] = 2
    assert [card.submit(BODY) for _ in range(3)] == [True, True, False]


def test_events_come_once_in_order_and_are_given_back_in_groups(card, fake):
    for count in range(5):
        fake.deliver("EVENT", count, b"event %d" % count)
    assert [slot[:7] for slot in card.poll_events(3)] == [b"event %d" % i for i in range(3)]
    assert [slot[:7] for slot in card.poll_events(9)] == [b"event 3", b"event 4"]
    assert card.poll_events(9) == []
    card.consume_events(1)
    assert fake.get(reg.EVENT_RING_HEAD) == 0, "16 slots: the card hears of 2 at a time"
    card.consume_events(2)
    assert fake.get(reg.EVENT_RING_HEAD) == 3
    card.consume_events(1)
    card.arm_interrupts()
    assert fake.get(reg.EVENT_RING_HEAD) == 4
    with pytest.raises(ValueError, match="1 slots are handed out, 2 cannot"):
        card.consume_events(2)


def test_market_data_is_given_back_as_it_is_read(card, fake):
    for count in range(3):
        fake.deliver("MARKET", count)
    assert len(card.poll_market(10)) == 3
    assert fake.get(reg.MARKET_RING_HEAD) == 3


def test_a_slot_is_not_seen_before_its_sequence(card, fake):
    fake.deliver("EVENT", 0)
    ring = fake.ring("EVENT")
    ring[56:64] = bytes(8)
    assert card.poll_events(1) == []
    ring[56:64] = (1).to_bytes(8, "little")
    assert len(card.poll_events(1)) == 1


def test_an_overwritten_slot_is_an_error_not_silence(card, fake):
    fake.deliver("EVENT", 16)
    with pytest.raises(CardError, match="slot 0 was overwritten by 16"):
        card.poll_events(1)


@given(st.lists(st.integers(0, 40), max_size=30))
def test_a_ring_that_wraps_often_loses_nothing(bursts):
    memory = memoryview(bytearray(16 * SLOT_BYTES))
    ring, written, read = RecordRing(memory), 0, 0
    for burst in bursts:
        for _ in range(min(burst, 16 - (written - ring.consumed))):
            at = written % 16 * 64
            memory[at : at + 56] = written.to_bytes(56, "little")
            written += 1
            memory[at + 56 : at + 64] = written.to_bytes(8, "little")
        for slot in ring.poll(7):
            assert int.from_bytes(slot[:56], "little") == read
            read += 1
        ring.consume(ring.read - ring.consumed)
    while slots := ring.poll(7):
        read += len(slots)
    assert read == written


@given(st.integers(0, 1 << 40), st.integers(0, 16))
def test_the_count_of_taken_slots_is_right_over_its_wrap(tail, behind):
    ring = OrderRing(memoryview(bytearray(16 * 64)), tail, tail)
    head = max(0, tail - behind)
    ring.taken(head & 0xFFFF_FFFF)
    assert ring.head == head
    assert ring.full == (tail - head >= 16)


def test_the_next_host_goes_on_where_this_one_stopped(card, fake):
    for count in range(8):
        fake.deliver("EVENT", count)
        fake.deliver("MARKET", count)
    card.submit(BODY)
    card.submit(BODY)
    card.ring_doorbell()
    card.submit(BODY)  # never announced
    card.poll_events(5)
    card.consume_events(3)
    card.poll_market(4)
    fake.words[reg.ORDER_RING_HEAD.offset] = 1

    after = CardDriver(fake)
    after.attach_rings()
    assert [slot[56] for slot in after.poll_events(10)] == [4, 5, 6, 7, 8]
    assert [slot[56] for slot in after.poll_market(10)] == [5, 6, 7, 8]
    assert after.submit(BODY)
    after.ring_doorbell()
    assert fake.get(reg.ORDER_RING_TAIL) == 3
    assert [after.submit(BODY) for _ in range(15)] == [True] * 14 + [False]


def test_the_next_host_passes_over_what_was_journalled(card, fake):
    for count in range(8):
        fake.deliver("EVENT", count)
    card.poll_events(6)
    card.consume_events(1)
    after = CardDriver(fake)
    after.attach_rings(events_seen=6)
    assert [slot[56] for slot in after.poll_events(10)] == [7, 8]
    after.arm_interrupts()
    assert fake.get(reg.EVENT_RING_HEAD) == 6


def test_counts_beyond_32_bits_survive_a_new_host(card, fake):
    count = (3 << 32) + 5
    fake.deliver("EVENT", count - 1)
    fake.words[reg.EVENT_RING_HEAD.offset] = 5
    after = CardDriver(fake)
    after.attach_rings()
    fake.deliver("EVENT", count)
    assert len(after.poll_events(10)) == 1


def test_rings_outside_the_memory_are_refused(card, fake):
    fake.words[reg.EVENT_RING_BASE_HIGH.offset] = 7
    with pytest.raises(CardError, match="event_ring_base_low points outside"):
        CardDriver(fake).attach_rings()
