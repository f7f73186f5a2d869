# amaranth: UnusedElaboratable=no
"""From XGMII characters through MAC and line to messages: no bad frame passes as a good one."""

import random

import pytest
from amaranth.hdl import Module
from amaranth.sim import Simulator
from tickgate_hdl.feed.line import FeedLine
from tickgate_hdl.lib.stream import connect_streams
from tickgate_hdl.net.mac_receive import MacReceive
from tickgate_sim.models import mac
from tickgate_sim.models.line import LineModel
from tickgate_sim.traffic.frames import GROUP, PORT, datagram, mold_packet
from tickgate_sim.traffic.xgmii import ERROR, Wire

SECONDS = 1_700_000_000_000_000_000
BAD = {
    "none": {}, "check sequence": {"bad_fcs": True}, "error character": {"end": ERROR},
    "preamble": {"preamble": bytes(6 * [0x55] + [0xD4])},
}


def play(wire, *, stall=0.0, seed=1):
    """Send it; compare items, order of events and counters with both models, one after the other.

    Return the story (P: packet, I: item, B: bad frame) and the cycle of each item.
    """
    rng = random.Random(seed)
    words = wire.words()
    frames, counts = mac.receive(words)
    model = LineModel(GROUP, PORT)
    for frame in frames:
        model.frame(frame.data, frame.error)
    top = Module()
    top.submodules.mac = receive = MacReceive()
    top.submodules.line = line = FeedLine(line_fifo=64)
    connect_streams(top, receive.o, line.i)
    top.d.comb += line.time_ns.eq(receive.frame_time_ns)
    story, items, cycles = [], [], []

    async def bench(ctx):
        ctx.set(line.group, GROUP)
        ctx.set(line.port, PORT)
        for cycle, (data, control) in enumerate([*words, *200 * [(0x0707070707070707, 255)]]):
            ctx.set(receive.xgmii_data, data)
            ctx.set(receive.xgmii_control, control)
            ctx.set(receive.time_ns, SECONDS + cycle)
            ready = rng.random() >= stall
            ctx.set(line.item.ready, ready)
            if ctx.get(line.packet.valid):
                story.append("P")
            if ready and ctx.get(line.item.valid):
                story.append("I")
                items.append(ctx.get(line.item.payload))
                cycles.append(cycle)
            if ctx.get(line.frame_bad):
                story.append("B")
            await ctx.tick()
        assert not ctx.get(line.active)
        assert ctx.get(receive.count_frames) == counts["frames"]
        assert ctx.get(receive.count_overrun) == 0
        for name in ("frames", "frames_bad", "bad_fcs", "mold_packets"):
            assert ctx.get(getattr(line, f"count_{name}")) == model.counts[name], name

    simulator = Simulator(top)
    simulator.add_clock(6.4e-9)
    simulator.add_testbench(bench)
    simulator.run()
    assert story == model.story
    for got, want in zip(items, model.items, strict=True):
        assert (got.sequence, got.length) == (want.sequence, want.length)
        assert got.data.to_bytes(50, "little")[: want.length] == want.data
        word, lane = divmod(frames[want.frame].start, 8)
        assert got.time_ns == SECONDS + word + 1 + (3 if lane else 0)
    return "".join(story), cycles, frames


def packet(sequence, *lengths):
    return datagram(mold_packet(sequence, [bytes([sequence % 256]) * n for n in lengths]))


@pytest.mark.parametrize(("name", "story"), [
    ("none", "PIIPII"), ("check sequence", "PIIBPII"), ("error character", "PIIBPII"),
    ("preamble", "PII"),
])
def test_a_bad_frame_is_told_after_its_items(name, story):
    wire = Wire()
    for lane in (0, 4):
        wire.frame(packet(1, 19, 36), lane=lane, **BAD[name])
        wire.frame(packet(3, 19, 36))
    got, _, _ = play(wire)
    assert got == 2 * story


def test_a_message_is_there_before_its_frame_has_ended():
    """Byte 81, in the beat with index 10, ends the first message; the frame goes on for long."""
    wire = Wire()
    wire.frame(packet(1, 18, *20 * [40]))
    got, cycles, (frame,) = play(wire)
    assert got == "P" + 21 * "I"
    assert cycles[0] == frame.start // 8 + MacReceive.latency + 10 + 1


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_random_packets_with_every_fault_in_both_lanes(stall):
    rng, wire, sequence = random.Random(stall), Wire(), 1
    for _ in range(60):
        lengths = [rng.randrange(1, 60) for _ in range(rng.randrange(8))]
        fault = BAD[rng.choice(list(BAD))] if rng.random() < 0.4 else {}
        wire.frame(packet(sequence, *lengths), lane=rng.choice((None, 0, 4)), **fault)
        sequence += len(lengths)
        if stall:
            wire.idle(150)
    story, _, _ = play(wire, stall=stall)
    assert story.count("B") > 5
