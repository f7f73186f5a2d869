"""MoldUDP64 reception against its golden model."""

import itertools
import random

import pytest
from tickgate_hdl.feed.layouts import ITEM_BYTES, MoldItem
from tickgate_hdl.feed.mold import MoldReceive
from tickgate_sim.bfm.simulator import Bench
from tickgate_sim.models.mold import Item, MoldModel
from tickgate_sim.traffic.frames import mold_packet, payload_beats

KINDS = "MGNZ"


def play(packets, *, idle=0.0, stall=0.0, seed=1):
    """Send packets through gateware and model, compare; return items and model."""
    bench = Bench(MoldReceive(), seed=seed)
    got = bench.sink(bench.dut.o, stall=stall)
    model = MoldModel()
    wanted = []
    for packet in packets:
        wanted.extend(model.packet(packet))
    words = [
        word for at, packet in enumerate(packets) for word in payload_beats(packet, time_ns=at)
    ]
    state = {}
    sent = []

    async def finish(ctx):
        while len(sent) < len(words) or ctx.get(bench.dut.active):
            await ctx.tick()
        for name in model.counts:
            state[name] = ctx.get(getattr(bench.dut, f"count_{name}"))
        state["expected"] = ctx.get(bench.dut.expected)
        state["started"] = ctx.get(bench.dut.started)

    bench.source(bench.dut.i, words, idle=idle, sent=sent.append)
    bench.process(finish)
    bench.run(limit=100_000, idle=lambda ctx: not ctx.get(bench.dut.active))
    items = [_item(word) for word in got]
    assert items == [item._replace(data=item.data[:ITEM_BYTES]) for item in wanted]
    assert state == {
        **model.counts,
        "expected": model.expected,
        "started": model.session is not None,
    }
    return items, model


def _item(word):
    item = MoldItem.from_bits(word)
    kind = KINDS[item.kind]
    data = item.data.to_bytes(ITEM_BYTES, "little")[: item.length]
    return Item(kind, item.sequence, item.expected if kind == "G" else 0, data)


def message(number, length=19):
    return bytes([number % 256]) * length


def kinds(items):
    return "".join(item.kind for item in items)


def test_messages_come_out_in_order_and_numbered():
    items, _ = play([mold_packet(1, [message(1), message(2, 36)]), mold_packet(3, [message(3)])])
    assert kinds(items) == "NMMM"
    assert [item.sequence for item in items[1:]] == [1, 2, 3]


@pytest.mark.parametrize("length", range(51))
def test_every_length_at_every_lane(length):
    items, _ = play([mold_packet(1, [message(n, length) for n in range(1, 9)])])
    assert [item.data for item in items[1:]] == [message(n, length) for n in range(1, 9)]


def test_a_gap_is_told_once_and_reception_goes_on():
    items, model = play(
        [
            mold_packet(1, [message(1)]),
            mold_packet(5, [message(5)]),
            mold_packet(6, [message(6)]),
        ]
    )
    assert items[2] == Item("G", 5, expected=2)
    assert kinds(items) == "NMGMM"
    assert model.counts["mold_gaps"] == 1


def test_duplicates_are_dropped_message_by_message():
    items, model = play(
        [
            mold_packet(1, [message(1), message(2)]),
            mold_packet(1, [message(1), message(2)]),
            mold_packet(2, [message(2), message(3)]),
        ]
    )
    assert [item.sequence for item in items[1:]] == [1, 2, 3]
    assert model.counts["mold_duplicates"] == 3


def test_heartbeat_and_end_of_session_show_a_loss_at_the_tail():
    items, _ = play(
        [
            mold_packet(1, [message(1)]),
            mold_packet(2, []),
            mold_packet(4, []),
            mold_packet(6, [], count=0xFFFF),
            mold_packet(6, [], count=0xFFFF),
        ]
    )
    assert kinds(items) == "NMGGZ"


def test_a_new_session_restarts_the_numbers():
    items, model = play(
        [
            mold_packet(1, [message(1)], session=b"MONDAY    "),
            mold_packet(1, [message(1)], session=b"TUESDAY   "),
            mold_packet(9, [message(9)], session=b"WEDNESDAY "),
        ]
    )
    assert kinds(items) == "NMNMNGM"
    assert items[5] == Item("G", 9, expected=1)
    assert model.counts["mold_duplicates"] == 0


def test_the_first_packet_in_midday_is_a_gap():
    items, _ = play([mold_packet(1000, [message(1)])])
    assert kinds(items) == "NGM"


WHOLE = mold_packet(1, [message(1), message(2)])
LIES = {
    "empty": b"",
    "header cut in the session": WHOLE[:5],
    "header cut in the number": WHOLE[:13],
    "header cut in the count": WHOLE[:19],
    "length cut": WHOLE[:42],
    "no block at all": mold_packet(1, [], count=3),
    "message cut": WHOLE[:-1],
    "count too high": mold_packet(1, [message(1)], count=2),
    "count far too high": mold_packet(1, [message(1)], count=0xFFFE),
    "length too high": WHOLE[:20] + b"\xff\xff" + WHOLE[22:],
    "count too low": mold_packet(1, [message(1), message(2)], count=1),
    "heartbeat with bytes behind": mold_packet(1, []) + b"x",
    "end of session with bytes behind": mold_packet(1, [message(1)], count=0xFFFF),
}


@pytest.mark.parametrize("name", LIES)
def test_a_packet_that_lies_is_counted_and_what_is_whole_is_kept(name):
    _, model = play([LIES[name], mold_packet(1, [message(1), message(2), message(3)])])
    assert model.counts["mold_malformed"] == 1
    assert model.expected == 4


def test_a_message_longer_than_any_is_cut_and_tells_its_length():
    packets = [mold_packet(1, [message(1, 300), message(2)])]
    items, _ = play(packets)
    assert items[1].data == message(1, 50)


@pytest.mark.parametrize(
    ("seed", "idle", "stall"), [(1, 0, 0), (2, 0.6, 0), (3, 0, 0.8), (4, 0.4, 0.4)]
)
def test_random_packets_equal_the_model(seed, idle, stall):
    rng = random.Random(seed)
    packets, number, session = [], 1, b"SESSION001"
    for _ in range(60):
        messages = [rng.randbytes(rng.randrange(52)) for _ in range(rng.randrange(5))]
        start = number + rng.choice([0, 0, 0, 0, -2, 3]) if number > 3 else number
        packet = mold_packet(start, messages, session=session)
        number = max(number, start + len(messages))
        choice = rng.random()
        if choice < 0.1:
            packet = packet[: rng.randrange(len(packet))]
        elif choice < 0.2:
            at = rng.randrange(20)
            packet = packet[:at] + rng.randbytes(1) + packet[at + 1 :]
        elif choice < 0.25:
            packet = mold_packet(number, [], session=session, count=0xFFFF)
        elif choice < 0.3:
            session, number = rng.randbytes(10), 1
        packets.append(packet)
    play(packets, idle=idle, stall=stall, seed=seed)


@pytest.mark.parametrize("length", [19, 23, 36, 40, 50])
def test_cycles_per_message(length):
    """2 + ceil(n / 8) cycles for a message of n bytes, with input and output never waiting."""
    bench = Bench(MoldReceive())
    dut = bench.dut
    bench.sink(dut.o)
    taken = []

    async def watch(ctx):
        while len(taken) < 25:
            _, _, valid, ready = await ctx.tick().sample(dut.o.valid, dut.o.ready)
            if valid and ready:
                taken.append(bench.cycle)

    bench.source(dut.i, payload_beats(mold_packet(1, [message(1, length)] * 30)))
    bench.process(watch)
    bench.run(limit=2000)
    assert {b - a for a, b in itertools.pairwise(taken[5:])} == {2 + -(-length // 8)}
