"""The harness alone: bus, streams and clock, against a stand-in card whose behaviour is easy to
predict."""

from collections.abc import Iterator

import pytest
from tickgate.card.errors import CardError, CardGone
from tickgate_sim.card.build import BuiltCard
from tickgate_sim.card.library import DMA_BUS, START_NS, CardLibrary, open_card

COPY, SOURCE, TARGET, LENGTH = 0xF000, 0xF004, 0xF00C, 0xF014
FIRE, ERRORS, COMPLETIONS = 0xF018, 0xF01C, 0xF020
FRAME_BYTES, FRAMES, BAD_FRAMES, BYTE_SUM = 0xF024, 0xF028, 0xF02C, 0xF030
MILLISECONDS, LINK, TIME_LOW, TIME_HIGH, UNSET = 0xF034, 0xF038, 0xF03C, 0xF040, 0xF044
NEVER_ANSWERED = 0xFFFC

pytestmark = pytest.mark.sim


@pytest.fixture
def card(probe: BuiltCard) -> Iterator[CardLibrary]:
    with open_card(probe.library) as card:
        yield card


def copy(card: CardLibrary, source: int, target: int, dwords: int) -> None:
    for offset, value in ((SOURCE, source), (TARGET, target)):
        card.bar_write32(offset, value & 0xFFFF_FFFF)
        card.bar_write32(offset + 4, value >> 32)
    card.bar_write32(LENGTH, dwords)
    card.bar_write32(COPY, 1)
    card.run_until_quiet(limit=10_000)


def test_registers_keep_what_was_written(card):
    for offset in (0, 4, 0x7FFC, 0xE000):
        card.bar_write32(offset, offset * 65537 & 0xFFFF_FFFF)
    assert [card.bar_read32(offset) for offset in (0, 4, 0x7FFC, 0xE000)] == [
        0,
        4 * 65537,
        0x7FFC * 65537,
        0xE000 * 65537 & 0xFFFF_FFFF,
    ]


def test_a_read_is_behind_the_writes_before_it(card):
    for value in range(40):
        card.bar_write32(0x100, value)
    assert card.bar_read32(0x100) == 39


def test_a_read_that_is_not_answered_is_an_error_and_the_bus_goes_on(card):
    with pytest.raises(CardError, match="0xfffc not at all"):
        card.bar_read32(NEVER_ANSWERED)
    card.bar_write32(0x20, 7)
    assert card.bar_read32(0x20) == 7


@pytest.mark.parametrize("offset", [2, -4, 1 << 16])
def test_an_offset_outside_the_bar_is_refused(card, offset):
    with pytest.raises(ValueError, match="offset"):
        card.bar_read32(offset)


def test_a_value_that_is_no_u32_is_refused(card):
    with pytest.raises(ValueError, match="u32"):
        card.bar_write32(0, 1 << 32)


@pytest.mark.parametrize("start", [0, 64, 120])
@pytest.mark.parametrize("dwords", [1, 2, 3, 4, 5, 6, 12, 13, 16, 31, 48, 64])
def test_dma_reads_and_writes_carry_every_byte(card, start, dwords):
    card.memory[: 8 * 1024] = 0xEE
    data = bytes((3 * i + dwords) % 251 for i in range(4 * dwords))
    card.memory[start : start + len(data)] = list(data)
    copy(card, DMA_BUS + start, DMA_BUS + 4096, dwords)
    end = 4096 + len(data)
    assert card.memory[4096:end].tobytes() == data
    assert (card.memory[end:8192] == 0xEE).all()
    assert card.bar_read32(ERRORS) == 0
    assert card.faults == 0


def test_a_long_read_is_answered_in_several_completions(card):
    copy(card, DMA_BUS + 64, DMA_BUS + 4096, 64)  # 256 bytes across two multiples of 128
    assert card.bar_read32(COMPLETIONS) == 3


def test_a_read_takes_the_latency(probe):
    def cycles(latency):
        with open_card(probe.library, latency=latency) as card:
            copy(card, DMA_BUS, DMA_BUS + 64, 4)
            return card.cycles

    assert cycles(240) - cycles(40) == 200


@pytest.mark.parametrize("address", [0, DMA_BUS - 4, DMA_BUS + (1 << 20) - 4, 1 << 60])
def test_dma_outside_the_memory_is_a_fault_and_reads_as_an_error(card, address):
    copy(card, address, DMA_BUS, 2)
    assert card.bar_read32(ERRORS) == 1
    assert card.faults == 1


def test_a_dma_write_outside_the_memory_is_a_fault(card):
    copy(card, DMA_BUS, DMA_BUS + (1 << 20) - 4, 2)
    assert card.faults == 1


def test_interrupts_are_counted_by_vector(card):
    card.bar_write32(FIRE, 1)
    card.bar_write32(FIRE, 0)
    card.bar_write32(FIRE, 1)
    card.run(50)
    assert (card.interrupts(0), card.interrupts(1)) == (1, 2)
    assert (card.interrupts(0), card.interrupts(1)) == (0, 0)


def test_a_message_to_another_address_is_a_fault_not_an_interrupt(card):
    card.bar_write32(0x8000, 0xFEE0_1000)  # the vector's address, against the root complex's will
    card.bar_write32(FIRE, 0)
    card.run(50)
    assert card.interrupts(0) == 0
    assert card.faults == 1


def test_frames_come_whole_and_short_ones_padded(card):
    frames = [bytes(range(n % 256)) or b"\1" for n in (1, 59, 60, 61, 64, 200)]
    frames.append(bytes([7]) * 1514)
    for frame in frames:
        card.push_frame(frame)
    assert card.frames_pending == len(frames)
    card.run_until_quiet()
    assert card.frames_pending == 0
    assert card.bar_read32(FRAMES) == len(frames)
    assert card.bar_read32(FRAME_BYTES) == sum(max(60, len(frame)) for frame in frames)
    assert card.bar_read32(BYTE_SUM) == sum(map(sum, frames))
    assert card.bar_read32(BAD_FRAMES) == 0


def test_each_line_has_its_frames_and_what_the_card_sends_comes_out(card):
    frames = [bytes([number]) * size for number, size in enumerate((60, 61, 67, 68, 1514), 1)]
    for frame in frames:
        card.push_frame(frame, line=1)
    card.push_frame(bytes(60), line=0)
    assert card.frames_pending == len(frames) + 1
    card.run_until_quiet()
    assert card.bar_read32(FRAMES) == 1
    assert [card.sent_frame() for _ in frames] == frames
    assert card.sent_frame() is None
    with pytest.raises(ValueError, match="line must be 0 or 1, not 2"):
        card.push_frame(bytes(60), line=2)


def test_a_bad_check_sequence_is_marked(card):
    card.push_frame(bytes(80), error=True)
    card.push_frame(bytes(80))
    card.run_until_quiet()
    assert (card.bar_read32(FRAMES), card.bar_read32(BAD_FRAMES)) == (2, 1)


def test_an_empty_frame_is_refused(card):
    with pytest.raises(ValueError, match="at least one byte"):
        card.push_frame(b"")


def test_the_tap_is_kept_only_while_it_is_on(card):
    card.push_frame(bytes(60))
    card.run_until_quiet()
    card.tap(True)
    for _ in range(2):
        card.push_frame(bytes(60))
    card.run_until_quiet()
    records = card.tap_records()
    assert [r["template"] for r in records] == [20, 20]
    assert [bytes(r["body"]) for r in records] == [bytes([1]) * 48, bytes([2]) * 48]
    assert records["cycle"][0] < records["cycle"][1] < card.cycles
    assert len(card.tap_records()) == 0


def test_entry_bytes_keep_their_order(card):
    data = bytes(i % 256 for i in range(10_000))
    card.link(True)
    assert card.oe_send(data) == len(data)
    card.run_until_quiet()
    assert card.oe_recv() == data


def test_the_entry_stream_takes_only_what_it_has_room_for(card):
    card.link(True)
    assert card.oe_send(bytes(70_000)) == 1 << 16
    assert card.oe_send(b"x") == 0


def test_a_dropped_link_loses_what_was_on_it(card):
    assert card.oe_send(b"lost") == 0
    card.link(True)
    card.run(4)
    assert card.bar_read32(LINK) == 1
    card.oe_send(b"lost")
    card.link(False)
    card.run(10)
    assert card.bar_read32(LINK) == 0
    card.link(True)
    card.oe_send(b"kept")
    card.run_until_quiet()
    assert card.oe_recv() == b"kept"


def test_the_wish_to_connect_is_seen(card):
    assert not card.connect_wanted
    card.bar_write32(LINK, 1)
    card.run(10)
    assert card.connect_wanted


def test_time_follows_the_cycles(card):
    card.run(1000)
    seen = card.bar_read32(TIME_LOW)
    elapsed = seen - (START_NS & 0xFFFF_FFFF)
    assert 1000 * 6.4 <= elapsed <= card.cycles * 6.4
    assert card.bar_read32(TIME_HIGH) == START_NS >> 32


def test_ticks_come_every_so_many_cycles(probe):
    with open_card(probe.library, tick_cycles=100) as card:
        card.run(1000)
        assert card.bar_read32(MILLISECONDS) == 10
    with open_card(probe.library, tick_cycles=0) as card:
        card.run(1000)
        assert card.bar_read32(MILLISECONDS) == 0


def test_what_reset_does_not_set_depends_on_the_seed_alone(probe):
    def word(seed):
        with open_card(probe.library, seed=seed) as card:
            return card.bar_read32(UNSET)

    assert word(1) == word(1)
    assert len({word(seed) for seed in range(1, 9)}) > 4


def test_reset_in_mid_traffic_leaves_the_bus_usable(card):
    card.push_frame(bytes(1500))
    card.bar_write32(SOURCE, 0)
    card.run(20)
    card.reset()
    card.push_frame(bytes(60))
    copy(card, DMA_BUS, DMA_BUS + 64, 16)
    assert card.bar_read32(FRAMES) == 1
    assert card.faults == 0


def test_a_closed_card_says_so(probe):
    card = CardLibrary(probe.library)
    card.close()
    card.close()
    with pytest.raises(CardGone, match="closed"):
        card.run(1)
